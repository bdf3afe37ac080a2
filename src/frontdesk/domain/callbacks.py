"""Voice callbacks: when they are due."""

from __future__ import annotations

from frontdesk.domain import events
from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import CALL_BACK_MINUTES_MAX
from frontdesk.domain.messages import entry
from frontdesk.domain.model import CallBack, Channel, Contact, EntityType, Entry, Interaction, Session, State, WorkType
from frontdesk.domain.times import parse_utc, rfc3339


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
