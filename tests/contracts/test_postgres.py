"""What PostgreSQL itself must be told, who may write to it, and what happens when it is away."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from frontdesk.domain.errors import Unavailable
from frontdesk.engines import postgres_batch
from frontdesk.engines.committer import UnsafeStorage
from frontdesk.engines.membership import PostgresMembership
from frontdesk.engines.migrate import TooNew
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.postgres import PostgresStore
from frontdesk.ports import Fenced, Gone, Recovered
from tests.contracts import records
from tests.contracts.engines import Bench
from tests.contracts.records import chat, entry, repeat, session
from tests.support.postgres import Postgres, shared
from tests.support.wire import PATIENCE_SECONDS

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A node on a database of its own."""
    made = Bench("postgres", tmp_path)
    yield made
    made.close()


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    made = shared().fresh()
    yield made
    shared().drop(made)


def sql(bench: Bench, statement: str) -> str:
    """What the server answers to someone else."""
    return shared().sql(statement, bench.place.url.rpartition("/")[2])


@asynccontextmanager
async def another(bench: Bench) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else, without limits of time."""
    db = await asyncpg.connect(bench.place.url)
    try:
        yield db
    finally:
        await db.close()


async def until(db: asyncpg.Connection, query: str, expected: int) -> None:
    """Wait until the query answers this number. The bench's own patience ends it."""
    found = await db.fetchval(query)
    while found != expected:
        found = await db.fetchval(query)


async def opened_and_closed(url: str) -> None:
    """A start."""
    store = await PostgresStore.open(url)
    await store.close()


def start(url: str) -> None:
    """The same, from outside of a loop."""
    asyncio.run(asyncio.wait_for(opened_and_closed(url), PATIENCE_SECONDS))


# ---- what it refuses


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_a_crash_would_corrupt_is_refused(setting: str) -> None:
    """With what is wrong, and what to do."""
    server = Postgres(f"{setting}=off")
    server.start()
    try:
        with pytest.raises(UnsafeStorage, match=rf"{setting} = off.*Turn it on"):
            start(server.fresh())
    finally:
        server.remove()


@pytest.mark.parametrize(("value", "refused"), [("off", True), ("local", False), ("on", False)])
def test_a_database_that_confirms_too_early_is_refused(url: str, value: str, *, refused: bool) -> None:
    """It can be turned off for one database or one user: what counts is what our own connection reads."""
    name = url.rpartition("/")[2]
    shared().sql(f"ALTER DATABASE {name} SET synchronous_commit = {value}")
    if refused:
        with pytest.raises(UnsafeStorage, match="synchronous_commit = off"):
            start(url)
        assert shared().sql("SELECT to_regclass('sessions')", name) == ""
    else:
        start(url)


def test_another_encoding_is_refused() -> None:
    """It could not hold what people write."""
    shared().sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    with pytest.raises(UnsafeStorage, match=r"LATIN1.*UTF8"):
        start(shared().url("latin"))


def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    """And one of the kinds that callers expect."""
    server = Postgres()
    server.start()
    gone = server.url("postgres")
    server.remove()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        start(gone)


# ---- the shape


def test_nodes_that_start_at_once_on_an_empty_database_all_start(url: str) -> None:
    """One migrates, the others wait for it."""

    async def five() -> None:
        await asyncio.gather(*(opened_and_closed(url) for _ in range(5)))

    asyncio.run(asyncio.wait_for(five(), PATIENCE_SECONDS))
    assert shared().sql("SELECT version_num FROM alembic_version", url.rpartition("/")[2]) == HEAD


def test_a_newer_shape_is_served_if_it_only_added_something(bench: Bench) -> None:
    """Old nodes work on while new ones come: expand, then contract."""
    sql(bench, "ALTER TABLE sessions ADD COLUMN mood text NOT NULL DEFAULT ''")
    sql(bench, "UPDATE alembic_version SET version_num = '9001'")
    bench.reopen()
    ours, talk = session(), chat()
    bench.commit(ours, talk, entry(talk, ours), repeat())
    assert len(bench.ask(bench.store.read_events, "s1", 0, 10)) == 1


def test_a_newer_shape_that_took_something_away_is_refused_and_left_alone(bench: Bench) -> None:
    """The older program would not know what it destroys."""
    sql(bench, "UPDATE alembic_version SET version_num = '9001'")
    sql(bench, "UPDATE marks SET number = 9001 WHERE name = 'oldest'")
    with pytest.raises(TooNew, match="9001"):
        bench.run(opened_and_closed(bench.place.url))
    assert sql(bench, "SELECT version_num FROM alembic_version") == "9001"


