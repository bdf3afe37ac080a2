"""What requests leave in the audit log: who did what to another's work."""

from __future__ import annotations

import msgspec

from frontdesk.actions.context import Context
from frontdesk.domain.people import Audit
from frontdesk.http.wire import Call

_encode = msgspec.json.Encoder().encode


def note(context: Context, call: Call, act: str, subject: str, **detail: str) -> Audit:
    """A line for the audit log, to be stored with the act itself."""
    return Audit(
        audit_id=context.ids.number(),
        org_id=call.organization.org_id,
        time_ms=context.clock.now_ms(),
        actor=call.bearer.actor,
        act=act,
        subject=subject,
        detail=_encode(detail).decode(),
    )


def acts_for_another(call: Call, user_id: str) -> bool:
    """Whether the bearer is not this user: another person, or a program."""
    return call.bearer.user_id != user_id
