"""Bring a database to today's shape. A copy of the old file is kept first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from frontdesk.engines.migrations import HEAD


class TooNew(Exception):
    """The database was written by a newer frontdesk."""


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
        raise TooNew(f"{path} is at revision {before}; this frontdesk knows {HEAD}. Install the newer version again.")
    if before:
        _back_up(path, db, before)
    _run(db)
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
    from alembic import command  # noqa: PLC0415 - 0.3 s that only a migration pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    with engine.connect() as connection:
        # One transaction, begun by hand as the driver does not: killed between two steps that were committed one
        # by one, the database would be neither empty nor finished, and no start could mend it.
        db.execute("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