# ---- who may write


def test_a_node_that_was_shut_out_stores_nothing(bench: Bench) -> None:
    """Not in one statement, and not in a batch of several."""
    bench.commit(session("before"))
    sql(bench, "DELETE FROM nodes")
    for late in (session("late"), records.directory()[0]):
        with pytest.raises(Fenced):
            bench.commit(late)
        bench.store.writer.mend()
    assert sql(bench, "SELECT session_id FROM sessions") == "before"
    assert sql(bench, "SELECT count(*) FROM organizations") == "0"
    with pytest.raises(Fenced):
        bench.recover()


def test_a_batch_that_meets_its_shutting_out_stores_nothing(bench: Bench) -> None:
    """It was sent while the node still had its right, and came to the row when that was being taken."""

    async def meet() -> None:
        async with another(bench) as db:
            async with db.transaction():
                await db.execute("DELETE FROM nodes")
                bench.hand_in(session("late"))
                async with another(bench) as observer:
                    await until(observer, BLOCKED, 1)
            assert await db.fetchval("SELECT count(*) FROM sessions") == 0

    bench.run(meet())
    bench.settle()
    assert [type(error) for _, error in bench.outcomes] == [Fenced]
    assert sql(bench, "SELECT count(*) FROM sessions") == "0"


def test_shutting_out_waits_for_a_batch_under_way(bench: Bench) -> None:
    """After it nothing comes: whoever takes over reads all there will ever be."""

    async def meet() -> None:
        async with another(bench) as holder, another(bench) as observer, another(bench) as other:
            async with holder.transaction():
                # The batch has its right, and waits for the end of this row.
                await holder.execute("INSERT INTO repeats VALUES ('s1', 'k', '', 0, '', 0)")
                bench.hand_in(session(), repeat())
                await until(observer, BLOCKED, 1)
                shutting = asyncio.ensure_future(other.execute("DELETE FROM nodes"))
                await until(observer, BLOCKED, 2)
            await shutting
            assert await observer.fetchval("SELECT count(*) FROM sessions") == 1

    bench.run(meet())
    bench.settle()
    assert bench.outcomes == [("", None)]


def test_what_was_sent_before_the_state_was_read_anew_is_stored_nowhere(bench: Bench) -> None:
    """A batch that hung somewhere on its way comes after the reading; its numbers were given to others meanwhile."""

    async def ghost() -> BaseException | None:
        store = await PostgresStore.open(bench.place.url)
        store.become(bench.store.node)
        # As it stood before: the reading that raised it is not this one's.
        store.writer.mend()
        told: asyncio.Future[BaseException | None] = bench.loop.create_future()
        store.commit([session("ghost")], told.set_result)
        error = await told
        await store.close()
        return error

    bench.recover()
    assert isinstance(bench.run(ghost()), Fenced)
    bench.commit(session("alive"))
    assert [s.session_id for s in bench.recover().sessions] == ["alive"]


def test_a_node_that_becomes_another_forgets_what_waited(bench: Bench) -> None:
    """That was decided by who it was before, about sessions that others have now."""
    joined = PostgresMembership(bench.place.url)
    bench.run(joined.join())
    bench.hand_in(session("old"), name="old")
    bench.store.become(joined.node)
    bench.hand_in(session("unread"), name="unread")
    bench.settle()
    assert [(name, type(error)) for name, error in bench.outcomes] == [("old", Fenced), ("unread", Fenced)]
    with pytest.raises(Unavailable):
        bench.store.admit()
    assert bench.recover() == Recovered((), ())
    bench.commit(session("new"))
    assert sql(bench, "SELECT session_id, node FROM sessions") == f"new|{joined.node}"
    assert not bench.broken
    bench.run(joined.close())


def test_a_change_of_the_directory_raises_its_mark(bench: Bench) -> None:
    """With it, or not at all; other records don't."""
    mark = "SELECT number FROM marks WHERE name = 'directory'"
    before = int(sql(bench, mark))
    bench.commit(session(), repeat())
    assert int(sql(bench, mark)) == before
    bench.commit(*records.directory())
    assert int(sql(bench, mark)) == before + 1
    with pytest.raises(asyncpg.UniqueViolationError):
        bench.commit(records.api_key("other", "digest"))
    assert int(sql(bench, mark)) == before + 1


