"""The SQL of a batch on PostgreSQL: one statement, whatever tables it writes to.

Each table's rows go as one array for each column. The first part of the statement takes the node's right to write, and
the others write only what that allows: one round trip, one transaction, one sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from asyncpg import Connection
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table
from sqlalchemy.types import TypeEngine

from frontdesk.domain.model import ApiKey, Entry, Organization, Repeat, SigningKey, WorkType
from frontdesk.domain.people import Client, Item, User
from frontdesk.engines.batch import Batch, changing
from frontdesk.engines.postgres_link import escaped
from frontdesk.engines.rows import TABLES, Row
from frontdesk.ports import Fenced, Reached, Usage

# What every node keeps in memory: a change of these is told to all.
_DIRECTORY = frozenset({Organization, ApiKey, SigningKey, WorkType, User, Client, Item})
_KINDS = (*TABLES, Reached)
# In this order: a BigInteger is an Integer as well.
_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (BigInteger, "bigint"), (Boolean, "boolean"), (Integer, "integer"), (LargeBinary, "bytea"), (String, "text"),
)  # fmt: skip
_FENCE = "SELECT 1 FROM nodes WHERE node = $1 AND epoch = $2 FOR KEY SHARE"
# Columns of a Reached, and what is done with them.
_REACHED = ("text", "bigint", "bigint")
_REACH = "UPDATE sessions SET stream_seq = r.seq, cursor = r.cursor FROM unnest({}) AS r(id, seq, cursor) WHERE {}"
_MOVE = "UPDATE interactions SET session_id = $1 WHERE session_id = $2"
_USE = "UPDATE grants SET used = $1 WHERE digest = $2 AND used = 0"
_CHANGED = "UPDATE marks SET number = number + 1 WHERE name = 'directory'"
# Rows that one batch removes of what is old: what comes behind it must not wait for millions.
FORGET_MAX = 5000
# Skipped is what another node removes at the same moment.
_ENDED = "SELECT session_id FROM sessions WHERE ended_ms > 0 AND ended_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED"
_OLD = "SELECT scope, key FROM repeats WHERE created_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED"
_SPENT = "SELECT digest FROM grants WHERE expires_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED"
_FORGET = (
    f"DELETE FROM sessions WHERE session_id IN ({_ENDED})",  # noqa: S608 - a constant
    f"DELETE FROM repeats WHERE (scope, key) IN ({_OLD})",  # noqa: S608 - a constant
    f"DELETE FROM grants WHERE digest IN ({_SPENT})",  # noqa: S608 - a constant
)


class Right:
    """A node's right to write, as it was when the batch was handed over; none where there are no nodes."""

    __slots__ = ("epoch", "node")

    def __init__(self, node: str = "", epoch: int = 0) -> None:
        self.node = node
        self.epoch = epoch


async def write(db: Connection, batch: Batch, right: Right) -> bool:
    """Store the batch, all of it or nothing. True: more is old than was removed. Raises Fenced and asyncpg's errors.

    After any error but Fenced it is not known whether it is stored.
    """
    if not (batch.moved or batch.gone or batch.used or batch.keyed.keys() & _DIRECTORY):
        await _write_rows(db, batch, right)
        return False
    async with db.transaction():
        await _write_rows(db, batch, right)
        for moved in batch.moved:
            await db.execute(_MOVE, escaped(moved.new), escaped(moved.old))
        for used in batch.used:
            await db.execute(_USE, used.number, escaped(used.digest))
        more = await forget(db, max((gone.before_ms for gone in batch.gone), default=0))
        if batch.keyed.keys() & _DIRECTORY:
            await db.execute(_CHANGED)
    return more


async def forget(db: Connection, before_ms: int) -> bool:
    """Remove some of what is older; True when there may be more."""
    if not before_ms:
        return False
    counts = [int((await db.execute(statement, before_ms, FORGET_MAX)).rpartition(" ")[2]) for statement in _FORGET]
    return max(counts) >= FORGET_MAX


