"""Records to rows and back. Each table has one function each way, so a column is named in two places only."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Table

from frontdesk.domain.model import (
    ApiKey,
    CallBack,
    CallBackState,
    Channel,
    Contact,
    Entry,
    Interaction,
    Organization,
    Repeat,
    Session,
    SigningKey,
    State,
    StoredEvent,
    WorkType,
)
from frontdesk.engines import schema
from frontdesk.engines.people_rows import PLAIN, to_row
from frontdesk.ports import Reached, Usage

Row = tuple[Any, ...]

_json = msgspec.json.Encoder().encode
_contact = msgspec.json.Decoder(Contact)


def organization_row(o: Organization) -> Row:
    return (o.org_id, o.name, " ".join(o.allowed_origins), o.grace_seconds, o.created_ms)


def organization(r: Any) -> Organization:
    return Organization(
        org_id=r.org_id,
        name=r.name,
        allowed_origins=tuple(r.allowed_origins.split()),
        grace_seconds=r.grace_seconds,
        created_ms=r.created_ms,
    )


def api_key_row(k: ApiKey) -> Row:
    return (k.key_id, k.org_id, k.name, k.digest, k.hint, k.created_ms, k.revoked_ms)


def api_key(r: Any) -> ApiKey:
    return ApiKey(r.key_id, r.org_id, r.name, r.digest, r.hint, r.created_ms, r.revoked_ms)


def signing_key_row(k: SigningKey) -> Row:
    return (k.kid, k.secret, k.created_ms, k.retired_ms)


def signing_key(r: Any) -> SigningKey:
    return SigningKey(r.kid, r.secret, r.created_ms, r.retired_ms)


def work_type_row(w: WorkType) -> Row:
    return (
        w.org_id, w.work_type_id, w.name, " ".join(w.channels), w.script, w.created_ms, w.rules,
        w.removed_ms,
    )  # fmt: skip


def work_type(r: Any) -> WorkType:
    channels = tuple(Channel(c) for c in r.channels.split())
    return WorkType(r.org_id, r.work_type_id, r.name, channels, r.created_ms, r.script, r.rules, r.removed_ms)


def session_row(s: Session) -> Row:
    return (
        s.session_id, s.org_id, s.first_id, s.inactivity_delay, s.require_acknowledgement, s.stream_seq, s.cursor,
        s.disposed, s.created_ms, s.ended_ms, s.node,
    )  # fmt: skip


def reached_row(row: Row, reached: Reached) -> Row:
    """A session's row with what it has reached."""
    return (*row[:5], reached.stream_seq, reached.cursor, *row[7:])


def session(r: Any) -> Session:
    return Session(
        session_id=r.session_id,
        org_id=r.org_id,
        first_id=r.first_id,
        inactivity_delay=r.inactivity_delay,
        require_acknowledgement=bool(r.require_acknowledgement),
        stream_seq=r.stream_seq,
        cursor=r.cursor,
        disposed=bool(r.disposed),
        created_ms=r.created_ms,
        ended_ms=r.ended_ms,
        node=r.node,
        adopted=True,
    )


def interaction_row(i: Interaction) -> Row:
    return (
        i.interaction_id, i.org_id, i.session_id, i.work_type_id, i.channel._value_, i.state._value_,
        _json(i.contact).decode(), i.fence, i.script, i.script_state, i.script_seq, i.grace_until_ms, i.created_ms,
        i.closed_ms, i.closed_reason, i.queued_ms, i.owner, i.for_agent, i.priority,
    )  # fmt: skip


def interaction(r: Any, seq: int, answered: int) -> Interaction:
    return Interaction(
        interaction_id=r.interaction_id,
        org_id=r.org_id,
        session_id=r.session_id,
        work_type_id=r.work_type_id,
        channel=Channel(r.channel),
        state=State(r.state),
        contact=_contact.decode(r.contact),
        fence=r.fence,
        seq=seq,
        script=r.script,
        script_state=r.script_state,
        script_seq=max(r.script_seq, answered),
        grace_until_ms=r.grace_until_ms,
        created_ms=r.created_ms,
        closed_ms=r.closed_ms,
        closed_reason=r.closed_reason,
        queued_ms=r.queued_ms,
        owner=r.owner,
        for_agent=r.for_agent,
        priority=r.priority,
    )


def entry_row(e: Entry) -> Row:
    return (
        e.interaction.interaction_id,
        e.seq,
        e.stream_seq,
        e.kind,
        e.author._value_,
        e.payload,
        e.time_ms,
        e.answers,
    )


def stored_event(r: Any) -> StoredEvent:
    return StoredEvent(r.interaction_id, r.seq, r.stream_seq, r.kind, r.payload, r.time_ms)


def call_back_row(c: CallBack) -> Row:
    return (
        c.call_back_id, c.interaction_id, c.org_id, c.work_type_id, _json(c.contact).decode(), c.digits,
        c.state._value_, c.due_ms, c.created_ms,
    )  # fmt: skip


def call_back(r: Any, tries: int) -> CallBack:
    return CallBack(
        call_back_id=r.call_back_id,
        interaction_id=r.interaction_id,
        org_id=r.org_id,
        work_type_id=r.work_type_id,
        contact=_contact.decode(r.contact),
        digits=r.digits,
        state=CallBackState(r.state),
        due_ms=r.due_ms,
        created_ms=r.created_ms,
        tries=tries,
    )


def repeat_row(p: Repeat) -> Row:
    return (p.scope, p.key, p.digest, p.status, p.body, p.created_ms)


def repeat(r: Any) -> Repeat:
    return Repeat(scope=r.scope, key=r.key, digest=r.digest, status=r.status, body=r.body, created_ms=r.created_ms)


def usage_row(u: Usage) -> Row:
    return (u.key_id, u.endpoint, u.day, u.count)


def usage(r: Any) -> Usage:
    return Usage(r.key_id, r.endpoint, r.day, r.count)


# Record type → its table and how it becomes a row. The columns of a row stand in the order of the table's own,
# without an automatic key.
TABLES: dict[type, tuple[Table, Any]] = {
    Organization: (schema.organizations, organization_row),
    ApiKey: (schema.api_keys, api_key_row),
    SigningKey: (schema.signing_keys, signing_key_row),
    WorkType: (schema.work_types, work_type_row),
    Session: (schema.sessions, session_row),
    Interaction: (schema.interactions, interaction_row),
    Entry: (schema.entries, entry_row),
    CallBack: (schema.call_backs, call_back_row),
    Repeat: (schema.repeats, repeat_row),
    Usage: (schema.usage, usage_row),
    **{kind: (table, to_row(kind)) for kind, table in PLAIN.items()},
}
