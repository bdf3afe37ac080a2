"""A conversation from connect to its end: one at a time, the place in the queue, composing, and the last event."""

from collections.abc import Iterator

import pytest

from tests.support.client import EVENTS, Client, Json, kinds, payloads
from tests.support.cluster import sqlite_only
from tests.support.server import Running, running

CONNECT = "messaging/connect"
BODY = {"workTypeId": 79, "contactName": "Ada"}


@pytest.fixture
def quiet() -> Iterator[Running]:
    """A server with empty queues."""
    with running() as server:
        yield server


def test_second_connect_is_refused_while_the_first_is_open(server: Running, chat: Client) -> None:
    """And changes nothing, whatever work type it names."""
    before = server.rows("SELECT count(*) FROM interactions")
    for work_type in (79, 100):
        refused = chat.post(CONNECT, {**BODY, "workTypeId": work_type})
        assert (refused.status, refused.reason) == (400, "alreadyConnected")
    assert server.rows("SELECT count(*) FROM interactions") == before
    chat.say("still here")


def test_connect_after_the_end_opens_another_on_the_same_session(chat: Client) -> None:
    """Another interaction, and numbers that go on without a gap."""
    chat.disconnect()
    chat.connect("32", "Ada again")
    events = [event for event in chat.poll() if "sequenceNumber" in event]
    assert kinds(events) == ["Connected", "Disconnected", "Connected"]
    assert [event["sequenceNumber"] for event in events] == [1, 2, 3]
    first, last, second = payloads(events)
    assert first["interactionId"] == last["interactionId"] != second["interactionId"]
    assert (second["workTypeId"], second["contactName"]) == ("32", "Ada again")
    chat.say("hello again")


def test_disconnect_gives_one_last_event_and_then_the_session_is_gone(chat: Client) -> None:
    """Document, "Ending a WebChat session": the client polls on until it is told."""
    chat.disconnect()
    events = chat.poll()
    assert kinds(events)[-1] == "Disconnected"
    assert payloads(events)[-1]["reason"] == "contact"
    gone = chat.ask("GET", EVENTS)
    assert (gone.status, gone.json()["message"]) == (401, "Invalid or expired session")


def test_held_poll_hears_of_the_end_at_once(server: Running, chat: Client) -> None:
    """It is answered by the disconnect, not by its hold.

    Nor by the way to the agents' node, which ends a held poll: only from there a place in the queue is told.
    """
    chat.until("QueueStatus")
    held = chat.hold(wire=chat.polls)
    server.held()
    chat.disconnect()
    assert kinds(held.events()) == ["Disconnected"]


@pytest.mark.parametrize("operation", ["sendText", "pushUrl", "dial", "notification", "disconnect"])
def test_nothing_is_taken_after_the_end(chat: Client, operation: str) -> None:
    """Without an open interaction there is nobody to talk to."""
    chat.disconnect()
    body = {"text": "x", "url": "https://example.com", "digits": "555 1234"}
    refused = chat.post(f"messaging/{operation}", {**body, "state": "composing", "expiresAfterSeconds": 5})
    assert (refused.status, refused.reason) == (404, "noOpenInteraction")


def test_disconnect_needs_no_body_and_minds_none(chat: Client) -> None:
    """The document sends none; what comes is not read."""
    assert chat.post("messaging/disconnect", b"\xff{").status == 202


# ---- queues


def _position(events: list[Json]) -> int:
    status = [payload for payload in payloads(events) if payload["kind"] == "messaging.QueueStatus"]
    return int(status[-1]["position"])


def test_each_work_type_has_its_own_line(quiet: Running) -> None:
    """Work types 79 and 32 are two queues, and so are two organizations'."""
    with (
        quiet.contact() as one,
        quiet.contact() as two,
        quiet.contact() as third,
        quiet.contact(org="acme", key="acme-key") as foreign,
    ):
        one.connect("79")
        quiet.advance(0.05)
        two.connect("79")
        third.connect("32")
        foreign.connect("79")
        assert [_position(c.until("QueueStatus")) for c in (one, two, third, foreign)] == [1, 2, 1, 1]


