"""From one file to PostgreSQL: send what a stopped installation holds, and prove that all of it arrived.

Each table goes in the order of its key, in chunks that are stored whole or not at all. So what is there after a
break is the beginning of each table, and a repeat goes on behind the last key. Nothing of it is kept in memory but
one chunk.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import msgspec
from sqlalchemy import Boolean, String, Table

from frontdesk.engines import schema
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.postgres_link import escaped, unescaped

Row = tuple[Any, ...]

# Rows in one chunk: large enough that a chunk's round trip does not count, a few MB at most.
CHUNK = 5000
# What PostgreSQL's text is written otherwise for: see `escaped`.
_UNUSUAL = re.compile("[\x00\x01]")
# Names the advisory lock of a move: "move" in ASCII.
_LOCK = 0x6D6F7665
# What a database of its own has, and is not moved.
_OWN = (schema.nodes, schema.marks, schema.rates)
MOVED = tuple(table for table in schema.metadata.sorted_tables if table not in _OWN)
# Marks of the target: which installation it is moved from, whether all of it is there, and how many nodes had
# started on it when the move began.
_FROM, _DONE, _SLOT = "moved_from", "moved_done", "moved_slot"


class CanNotMove(Exception):
    """The move would mix or destroy something; the text says what to do."""


class Report(Protocol):
    """Told of every chunk."""

    def __call__(self, step: str, table: str, done: int, total: int) -> None:
        """`step` is "send" or "compare"; `done` of `total` rows of the table are."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one side holds of a table: how many rows, and the SHA-256 of all of them in the order of their keys."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One table on both sides."""

    table: str
    source: Held
    target: Held

    @property
    def same(self) -> bool:
        """Whether every row is the same, to the byte."""
        return self.source == self.target


async def move(source: sqlite3.Connection, target: asyncpg.Connection, report: Report) -> list[Compared]:
    """Send every row that is not there yet, then compare all of them. Raises CanNotMove.

    Nobody else may be at work on `source`, and `target` must be at today's revision. The move is done when every
    table is the same on both sides; else nothing may serve the target yet.
    """
    _make_sure_of(source)
    await _claim(source, target)
    for table in MOVED:
        await _send(source, target, table, report)
    await _catch_up(target)
    compared = [await _compare(source, target, table, report) for table in MOVED]
    if all(each.same for each in compared):
        await _finish(target)
    return compared


async def half_moved(target: asyncpg.Connection) -> bool:
    """Whether a move into this database was broken off, and not yet repeated to its end."""
    return await _mark(target, _DONE) == 0


def _make_sure_of(source: sqlite3.Connection) -> None:
    """A newer shape that we could serve may still have columns that we would leave behind."""
    (revision,) = source.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision != HEAD:
        raise CanNotMove(f"The data is at revision {revision}; this frontdesk moves {HEAD}. Install the newer version.")


async def _claim(source: sqlite3.Connection, target: asyncpg.Connection) -> None:
    """Note in the target where its rows come from. Raises CanNotMove when they come from elsewhere."""
    if not await target.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        raise CanNotMove("Another move into this database is under way. Wait for its end, or stop it.")
    (mine,) = source.execute("SELECT number FROM marks WHERE name = 'cluster'").fetchone()
    known = await _mark(target, _FROM)
    if known is None:
        await _claim_empty(target, mine)
    elif known != mine:
        raise CanNotMove(
            "This database holds what was moved from another installation. "
            "Make an empty one (createdb), and move there."
        )
    elif await _mark(target, _SLOT) != await _mark(target, "slot"):
        raise CanNotMove(
            "Nodes have served this database since the move into it began, so it has data of its own. "
            "If they serve all that you want, there is nothing left to do. "
            "If not, stop them, make an empty database (createdb), and move there."
        )


async def _claim_empty(target: asyncpg.Connection, mine: int) -> None:
    for table in MOVED:
        if await target.fetchval(f"SELECT EXISTS (SELECT FROM {_quoted(table.name)})"):  # noqa: S608 - our names
            raise CanNotMove(
                f"This database is not empty: it has rows in {table.name} that come from elsewhere. "
                "Make an empty one (createdb), and move there."
            )
    slot = await _mark(target, "slot") or 0
    marks = [(_FROM, mine), (_SLOT, slot), (_DONE, 0)]
    async with target.transaction():
        await target.executemany("INSERT INTO marks (name, number) VALUES ($1, $2)", marks)


async def _mark(target: asyncpg.Connection, name: str) -> int | None:
    number: int | None = await target.fetchval("SELECT number FROM marks WHERE name = $1", name)
    return number


async def _send(source: sqlite3.Connection, target: asyncpg.Connection, table: Table, report: Report) -> None:
    total, done = _count(source, table), await target.fetchval(f"SELECT count(*) FROM {_quoted(table.name)}")  # noqa: S608 - our names
    report("send", table.name, done, total)
    flags = [i for i, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    names = [column.name for column in table.columns]
    for rows in _rows(source, table, await _last_key(target, table)):
        records = [_typed(row, flags) for row in rows] if flags else rows
        # One COPY is stored whole or not at all.
        await target.copy_records_to_table(table.name, records=records, columns=names)
        done += len(rows)
        report("send", table.name, done, total)


def _typed(row: Row, flags: list[int]) -> Row:
    """SQLite knows no truth values, only 0 and 1."""
    return tuple(bool(value) if i in flags else value for i, value in enumerate(row))


async def _last_key(target: asyncpg.Connection, table: Table) -> Row | None:
    """Where an earlier run ended: it sent in this order."""
    key, order = _listed(_keys(table)), _order(table, " DESC")
    last = await target.fetchrow(f"SELECT {key} FROM {_quoted(table.name)} ORDER BY {order} LIMIT 1")  # noqa: S608 - our names
    return None if last is None else tuple(unescaped(part) if isinstance(part, str) else part for part in last)


async def _catch_up(target: asyncpg.Connection) -> None:
    """PostgreSQL gives the next entries its own numbers: they must come behind ours. And let it count what it has."""
    await target.execute(
        "SELECT setval(pg_get_serial_sequence('entries', 'entry_id'), max(entry_id)) FROM entries HAVING count(*) > 0"
    )
    await target.execute("ANALYZE")


async def _finish(target: asyncpg.Connection) -> None:
    """From here on it may be served. Nodes that wait on the empty database already read anew."""
    async with target.transaction():
        await target.execute("UPDATE marks SET number = 1 WHERE name = $1", _DONE)
        await target.execute("UPDATE marks SET number = number + 1 WHERE name IN ('directory', 'orphans')")


async def _compare(source: sqlite3.Connection, target: asyncpg.Connection, table: Table, report: Report) -> Compared:
    total = _count(source, table)
    here, there = _Hash(), _Hash()
    report("compare", table.name, 0, total)
    theirs = _rows_there(target, table)
    for rows in _rows(source, table, None):
        here.add(rows)
        there.add(await anext(theirs, []))
        report("compare", table.name, here.rows, total)
    async for rows in theirs:
        there.add(rows)
    return Compared(table.name, here.held(), there.held())


class _Hash:
    """One form for both sides: each row as MessagePack, in the order of the keys."""

    def __init__(self) -> None:
        self.rows = 0
        self._sha256 = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, rows: list[Row]) -> None:
        self.rows += len(rows)
        self._sha256.update(b"".join(map(self._encode, rows)))

    def held(self) -> Held:
        return Held(self.rows, self._sha256.hexdigest())


def _count(source: sqlite3.Connection, table: Table) -> int:
    (count,) = source.execute(f"SELECT count(*) FROM {_quoted(table.name)}").fetchone()  # noqa: S608 - our names
    return int(count)


def _rows(source: sqlite3.Connection, table: Table, after: Row | None) -> Iterator[list[Row]]:
    """The table in chunks as PostgreSQL stores it, from behind the key `after` on.

    Nobody is at home anywhere: the first node takes all.
    """
    columns = ", ".join("''" if name == "node" else _quoted(name) for name in (c.name for c in table.columns))
    keys = _keys(table)
    behind = f"WHERE ({_listed(keys)}) > ({', '.join('?' * len(keys))})" if after else ""
    cursor = source.execute(
        f"SELECT {columns} FROM {_quoted(table.name)} {behind} ORDER BY {_listed(keys)}",  # noqa: S608 - our names
        after or (),
    )
    texts = [i for i, column in enumerate(table.columns) if isinstance(column.type, String)]
    while rows := cursor.fetchmany(CHUNK):
        yield _stored(rows, texts)


def _stored(rows: list[Row], texts: list[int]) -> list[Row]:
    """PostgreSQL's text has no NUL. Almost no chunk holds one: looking at a column at once costs next to nothing."""
    if not any(_UNUSUAL.search("".join([row[i] for row in rows])) for i in texts):
        return rows
    return [tuple(escaped(value) if isinstance(value, str) else value for value in row) for row in rows]


async def _rows_there(target: asyncpg.Connection, table: Table) -> AsyncIterator[list[Row]]:
    columns = ", ".join(
        f"{_quoted(c.name)}::int" if isinstance(c.type, Boolean) else _quoted(c.name) for c in table.columns
    )
    query = f"SELECT {columns} FROM {_quoted(table.name)} ORDER BY {_order(table, '')}"  # noqa: S608 - our names
    async with target.transaction(isolation="repeatable_read", readonly=True):
        cursor = await target.cursor(query)
        while records := await cursor.fetch(CHUNK):
            yield [tuple(record) for record in records]


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _listed(names: list[str]) -> str:
    return ", ".join(map(_quoted, names))


def _order(table: Table, direction: str) -> str:
    """By key as SQLite orders text: byte by byte. The database's own language would order it in another way."""
    return ", ".join(
        f"{_quoted(c.name)}{' COLLATE ' + chr(34) + 'C' + chr(34) if isinstance(c.type, String) else ''}{direction}"
        for c in table.primary_key.columns
    )


def _quoted(name: str) -> str:
    return f'"{name}"'