async def _write_rows(db: Connection, batch: Batch, right: Right) -> None:
    tables = _rows_by_kind(batch)
    kinds = tuple(kind for kind in _KINDS if tables.get(kind))
    arguments: list[Any] = [right.node, right.epoch] if right.node else []
    for kind in kinds:
        arguments += _columns_of(kind, tables[kind]) if kind is not Reached else _numbers_of(tables[kind])
    if not await db.fetchval(statement(kinds, fenced=bool(right.node)), *arguments):
        raise Fenced(f"Node {right.node} was shut out, or reads its state anew.")


def _rows_by_kind(batch: Batch) -> dict[type, Sequence[Row]]:
    tables: dict[type, Sequence[Row]] = {kind: list(rows.values()) for kind, rows in batch.keyed.items()}
    tables[Entry] = batch.entries
    # In one order on all nodes: they count in the same rows, and would else lock each other out.
    tables[Usage] = [(*key, count) for key, count in sorted(batch.usage.items())]
    tables[Reached] = [(session_id, *numbers) for session_id, numbers in batch.reached.items()]
    return tables


def _numbers_of(rows: Sequence[Row]) -> Iterable[Sequence[Any]]:
    """How far sessions have come, as columns."""
    session_ids, *numbers = zip(*rows, strict=True)
    return (_text(session_ids), *numbers)


def _columns_of(kind: type, rows: Sequence[Row]) -> Iterable[Sequence[Any]]:
    """The rows as columns, text in the form that PostgreSQL takes."""
    for column, values in zip(_columns(TABLES[kind][0]), zip(*rows, strict=True), strict=True):
        yield _text(values) if isinstance(column.type, String) else values


def _text(values: Sequence[str]) -> Sequence[str]:
    together = "".join(values)
    if "\x00" in together or "\x01" in together:
        return [escaped(value) for value in values]
    return values


@cache
def statement(kinds: tuple[type, ...], *, fenced: bool) -> str:
    """Writes rows of these kinds, one array a column; answers 0 and writes nothing when the fence is down."""
    first = 3 if fenced else 1
    parts = [f"fence AS MATERIALIZED ({_FENCE})"] if fenced else []
    for kind in kinds:
        if kind is Reached:
            parts.append(f"reach AS ({_reach(first, fenced=fenced)})")
            first += len(_REACHED)
        else:
            table = TABLES[kind][0]
            parts.append(f"put_{table.name} AS ({_put(kind, table, first, fenced=fenced)})")
            first += len(_columns(table))
    answer = "SELECT count(*) FROM fence" if fenced else "SELECT 1"
    return f"WITH {', '.join(parts)} {answer}" if parts else answer


def _reach(first: int, *, fenced: bool) -> str:
    arrays = ", ".join(f"${first + i}::{name}[]" for i, name in enumerate(_REACHED))
    allowed = "EXISTS (SELECT 1 FROM fence)" if fenced else "true"
    return _REACH.format(arrays, f"sessions.session_id = r.id AND {allowed}")


def _put(kind: type, table: Table, first: int, *, fenced: bool) -> str:
    names = ", ".join(f'"{c.name}"' for c in _columns(table))
    arrays = ", ".join(f"${first + i}::{_type(c)}[]" for i, c in enumerate(_columns(table)))
    allowed = "EXISTS (SELECT 1 FROM fence)" if fenced else "true"
    put = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) WHERE {allowed}"  # noqa: S608 - our names
    return f"{put} {_on_conflict(kind, table)}"


def _on_conflict(kind: type, table: Table) -> str:
    if kind is Entry:
        return ""
    key = [c.name for c in table.primary_key.columns]
    if kind is Repeat:
        change = "NOTHING"
    elif kind is Usage:
        change = "UPDATE SET count = usage.count + excluded.count"
    else:
        change = "UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in changing(kind, table))
    return f"ON CONFLICT ({', '.join(key)}) DO {change}"


@cache
def _columns(table: Table) -> tuple[Column[Any], ...]:
    return tuple(c for c in table.columns if c.name != "entry_id")


def _type(column: Column[Any]) -> str:
    return next(name for kind, name in _TYPES if isinstance(column.type, kind))
