"""What `ports.Membership` promises: who is a node, who takes over, what counts over all."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, TypeVar

import pytest
from sqlalchemy import event

from frontdesk.domain.model import State
from frontdesk.engines.membership import PostgresMembership
from frontdesk.engines.postgres import PostgresStore
from frontdesk.engines.system import SLOTS
from frontdesk.ports import Fenced, Record, Recovered
from tests.contracts import records
from tests.contracts.records import chat, entry, session
from tests.support.postgres import shared
from tests.support.wire import PATIENCE_SECONDS

T = TypeVar("T")
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'frontdesk%'"


class Crowd:
    """Several nodes on one database, in one loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.url = shared().fresh()
        self.members: list[PostgresMembership] = []
        self.store = self.run(PostgresStore.open(self.url))

    def run(self, work: Awaitable[T]) -> T:
        """Run the loop until the work is done."""
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_SECONDS))

    def together(self, *works: Awaitable[T]) -> list[T]:
        """All of it at once."""

        async def gathered() -> list[T]:
            return list(await asyncio.gather(*works))

        return self.run(gathered())

    def member(self) -> PostgresMembership:
        """One that has not joined."""

        async def made() -> PostgresMembership:
            return PostgresMembership(self.url)

        self.members.append(self.run(made()))
        return self.members[-1]

    def joined(self) -> PostgresMembership:
        """A node."""
        member = self.member()
        self.run(member.join())
        return member

    def stored(self, *stored: Record) -> None:
        """Put records there, as nobody's."""
        told: asyncio.Future[BaseException | None] = self.loop.create_future()
        self.loop.call_soon(self.store.commit, stored, told.set_result)
        error = self.run(told)
        if error is not None:
            raise error

    def sql(self, statement: str) -> str:
        """What the database answers."""
        return shared().sql(statement, self.url.rpartition("/")[2])

    def close(self) -> None:
        """Give everything back."""
        self.together(*(member.close() for member in self.members), self.store.close())
        self.loop.close()
        shared().drop(self.url)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """An empty database."""
    made = Crowd()
    yield made
    made.close()


def ids(found: Recovered) -> set[str]:
    """The sessions' ids."""
    return {one.session_id for one in found.sessions}


# ---- who is a node


def test_nodes_that_join_at_once_get_different_numbers(crowd: Crowd) -> None:
    """They are in every id that a node makes."""
    members = [crowd.member() for _ in range(8)]
    slots = crowd.together(*(member.join() for member in members))
    assert len(set(slots)) == 8
    assert all(0 <= slot < SLOTS for slot in slots)
    assert len({member.node for member in members}) == 8


def test_a_number_comes_round_but_never_to_two_that_live(crowd: Crowd) -> None:
    """A node may live longer than a thousand starts of others."""
    old = crowd.member()
    slot = crowd.run(old.join())
    crowd.sql(f"UPDATE marks SET number = number + {SLOTS - 1} WHERE name = 'slot'")  # noqa: S608 - a constant
    assert crowd.run(crowd.member().join()) == (slot + 1) % SLOTS


def test_a_beat_shows_itself_and_sees_the_others(crowd: Crowd) -> None:
    """And the marks as they stand."""
    a, b = crowd.joined(), crowd.joined()
    first, second = crowd.run(a.beat()), crowd.run(a.beat())
    assert first.beats.keys() == {a.node, b.node}
    assert second.beats[a.node] == first.beats[a.node] + 1
    assert crowd.run(b.beat()).beats[a.node] == second.beats[a.node]
    crowd.stored(*records.directory())
    changed = crowd.run(b.beat())
    assert (changed.directory, changed.orphans) == (first.directory + 1, first.orphans)


def test_joining_again_is_another_node(crowd: Crowd) -> None:
    """What the first was can't come back."""
    a = crowd.joined()
    first = a.node
    crowd.sql("DELETE FROM nodes")
    crowd.run(a.join())
    assert a.node != first
    assert crowd.run(a.beat()).beats.keys() == {a.node}


