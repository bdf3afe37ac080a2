"""The one thread that writes to SQLite."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable

from frontdesk.engines.batch import COUNT, FORGET, MOVE, PUT, REACH, USE, Batch
from frontdesk.engines.committer import Committer
from frontdesk.engines.logs import Logs


class Writer(Committer):
    """Owns the writing connection. Its methods belong to the loop's thread, but for `_run` and what that calls."""

    def __init__(
        self, db: sqlite3.Connection, loop: asyncio.AbstractEventLoop, on_broken: Callable[[BaseException], None]
    ) -> None:
        super().__init__(loop, on_broken)
        self._db = db
        self._logs = Logs(db)
        self._work: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        # The thread's own knowledge: at a stop the next batch is with it before the loop has heard of a failure.
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="frontdesk-writer", daemon=True)
        self._thread.start()

    def _carry(self, batch: Batch) -> None:
        self._work.put(batch)

    def mend(self) -> None:
        """See Committer."""
        super().mend()
        self._failed = None

    def close(self) -> None:
        """Write what is pending, and end the thread. Blocks."""
        self._stopping = True
        batch, self._filling = self._filling, Batch()
        self._work.put(batch)
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._work.get()) is not None:
            self._commit(batch)

    def _commit(self, batch: Batch) -> None:
        error = self._failed
        if error is None:
            try:
                self._write(batch)
            except Exception as failure:  # noqa: BLE001 - whatever it is, nobody must be told that it was stored
                error = self._failed = failure
        try:
            self._loop.call_soon_threadsafe(self._finish, batch.dones, error)
        except RuntimeError:
            # The loop is closed: the process ends, and nobody waits for an answer any more.
            return

    def _write(self, batch: Batch) -> None:
        """One transaction. Raises sqlite3.Error, and then nothing of the batch is stored."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._write_rows(batch)
            db.execute("COMMIT")
        except BaseException:
            self._logs.forget()
            # The transaction may be gone already (disk full rolls back by itself).
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _write_rows(self, batch: Batch) -> None:
        db = self._db
        for kind, rows in batch.keyed.items():
            db.executemany(PUT[kind], rows.values())
        if batch.entries:
            self._logs.append(batch.entries)
        if batch.usage:
            db.executemany(COUNT, [(*key, count) for key, count in batch.usage.items()])
        if batch.reached:
            db.executemany(REACH, [(*numbers, session_id) for session_id, numbers in batch.reached.items()])
        for moved in batch.moved:
            db.execute(MOVE, (moved.new, moved.old))
        for used in batch.used:
            db.execute(USE, (used.number, used.digest))
        for gone in batch.gone:
            for statement in FORGET:
                db.execute(statement, (gone.before_ms,))
