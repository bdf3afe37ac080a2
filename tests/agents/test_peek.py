"""What a contact types is seen before it is sent only where the rules say so, and then the contact is told."""

from contextlib import ExitStack
from typing import Any

from tests.support.client import Client, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running


def talk(server: Running, stack: ExitStack, **fields: Any) -> tuple[Desk, Client, str]:
    """An agent and a contact in conversation under these rules."""
    rules(server, **fields)
    ann = stack.enter_context(Desk(server, user(server, "ann", "79", "32")))
    ann.at_work(inactivityDelay=3600)
    ada = stack.enter_context(server.contact(inactivityDelay=3600))
    ada.connect()
    return ann, ada, ann.take()


def test_a_preview_is_shown_where_the_rules_say_so(server: Running, stack: ExitStack) -> None:
    """To the agent, as a passing event; and the contact was told at connect."""
    ann, ada, interaction_id = talk(server, stack, sneak_peek=True)
    (connected,) = [p for p in payloads(ada.until("ParticipantJoined")) if p["kind"] == "messaging.Connected"]
    assert connected["previewsShown"] is True
    ada.done("messaging/preview", {"text": "I want my mo"})
    assert ann.hear("messaging.Preview") == {
        "kind": "messaging.Preview",
        "interactionId": interaction_id,
        "entityName": "Ada",
        "entityType": "Contact",
        "text": "I want my mo",
    }


def test_without_the_rule_nobody_sees_a_preview(server: Running, stack: ExitStack) -> None:
    """It is taken, as a client may send it from habit, and goes nowhere."""
    ann, ada, _ = talk(server, stack)
    assert all("previewsShown" not in p for p in payloads(ada.until("ParticipantJoined")))
    ada.done("messaging/preview", {"text": "secret"})
    ada.say("sent")
    kinds: list[str] = []
    while "messaging.Text" not in kinds:
        kinds += [event["kind"] for event in ann.poll()]
    assert "messaging.Preview" not in kinds


def test_a_preview_is_in_no_log(server: Running, stack: ExitStack) -> None:
    """Neither in the transcript nor after a reload of the desk."""
    ann, ada, interaction_id = talk(server, stack, sneak_peek=True)
    ada.done("messaging/preview", {"text": "secret"}, idempotency_key="1")
    ann.hear("messaging.Preview")
    transcript = ann.ask("GET", f"engagementCenter/interactions/{interaction_id}/transcript")
    ann.ask("DELETE", "streaming/session")
    assert "secret" not in str(transcript.json()) + str(ann.open())


def test_a_text_takes_the_place_of_its_preview(server: Running, stack: ExitStack) -> None:
    """A preview that was not shown yet would look like the beginning of another text."""
    ann, ada, _ = talk(server, stack, sneak_peek=True)
    ada.done("messaging/preview", {"text": "Hel"})
    ada.say("Hello")
    assert [event["kind"] for event in ann.poll()] == ["messaging.Text"]


def test_the_contact_is_told_when_a_transfer_changes_it(server: Running, stack: ExitStack) -> None:
    """Transferred says what holds with the new work type."""
    ann, ada, interaction_id = talk(server, stack)
    rules(server, "32", sneak_peek=True)
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": "32"})
    (moved,) = [p for p in payloads(ada.until("Transferred")) if p["kind"] == "messaging.Transferred"]
    assert moved["previewsShown"] is True


def test_a_preview_may_be_empty_and_not_too_long(server: Running, stack: ExitStack) -> None:
    """Empty: all of it was deleted."""
    ann, ada, _ = talk(server, stack, sneak_peek=True)
    ada.done("messaging/preview", {"text": ""})
    assert ann.hear("messaging.Preview")["text"] == ""
    refused = ada.post("messaging/preview", {"text": "x" * 2001})
    assert (refused.status, refused.json()["errors"][0]["reason"]) == (400, "invalidPreview")
