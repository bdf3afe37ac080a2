from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.streaming.reading import NOTHING, Alone, again, numbers, texts
from tests.support.client import EVENTS, SESSION, Client, kinds, payloads
from tests.support.cluster import sqlite_only
from tests.support.server import Running


@pytest.fixture
def returned(server: Running) -> Iterator[Client]:
    """A second client of the same person: with a token, and no session yet."""
    with server.client() as made:
        made.token()
        yield made


def status(client: Client) -> int:
    """How a poll for an impossible number of events is answered: 400 while the session lives, and it is not touched."""
    with again(client) as fresh:
        fresh.token()
        return fresh.ask("GET", f"{EVENTS}?maxEvents=0").status


# ---- expiry


@pytest.mark.parametrize("delay", [15, 60, 3600])
def test_a_session_expires_when_nobody_polls_for_its_delay(server: Running, delay: int) -> None:
    """Not before."""
    with server.contact(inactivityDelay=delay) as contact:
        server.advance(delay - 0.1)
        assert status(contact) == 400
        server.advance(0.2)
        assert status(contact) == 401


def test_polls_keep_a_session_alive_and_messages_do_not(server: Running, contact: Client) -> None:
    """Document: the time-out notices a browser that stopped polling. A held poll counts to its end."""
    for _ in range(10):
        held = Alone(contact)
        server.held()
        server.advance(15)
        assert held.answer().json() == NOTHING
    server.advance(50)
    with again(contact) as fresh:
        fresh.say("still typing")
        server.advance(11)
        assert fresh.post("messaging/sendText", {"text": "too late"}).status == 401


def test_the_conversation_of_an_expired_session_ends_after_the_grace(server: Running, contact: Client) -> None:
    """120 s unless the organization says otherwise; its log says why."""
    server.advance(61)
    server.stored()
    server.advance(119)
    server.stored()
    assert server.rows("SELECT state FROM interactions") == [("scripted",)]
    server.advance(1.1)
    server.stored()
    assert server.rows("SELECT state, closed_reason FROM interactions") == [("closed", "inactivity")]
    assert server.interactions == {}
    assert server.resting == {}


def test_an_organization_without_grace_ends_conversations_with_their_session(server: Running, contact: Client) -> None:
    """Nought seconds are a choice, too."""
    server.admin("org.grace", org_id="viademo", seconds=0)
    assert contact.ask("DELETE", SESSION).status == 204
    server.advance(0.1)
    server.stored()
    assert server.rows("SELECT closed_reason FROM interactions") == [("inactivity",)]


