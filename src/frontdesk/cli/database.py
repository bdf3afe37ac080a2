"""What `frontdesk doctor` reads in the database: on a connection that can't write, beside a server at work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from frontdesk.cli.findings import Finding, note, ok, wrong
from frontdesk.engines.logs import broken_logs
from frontdesk.engines.migrate import revision
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.schema import file_metadata
from frontdesk.engines.sqlite import BUSY_SECONDS

# Seconds that two machines' clocks may differ without anybody noticing.
_DRIFT_SECONDS = 60


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def shape(path: Path) -> Iterator[Finding]:
    """SQLite's version, the journal's mode, and the revision of the tables."""
    with closing(_open(path)) as db:
        (mode,) = db.execute("PRAGMA journal_mode").fetchone()
        at = revision(db)
        missing = _missing(db) if at == HEAD else []
    if mode == "wal":
        yield ok("SQLite", f"{sqlite3.sqlite_version}, journal mode {mode}")
    else:
        yield note("SQLite", f"{sqlite3.sqlite_version}, journal mode {mode}", "The next start sets it to wal.")
    if missing:
        todo = "It was made by an unreleased version: go back to that one, or begin with a new folder."
        yield wrong("migrations", f"at {HEAD}, but without {', '.join(missing)}", todo)
    elif at == HEAD:
        yield ok("migrations", f"at revision {HEAD}, the newest")
    elif at > HEAD:
        yield wrong("migrations", f"at {at}; this frontdesk knows {HEAD}", "Install the newer version again.")
    else:
        yield note("migrations", f"at {at or 'nothing'}, {HEAD} is the newest", "frontdesk migrate, or just start it.")


def _missing(db: sqlite3.Connection) -> list[str]:
    columns = [f"{table.name}.{column.name}" for table in file_metadata.tables.values() for column in table.columns]
    there = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    return sorted(set(columns) - {name for (name,) in db.execute(there)})


def integrity(path: Path) -> Iterator[Finding]:
    """SQLite's own check of every page; reads the whole file."""
    with closing(_open(path)) as db:
        try:
            lines = [line for (line,) in db.execute("PRAGMA integrity_check(3)")]
        except sqlite3.DatabaseError as error:
            # A page can be too broken to be checked any further.
            lines = [str(error)]
    if lines == ["ok"]:
        yield ok("integrity", f"every page of {path.stat().st_size / 1e6:,.1f} MB is right")
    else:
        todo = "Stop the server, keep a copy of the folder, and go back to a backup (or try `sqlite3 .recover`)."
        yield wrong("integrity", "; ".join(lines), todo)


def logs(path: Path) -> Iterator[Finding]:
    """Whether each conversation's log is found whole; reads the whole log."""
    with closing(_open(path)) as db:
        if revision(db) != HEAD or _missing(db):
            return
        try:
            broken = broken_logs(db)
        except sqlite3.DatabaseError:
            # A page is broken: `integrity` says which.
            return
    if broken:
        todo = "Stop the server, keep a copy of the folder, and go back to a backup."
        yield wrong("logs", f"conversations with gaps: {len(broken):,}, {broken[0]} among them", todo)
    else:
        yield ok("logs", "every conversation is found whole")


def clock(path: Path, now: float) -> Iterator[Finding]:
    """Whether anything was stored in what is now the future: the clock was set back, then or since."""
    with closing(_open(path)) as db:
        newest_ms = max(_newest(db, table, column) for table, column in _TIMES)
    ahead = newest_ms / 1000 - now
    if ahead > _DRIFT_SECONDS:
        todo = "Set the clock (NTP). If it is right now, wait: what it stamped wrongly stays in the future until then."
        yield wrong("clock", f"{ahead:,.0f} s behind what was stored last", todo)
    else:
        yield ok("clock", "not behind what was stored last")


_TIMES = (("entries", "time_ms"), ("sessions", "created_ms"), ("organizations", "created_ms"))


def _newest(db: sqlite3.Connection, table: str, column: str) -> int:
    # Entries are many and have no index by time; the last that was added is the newest but for a moment.
    row = db.execute(f"SELECT {column} FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone()  # noqa: S608 - our names
    return row[0] if row else 0
