"""Records whose fields are the columns of their table, in the same order, to rows and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Table

from frontdesk.domain.assignments import Assignment
from frontdesk.domain.people import AgentStatus, Audit, Client, Grant, Item, User
from frontdesk.engines import schema

R = TypeVar("R", bound=Struct)
Row = tuple[Any, ...]
_encode = msgspec.json.Encoder().encode

PLAIN: dict[type[Struct], Table] = {
    User: schema.users,
    Client: schema.clients,
    Grant: schema.grants,
    Item: schema.items,
    Audit: schema.audit,
    AgentStatus: schema.agent_statuses,
    Assignment: schema.assignments,
}


def _is_json(kind: type[Struct], name: str) -> bool:
    """Whether a field is more than a number or a text."""
    hint = str(kind.__annotations__[name])
    return hint.startswith(("tuple", "dict"))


def to_row(kind: type[Struct]) -> Callable[[Any], Row]:
    """How a record of the kind becomes a row."""
    # str: the column's own kind of text is none to msgspec.
    names = [str(c.name) for c in PLAIN[kind].columns]
    in_json = frozenset(name for name in names if _is_json(kind, name))

    def row(record: Any) -> Row:
        values = ((name, getattr(record, name)) for name in names)
        return tuple(_encode(v).decode() if n in in_json else getattr(v, "_value_", v) for n, v in values)

    return row


def from_row(kind: type[R]) -> Callable[[Any], R]:
    """How a row becomes a record of the kind."""
    # str: the column's own kind of text is none to msgspec.
    names = [str(c.name) for c in PLAIN[kind].columns]
    in_json = [name for name in names if _is_json(kind, name)]

    def record(row: Any) -> R:
        fields = dict(zip(names, row, strict=True))
        for name in in_json:
            fields[name] = msgspec.json.decode(fields[name])
        return msgspec.convert(fields, kind)

    return record


user = from_row(User)
client = from_row(Client)
grant = from_row(Grant)
item = from_row(Item)
audit = from_row(Audit)
agent_status = from_row(AgentStatus)
assignment = from_row(Assignment)
