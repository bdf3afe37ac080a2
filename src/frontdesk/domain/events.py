"""Every event that the server puts on a contact's stream: the one table of names chosen by us.

The public document fixes that an event carries a JSON `payload`; kinds and fields are ours (contract, `wire.md`)
and stand here alone, so that an integrator who knows the vendor's own names corrects them in one place.
Property names become camelCase on the wire; every time is RFC 3339 UTC.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from frontdesk.domain.model import EntityType
from frontdesk.domain.times import rfc3339

_encode = msgspec.json.Encoder().encode


class Event(Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", omit_defaults=True):
    """What all payloads share. `interaction_id` is a string on the wire, like every id of the family."""

    interaction_id: str


class Connected(Event, tag="messaging.Connected", frozen=True):
    """The interaction is open. With `previews_shown`, agents see what the contact types before it is sent."""

    work_type_id: str
    contact_name: str
    previews_shown: bool = False


class Wait(Struct, frozen=True):
    """A range of seconds."""

    low: int
    high: int


class QueueStatus(Event, tag="messaging.QueueStatus", frozen=True):
    """Where the contact stands in its queue (1 is next). Passing: never numbered, stored or repeated."""

    position: int
    estimated_wait_seconds: Wait | None = None


class ParticipantJoined(Event, tag="messaging.ParticipantJoined", frozen=True):
    """A script or an agent came into the conversation."""

    entity_name: str
    entity_type: EntityType


class ParticipantLeft(Event, tag="messaging.ParticipantLeft", frozen=True):
    """A participant went."""

    entity_name: str
    entity_type: EntityType


class Text(Event, tag="messaging.Text", frozen=True):
    """A message."""

    message_id: str
    entity_name: str
    entity_type: EntityType
    text: str
    sent_time: str


class PushUrl(Event, tag="messaging.PushUrl", frozen=True):
    """A link for the other side to look at."""

    message_id: str
    entity_name: str
    entity_type: EntityType
    url: str
    sent_time: str


class DialRequest(Event, tag="messaging.DialRequest", frozen=True):
    """The contact asks to be called on this number now: an escalation to voice. An agent answers it."""

    digits: str
    message_id: str = ""


class DialAnswered(Event, tag="messaging.DialAnswered", frozen=True):
    """An agent calls the contact on this number (`answer`: accepted), or does not (declined): the record of it."""

    message_id: str
    entity_name: str
    entity_type: EntityType
    request_id: str
    answer: str
    digits: str


class Note(Event, tag="engagementCenter.Note", frozen=True):
    """An agent wrote something down for other agents. Never on a contact's stream."""

    message_id: str
    entity_name: str
    entity_type: EntityType
    text: str


class Notification(Event, tag="messaging.Notification", frozen=True):
    """A participant is composing. Passing: never numbered, stored or repeated."""

    entity_name: str
    entity_type: EntityType
    state: str
    expires_after_seconds: int | float


class Preview(Event, tag="messaging.Preview", frozen=True):
    """What the contact has typed and not sent. Passing: never numbered, stored or repeated. To agents only."""

    entity_name: str
    entity_type: EntityType
    text: str


class Delivered(Event, tag="messaging.Delivered", frozen=True):
    """What agents said, up to this message, has reached the contact. Passing; to agents only."""

    message_id: str


class Read(Event, tag="messaging.Read", frozen=True):
    """A participant has read everything up to this message. Passing: never numbered, stored or repeated."""

    message_id: str
    entity_type: EntityType


class Transferred(Event, tag="messaging.Transferred", frozen=True):
    """The interaction went on to another work type. `previews_shown`: as in Connected, from now on."""

    work_type_id: str
    previews_shown: bool = False


class CallBackScheduled(Event, tag="messaging.CallBackScheduled", frozen=True):
    """A voice callback is booked."""

    call_back_id: str
    call_back_time: str
    digits: str


class Error(Event, tag="messaging.Error", frozen=True):
    """A request that was answered 202 failed later."""

    code: int
    message: str
    request_kind: str


class Disconnected(Event, tag="messaging.Disconnected", frozen=True):
    """The interaction is over; always its last event."""

    reason: str


class _Envelope(Struct, frozen=True, rename="camel", omit_defaults=True):
    """In the order of the wire."""

    kind: str
    id: str = ""
    sequence_number: int = 0
    # Never left out, as the payload is not.
    published_time: str = ""
    payload: str = ""


def kind_of(event: Event) -> str:
    """The event's name on the wire, as "messaging.Text"."""
    return _KIND[type(event)]


def payload(event: Event) -> str:
    """The event as the JSON text that travels in `payload`."""
    return _encode(event).decode()


def envelope(kind: str, published_ms: int, payload: str, *, event_id: str = "", number: int = 0) -> bytes:
    """One element of a poll's `events`. Passing events have neither id nor number, and carry neither field."""
    return _encode(_Envelope(kind, event_id, number, rfc3339(published_ms), payload))


_KIND: dict[type[Event], str] = {
    cls: str(cls.__struct_config__.tag)
    for cls in (
        Connected, QueueStatus, ParticipantJoined, ParticipantLeft, Text, PushUrl, DialRequest, DialAnswered, Note,
        Notification,
        Preview, Delivered, Read, Transferred, CallBackScheduled, Error, Disconnected,
    )
}  # fmt: skip
KINDS = tuple(sorted(_KIND.values()))