# ---- taking over


def test_only_a_node_whose_beat_stands_is_shut_out(crowd: Crowd) -> None:
    """By one of those who saw it; it finds out at its next beat."""
    a, b, c = crowd.joined(), crowd.joined(), crowd.joined()
    stood = crowd.run(b.beat()).beats[a.node]
    crowd.run(a.beat())
    assert crowd.run(b.shut_out(a.node, stood)) is False
    stands = crowd.run(b.beat()).beats[a.node]
    done = crowd.together(b.shut_out(a.node, stands), c.shut_out(a.node, stands))
    assert sorted(done) == [False, True]
    assert a.node not in crowd.run(b.beat()).beats
    with pytest.raises(Fenced):
        crowd.run(a.beat())
    with pytest.raises(Fenced):
        crowd.run(a.claim(None, 10))


def test_what_a_node_leaves_is_what_goes_on(crowd: Crowd) -> None:
    """Living sessions, and ended ones whose chat waits for its contact; the mark rises. Shut out or by itself."""
    a, b = crowd.joined(), crowd.joined()
    _three_kinds(crowd, a.node)
    before = crowd.run(b.beat())
    assert ids(crowd.run(b.claim(None, 10))) == set()
    assert crowd.run(b.shut_out(a.node, before.beats[a.node]))
    assert crowd.run(b.beat()).orphans == before.orphans + 1
    found = crowd.run(b.claim(None, 10))
    assert ids(found) == {"alive", "resting"}
    assert {i.interaction_id for i in found.interactions} == {1, 2}
    crowd.run(b.leave())
    c = crowd.joined()
    assert crowd.run(c.beat()).beats.keys() == {c.node}
    assert ids(crowd.run(c.claim(None, 10))) == {"alive", "resting"}


def _three_kinds(crowd: Crowd, node: str) -> None:
    crowd.stored(session("alive", node=node), session("resting", node=node, ended_ms=5))
    crowd.stored(session("over", node=node, ended_ms=5))
    crowd.stored(chat(1, "alive"), chat(2, "resting"), chat(3, "over", state=State.CLOSED, closed_ms=5))


def test_a_claim_brings_all_that_is_needed_to_go_on(crowd: Crowd) -> None:
    """As after a restart: numbers come from the log."""
    a = crowd.joined()
    ours, talk = session(), chat()
    crowd.stored(ours, talk, entry(talk, ours), entry(talk))
    [found] = crowd.run(a.claim(["s1", "nobody"], 10)).sessions
    assert (found.node, found.stream_seq) == (a.node, 1)
    assert crowd.sql("SELECT node FROM sessions") == a.node
    assert ids(crowd.run(a.claim(["s1"], 10))) == set()


def test_many_that_claim_at_once_share_without_overlap(crowd: Crowd) -> None:
    """Each session goes to one of them, and none is left."""
    members = [crowd.joined() for _ in range(4)]
    crowd.stored(*(session(f"s{i}") for i in range(200)))

    async def all_there_is(member: PostgresMembership) -> list[str]:
        taken: list[str] = []
        while found := (await member.claim(None, 7)).sessions:
            assert len(found) <= 7
            taken += [one.session_id for one in found]
        return taken

    shares = crowd.together(*map(all_there_is, members))
    assert sorted(one for share in shares for one in share) == sorted(f"s{i}" for i in range(200))
    assert crowd.sql("SELECT count(*) FROM sessions WHERE node = ''") == "0"


def test_a_claim_whose_end_was_not_heard_is_made_again(crowd: Crowd) -> None:
    """The database took it, the connection broke: nobody else would ever get that session."""
    a, b = crowd.joined(), crowd.joined()
    crowd.stored(session("s1"))

    def stored_and_cut(connection: Any) -> None:
        connection.connection.commit()
        raise OSError("cut")

    engine = a._pool.sync_engine  # noqa: SLF001 - between the commit and its answer there is no other place
    event.listen(engine, "commit", stored_and_cut)
    with pytest.raises(OSError, match="cut"):
        crowd.run(a.claim(None, 10))
    event.remove(engine, "commit", stored_and_cut)
    assert crowd.sql("SELECT node FROM sessions") == a.node
    assert ids(crowd.run(b.claim(None, 10))) == set()
    assert ids(crowd.run(a.claim(None, 10))) == {"s1"}
    assert ids(crowd.run(a.claim(None, 10))) == set()


