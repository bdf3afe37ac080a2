"""Bring a database to today's shape: a file of SQLite, of which a copy is kept first, or one of PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import StaticPool

from frontdesk.engines.migrations import HEAD

# Names the lock under which PostgreSQL is migrated: nodes start at the same time.
_LOCK = 0x66726F6E74


class TooNew(Exception):
    """The database was written by a newer frontdesk, and this one can't work on it."""


def revision(db: sqlite3.Connection) -> str:
    """Where the database stands; "" when it is empty."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return ""
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else ""


def upgrade(path: Path, db: sqlite3.Connection) -> str:
    """Migrate if need be; returns the revision it came from. Raises TooNew.

    `db` must be the only writing connection and is used for all of it.
    """
    before = revision(db)
    if before == HEAD:
        return before
    if before > HEAD:
        row = db.execute("SELECT number FROM marks WHERE name = 'oldest'").fetchone()
        return _newer(str(path), before, row[0] if row else None)
    if before:
        _back_up(path, db, before)
    _run(db)
    return before


def upgrade_server(db: Connection) -> str:
    """The same for PostgreSQL, in the transaction that `db` is in. Raises TooNew."""
    # Whoever comes second waits here, and finds it done.
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = _revision(db)
    if before > HEAD:
        oldest = db.execute(text("SELECT number FROM marks WHERE name = 'oldest'")).scalar()
        return _newer("The database", before, oldest)
    if before != HEAD:
        _steps(db)
    return before


def _revision(db: Connection) -> str:
    if not inspect(db).has_table("alembic_version"):
        return ""
    return db.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _newer(what: str, before: str, oldest: int | None) -> str:
    """Expand, then contract: a newer shape that only added something is served, as nodes are replaced one by one.

    Raises TooNew for any other: the older program would not know what it destroys.
    """
    if oldest is None or oldest > int(HEAD):
        raise TooNew(f"{what} is at revision {before}; this frontdesk knows {HEAD}. Install the newer version again.")
    return before


def _back_up(path: Path, db: sqlite3.Connection, before: str) -> None:
    kept = path.with_suffix(f".before-{HEAD}-was-{before}.db")
    copy = sqlite3.connect(kept)
    # As secret as the original, before anything is in it.
    kept.chmod(0o600)
    try:
        db.backup(copy)
    finally:
        copy.close()


def _run(db: sqlite3.Connection) -> None:
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    with engine.begin() as connection:
        # One transaction for all steps, begun by hand as the driver does not, and known to SQLAlchemy (`begin`), as
        # Alembic else commits after each: killed between two steps that were committed one by one, the database would
        # be neither empty nor finished, and no start could mend it.
        db.execute("BEGIN IMMEDIATE")
        _steps(connection)


def _steps(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 0.3 s that only a migration pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
