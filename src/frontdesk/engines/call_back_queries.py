"""The cold reads of callbacks, as in `engines/queries.py`. `ix_call_backs_due` gives each of them in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from frontdesk.domain.model import CallBack, CallBackState
from frontdesk.engines import queries
from frontdesk.engines.schema import call_backs
from frontdesk.ports import Booked, Due

_c = call_backs.c


def of_organization(db: Connection, org_id: str) -> list[CallBack]:
    """An organization's callbacks, the next one due first."""
    query = select(call_backs).where(_c.org_id == org_id).order_by(_c.due_ms, _c.call_back_id)
    return queries.call_backs_with_tries(db, db.execute(query))


def page(
    db: Connection, org_id: str, states: Sequence[CallBackState], after: tuple[int, str], limit: int
) -> list[Booked]:
    """Those in these states behind a time and an id, in that order, with their interactions.

    Each state has its own stretch of the index; one query over several would sort all that an organization ever had.
    """
    found: list[Any] = []
    for state in states:
        which = (_c.org_id == org_id) & (_c.state == state.value) & (_c.due_ms >= after[0])
        behind = which & (tuple_(_c.due_ms, _c.call_back_id) > tuple_(*after))
        query = select(call_backs).where(behind).order_by(_c.due_ms, _c.call_back_id).limit(limit)
        found += db.execute(query).all()
    found.sort(key=lambda row: (row.due_ms, row.call_back_id))
    shown = queries.call_backs_with_tries(db, found[:limit])
    theirs = {i.interaction_id: i for i in queries.interactions_of(db, [c.interaction_id for c in shown])}
    return [(c, theirs[c.interaction_id]) for c in shown]


def due(db: Connection, org_id: str, now_ms: int, limit: int) -> Due:
    """Those whose time has come, the oldest first, and when the next one is due."""
    scheduled = (_c.org_id == org_id) & (_c.state == CallBackState.SCHEDULED.value)
    query = select(call_backs).where(scheduled, _c.due_ms <= now_ms).order_by(_c.due_ms).limit(limit)
    found = queries.call_backs_with_tries(db, db.execute(query))
    theirs = {i.interaction_id: i for i in queries.interactions_of(db, [c.interaction_id for c in found])}
    next_ms = db.execute(select(func.min(_c.due_ms)).where(scheduled, _c.due_ms > now_ms)).scalar()
    return Due(tuple(found), tuple(theirs[c.interaction_id] for c in found), next_ms or 0)


def one(db: Connection, call_back_id: str) -> Booked | None:
    """A callback, whatever became of it."""
    found = queries.call_backs_with_tries(db, db.execute(select(call_backs).where(_c.call_back_id == call_back_id)))
    return next(((c, i) for c in found for i in queries.interactions_of(db, [c.interaction_id])), None)
