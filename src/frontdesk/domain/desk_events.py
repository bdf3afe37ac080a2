"""Every event on an agent's stream besides the `messaging.` ones, which are the log's own.

Kinds are those of the contract (`wire.md`, Agents); the fields are ours, in camelCase on the wire. Every event says
whose it is, as one stream may carry several users' (an integration's).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode


class DeskEvent(Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", omit_defaults=True):
    """What all payloads share."""

    user_id: str


class Line(Struct, frozen=True, rename="camel"):
    """One entry of a transcript: `payload` is the event's JSON, as it was sent."""

    sequence_number: int
    kind: str
    published_time: str
    payload: str


class Datum(Struct, frozen=True, rename="camel"):
    """One name-value pair of the contact."""

    key: str
    value: str


class Other(Struct, frozen=True, rename="camel"):
    """Another agent in the interaction: what they are in it (`part`), and whether they have accepted that (`stage`)."""

    user_id: str
    name: str
    part: str
    stage: str


class Subject(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An interaction as its agent sees it. `stage` is offered, active, held or wrap; `part` what the agent is in it.

    `due_time` is when the offer or the wrap-up runs out. `others` are the agents in it besides. `transcript` holds the
    newest entries; `is_complete`: all. Of a callback: the number to call, when that was promised, and how often it was
    tried before.
    """

    interaction_id: str
    work_type_id: str
    channel: str
    stage: str
    part: str
    contact_name: str
    contact_email: str = ""
    contact_data: tuple[Datum, ...] = ()
    queued_time: str = ""
    offered_time: str = ""
    accepted_time: str = ""
    due_time: str = ""
    disposition_required: bool = False
    is_contact_away: bool = False
    others: tuple[Other, ...] = ()
    transcript: tuple[Line, ...] = ()
    is_complete: bool = True
    call_back_id: str = ""
    digits: str = ""
    call_back_time: str = ""
    tries: int = 0


class Snapshot(DeskEvent, tag="engagementCenter.Snapshot", frozen=True):
    """Everything at one moment: the first event of a session, and enough to show a desk after a reload."""

    state: str
    since_time: str = ""
    reason_id: str = ""
    work_type_ids: tuple[str, ...] = ()
    maximum: int = 0
    interactions: tuple[Subject, ...] = ()


class Connected(DeskEvent, tag="engagementCenter.Connected", frozen=True):
    """The agent works from now on, not ready yet."""

    work_type_ids: tuple[str, ...] = ()
    maximum: int = 0


class Ready(DeskEvent, tag="engagementCenter.Ready", frozen=True):
    """The agent takes work."""


class NotReady(DeskEvent, tag="engagementCenter.NotReady", frozen=True):
    """The agent takes no work. `reason_id` is one of the organization's, noAnswer, or forced (by a supervisor)."""

    reason_id: str = ""
    memo: str = ""


class SignedOff(DeskEvent, tag="engagementCenter.Disconnected", frozen=True):
    """The agent stopped working. `reason`: user, forced (by a supervisor), connectionLost."""

    reason: str


class Offered(DeskEvent, tag="engagementCenter.InteractionOffered", frozen=True):
    """Take it or leave it, until `interaction.due_time`."""

    interaction: Subject
    from_user_id: str = ""
    memo: str = ""


class CallBackOffered(DeskEvent, tag="engagementCenter.CallBackOffered", frozen=True):
    """A callback is due: accept it and call `interaction.digits`, or leave it, until `interaction.due_time`."""

    interaction: Subject
    from_user_id: str = ""
    memo: str = ""


class CallBackRescheduled(DeskEvent, tag="engagementCenter.CallBackRescheduled", frozen=True):
    """The agent has it no more: it is due again at `call_back_time`, for any agent."""

    interaction_id: str
    call_back_time: str


class OfferTimedOut(DeskEvent, tag="engagementCenter.AcceptCallTimeout", frozen=True):
    """The offer ran out: it goes on to others, and the agent is not ready."""

    interaction_id: str


class OfferWithdrawn(DeskEvent, tag="engagementCenter.OfferWithdrawn", frozen=True):
    """The offer is no more.

    `reason`: contactLeft, declined, transferred, cancelled, restarted, notReady, agentLost, rescheduled.
    """

    interaction_id: str
    reason: str


class Active(DeskEvent, tag="engagementCenter.Active", frozen=True):
    """The agent has the interaction: all of it up to now."""

    interaction: Subject


class Activate(DeskEvent, tag="engagementCenter.ActivateInteraction", frozen=True):
    """Show this interaction: the agent chose it on one of their devices."""

    interaction_id: str


class Held(DeskEvent, tag="engagementCenter.Held", frozen=True):
    """Set aside."""

    interaction_id: str


class Retrieved(DeskEvent, tag="engagementCenter.Retrieved", frozen=True):
    """Taken up again."""

    interaction_id: str


class Transferred(DeskEvent, tag="engagementCenter.Transferred", frozen=True):
    """The agent has it no more: it went to a work type or a user."""

    interaction_id: str
    work_type_id: str = ""
    to_user_id: str = ""


class ConsultStarted(DeskEvent, tag="engagementCenter.ConsultStarted", frozen=True):
    """`with_user_id` listens and talks with the agents, unseen by the contact."""

    interaction_id: str
    with_user_id: str


class ConsultEnded(DeskEvent, tag="engagementCenter.ConsultEnded", frozen=True):
    """The side talk or the conference is over.

    `reason`: cancelled, declined, noAnswer, notReady, transferred, agentLost, rescheduled.
    """

    interaction_id: str
    with_user_id: str
    reason: str


class ConferenceStarted(DeskEvent, tag="engagementCenter.ConferenceStarted", frozen=True):
    """`with_user_id` talks with the contact as well."""

    interaction_id: str
    with_user_id: str


class Wrap(DeskEvent, tag="engagementCenter.Wrap", frozen=True):
    """The conversation is over; finish it until `due_time` ("" : when you are done)."""

    interaction_id: str
    due_time: str = ""
    disposition_required: bool = False
    reason: str = ""


class Disposed(DeskEvent, tag="engagementCenter.Disposed", frozen=True):
    """The interaction is finished, and its place free. `reason`: disposed, wrapTimeout, left, agentLost."""

    interaction_id: str
    disposition_id: str = ""
    reason: str = ""


class ContactAway(DeskEvent, tag="engagementCenter.ContactReconnecting", frozen=True):
    """The contact's session ended; they may come back until `until_time`."""

    interaction_id: str
    until_time: str


class ContactBack(DeskEvent, tag="engagementCenter.ContactReturned", frozen=True):
    """The contact is there again."""

    interaction_id: str


class Problem(DeskEvent, tag="engagementCenter.Error", frozen=True):
    """A command that was answered 202 came to nothing."""

    code: int
    message: str
    request_kind: str
    interaction_id: str = ""


def kind_of(event: DeskEvent) -> str:
    """The event's name on the wire."""
    return str(type(event).__struct_config__.tag)


def payload(event: DeskEvent) -> str:
    """The event as the JSON text that travels in `payload`."""
    return _encode(event).decode()
