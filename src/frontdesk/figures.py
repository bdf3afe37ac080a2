"""What an operator can measure: the figures of `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from frontdesk.http.ops import Reading

if TYPE_CHECKING:
    from frontdesk.server import App


def readings(app: App) -> Iterable[Reading]:
    """Everything that `/metrics` tells."""
    floor, hub, writer = app.context.floor, app.hub, app.store.writer
    answered = {str(status): float(n) for status, n in app.dispatcher.answered.items()}
    yield "frontdesk_answers", "Answers by HTTP status.", "counter", answered
    yield "frontdesk_sessions", "Streaming sessions.", "gauge", {"alive": len(floor.sessions), "held": hub.held}
    yield "frontdesk_interactions", "Open interactions.", "gauge", {"open": len(floor.interactions)}
    waiting = sum(app.positions.waiting().values())
    yield "frontdesk_queue", "Contacts that wait for an agent.", "gauge", {"waiting": waiting}
    calls = {state: float(count) for state, count in app.call_backs.counts().items()}
    yield "frontdesk_call_backs", "Due callbacks at this node, by state.", "gauge", calls
    events = {"delivered": float(hub.delivered), "again": float(hub.redelivered)}
    yield "frontdesk_events", "Events handed to clients.", "counter", events
    stored = {"commits": float(writer.commits), "batches": float(writer.batches)}
    yield "frontdesk_store", "Commits, and the batches that carried them.", "counter", stored
    limits = app.limits
    refused: dict[str, float] = {
        "tokens": limits.tokens_by_address.refused + limits.tokens_by_organization.refused,
        "sessions": limits.sessions_by_address.refused,
        "messages": limits.messages_by_session.refused,
        "polls": limits.polls_by_session.refused,
        "connections": app.doors.refused,
        "overload": app.store.writer.refused,
    }
    yield "frontdesk_refused", "Requests over a limit, by limit.", "counter", refused
    yield "frontdesk_store_pending", "Commits that wait for the disk.", "gauge", {"pending": writer.pending}
    yield "frontdesk_store_reading", "Reads of the database under way.", "gauge", {"reading": app.store.reading}
    if app.together is not None:
        yield from app.together.readings()