def test_shutting_out_ends_the_nodes_connections_first(crowd: Crowd) -> None:
    """A paused process may hold its own row in an open transaction: nobody waits for it to wake up."""
    a, b = crowd.joined(), crowd.joined()
    stands = crowd.run(b.beat()).beats[a.node]

    async def hold_and_shut_out() -> bool:
        async with a._pool.connect() as paused:  # noqa: SLF001 - a connection of a's own
            await paused.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            await paused.exec_driver_sql(f"SELECT 1 FROM nodes WHERE node = '{a.node}' FOR KEY SHARE")  # noqa: S608
            done = await b.shut_out(a.node, stands)
            await paused.invalidate()
        return done

    assert crowd.run(hold_and_shut_out()) is True


def test_connections_that_were_cut_are_replaced_unseen(crowd: Crowd) -> None:
    """The database was restarted between two beats."""
    a = crowd.joined()
    first = crowd.run(a.beat())

    async def cut() -> None:
        lost = asyncio.Event()
        async with a._pool.connect() as connection:  # noqa: SLF001 - nothing outside shows when it is lost
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            raw.driver_connection.add_termination_listener(lambda _: lost.set())
        await asyncio.to_thread(crowd.sql, CUT)
        await lost.wait()

    crowd.run(cut())
    assert crowd.run(a.beat()).beats[a.node] == first.beats[a.node] + 1


# ---- limits over all nodes


def test_uses_count_over_all_nodes(crowd: Crowd) -> None:
    """As many as there are, whoever asks; then the wait until the next one."""
    a, b = crowd.joined(), crowd.joined()
    waits = crowd.together(*(member.take(["ada"], 5, 60) for member in (a, b) for _ in range(5)))
    assert sorted(waits)[:5] == [0] * 5
    assert all(0 < wait <= 12 for wait in sorted(waits)[5:])
    assert crowd.run(a.take(["bob"], 5, 60)) == 0


def test_a_use_refused_by_one_key_counts_for_none(crowd: Crowd) -> None:
    """Else an organization would pay for what an address is refused."""
    a = crowd.joined()
    assert crowd.run(a.take(["address", "org"], 1, 60)) == 0
    for _ in range(5):
        assert 55 <= crowd.run(a.take(["address", "other"], 1, 60)) <= 60
    assert crowd.run(a.take(["other"], 1, 60)) == 0


def test_a_use_comes_back_with_time(crowd: Crowd) -> None:
    """One interval gives one back, by the database's clock; long windows and high rates too."""
    a = crowd.joined()
    assert [crowd.run(a.take(["k"], 2, 86400)) for _ in range(2)] == [0, 0]
    assert 43000 < crowd.run(a.take(["k"], 2, 86400)) <= 43200
    crowd.sql("UPDATE rates SET whole_us = whole_us - 43200 * 1000000::bigint")
    assert crowd.run(a.take(["k"], 2, 86400)) == 0
    assert crowd.run(a.take(["k"], 2, 86400)) > 0
    assert {crowd.run(a.take(["fast"], 600_000, 60)) for _ in range(20)} == {0}


def test_limits_that_are_whole_again_are_removed_now_and_then(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or every address that ever came would stay."""
    monkeypatch.setattr("frontdesk.engines.membership._PURGE_BEATS", 2)
    a = crowd.joined()
    crowd.run(a.take(["old"], 1, 60))
    crowd.sql("UPDATE rates SET whole_us = 1")
    crowd.run(a.take(["new"], 1, 60))
    for _ in range(2):
        crowd.run(a.beat())
    assert crowd.sql("SELECT key FROM rates") == "new"
