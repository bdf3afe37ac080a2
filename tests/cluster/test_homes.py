"""Nodes come and go: what was at home on one is at home on exactly one other."""

import pytest

from frontdesk.ports import Found, Pulse, switchboard
from frontdesk.server import App
from tests.cluster.contacts import FIRST, HOME, SECOND, asking, at_home, begun, fall_silent, heard, over
from tests.cluster.weather import Weather
from tests.streaming.reading import NOTHING, numbers, texts
from tests.streaming.test_sse import Stream
from tests.support.client import EVENTS, ORG, Client
from tests.support.desk import token, user
from tests.support.server import Running

# More than one node takes in one piece.
MANY = 230


# ---- two nodes want the same


def test_who_finds_another_faster_asks_there_at_once(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that looked just before another took the agents' home asks the database once more, not a moment later."""
    ann = Client(server.ports[FIRST])
    ann.credentials = {"authorization": f"Bearer {token(server, user(server, 'ann'))}"}
    home, relay = server.apps[HOME].together, server.apps[FIRST].together.relay  # type: ignore[union-attr]
    assert home is not None
    server.wait(home.cluster.claim(switchboard(ORG)))
    looks = []

    def look(key: str, found: Found[str | None]) -> None:
        looks.append(key)
        found("") if len(looks) == 1 else server.apps[FIRST].store.find_home(key, found)

    monkeypatch.setattr(relay, "find", look)
    with ann:
        assert ann.post("streaming/session").status == 200
    assert looks == [switchboard(ORG)] * 2


# ---- a home dies


def test_a_poll_that_is_passed_on_goes_on_at_the_next_home(server: Running, weather: Weather) -> None:
    """Its client notices nothing: the numbers go on."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        poll = contact.hold(after=2)
        server.held()
        fall_silent(server, weather)
        server.outlast()
        other.say("hello")
        assert numbers(poll.events()) == [3]


def test_a_text_with_a_key_is_carried_out_by_the_next_home(server: Running, weather: Weather) -> None:
    """Nobody knows whether the dead one stored it: the key does."""
    with asking(server) as contact:
        fall_silent(server, weather)
        under_way = begun(contact, "hello", idempotency_key="1")
        server.until(lambda: weather.lost)
        server.outlast()
        assert under_way.answer().status == 202
        assert heard(server, contact, 0) == ["hello"]


def test_a_text_without_a_key_is_refused_in_passing(server: Running, weather: Weather) -> None:
    """It may be stored: only its client can decide to repeat it."""
    with asking(server) as contact:
        fall_silent(server, weather)
        under_way = begun(contact, "hello")
        server.until(lambda: weather.lost)
        server.outlast()
        answer = under_way.answer()
        assert (answer.status, answer.reason) == (500, "homeAway")
        contact.say("hello")
        assert heard(server, contact, 0) == ["hello"]


def test_a_stream_ends_and_goes_on_at_the_next_home(server: Running, weather: Weather) -> None:
    """A browser connects again by itself, with the number it saw last."""
    with asking(server) as contact:
        with Stream(contact) as stream:
            contact.say("one")
            assert texts(stream.events(1)) == ["one"]
            fall_silent(server, weather)
            server.outlast()
            assert stream.events(1) == []
        with Stream(contact, last_event_id="3") as again:
            contact.say("two")
            assert texts(again.events(1)) == ["two"]


def test_all_that_a_dead_node_had_is_taken_and_nothing_twice(server: Running, weather: Weather) -> None:
    """Two nodes share hundreds of sessions, and each session is at one of them."""
    with Client(server.ports[HOME]) as client:
        client.token()
        made = {client.session()["sessionId"] for _ in range(MANY)}
        fall_silent(server, weather)
        server.outlast()
        one, other = (app.context.floor.sessions.keys() for app in server.apps)
        assert one | other == made
        assert not one & other
        rows = server.rows("SELECT DISTINCT node FROM sessions")
        assert {row[0] for row in rows} <= {app.context.node for app in server.apps}


def test_a_session_of_a_dead_node_is_claimed_where_it_is_asked_for(server: Running, weather: Weather) -> None:
    """Without waiting for anybody's beat: one takes it, the other one passes on."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        dead = fall_silent(server, weather)
        server.rows(f"DELETE FROM nodes WHERE node = '{dead.context.node}'")  # noqa: S608 - ours
        server.rows("UPDATE sessions SET node = ''")
        server.looked()
        for client in (contact, other):
            client.say("hello")
        assert heard(server, contact, 0) == ["hello", "hello"]
        assert sum(contact.session_id in app.context.floor.sessions for app in server.apps) == 1


# ---- a node stands still


def test_a_paused_node_answers_nothing_from_memory_and_joins_anew(server: Running, weather: Weather) -> None:
    """SIGSTOP for longer than its lease: others have what it remembers."""
    with at_home(server) as contact, over(contact, server.ports[FIRST]) as other:
        paused, before = server.apps[HOME], server.apps[HOME].context.node
        server.silence(HOME)
        server.outlast()
        refused = contact.ask("GET", EVENTS)
        assert (refused.status, refused.reason) == (500, "homeAway")
        wake(server, paused)
        assert paused.context.node != before
        contact.say("over the one that was paused")
        assert texts(other.poll()) == ["over the one that was paused"]
        assert contact.session_id not in paused.context.floor.sessions


def wake(server: Running, app: App) -> None:
    """Let a node go on that stood still, and wait until it has found its place."""
    server.silent.remove(app)
    server.apps.append(app)
    node = app.context.node
    server.call(delattr, app, "tick")
    server.until(lambda: app.context.node != node and not app.dispatcher.reading)
    server.looked()


# ---- a node stops


def test_a_node_that_stops_hands_over_and_nobody_waits(server: Running) -> None:
    """The clock stands still: held polls end empty, and the next ones find what was said meanwhile."""
    with at_home(server) as contact, over(contact, server.ports[FIRST]) as other:
        here = contact.hold()
        server.held()
        with at_home(server) as third, over(third, server.ports[SECOND]) as passed_on:
            there = passed_on.hold()
            server.held(2)
            stopped = server.apps.pop(HOME)
            server.ports.pop(HOME)
            server.silent.append(stopped)
            server.call(stopped.stop)
            assert here.answer().json() == NOTHING
            assert there.answer().json() == NOTHING
            # Told by its last word, not by a lease.
            server.until(lambda: len(server.sessions) == 2)
            for client in (other, passed_on):
                client.say("hello")
                assert texts(client.poll()) == ["hello"]


# ---- who is there


def test_a_node_that_greets_during_a_look_is_not_taken_for_gone(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look saw what was before: requests under way to the new one would be given up."""
    assert server.app.together is not None
    cluster = server.app.together.cluster
    gone: list[str] = []
    monkeypatch.setattr(cluster, "on_gone", gone.append)
    look = cluster._membership.beat  # noqa: SLF001 - there is no other way to be between its two moments

    async def beat() -> Pulse:
        pulse = await look()
        cluster.joined("newcomer")
        return pulse

    monkeypatch.setattr(cluster._membership, "beat", beat)  # noqa: SLF001 - as above
    server.looked()
    assert cluster.alive("newcomer")
    monkeypatch.setattr(cluster._membership, "beat", look)  # noqa: SLF001 - as above
    server.looked()
    assert gone == ["newcomer"]
