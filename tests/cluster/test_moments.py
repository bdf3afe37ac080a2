"""What meets in one moment: two claims of a session, an answer and the end of its node, a blind node, full tables."""

import pytest

from frontdesk.http.words import Ask, Reply
from frontdesk.ports import Pulse
from frontdesk.server import App
from tests.cluster.contacts import FIRST, HOME, SECOND, asking, at_home, begun, fall_silent, heard, over
from tests.cluster.weather import Weather
from tests.streaming.reading import numbers, texts
from tests.support.client import EVENTS
from tests.support.server import Running


def forget_in_the_database(server: Running, app: App) -> None:
    """A node is shut out, and what it had is at home nowhere; nobody looked yet."""
    server.rows(f"DELETE FROM nodes WHERE node = '{app.context.node}'")  # noqa: S608 - ours
    server.rows(f"UPDATE sessions SET node = '' WHERE node = '{app.context.node}'")  # noqa: S608 - ours


def homes_of(server: Running, session_id: str) -> int:
    """How many nodes have it in memory."""
    return sum(session_id in app.context.floor.sessions for app in server.apps)


# ---- claims


def test_two_nodes_that_claim_one_session_at_the_same_moment(server: Running, weather: Weather) -> None:
    """One of them gets it, and both texts reach it, in whatever order."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        dead = fall_silent(server, weather)
        forget_in_the_database(server, dead)
        server.looked()
        under_way = [begun(client, text, idempotency_key=text) for client, text in ((contact, "a"), (other, "b"))]
        server.until(lambda: homes_of(server, contact.session_id) == 1)
        server.advance(1)
        assert [held.answer().status for held in under_way] == [202, 202]
        assert sorted(heard(server, contact, 0)) == ["a", "b"]
        assert homes_of(server, contact.session_id) == 1


def test_a_node_that_has_nothing_claims_nothing_twice(server: Running, weather: Weather) -> None:
    """Gathering at both nodes at once parts what there is."""
    with asking(server) as contact:
        dead = fall_silent(server, weather)
        forget_in_the_database(server, dead)
        for app in server.apps:
            assert app.together is not None
            server.call(app.together.cluster.left, dead.context.node)
        server.looked()
        server.until(lambda: homes_of(server, contact.session_id) == 1)
        rows = server.rows(f"SELECT node FROM sessions WHERE session_id = '{contact.session_id}'")  # noqa: S608 - ours
        at_home_on = [app.context.node for app in server.apps if contact.session_id in app.context.floor.sessions]
        assert [node for (node,) in rows] == at_home_on


# ---- shut out


@pytest.mark.parametrize("node", [HOME, FIRST])
def test_a_home_that_is_shut_out_while_it_answers_stores_nothing(server: Running, node: int) -> None:
    """Its batch is refused; whoever repeats the text finds the next home, and it is said once."""
    with (
        at_home(server) as contact,
        over(contact, server.ports[node]) as one,
        over(contact, server.ports[SECOND]) as other,
    ):
        home, before = server.apps[HOME], server.apps[HOME].context.node
        # From now on the node that is asked knows where the session is at home.
        one.say("before")
        forget_in_the_database(server, home)
        refused = one.post("messaging/sendText", {"text": "hello"}, idempotency_key="1")
        assert (refused.status, refused.reason) == (500, "storageFailed")
        other.say("hello", idempotency_key="1")
        server.looked()
        server.until(lambda: home.context.node != before and not home.dispatcher.reading)
        assert heard(server, contact) == ["before", "hello"]
        assert homes_of(server, contact.session_id) == 1


def test_an_answer_that_comes_late_from_a_home_that_was_shut_out(server: Running, weather: Weather) -> None:
    """The text was stored before; its next home knows the key, and the late answer is that of the first."""
    with asking(server) as contact:
        weather.keep(Reply)
        under_way = begun(contact, "hello", idempotency_key="1")
        server.until(lambda: weather.late == 1)
        fall_silent(server, weather)
        server.outlast()
        server.call(weather.release)
        assert under_way.answer().status == 202
        assert heard(server, contact, 0) == ["hello"]


# ---- looking around


def test_a_node_that_can_not_look_answers_nothing_once_its_lease_is_over(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have what it remembers. It goes on, under its name, as soon as it has seen that it still is one."""
    app = server.apps[HOME]
    assert app.together is not None
    cluster = app.together.cluster
    look = cluster._membership.beat  # noqa: SLF001 - the database is there for all others

    async def blind() -> Pulse:
        raise OSError("no route to the database")

    with at_home(server) as contact:
        monkeypatch.setattr(cluster._membership, "beat", blind)  # noqa: SLF001 - as above
        server.clock.move(3)
        server.call(cluster.look_now)
        server.until(lambda: not cluster.looking)
        refused = contact.ask("GET", EVENTS)
        assert (refused.status, refused.reason) == (500, "homeAway")
        monkeypatch.setattr(cluster._membership, "beat", look)  # noqa: SLF001 - as above
        server.looked()
        contact.say("hello")
        assert texts(contact.poll()) == ["hello"]


# ---- the bus


def test_after_a_gap_all_that_is_unanswered_is_said_again(server: Running, weather: Weather) -> None:
    """Nobody waits for the second after which it would be."""
    with asking(server) as contact:
        weather.lose(Ask)
        under_way = begun(contact, "hello")
        server.until(lambda: weather.lost == 1)
        asked = server.apps[FIRST].together
        assert asked is not None
        server.call(asked.relay.gap)
        assert under_way.answer().status == 202
        assert heard(server, contact) == ["hello"]


def test_a_node_passes_on_no_more_than_it_can_hold(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes then is told to come later; what is under way goes on."""
    monkeypatch.setattr("frontdesk.http.relay.OUT_MAX", 1)
    with asking(server) as contact:
        poll = contact.hold()
        server.held()
        refused = contact.post("messaging/sendText", {"text": "hello"})
        assert (refused.status, refused.reason) == (429, "overloaded")
        with over(contact, server.ports[HOME]) as other:
            other.say("hello")
        assert texts(poll.events()) == ["hello"]


def test_homes_that_were_forgotten_are_looked_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number is bounded; the database knows all of them."""
    monkeypatch.setattr("frontdesk.http.relay.HOMES_MAX", 1)
    with asking(server) as one, asking(server) as two:
        for text in ("a", "b"):
            for contact in (one, two):
                contact.say(text)
        for contact in (one, two):
            assert numbers(contact.poll()) == [3, 4]
        relayed = server.apps[FIRST].together
        assert relayed is not None
        assert len(relayed.relay.homes) == 1
