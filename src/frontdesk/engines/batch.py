"""What one transaction writes: rows by table, and whom to tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert

from frontdesk.domain.model import Entry, Interaction, Repeat, Session
from frontdesk.engines import schema
from frontdesk.engines.rows import TABLES, Row, entry_row, reached_row
from frontdesk.ports import Done, Gone, Moved, Reached, Record, Usage, Used

_DIALECT = sqlite.dialect(paramstyle="qmark")


class Batch:
    """Collects the records of many commits, in order. A record that comes twice is written once, as it was last.

    Only of a Repeat the first stays: it is what the client was told.
    """

    __slots__ = ("dones", "entries", "gone", "keyed", "moved", "reached", "usage", "used")

    def __init__(self) -> None:
        self.dones: list[Done] = []
        self.entries: list[Row] = []
        self.keyed: dict[type, dict[Any, Row]] = {}
        self.usage: dict[tuple[str, str, str], int] = {}
        self.moved: list[Moved] = []
        # Of sessions that are not written whole by this batch: newest event and cursor.
        self.reached: dict[str, tuple[int, int]] = {}
        self.gone: list[Gone] = []
        self.used: list[Used] = []

    def add(self, records: Sequence[Record], done: Done) -> None:
        """Take the records of one commit."""
        self.dones.append(done)
        for record in records:
            if type(record) is Entry:
                self.entries.append(entry_row(record))
            else:
                self._add_other(record)

    def _add_other(self, record: Record) -> None:
        if isinstance(record, Usage):
            key = (record.key_id, record.endpoint, record.day)
            self.usage[key] = self.usage.get(key, 0) + record.count
        elif isinstance(record, Reached):
            self._reach(record)
        elif isinstance(record, Moved):
            self.moved.append(record)
        elif isinstance(record, Gone):
            self.gone.append(record)
        elif isinstance(record, Used):
            self.used.append(record)
        else:
            kind = type(record)
            table, to_row = TABLES[kind]
            row = to_row(record)
            rows, key = self.keyed.setdefault(kind, {}), row[: len(table.primary_key.columns)]
            if kind is not Repeat or key not in rows:
                rows[key] = row
            if kind is Session:
                self.reached.pop(row[0], None)

    def _reach(self, record: Reached) -> None:
        sessions, key = self.keyed.get(Session, {}), (record.session_id,)
        row = sessions.get(key)
        if row is None:
            self.reached[record.session_id] = (record.stream_seq, record.cursor)
        else:
            # One statement must not change a row twice.
            sessions[key] = reached_row(row, record)


def _columns(table: Table) -> list[str]:
    return [c.name for c in table.columns if c.name != "entry_id"]


def changing(kind: type, table: Table) -> list[str]:
    """The columns that a record stored again changes.

    Whose stream an interaction is on only a Moved changes: a callback is a matter of agents where they are at home, and
    its contact's session may be resumed elsewhere meanwhile.
    """
    kept = {c.name for c in table.primary_key.columns} | ({"session_id"} if kind is Interaction else set())
    return [name for name in _columns(table) if name not in kept]


def _insert(table: Table) -> Insert:
    return insert(table).values(dict.fromkeys(_columns(table)))


def _sql(statement: Insert) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _put(kind: type, table: Table) -> str:
    key = [c.name for c in table.primary_key.columns]
    statement = _insert(table)
    rest = {name: statement.excluded[name] for name in changing(kind, table)}
    if kind is Repeat:
        return _sql(statement.on_conflict_do_nothing(index_elements=key))
    return _sql(statement.on_conflict_do_update(index_elements=key, set_=rest))


def _count() -> str:
    statement = _insert(schema.usage)
    total = {"count": schema.usage.c.count + statement.excluded.count}
    return _sql(statement.on_conflict_do_update(index_elements=["key_id", "endpoint", "day"], set_=total))


# Compiled once from the one schema: the writer hands SQLite finished text.
PUT = {kind: _put(kind, table) for kind, (table, _) in TABLES.items() if kind not in (Entry, Usage)}
COUNT = _count()
# The indexes of sessions stay as they are: writing a row whole costs four times as much.
REACH = "UPDATE sessions SET stream_seq = ?, cursor = ? WHERE session_id = ?"
MOVE = "UPDATE interactions SET session_id = ? WHERE session_id = ?"
USE = "UPDATE grants SET used = ? WHERE digest = ? AND used = 0"
FORGET = (
    "DELETE FROM sessions WHERE ended_ms > 0 AND ended_ms < ?",
    "DELETE FROM repeats WHERE created_ms < ?",
    "DELETE FROM grants WHERE expires_ms < ?",
)
