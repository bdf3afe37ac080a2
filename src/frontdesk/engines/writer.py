"""The one thread that writes: group commit as arrivals allow.

While one batch is being made durable, the next one fills up; so one fsync carries as many messages as came
meanwhile, and a lone message waits for nobody.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence

from frontdesk.domain.errors import TooMany, Unavailable
from frontdesk.engines.batch import APPEND, COUNT, FORGET, MOVE, PUT, Batch
from frontdesk.ports import Done, Record

# Commits that wait for the disk at one time; above it the answer is 429. At 20,000/s this is one second.
PENDING_MAX = 20_000


def write(db: sqlite3.Connection, batch: Batch) -> None:
    """One transaction. Raises sqlite3.Error, and then nothing of the batch is stored."""
    db.execute("BEGIN IMMEDIATE")
    try:
        _write_rows(db, batch)
        db.execute("COMMIT")
    except BaseException:
        # The transaction may be gone already (disk full rolls back by itself).
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _write_rows(db: sqlite3.Connection, batch: Batch) -> None:
    for kind, rows in batch.keyed.items():
        db.executemany(PUT[kind], rows.values())
    if batch.entries:
        db.executemany(APPEND, batch.entries)
    if batch.usage:
        db.executemany(COUNT, [(*key, count) for key, count in batch.usage.items()])
    for moved in batch.moved:
        db.execute(MOVE, (moved.new, moved.old))
    for gone in batch.gone:
        for statement in FORGET:
            db.execute(statement, (gone.before_ms,))


class Writer:
    """Owns the writing connection. All methods but `_run` belong to the loop's thread."""

    def __init__(
        self, db: sqlite3.Connection, loop: asyncio.AbstractEventLoop, on_broken: Callable[[BaseException], None]
    ) -> None:
        self._db = db
        self._loop = loop
        self._on_broken = on_broken
        self._filling = Batch()
        self._work: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._busy = False
        self._stopping = False
        self._broken: BaseException | None = None
        self._told = False
        self.pending = 0
        self.refused = 0
        self.commits = 0
        self.batches = 0
        self._thread = threading.Thread(target=self._run, name="frontdesk-writer", daemon=True)
        self._thread.start()

    def admit(self) -> None:
        """Raises TooMany or Unavailable when nothing more is taken."""
        if self.pending >= PENDING_MAX:
            self.refused += 1
            message = "The server has more to store than it can; repeat the request later."
            raise TooMany("overloaded", message, limit=PENDING_MAX)
        if self._broken is not None or self._stopping:
            raise Unavailable("storageFailed", "The server can't store anything right now; repeat the request later.")

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Put the records of one commit into the next batch."""
        if not self._filling.dones and not self._busy:
            self._loop.call_soon(self._hand_over)
        self.pending += 1
        self._filling.add(records, done)

    def _hand_over(self, seen: int = 0) -> None:
        """Give the batch to the thread, once a round of the loop has added nothing to it.

        Rounds are as short as what came in; waiting for a quiet one doubles the batch at 64 senders, and halves how
        often the threads pass the processor to each other.
        """
        dones = len(self._filling.dones)
        if self._busy or not dones:
            return
        if dones > seen:
            self._loop.call_soon(self._hand_over, dones)
        else:
            self._busy = True
            batch, self._filling = self._filling, Batch()
            self._work.put(batch)

    def mend(self) -> None:
        """The state was read again: commits are taken once more."""
        self._broken, self._told = None, False

    def close(self) -> None:
        """Write what is pending, and end the thread. Blocks."""
        self._stopping = True
        self._work.put(self._filling)
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._work.get()) is not None:
            self._commit(batch)

    def _commit(self, batch: Batch) -> None:
        error = self._broken
        if error is None:
            try:
                write(self._db, batch)
            except Exception as failure:  # noqa: BLE001 - whatever it is, nobody must be told that it was stored
                error = self._broken = failure
        try:
            self._loop.call_soon_threadsafe(self._finish, batch.dones, error)
        except RuntimeError:
            # The loop is closed: the process ends, and nobody waits for an answer any more.
            return

    def _finish(self, dones: list[Done], error: BaseException | None) -> None:
        self._busy = False
        self.pending -= len(dones)
        self.commits += len(dones)
        self.batches += 1
        for done in dones:
            try:
                done(error)
            except Exception as failure:  # noqa: BLE001 - one listener's mistake must not leave the others untold
                self._loop.call_exception_handler({"message": "A commit's listener failed", "exception": failure})
        self._hand_over()
        if error is not None and self.pending == 0 and not self._told:
            self._told = True
            self._on_broken(error)
