import json
from collections.abc import Mapping

import pytest

from frontdesk.domain import events
from frontdesk.domain.events import Event
from frontdesk.domain.model import EntityType

SYSTEM = EntityType.SYSTEM
WHO = {"entityName": "Concierge", "entityType": "System"}
SAID = {"messageId": "5", **WHO, "sentTime": "2026-01-01T00:00:00.000Z"}
# One of each kind, with the payload that the contract's table (wire.md) gives it.
CASES: dict[str, tuple[Event, Mapping[str, object]]] = {
    "Connected": (
        events.Connected(interaction_id="7", work_type_id="79", contact_name="Ada"),
        {"workTypeId": "79", "contactName": "Ada"},
    ),
    "QueueStatus": (
        events.QueueStatus(interaction_id="7", position=3, estimated_wait_seconds=events.Wait(10, 90)),
        {"position": 3, "estimatedWaitSeconds": {"low": 10, "high": 90}},
    ),
    "ParticipantJoined": (
        events.ParticipantJoined(interaction_id="7", entity_name="Concierge", entity_type=SYSTEM),
        WHO,
    ),
    "ParticipantLeft": (
        events.ParticipantLeft(interaction_id="7", entity_name="Concierge", entity_type=SYSTEM),
        WHO,
    ),
    "Text": (
        events.Text(
            interaction_id="7", message_id="5", entity_name="Concierge", entity_type=SYSTEM, text="Hi \u2028 <b>",
            sent_time="2026-01-01T00:00:00.000Z",
        ),
        {**SAID, "text": "Hi \u2028 <b>"},
    ),
    "PushUrl": (
        events.PushUrl(
            interaction_id="7", message_id="5", entity_name="Concierge", entity_type=SYSTEM, url="https://e.com/?a=1&b=2",
            sent_time="2026-01-01T00:00:00.000Z",
        ),
        {**SAID, "url": "https://e.com/?a=1&b=2"},
    ),
    "DialRequest": (
        events.DialRequest(interaction_id="7", digits="+1 978", message_id="5"),
        {"digits": "+1 978", "messageId": "5"},
    ),
    "DialAnswered": (
        events.DialAnswered(
            interaction_id="7", message_id="6", entity_name="Concierge", entity_type=SYSTEM, request_id="5",
            answer="accepted", digits="+1 978",
        ),
        {"messageId": "6", **WHO, "requestId": "5", "answer": "accepted", "digits": "+1 978"},
    ),
    "Notification": (
        events.Notification(
            interaction_id="7", entity_name="Concierge", entity_type=SYSTEM, state="composing", expires_after_seconds=5
        ),
        {**WHO, "state": "composing", "expiresAfterSeconds": 5},
    ),
    "Preview": (
        events.Preview(interaction_id="7", entity_name="Concierge", entity_type=SYSTEM, text="Hel"),
        {**WHO, "text": "Hel"},
    ),
    "Delivered": (events.Delivered(interaction_id="7", message_id="5"), {"messageId": "5"}),
    "Read": (
        events.Read(interaction_id="7", message_id="5", entity_type=SYSTEM),
        {"messageId": "5", "entityType": "System"},
    ),
    "Note": (
        events.Note(interaction_id="7", message_id="5", entity_name="Concierge", entity_type=SYSTEM, text="Hi"),
        {"messageId": "5", **WHO, "text": "Hi"},
    ),
    "Transferred": (events.Transferred(interaction_id="7", work_type_id="32"), {"workTypeId": "32"}),
    "CallBackScheduled": (
        events.CallBackScheduled(
            interaction_id="7", call_back_id="9", call_back_time="2026-01-01T00:00:00.000Z", digits="112"
        ),
        {"callBackId": "9", "callBackTime": "2026-01-01T00:00:00.000Z", "digits": "112"},
    ),
    "Error": (
        events.Error(interaction_id="7", code=500, message="Sorry.", request_kind="scheduleCallBack"),
        {"code": 500, "message": "Sorry.", "requestKind": "scheduleCallBack"},
    ),
    "Disconnected": (events.Disconnected(interaction_id="7", reason="agent"), {"reason": "agent"}),
}  # fmt: skip


def kind(name: str) -> str:
    """As it is called on the wire. Notes are the agents' own."""
    return f"engagementCenter.{name}" if name == "Note" else f"messaging.{name}"


@pytest.mark.parametrize("name", CASES)
def test_each_kind_carries_the_fields_of_the_contract(name: str) -> None:
    """And `kind` and `interactionId`, as every payload; the payload is JSON text."""
    event, fields = CASES[name]
    assert events.kind_of(event) == kind(name)
    assert json.loads(events.payload(event)) == {"kind": kind(name), "interactionId": "7", **fields}


def test_every_kind_is_tried_here() -> None:
    """A new kind joins the table above."""
    assert {kind(name) for name in CASES} == set(events.KINDS)


def test_an_unknown_wait_is_left_out() -> None:
    """Rather than sent as null, which a client would have to know about."""
    payload = json.loads(events.payload(events.QueueStatus(interaction_id="7", position=1)))
    assert "estimatedWaitSeconds" not in payload


def test_a_stored_event_has_id_and_number_and_a_passing_one_has_neither() -> None:
    """Contract: so a client can tell what will come again from what will not. The payload is a JSON string."""
    stored = json.loads(events.envelope("messaging.Text", 0, '{"kind":"x"}', event_id="7-1", number=3))
    passing = json.loads(events.envelope("messaging.Notification", 0, '{"kind":"x"}'))
    shared = {"publishedTime": "1970-01-01T00:00:00.000Z", "payload": '{"kind":"x"}'}
    assert stored == {"kind": "messaging.Text", "id": "7-1", "sequenceNumber": 3, **shared}
    assert passing == {"kind": "messaging.Notification", **shared}