@sqlite_only("a node among others has timers of its own")
def test_thousands_of_sessions_expire_without_a_scan_of_all(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tick calls only what is due: with 5,000 sessions alive, a tick on which none is due makes no call."""
    app = server.app
    # They look once a minute on their own.
    server.call(app.call_backs.clear)
    calls: list[int] = []
    at = app.timers.at

    def counted(due_ms: int, call: Callable[[int], None]) -> None:
        def noted(now_ms: int) -> None:
            calls.append(now_ms)
            call(now_ms)

        at(due_ms, noted)

    monkeypatch.setattr(app.timers, "at", counted)

    def open_one(delay: int) -> None:
        app.sessions.create("viademo", lambda result: None, inactivity_delay=delay)

    def open_many() -> None:
        for i in range(5000):
            open_one(15 + i % 10 * 100)

    server.call(open_many)
    server.stored()
    assert len(app.context.floor.sessions) == 5000
    server.advance(14)
    assert calls == []
    server.advance(1)
    server.stored()
    assert len(calls) == 500
    assert len(app.context.floor.sessions) == 4500
    server.advance(900)
    server.stored()
    assert len(calls) == 5000
    assert app.context.floor.sessions == {}
    assert app.hub._feeds == {}  # noqa: SLF001 - memory is given back
    assert server.rows("SELECT count(*) FROM sessions WHERE ended_ms = 0") == [(0,)]


# ---- resuming


def test_a_new_session_takes_the_conversation_of_a_living_one(
    server: Running, contact: Client, returned: Client
) -> None:
    """A reload of the page: numbers go on, the old session is over, the old page's poll is told so."""
    held = Alone(contact)
    server.held()
    made = returned.session(resumeSessionId=contact.session_id)
    assert made["interactionId"] == payloads(returned.poll(after=0))[0]["interactionId"]
    assert held.answer().status == 401
    returned.say("hello")
    events = returned.poll(after=2)
    assert (texts(events), numbers(events)) == (["hello"], [3])


def test_a_new_session_takes_the_conversation_of_an_expired_one(
    server: Running, contact: Client, returned: Client
) -> None:
    """Within the grace; what happened meanwhile is on its stream, and the chat is not ended later."""
    contact.say("before")
    server.advance(61)
    returned.session(resumeSessionId=contact.session_id)
    events = returned.poll()
    assert (texts(events), numbers(events)) == (["before"], [3])
    for _ in range(3):
        assert numbers(Alone(returned, after=2).events()) == [3]
        server.advance(50)
    with again(returned) as fresh:
        fresh.say("after")
        assert texts(fresh.poll(after=3)) == ["after"]


def test_a_new_session_takes_the_conversation_of_an_ended_one(contact: Client, returned: Client) -> None:
    """DELETE ends the stream, not the talk."""
    assert contact.ask("DELETE", SESSION).status == 204
    returned.session(resumeSessionId=contact.session_id)
    returned.say("hello")
    assert texts(returned.poll(after=2)) == ["hello"]


def test_undelivered_events_come_first_with_their_old_numbers(
    server: Running, contact: Client, returned: Client
) -> None:
    """Hundreds of them: most are no longer in memory."""
    server.known()
    said = [str(i) for i in range(150)]
    for text in said:
        contact.say(text)
    returned.session(resumeSessionId=contact.session_id)
    events = returned.poll() + returned.poll()
    assert texts(events) == said
    assert numbers(events) == list(range(3, 153))


def test_after_the_grace_the_new_session_learns_how_it_ended(
    server: Running, contact: Client, returned: Client
) -> None:
    """Disconnected for inactivity is the last event; then the session is good for a new chat."""
    contact.say("unread")
    server.advance(61)
    server.stored()
    server.advance(121)
    server.stored()
    made = returned.session(resumeSessionId=contact.session_id)
    assert "interactionId" not in made
    events = returned.poll()
    assert (kinds(events), numbers(events)) == (["Text", "Disconnected"], [3, 4])
    assert payloads(events)[-1]["reason"] == "inactivity"
    assert returned.post("messaging/sendText", {"text": "x"}).reason == "noOpenInteraction"
    returned.connect("1")
    assert numbers(returned.poll(after=4)) == [5, 6]


def test_resuming_again_and_again_keeps_one_conversation(contact: Client, server: Running) -> None:
    """Ten reloads; each goes on where the one before was."""
    last = contact.session_id
    with ExitStack() as stack:
        for i in range(10):
            page = stack.enter_context(server.client())
            page.token()
            last = page.session(resumeSessionId=last)["sessionId"]
            page.say(str(i))
            events = page.poll()
            assert (texts(events)[-1], numbers(events)[-1]) == (str(i), i + 3)
    server.stored()
    assert len(server.rows("SELECT DISTINCT session_id FROM interactions")) == 1


@pytest.mark.parametrize("name", ["unknown", "", "x" * 1000])
def test_resuming_what_never_was_opens_a_fresh_session(returned: Client, name: str) -> None:
    """What it named is over; the client learns that by finding no conversation."""
    assert "interactionId" not in returned.session(resumeSessionId=name)
    returned.connect("1")
    assert numbers(returned.poll()) == [1, 2]


def test_a_stranger_can_not_resume_the_session_of_another_organization(server: Running, contact: Client) -> None:
    """Nor end it."""
    with server.client(org="acme", key="acme-key") as stranger:
        stranger.token()
        assert "interactionId" not in stranger.session(resumeSessionId=contact.session_id)
    contact.say("mine")
    assert texts(contact.poll()) == ["mine"]


def test_a_queued_contact_who_returns_learns_the_position_anew(server: Running, returned: Client) -> None:
    """Positions pass; a reloaded page has none."""
    with server.contact() as contact:
        contact.connect("79")
        contact.until("QueueStatus")
        returned.session(resumeSessionId=contact.session_id)
        assert payloads(returned.until("QueueStatus"))[-1]["position"] == 1
