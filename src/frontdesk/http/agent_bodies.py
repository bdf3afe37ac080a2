"""The request bodies and answers of the agents' API (contract, `wire.md`, Agents)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.domain import limits
from frontdesk.domain.desk_events import Datum, Line, Subject
from frontdesk.domain.explaining import Decision, Explanation
from frontdesk.http.bodies import Id

_AUDIENCE = Meta(
    description="Who hears it: the contact and all agents, or the agents alone.",
    extra_json_schema={"enum": ["contact", "agents"]},
)


class AgentSession(Struct, frozen=True, rename="camel"):
    """What a new streaming session of an agent is to be like."""

    inactivity_delay: Annotated[int | None, Meta(description="Seconds without a poll before the session ends.")] = None
    require_acknowledgement: Annotated[
        bool | None, Meta(description="Send events again until they are acknowledged.")
    ] = None


class AgentConnect(Struct, frozen=True, rename="camel"):
    """Come to work."""

    work_type_ids: Annotated[list[Id] | None, Meta(description="Of the work types served, those for today.")] = None
    maximum: Annotated[int | None, Meta(description="Chats at one time; as provisioned when left out.")] = None


class AgentNotReady(Struct, frozen=True, rename="camel"):
    """Why no work is taken."""

    reason_id: Id | None = None
    memo: str | None = None


class Accept(Struct, frozen=True, rename="camel"):
    """Take an offer."""

    ehub_session_id: Annotated[str | None, Meta(description="Accepted and not needed: all screens show it.")] = None


class Reject(Struct, frozen=True, rename="camel"):
    """Leave an offer."""

    reason_id: Id | None = None


class Transfer(Struct, frozen=True, rename="camel"):
    """Hand an interaction on."""

    transfer_type: Annotated[str, Meta(extra_json_schema={"enum": ["workType", "user"]})]
    work_type_id: Id | None = None
    user_id: str | None = None


class Consult(Struct, frozen=True, rename="camel"):
    """Ask another agent."""

    consult_type: Annotated[str, Meta(extra_json_schema={"enum": ["workType", "user"]})]
    work_type_id: Id | None = None
    user_id: str | None = None


class Reschedule(Struct, frozen=True, rename="camel"):
    """When to call again. Exactly one of the two times."""

    call_back_time: Annotated[str | None, Meta(description="UTC, as 2026-06-01T12:00:00.000Z; in the future.")] = None
    delay_start_duration: Annotated[
        int | None, Meta(description="Minutes from now.", extra_json_schema={"minimum": 0})
    ] = None


class Dispose(Struct, frozen=True, rename="camel"):
    """Finish the wrap-up."""

    disposition_id: Id | None = None
    memo: str | None = None


class AgentText(Struct, frozen=True, rename="camel"):
    """What an agent says. `entityName` is how they are called in front of the contact."""

    interaction_id: Id
    text: Annotated[
        str | None,
        Meta(
            description="Needed unless cannedResponseId is sent.",
            extra_json_schema={"minLength": 1, "maxLength": limits.TEXT_MAX},
        ),
    ] = None
    canned_response_id: Annotated[Id | None, Meta(description="Say this canned response, with the names put in.")] = (
        None
    )
    entity_name: str | None = None
    entity_type: str | None = None
    audience: Annotated[str, _AUDIENCE] = "contact"


class AgentPushUrl(Struct, frozen=True, rename="camel"):
    """A link from an agent."""

    interaction_id: Id
    url: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": limits.URL_MAX})]
    entity_name: str | None = None
    entity_type: str | None = None
    audience: Annotated[str, _AUDIENCE] = "contact"


class AgentNotification(Struct, frozen=True, rename="camel"):
    """An agent is composing."""

    interaction_id: Id
    state: Annotated[str, Meta(extra_json_schema={"enum": ["composing"]})]
    expires_after_seconds: int | float
    entity_name: str | None = None
    entity_type: str | None = None


class AgentRead(Struct, frozen=True, rename="camel"):
    """An agent has read everything up to this message."""

    interaction_id: Id
    message_id: Id


class DialAnswer(Struct, frozen=True, rename="camel"):
    """Whether the contact is called, as an answer to the `messageId` of their DialRequest."""

    interaction_id: Id
    message_id: Id
    answer: Annotated[str, Meta(extra_json_schema={"enum": ["accepted", "declined"]})]
    entity_name: str | None = None
    entity_type: str | None = None


class Note(Struct, frozen=True, rename="camel"):
    """Something for other agents; the contact never sees it."""

    interaction_id: Id
    text: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": limits.TEXT_MAX})]


class Standing(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where an agent stands: the state, and the interactions held, without their transcripts."""

    user_id: str
    state: str
    since_time: str
    reason_id: str
    memo: str
    work_type_ids: tuple[str, ...]
    maximum: int
    interactions: tuple[Subject, ...]


class TranscriptPage(Struct, frozen=True, rename="camel"):
    """A piece of a conversation's log, oldest first. `hasMore`: ask again after `lastSequenceNumber`."""

    interaction_id: str
    entries: tuple[Line, ...]
    last_sequence_number: int
    has_more: bool


class Participation(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a user had to do with an interaction, from the offer on; times are "" for what did not happen."""

    user_id: str
    part: str
    stage: str
    offered_time: str
    accepted_time: str
    ended_time: str
    reason: str
    disposition_id: str
    memo: str


class Recording(Struct, frozen=True, kw_only=True, rename="camel"):
    """An interaction, open or over, and a piece of its log. `hasMore`: ask again after `lastSequenceNumber`."""

    interaction_id: str
    work_type_id: str
    channel: str
    state: str
    contact_name: str
    contact_email: str
    contact_data: tuple[Datum, ...]
    created_time: str
    closed_time: str
    closed_reason: str
    owner_id: str
    participations: tuple[Participation, ...]
    entries: tuple[Line, ...]
    last_sequence_number: int
    has_more: bool


class Decided(Decision, frozen=True, kw_only=True, rename="camel"):
    """A decision, and when it was made."""

    time: str


class RoutingRecord(Struct, frozen=True, rename="camel"):
    """Why an interaction went, or goes, where it does: `now` while it waits, and every decision so far."""

    interaction_id: str
    now: Explanation | None
    decisions: tuple[Decided, ...]
