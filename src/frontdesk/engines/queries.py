"""The cold reads, in SQLAlchemy Core, the same for every engine. Each takes a connection and blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from frontdesk.domain.assignments import PASSED_OVER, TRANSFERRED, Assignment, Part
from frontdesk.domain.callbacks import AT_WORK, RESCHEDULED
from frontdesk.domain.model import CallBack, Channel, EntityType, Interaction, Repeat, Session, State, StoredEvent
from frontdesk.domain.people import AgentState, Audit, Grant
from frontdesk.engines import logs, people_rows, rows
from frontdesk.engines.schema import (
    agent_statuses,
    api_keys,
    assignments,
    audit,
    call_backs,
    clients,
    entries,
    grants,
    interactions,
    items,
    marks,
    organizations,
    repeats,
    sessions,
    signing_keys,
    switchboards,
    usage,
    users,
    work_types,
)
from frontdesk.ports import Directory, Recovered, Said, Shift, Usage, Waiting, switchboard_of

_OPEN = (interactions.c.closed_ms == 0) & (interactions.c.channel == "chat")
_SAME = sessions.c.session_id == interactions.c.session_id
# Callbacks that agents have to do with, but for those in wrap-up.
_CALLED = call_backs.c.state.in_([state.value for state in AT_WORK])
# The highest numbers in a log: of an event, of an entry, of an entry that is answered.
Numbers = tuple[int, int, int]
# Sessions read at one time.
_PIECE = 500
_EVENT = (
    entries.c.interaction_id, entries.c.seq, entries.c.stream_seq, entries.c.kind, entries.c.payload, entries.c.time_ms,
)  # fmt: skip


def directory(db: Connection) -> Directory:
    """Organizations, API keys, work types, signing keys."""
    return Directory(
        organizations=tuple(map(rows.organization, db.execute(select(organizations).order_by(organizations.c.org_id)))),
        api_keys=tuple(map(rows.api_key, db.execute(select(api_keys).order_by(api_keys.c.created_ms)))),
        work_types=tuple(
            map(rows.work_type, db.execute(select(work_types).order_by(work_types.c.org_id, work_types.c.created_ms)))
        ),
        signing_keys=tuple(map(rows.signing_key, db.execute(select(signing_keys).order_by(signing_keys.c.created_ms)))),
        users=tuple(map(people_rows.user, db.execute(select(users).order_by(users.c.org_id, users.c.created_ms)))),
        clients=tuple(map(people_rows.client, db.execute(select(clients).order_by(clients.c.created_ms)))),
        items=tuple(map(people_rows.item, db.execute(select(items).order_by(items.c.created_ms)))),
    )


# A session that polls are taken on, or whose conversation waits for its contact to come back.
_ALIVE = (sessions.c.ended_ms == 0) | sessions.c.session_id.in_(select(interactions.c.session_id).where(_OPEN))


def recover(db: Connection, node: str) -> Recovered:
    """What lives at `node`: see `alive`. "" is a process alone: it has every switchboard."""
    found = alive(db, sessions.c.node == node)
    ours = select(switchboards.c.org_id).where(switchboards.c.node == node) if node else select(organizations.c.org_id)
    return at_work(db, found, tuple(db.execute(ours).scalars()))


def at_work(db: Connection, found: Recovered, org_ids: Sequence[str]) -> Recovered:
    """The same, with what the switchboards of these organizations go on with."""
    ids = select(call_backs.c.interaction_id).where(call_backs.c.org_id.in_(org_ids), _CALLED)
    called = interactions_of(db, db.execute(ids).scalars())
    return Recovered(found.sessions, (*found.interactions, *called), shift(db, org_ids))


def alive(db: Connection, which: ColumnElement[bool]) -> Recovered:
    """Living sessions with their newest numbers, open interactions, and the ended sessions that those are on.

    In pieces of ids, each read through an index: asked for all at one time, PostgreSQL reads the whole log when it
    expects many, and what is old in it has no limit.
    """
    living = select(sessions.c.session_id).where(which, sessions.c.ended_ms == 0)
    resting = select(sessions.c.session_id).join_from(interactions, sessions, _SAME).where(which, _OPEN)
    ids = list(dict.fromkeys((*db.execute(living).scalars(), *db.execute(resting).scalars())))
    found: list[Session] = []
    theirs: list[Interaction] = []
    for piece in (ids[i : i + _PIECE] for i in range(0, len(ids), _PIECE)):
        of_piece = interactions.c.session_id.in_(piece)
        here = map(rows.session, db.execute(select(sessions).where(sessions.c.session_id.in_(piece))))
        newest = _newest_on(db, ours := {one.session_id: one for one in here})
        found += ours.values()
        theirs += _interactions(db, _OPEN & of_piece, newest)
    theirs.sort(key=lambda i: (i.queued_ms, i.interaction_id))
    return Recovered(sessions=tuple(found), interactions=tuple(theirs))


def home(db: Connection, session_id: str) -> str | None:
    """The node that a session is at home on, if it goes on; or that of a switchboard, which may be new."""
    return homes(db, (session_id,))[session_id]


def homes(db: Connection, keys: Sequence[str]) -> dict[str, str | None]:
    """The same for many."""
    boards = {org_id: key for key in keys if (org_id := switchboard_of(key))}
    living = select(sessions.c.session_id, sessions.c.node).where(sessions.c.session_id.in_(keys), _ALIVE)
    found: dict[str, str | None] = {**dict.fromkeys(keys), **dict.fromkeys(boards.values(), "")}
    found.update((session_id, node) for session_id, node in db.execute(living))
    if boards:
        taken = select(switchboards.c.org_id, switchboards.c.node).where(switchboards.c.org_id.in_(boards))
        found.update((boards[org_id], node) for org_id, node in db.execute(taken))
    return found


def line(db: Connection, session_id: str) -> str | None:
    """The living session in the line of resumed ones that this one is in, or began."""
    s = sessions.c
    first = select(case((s.first_id == "", s.session_id), else_=s.first_id)).where(s.session_id == session_id)
    living = select(s.session_id).where(s.first_id == first.scalar_subquery(), s.first_id != "", s.ended_ms == 0)
    return db.execute(living).scalar()


def cluster(db: Connection) -> int:
    """The number that names this database."""
    return int(db.execute(select(marks.c.number).where(marks.c.name == "cluster")).scalar_one())


def queues(db: Connection) -> list[Waiting]:
    """Everyone who waits, in the order of coming."""
    i = interactions.c
    query = select(i.org_id, i.work_type_id, i.queued_ms, i.interaction_id).where(_OPEN, i.state == State.QUEUED.value)
    return [Waiting(*row) for row in db.execute(query.order_by(i.queued_ms, i.interaction_id))]


def session(db: Connection, session_id: str) -> Session | None:
    """One session, ended or not, with its open interaction."""
    row = db.execute(select(sessions).where(sessions.c.session_id == session_id)).first()
    if row is None:
        return None
    found = rows.session(row)
    newest = _newest_on(db, {session_id: found})
    found.interaction = next(iter(_interactions(db, _OPEN & (interactions.c.session_id == session_id), newest)), None)
    return found


def grant(db: Connection, digest: str) -> Grant | None:
    """A grant, used or not."""
    row = db.execute(select(grants).where(grants.c.digest == digest)).first()
    return people_rows.grant(row) if row is not None else None


def shift(db: Connection, org_ids: Sequence[str]) -> Shift:
    """What the switchboards of these organizations go on with."""
    statuses = (agent_statuses.c.org_id.in_(org_ids)) & (agent_statuses.c.state != AgentState.OFF.value)
    live = (assignments.c.org_id.in_(org_ids)) & (assignments.c.ended_ms == 0)
    # As domain/assignments.py, `let_pass`.
    handed_on = (assignments.c.part == Part.OWNER.value) & (assignments.c.reason == TRANSFERRED)
    vain = assignments.c.stage.in_([stage.value for stage in PASSED_OVER]) | handed_on
    waiting = select(interactions.c.interaction_id).where(_OPEN, interactions.c.state == State.QUEUED.value)
    called = select(call_backs.c.interaction_id).where(call_backs.c.org_id.in_(org_ids), _CALLED)
    passed = assignments.c.org_id.in_(org_ids) & vain & assignments.c.interaction_id.in_(waiting.union_all(called))
    theirs = select(assignments.c.interaction_id).where(live)
    closed = interactions.c.interaction_id.in_(theirs) & (interactions.c.closed_ms > 0)
    return Shift(
        org_ids=tuple(org_ids),
        statuses=tuple(map(people_rows.agent_status, db.execute(select(agent_statuses).where(statuses)))),
        assignments=tuple(map(people_rows.assignment, db.execute(select(assignments).where(live | passed)))),
        closed=tuple(_interactions(db, closed)),
        call_backs=tuple(_call_backs_at_work(db, org_ids, live)),
    )


def _call_backs_at_work(db: Connection, org_ids: Sequence[str], live: ColumnElement[bool]) -> list[CallBack]:
    """Those that are due, and those in wrap-up; found by index, as an organization may have a million others."""
    a, c = assignments.c, call_backs.c
    theirs = db.execute(select(a.interaction_id).where(live, a.channel == Channel.CALLBACK.value)).scalars()
    found = {row.call_back_id: row for row in db.execute(select(call_backs).where(c.org_id.in_(org_ids), _CALLED))}
    for piece in _pieces(list(theirs)):
        # A callback has the number of its interaction.
        held = db.execute(select(call_backs).where(c.call_back_id.in_([str(number) for number in piece])))
        found.update((row.call_back_id, row) for row in held)
    return call_backs_with_tries(db, found.values())


def call_backs_with_tries(db: Connection, found: Iterable[Any]) -> list[CallBack]:
    """Callbacks from their rows, and how often each was put off: that is counted in its assignments."""
    theirs = list(found)
    a, tries = assignments.c, dict[int, int]()
    for piece in _pieces([row.interaction_id for row in theirs]):
        which = a.interaction_id.in_(piece) & (a.reason == RESCHEDULED) & (a.part == Part.OWNER.value)
        tries.update(db.execute(select(a.interaction_id, func.count()).where(which).group_by(a.interaction_id)).all())
    return [rows.call_back(row, tries.get(row.interaction_id, 0)) for row in theirs]


def interactions_of(db: Connection, interaction_ids: Iterable[int]) -> list[Interaction]:
    """Interactions by their numbers, open or not."""
    pieces = _pieces(list(interaction_ids))
    return [i for piece in pieces for i in _interactions(db, interactions.c.interaction_id.in_(piece))]


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[i : i + _PIECE] for i in range(0, len(ids), _PIECE))


def log(db: Connection, interaction_id: int, after: int, limit: int) -> list[Said]:
    """The entries of an interaction above `after`, oldest first."""
    e = entries.c
    query = select(e.interaction_id, e.seq, e.kind, e.author, e.payload, e.time_ms)
    which = logs.within(db, [interaction_id], above=after)
    return [Said(*row) for row in db.execute(query.where(which).order_by(e.seq).limit(limit))]


def interaction(db: Connection, interaction_id: int) -> Interaction | None:
    """An interaction, open or not."""
    return next(iter(_interactions(db, interactions.c.interaction_id == interaction_id)), None)


def assignments_of(db: Connection, interaction_id: int) -> list[Assignment]:
    """All of an interaction, oldest first."""
    query = select(assignments).where(assignments.c.interaction_id == interaction_id)
    return [people_rows.assignment(row) for row in db.execute(query.order_by(assignments.c.assignment_id))]


def last_agent(db: Connection, org_id: str, contact_key: str) -> str:
    """Who talked to a contact last; whoever still wraps that up, too."""
    a = assignments.c
    which = (a.org_id == org_id) & (a.contact_key == contact_key) & (a.accepted_ms > 0) & (a.part == Part.OWNER.value)
    return db.execute(select(a.user_id).where(which).order_by(a.accepted_ms.desc()).limit(1)).scalar() or ""


def audit_of(db: Connection, org_id: str, before: int, limit: int) -> list[Audit]:
    """Audit entries, newest first."""
    which = audit.c.org_id == org_id
    if before:
        which &= audit.c.audit_id < before
    query = select(audit).where(which).order_by(audit.c.audit_id.desc()).limit(limit)
    return [people_rows.audit(row) for row in db.execute(query)]


def _newest_on(db: Connection, found: Mapping[str, Session]) -> dict[int, Numbers]:
    """Let sessions know their newest event, which their own rows may lag behind; returns the numbers of their logs."""
    i = interactions.c
    theirs = dict(db.execute(select(i.interaction_id, i.session_id).where(i.session_id.in_(list(found)))).all())
    newest = _newest(db, list(theirs))
    for interaction_id, (number, *_) in newest.items():
        one = found[theirs[interaction_id]]
        one.stream_seq = max(one.stream_seq, number)
    return newest


def _newest(db: Connection, interaction_ids: Sequence[int]) -> dict[int, Numbers]:
    e, found = entries.c, dict[int, Numbers]()
    query = select(e.interaction_id, func.max(e.stream_seq), func.max(e.seq), func.max(e.answers))
    for piece in _pieces(interaction_ids):
        for interaction_id, *highest in db.execute(query.where(logs.within(db, piece)).group_by(e.interaction_id)):
            found[interaction_id] = tuple(highest)
    return found


def _interactions(
    db: Connection, which: ColumnElement[bool], newest: Mapping[int, Numbers] = MappingProxyType({})
) -> list[Interaction]:
    """With the numbers of their logs, as far as `newest` does not have them."""
    in_turn = interactions.c.queued_ms, interactions.c.interaction_id
    found = db.execute(select(interactions).where(which).order_by(*in_turn)).all()
    newest = {**newest, **_newest(db, [row.interaction_id for row in found if row.interaction_id not in newest])}
    return [rows.interaction(row, *newest.get(row.interaction_id, (0, 0, 0))[1:]) for row in found]


def stream_after(db: Connection, session_id: str, after: int, limit: int) -> list[StoredEvent]:
    """The events of a session's stream numbered above `after`, oldest first."""
    theirs = db.execute(select(interactions.c.interaction_id).where(interactions.c.session_id == session_id)).scalars()
    which = logs.within(db, theirs.all()) & (entries.c.stream_seq > after)
    query = select(*_EVENT).where(which).order_by(entries.c.stream_seq).limit(limit)
    return [rows.stored_event(row) for row in db.execute(query)]


def inputs_after(db: Connection, interaction_id: int, after: int) -> list[StoredEvent]:
    """What the contact did in an interaction above entry `after`, oldest first."""
    by_contact = entries.c.author == EntityType.CONTACT.value
    which = logs.within(db, [interaction_id], above=after) & by_contact
    return [rows.stored_event(row) for row in db.execute(select(*_EVENT).where(which).order_by(entries.c.seq))]


def repeat(db: Connection, scope: str, key: str) -> Repeat | None:
    """What an Idempotency-Key answered the first time."""
    row = db.execute(select(repeats).where(repeats.c.scope == scope, repeats.c.key == key)).first()
    return rows.repeat(row) if row is not None else None


def usage_of(db: Connection, key_ids: Iterable[str]) -> list[Usage]:
    """Counts by key, day and endpoint, the newest day first."""
    query = select(usage).where(usage.c.key_id.in_(list(key_ids)))
    ordered = query.order_by(usage.c.day.desc(), usage.c.key_id, usage.c.endpoint)
    return [rows.usage(row) for row in db.execute(ordered)]
