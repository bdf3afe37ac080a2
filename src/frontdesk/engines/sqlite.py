"""The embedded store: one SQLite file, one writing thread and connection, readers beside it.

Only the writer's connection ever writes or checkpoints: SQLite before 3.51.3 can corrupt a WAL that two connections
reset at once. A lock file keeps a second process out, for the state in this one's memory is the truth.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from frontdesk.domain.model import Entry
from frontdesk.engines import queries
from frontdesk.engines.committer import UnsafeStorage as UnsafeStorage  # noqa: PLC0414 - raised here too
from frontdesk.engines.migrate import upgrade
from frontdesk.engines.numbers import take_numbers
from frontdesk.engines.reads import Reads
from frontdesk.engines.writer import Writer
from frontdesk.ports import Done, Found, Record, Recovered

T = TypeVar("T")
FILE = "frontdesk.db"
# Held by the one process that has the data open; holds its process id.
LOCK = "lock"
# Seconds a reader waits for a lock: only while the file is opened or closed.
BUSY_SECONDS = 5
# Pages of the WAL that are brought into the file at one time. A batch that does it keeps its messages waiting: with
# SQLite's own 1,000 the slowest in a hundred wait twice as long (docs/decisions/0014).
CHECKPOINT_PAGES = 250
# What `PRAGMA synchronous` reads back for FULL.
_FULL = 2


class DataInUse(Exception):
    """Another process works on this data folder."""


def lock(folder: Path) -> IO[str]:
    """Make this process the only one on `folder`. Raises DataInUse."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Opened for appending, so that looking does not wipe the owner's process id.
    handle = (folder / LOCK).open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise DataInUse(f"Another frontdesk works on {folder}. Stop it, or choose another data folder.") from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def open_writer(path: Path) -> sqlite3.Connection:
    """The writing connection. Raises UnsafeStorage when the file system can't give WAL with synchronous=FULL."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    path.chmod(0o600)
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    # macOS: fsync alone does not reach the disk.
    db.execute("PRAGMA fullfsync = ON")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    (level,) = db.execute("PRAGMA synchronous").fetchone()
    if mode != "wal" or level != _FULL:
        raise UnsafeStorage(f"{path}: journal_mode is {mode} and synchronous is {level}; both must be wal and {_FULL}.")
    return db


def open_readers(path: Path) -> Engine:
    """Connections that can't write: SQLite itself refuses it."""
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _query_only(db: Any, _: Any) -> None:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA wal_autocheckpoint = 0")

    return engine


class SqliteStore(Reads):
    """`ports.Store` on one file. Every method but the blocking ones returns at once."""

    def __init__(self, folder: Path, on_broken: Callable[[BaseException], None] = lambda error: None) -> None:
        """Open, lock and if need be migrate `folder`. Raises DataInUse, UnsafeStorage, sqlite3.Error."""
        self._lock = lock(folder)
        self.path = folder / FILE
        self._db = open_writer(self.path)
        upgrade(self.path, self._db)
        self._readers = open_readers(self.path)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="frontdesk-reader")
        self._loop = asyncio.get_running_loop()
        self.writer = Writer(self._db, self._loop, on_broken)

    def admit(self) -> None:
        """See ports.Store."""
        self.writer.admit()

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """See ports.Store. Numbers are taken here, on the loop's thread: nobody else writes."""
        for record in records:
            if type(record) is Entry:
                take_numbers(record)
        self.writer.submit(records, done)

    def recover(self, found: Found[Recovered]) -> None:
        """See ports.Store."""

        def read(result: Recovered | BaseException) -> None:
            if not isinstance(result, BaseException):
                self.writer.mend()
            found(result)

        self._later(lambda db: queries.recover(db, ""), read)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query here and now. Blocks."""
        with self._readers.connect() as db:
            return query(db)

    async def close(self) -> None:
        """Write what is pending and let go of the file. Blocks."""
        self.writer.close()
        self._pool.shutdown()
        self._readers.dispose()
        self._db.close()
        self._lock.close()

    def _ask(self, query: Callable[[Connection], T], found: Found[T]) -> None:
        def work() -> None:
            result: T | BaseException
            try:
                result = self.read(query)
            except Exception as error:  # noqa: BLE001 - handed to the one who asked
                result = error
            self._loop.call_soon_threadsafe(found, result)

        self._pool.submit(work)