def test_those_behind_move_up_and_are_told(quiet: Running) -> None:
    """Within a second of someone's leaving; those in front hear nothing new.

    Who came within the same millisecond on two nodes may stand in either order, hence the moment between.
    """
    with quiet.contact() as one, quiet.contact() as two, quiet.contact() as three:
        for contact in (one, two, three):
            contact.connect()
            contact.until("QueueStatus")
            quiet.advance(0.05)
        waiting = [contact.hold(wire=contact.polls) for contact in (one, three)]
        quiet.held(2)
        two.disconnect()
        quiet.advance(1)
        assert _position(waiting[1].events()) == 2
        quiet.advance(14)
        assert waiting[0].events() == []


def test_position_is_never_stored_numbered_or_repeated(quiet: Running) -> None:
    """It passes: no id, no number, and only once."""
    with quiet.contact() as contact:
        contact.connect()
        status = contact.until("QueueStatus")[-1]
        assert set(status) == {"kind", "publishedTime", "payload"}
        assert kinds(contact.poll(after=0)) == ["Connected"]
        assert quiet.rows("SELECT count(*) FROM entries WHERE kind LIKE '%QueueStatus'") == [(0,)]


def test_script_hands_over_into_the_queue(quiet: Running) -> None:
    """Asked for a person, the concierge leaves and the contact learns its place."""
    with quiet.contact() as contact:
        contact.connect("100")
        contact.until("Notification")
        quiet.advance(1)
        contact.until("Text")
        contact.say("a person, please")
        contact.until("Notification")
        quiet.advance(1)
        events = contact.until("QueueStatus")
        assert kinds(events) == ["Text", "ParticipantLeft", "Transferred", "QueueStatus"]
        assert _position(events) == 1


# ---- composing


def test_composing_comes_before_the_words_and_only_then(quiet: Running) -> None:
    """Seen while it lasts: the concierge composes, then speaks."""
    with quiet.contact() as contact:
        contact.connect("100")
        events = contact.until("Notification")
        composing = payloads(events)[-1]
        assert (composing["state"], composing["entityType"]) == ("composing", "System")
        assert 0 < composing["expiresAfterSeconds"] <= 30
        assert "sequenceNumber" not in events[-1]
        quiet.advance(1)
        assert kinds(contact.until("Text")) == ["Text"]


def test_text_clears_the_composing_before_it(quiet: Running) -> None:
    """Who polls late must not see somebody type who has already spoken."""
    with quiet.contact() as contact:
        contact.connect("100")
        quiet.stored()
        quiet.advance(1)
        quiet.stored()
        assert kinds(contact.poll()) == ["Connected", "ParticipantJoined", "Text"]


@sqlite_only("a node whose time is held back is none any more")
def test_composing_is_worthless_after_its_time(quiet: Running) -> None:
    """The other's restart or a long sleep must not leave it typing for ever."""
    with quiet.contact() as contact:
        contact.connect("100")
        quiet.stored()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quiet.app, "tick", lambda: None)  # the script itself must not speak meanwhile
            quiet.advance(31)
            assert kinds(contact.poll()) == ["Connected", "ParticipantJoined"]


def test_contacts_composing_is_not_stored(server: Running, chat: Client) -> None:
    """It is accepted, and leaves no entry."""
    before = server.rows("SELECT count(*) FROM entries")
    chat.done("messaging/notification", {"state": "composing", "expiresAfterSeconds": 10})
    server.stored()
    assert server.rows("SELECT count(*) FROM entries") == before


def test_whole_talk_with_the_concierge(quiet: Running) -> None:
    """Greeting, answer, link, goodbye: in order, by name, and nothing after the end."""
    with quiet.contact() as contact:
        contact.connect("100", "Grace")
        said = []
        for text in ("", "how does this work?", "goodbye"):
            if text:
                contact.say(text)
            contact.until("Notification")
            quiet.advance(1)
            said += contact.until("Text")
        assert kinds(said) == ["Text", "Text", "PushUrl", "Text", "ParticipantLeft", "Disconnected"]
        words = payloads(said)
        assert "Grace" in words[0]["text"]
        assert {word["entityName"] for word in words[:4]} == {"Concierge"}
        assert words[-1]["reason"] == "system"
        refused = contact.post("messaging/sendText", {"text": "one more thing"})
        assert refused.reason == "noOpenInteraction"
