"""Voice callbacks: when they are due, and how they stand.

    scheduled ──due──► queued ──accept──► active ──disconnect──► done
        ▲ │               │ ▲               │ │
        │ └───cancel──────┴─┼──► cancelled  │ │
        │                   └───transfer────┘ │
        └────────────────reschedule───────────┘

A callback is an interaction of its own, and its record follows that.
"""

from __future__ import annotations

from msgspec.structs import replace

from frontdesk.domain import events
from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import DAY_MS, Hours, is_open, next_opening
from frontdesk.domain.limits import CALL_BACK_MINUTES_MAX, CALL_BACK_TRIES_MAX
from frontdesk.domain.messages import entry
from frontdesk.domain.model import (
    CallBack,
    CallBackState,
    Channel,
    Contact,
    EndReason,
    EntityType,
    Entry,
    Interaction,
    Session,
    State,
    WorkType,
)
from frontdesk.domain.times import parse_utc, rfc3339

# In these it is a matter of agents.
AT_WORK = frozenset({CallBackState.QUEUED, CallBackState.ACTIVE})
# In these it is still to be made.
AHEAD = AT_WORK | {CallBackState.SCHEDULED}
# Why an assignment ended: the contact was not reached, and is called at another time.
RESCHEDULED = "rescheduled"


def due_time(call_back_time: str | None, delay_minutes: int | None, now_ms: int) -> int:
    """The instant asked for, in ms. Raises Invalid unless exactly one is given and it lies ahead.

    Document, ScheduleCallback: either callBackTime or delayStartDuration, but not both.
    """
    if (call_back_time is None) == (delay_minutes is None):
        raise Invalid(
            "exactlyOneTime", "Send either callBackTime or delayStartDuration, but not both.", scope="callBackTime"
        )
    if call_back_time is not None:
        return _within_reach(parse_utc(call_back_time, "callBackTime"), now_ms, "callBackTime")
    assert delay_minutes is not None
    if delay_minutes < 0:
        raise Invalid("invalidDelay", "Send whole minutes, 0 or more.", scope="delayStartDuration")
    return _within_reach(now_ms + delay_minutes * 60_000, now_ms - 1, "delayStartDuration")


def _within_reach(due_ms: int, after_ms: int, scope: str) -> int:
    if due_ms <= after_ms:
        raise Invalid("timeInThePast", "Send a time in the future.", scope=scope)
    if due_ms - after_ms > CALL_BACK_MINUTES_MAX * 60_000 + 1:
        raise Invalid("timeTooFar", "Send a time within the next two years.", scope=scope)
    return due_ms


def known_from(contact: Contact, chat: Interaction | None) -> Contact:
    """The contact of a callback asked for beside an open chat: their address stays known, and so who served them."""
    return replace(contact, email=chat.contact.email) if chat is not None and not contact.email else contact


def book(
    number: int, session: Session, contact: Contact, work_type: WorkType, digits: str, due_ms: int, now_ms: int
) -> tuple[CallBack, Interaction, Entry]:
    """A callback, the interaction of its own that it is, and the entry that tells the contact."""
    call_back = CallBack(
        call_back_id=str(number),
        interaction_id=number,
        org_id=session.org_id,
        work_type_id=work_type.work_type_id,
        contact=contact,
        digits=digits,
        due_ms=due_ms,
        created_ms=now_ms,
    )
    interaction = Interaction(
        interaction_id=number,
        org_id=session.org_id,
        session_id=session.session_id,
        work_type_id=work_type.work_type_id,
        channel=Channel.CALLBACK,
        state=State.SCHEDULED,
        contact=contact,
        created_ms=now_ms,
    )
    booked = events.CallBackScheduled(
        interaction_id=str(number), call_back_id=str(number), call_back_time=rfc3339(due_ms), digits=digits
    )
    return call_back, interaction, entry(interaction, booked, EntityType.SYSTEM, now_ms, session)


def call_time(hours: Hours | None, now_ms: int) -> int:
    """The first moment from now on at which agents may call: now, while it is open.

    Where it never opens that is tomorrow's question: whoever sets the hours right should not find it lost.
    """
    if hours is None or is_open(hours, now_ms):
        return now_ms
    return next_opening(hours, now_ms) or now_ms + DAY_MS


def come_due(interaction: Interaction, call_back: CallBack) -> None:
    """It waits for an agent, since the time that was promised. The fence rises."""
    interaction.state, interaction.queued_ms = State.QUEUED, call_back.due_ms
    interaction.fence += 1


def postponed(call_back: CallBack, opens_ms: int) -> CallBack:
    """Its time came while it was closed: it is due when that opens."""
    return replace(call_back, due_ms=opens_ms)


def put_off(interaction: Interaction, call_back: CallBack, due_ms: int) -> CallBack:
    """The contact was not reached: it is due again at `due_ms`. The fence rises. Raises Invalid."""
    check_tries(call_back)
    interaction.state, interaction.owner, interaction.for_agent = State.SCHEDULED, "", ""
    interaction.priority = 0
    interaction.fence += 1
    return replace(following(interaction, call_back), due_ms=due_ms, tries=call_back.tries + 1)


def check_tries(call_back: CallBack) -> None:
    """Raises Invalid when it was put off as often as it may be."""
    if call_back.tries >= CALL_BACK_TRIES_MAX:
        raise Invalid("tooManyTries", "It was put off too often already: disconnect, and dispose of it.")


def following(interaction: Interaction, call_back: CallBack) -> CallBack:
    """The record as its interaction stands now."""
    if interaction.state is State.CLOSED:
        was_made = interaction.closed_reason == EndReason.AGENT
        state = CallBackState.DONE if was_made else CallBackState.CANCELLED
    else:
        state = CallBackState(interaction.state.value)
    return replace(call_back, state=state, work_type_id=interaction.work_type_id)