def test_a_process_that_is_no_node_writes_the_directory(bench: Bench) -> None:
    """An operator's command."""

    async def command() -> BaseException | None:
        store = await PostgresStore.open(bench.place.url)
        told: asyncio.Future[BaseException | None] = bench.loop.create_future()
        store.commit(records.directory(), told.set_result)
        error = await told
        await store.close()
        return error

    assert bench.run(command()) is None
    assert bench.ask(bench.store.directory).organizations == records.directory()[:1]


# ---- much that is old


def test_what_is_old_is_removed_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message waits until millions of rows are gone; they are gone in the end."""
    bench.commit(*(repeat(f"{i}", created_ms=1) for i in range(9)), repeat("new", created_ms=100))
    monkeypatch.setattr(postgres_batch, "FORGET_MAX", 2)
    bench.commit(Gone(100))

    async def all_gone() -> None:
        async with another(bench) as db:
            await until(db, "SELECT count(*) FROM repeats", 1)

    bench.run(all_gone())
    assert sql(bench, "SELECT key FROM repeats") == "new"


# ---- the database away


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'frontdesk%'"


def test_a_connection_cut_in_a_commit_fails_it_and_is_mended(bench: Bench) -> None:
    """What became of it is not known, so the state is read anew."""

    async def meet() -> None:
        async with another(bench) as holder, another(bench) as observer, holder.transaction():
            await holder.execute("INSERT INTO repeats VALUES ('s1', 'k', '', 0, '', 0)")
            bench.hand_in(session("cut"), repeat(), name="cut")
            await until(observer, BLOCKED, 1)
            bench.hand_in(session("behind"), name="behind")
            await observer.execute(f"{CUT} AND wait_event_type = 'Lock'")

    bench.run(meet())
    bench.settle()
    assert [name for name, error in bench.outcomes if error is not None] == ["cut", "behind"]
    assert len(bench.broken) == 1
    assert bench.recover().sessions == ()
    bench.commit(session("mended"))
    assert [s.session_id for s in bench.recover().sessions] == ["mended"]


def test_connections_cut_while_nothing_is_under_way_are_replaced_unseen(bench: Bench) -> None:
    """Nothing was sent on them: nobody need hear an error."""
    bench.commit(session())
    assert bench.ask(bench.store.find_home, "s1") == bench.store.node
    seen = seen_closed(bench)
    sql(bench, f"{CUT} AND datname = current_database()")
    bench.run(seen)
    bench.commit(session("s2"))
    assert bench.ask(bench.store.find_home, "s2") == bench.store.node
    assert not bench.broken


async def seen_closed(bench: Bench) -> None:
    """The end of the connection has reached us."""
    seen = asyncio.Event()
    bench.store.writer._db.add_termination_listener(lambda db: seen.set())  # noqa: SLF001 - nothing outside shows it
    await seen.wait()


@contextmanager
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server that can be killed without harm to other tests."""
    server = Postgres()
    server.start()
    monkeypatch.setattr("tests.contracts.engines.shared", lambda: server)
    try:
        yield server
    finally:
        server.remove()


class Senders:
    """Twenty who commit one session after the other, until a commit of theirs fails."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._numbers = itertools.count()
        self._left = 0
        self.confirmed: set[str] = set()
        self.failed: set[str] = set()
        self.enough = asyncio.Event()
        self.over = asyncio.Event()

    async def send(self, kill: Callable[[], None]) -> None:
        """Commit, and kill once some more are confirmed and others are under way; returns when all have failed."""
        self.enough.clear()
        self.over.clear()
        self._left = 20
        self._wanted = len(self.confirmed) + 200
        for _ in range(self._left):
            self._next()
        await self.enough.wait()
        await asyncio.to_thread(kill)
        await self.over.wait()

    def _next(self) -> None:
        name = str(next(self._numbers))
        store = self._bench.store
        store.commit([session(name, node=store.node)], partial(self._told, name))

    def _told(self, name: str, error: BaseException | None) -> None:
        if error is None:
            self.confirmed.add(name)
            self._next()
        else:
            self.failed.add(name)
            self._left -= 1
        if len(self.confirmed) >= self._wanted:
            self.enough.set()
        if not self._left:
            self.over.set()


def test_nothing_confirmed_is_lost_when_the_server_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of commits, again and again; once it is back the node goes on with what is there."""
    with own_server(monkeypatch) as server:
        bench = Bench("postgres", tmp_path)
        senders = Senders(bench)
        for _ in range(3):
            bench.run(senders.send(server.kill))
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                bench.recover()
            server.start()
            alive = {s.session_id for s in bench.recover().sessions}
            assert senders.confirmed <= alive <= senders.confirmed | senders.failed
        assert len(senders.failed) == 60
        bench.commit(session("at last"))
        bench.close()
