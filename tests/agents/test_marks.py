"""What each side learns of what became of its words."""

from contextlib import ExitStack

import pytest

from tests.support.client import Client, payloads
from tests.support.desk import Desk, user
from tests.support.server import Running


@pytest.fixture
def ann(server: Running, stack: ExitStack) -> Desk:
    """An agent at work."""
    made = stack.enter_context(Desk(server, user(server, "ann")))
    made.at_work(inactivityDelay=3600)
    return made


@pytest.fixture
def ada(server: Running, stack: ExitStack, ann: Desk) -> Client:
    """A contact who waits; `ann` is there to take it."""
    made = stack.enter_context(server.contact(inactivityDelay=3600))
    made.connect()
    return made


def heard(contact: Client) -> str:
    """The id of the newest text that the contact polls."""
    return str([p for p in payloads(contact.until("Text")) if p["kind"] == "messaging.Text"][-1]["messageId"])


def test_an_agent_sees_what_has_reached_the_contact(server: Running, ann: Desk, ada: Client) -> None:
    """Once the contact's client confirms it with its next poll, and no sooner; the newest stands for all before it."""
    interaction_id = ann.take()
    ann.send(interaction_id, "one")
    ann.send(interaction_id, "two")
    message_id = heard(ada)
    with ada.hold(wire=ada.polls).wire:
        server.held()
        server.advance(0.5)
        reached = ann.hear("messaging.Delivered")
    assert reached == {"kind": "messaging.Delivered", "interactionId": interaction_id, "messageId": message_id}


def test_an_acknowledged_text_has_reached_the_contact(server: Running, stack: ExitStack, ann: Desk) -> None:
    """A client that acknowledges says itself how far it is."""
    ada = stack.enter_context(server.contact(inactivityDelay=3600, requireAcknowledgement=True))
    ada.connect()
    ann.send(ann.take(), "one")
    events = ada.until("Text")
    ada.done("streaming/acknowledge/webClient", {"sequenceNumber": events[-1]["sequenceNumber"]})
    server.advance(0.5)
    assert ann.hear("messaging.Delivered")["messageId"] == payloads(events)[-1]["messageId"]


def test_what_the_agents_say_among_themselves_reaches_no_contact(server: Running, ann: Desk, ada: Client) -> None:
    """Only the contact's own text is confirmed."""
    interaction_id = ann.take()
    ann.send(interaction_id, "between us", audience="agents")
    ann.send(interaction_id, "hello")
    message_id = heard(ada)
    with ada.hold(wire=ada.polls).wire:
        server.held()
        server.advance(0.5)
        assert ann.hear("messaging.Delivered")["messageId"] == message_id


def test_each_side_sees_what_the_other_has_read(ann: Desk, ada: Client) -> None:
    """Read marks go both ways, and say who read."""
    interaction_id = ann.take()
    ann.send(interaction_id, "Hello")
    message_id = heard(ada)
    ada.done("messaging/read", {"messageId": message_id})
    read = {"kind": "messaging.Read", "interactionId": interaction_id, "messageId": message_id}
    assert ann.hear("messaging.Read") == {**read, "entityType": "Contact"}
    ada.say("Hi")
    said = ann.hear("messaging.Text", lambda text: text["text"] == "Hi")["messageId"]
    ann.done("messaging/users/ann/read", {"interactionId": interaction_id, "messageId": said})
    (mark,) = [p for p in payloads(ada.until("Read")) if p["kind"] == "messaging.Read"]
    assert mark == {**read, "messageId": said, "entityType": "Agent"}


@pytest.mark.parametrize("message_id", ["", "x", "1.5", "-1", "9" * 101, "\u0661"])
def test_what_names_no_message_is_refused(ann: Desk, ada: Client, message_id: str) -> None:
    """On both sides, with the field as scope."""
    interaction_id = ann.take()
    for answer in (
        ada.post("messaging/read", {"messageId": message_id}),
        ann.post("messaging/users/ann/read", {"interactionId": interaction_id, "messageId": message_id}),
    ):
        assert answer.status == 400
        assert answer.json()["errors"][0]["scope"] == "messageId"
