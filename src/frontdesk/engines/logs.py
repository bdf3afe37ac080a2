"""How the entries of an interaction are found.

On PostgreSQL by an index. In a file of SQLite each entry names the one before it in its log, and `log_ends` has the
newest of each log: an index on (interaction, number) would write a page of its own for every conversation in a batch,
a sixth of what a message costs (docs/decisions/0014).

`log_ends` is not written with every entry but after each `LAG` of them. Mark `log_ends` names the last entry that is
in it; the few behind that are looked through.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, text

from frontdesk.engines.rows import Row
from frontdesk.engines.schema import entries

# Entries between two writings of `log_ends`. More would only make a read look through more: 0.05 ms a thousand.
LAG = 2048
# Logs whose newest entry the writer remembers, at 140 bytes each; all are forgotten when there are more.
KNOWN_MAX = 1 << 16
_COLUMNS = [column.name for column in entries.columns if column.name != "entry_id"]
_APPEND = (
    f"INSERT INTO entries (entry_id, previous_id, {', '.join(_COLUMNS)}) "  # noqa: S608 - our names
    f"VALUES ({', '.join('?' * (len(_COLUMNS) + 2))})"
)
# As text: built from parts each time, it would cost more than it takes to run.
_LINKED = text("""
entries.entry_id IN (
    WITH RECURSIVE
    wanted (interaction_id) AS (SELECT value FROM json_each(:interaction_ids)),
    ends (interaction_id, entry_id) AS (
        SELECT interaction_id, entry_id FROM log_ends WHERE interaction_id IN wanted
        UNION ALL
        SELECT interaction_id, entry_id FROM entries
        WHERE entry_id > (SELECT number FROM marks WHERE name = 'log_ends') AND interaction_id IN wanted
    ),
    log (entry_id, previous_id) AS (
        SELECT entry_id, previous_id FROM entries
        WHERE seq > :above AND entry_id IN (SELECT max(entry_id) FROM ends GROUP BY interaction_id)
        UNION ALL
        SELECT before.entry_id, before.previous_id FROM log JOIN entries AS before ON before.entry_id = log.previous_id
        WHERE before.seq > :above
    )
    SELECT entry_id FROM log
)
""")


def within(db: Connection, interaction_ids: Sequence[int], *, above: int = 0) -> ColumnElement[bool]:
    """The condition that picks the entries of these interactions, those numbered above `above` in their logs."""
    if db.dialect.name != "sqlite":
        return entries.c.interaction_id.in_(interaction_ids) & (entries.c.seq > above)
    return and_(_LINKED.bindparams(interaction_ids=json.dumps(list(interaction_ids)), above=above))


# Entries whose link does not lead to the one before, and logs of which `log_ends` has not the newest entry.
_BROKEN = """
SELECT e.interaction_id FROM entries AS e LEFT JOIN entries AS before ON before.entry_id = e.previous_id
WHERE CASE e.seq
    WHEN 1 THEN e.previous_id <> 0
    ELSE before.interaction_id IS NOT e.interaction_id OR before.seq IS NOT e.seq - 1
END
UNION
SELECT interaction_id FROM (
    SELECT interaction_id, max(entry_id) AS newest FROM entries
    WHERE entry_id <= (SELECT number FROM marks WHERE name = 'log_ends') GROUP BY interaction_id
) LEFT JOIN log_ends USING (interaction_id) WHERE entry_id IS NOT newest
"""


def broken_logs(db: sqlite3.Connection) -> list[int]:
    """The interactions whose log is not found whole in a file of SQLite. Reads every entry, on any connection."""
    return [interaction_id for (interaction_id,) in db.execute(_BROKEN)]


class Logs:
    """All logs in a file of SQLite. Belongs to the thread that writes, and to its transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._is_read = False
        # The newest entry of all, and the newest that `log_ends` knows of.
        self._newest = self._noted = 0
        # The newest entry of each log that was written to lately, and the logs of which `log_ends` does not know it.
        self._ends: dict[int, int] = {}
        self._changed: set[int] = set()

    def append(self, rows: Sequence[Row]) -> None:
        """Insert entries behind those of their interactions."""
        if not self._is_read:
            self._read()
        number, ends, changed, linked = self._newest, self._ends, self._changed, []
        for row in rows:
            number += 1
            interaction_id = row[0]
            linked.append((number, ends.get(interaction_id) or self._end(interaction_id, row[1]), *row))
            ends[interaction_id] = number
            changed.add(interaction_id)
        self._db.executemany(_APPEND, linked)
        self._newest = number
        if number - self._noted >= LAG:
            self._note()

    def forget(self) -> None:
        """A transaction was rolled back: what is known may never have been stored."""
        self._is_read = False

    def _end(self, interaction_id: int, seq: int) -> int:
        """The entry before number `seq` of a log that nobody wrote to lately; 0 for none."""
        if seq == 1:
            return 0
        return int(self._one("SELECT entry_id FROM log_ends WHERE interaction_id = ?", interaction_id) or 0)

    def _note(self) -> None:
        # In the order of the table: neighbours are on one page.
        ends = [(interaction_id, self._ends[interaction_id]) for interaction_id in sorted(self._changed)]
        self._db.executemany("REPLACE INTO log_ends (interaction_id, entry_id) VALUES (?, ?)", ends)
        self._db.execute("UPDATE marks SET number = ? WHERE name = 'log_ends'", (self._newest,))
        self._noted = self._newest
        self._changed.clear()
        if len(self._ends) > KNOWN_MAX:
            self._ends.clear()

    def _read(self) -> None:
        self._noted = int(self._one("SELECT number FROM marks WHERE name = 'log_ends'"))
        self._newest = int(self._one("SELECT max(entry_id) FROM entries") or 0)
        query = "SELECT interaction_id, max(entry_id) FROM entries WHERE entry_id > ? GROUP BY interaction_id"
        self._ends = dict(self._db.execute(query, (self._noted,)))
        self._changed = set(self._ends)
        self._is_read = True

    def _one(self, query: str, *arguments: Any) -> Any:
        row = self._db.execute(query, arguments).fetchone()
        return row[0] if row else None
