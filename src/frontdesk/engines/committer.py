"""Group commit as arrivals allow: the part of it that is the same for every engine.

While one batch is being made durable, the next one fills up; so one sync carries as many messages as came meanwhile,
and a lone message waits for nobody.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from frontdesk.domain.errors import TooMany, Unavailable
from frontdesk.engines.batch import Batch
from frontdesk.ports import Done, Record

# Commits that wait for the disk at one time; above it the answer is 429. At 20,000/s this is one second.
PENDING_MAX = 20_000


class UnsafeStorage(Exception):
    """The storage would not keep what it is told to keep."""


class Committer(ABC):
    """Fills batches and has them carried, one at a time. All methods belong to the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_broken: Callable[[BaseException], None]) -> None:
        self._loop = loop
        self._on_broken = on_broken
        self._filling = Batch()
        self._busy = False
        self._stopping = False
        self._broken: BaseException | None = None
        self._told = False
        self.pending = 0
        self.refused = 0
        self.commits = 0
        self.batches = 0

    @abstractmethod
    def _carry(self, batch: Batch) -> None:
        """Begin to make the batch durable, and see to it that `_finish` is called with its outcome. Returns at once."""

    def admit(self) -> None:
        """Raises TooMany or Unavailable when nothing more is taken."""
        if self.pending >= PENDING_MAX:
            self.refused += 1
            raise TooMany(
                "overloaded", "The server has more to store than it can; repeat the request later.", limit=PENDING_MAX
            )
        if self._broken is not None or self._stopping:
            raise Unavailable("storageFailed", "The server can't store anything right now; repeat the request later.")

    def submit(self, records: Sequence[Record], done: Done) -> None:
        """Put the records of one commit into the next batch; while broken, fail it without a try."""
        self.pending += 1
        if self._broken is not None and not self._busy:
            self._loop.call_soon(self._tell, [done], self._broken)
            return
        if not self._filling.dones and not self._busy:
            self._loop.call_soon(self._hand_over)
        self._filling.add(records, done)

    def _hand_over(self, seen: int = 0) -> None:
        """Have the batch carried, once a round of the loop has added nothing to it.

        Rounds are as short as what came in; waiting for a quiet one doubles the batch at 64 senders, and halves how
        often the threads pass the processor to each other.
        """
        dones = len(self._filling.dones)
        if self._busy or not dones or self._broken is not None:
            return
        if dones > seen:
            self._loop.call_soon(self._hand_over, dones)
        else:
            self._busy = True
            batch, self._filling = self._filling, Batch()
            self._carry(batch)

    def give_up(self, error: BaseException) -> None:
        """Fail what waits, and take nothing until `mend`: who calls this reads the state again, and is not told to."""
        self._broken, self._told = error, True
        if not self._busy:
            # Taken out here and not when they are told: `mend` may come first, and they would count as stored.
            self._loop.call_soon(self._tell, self._take_waiting(), error)

    def mend(self) -> None:
        """The state was read again: commits are taken once more."""
        self._broken, self._told = None, False

    def _finish(self, dones: list[Done], error: BaseException | None) -> None:
        """A batch was carried, or not. What was handed in behind a failed one fails with it."""
        self._busy = False
        self.batches += 1
        self._broken = self._broken or error
        behind = self._take_waiting() if self._broken is not None else []
        self._tell(dones, error)
        if behind:
            self._tell(behind, self._broken)
        self._hand_over()

    def _take_waiting(self) -> list[Done]:
        waiting, self._filling = self._filling.dones, Batch()
        return waiting

    def _tell(self, dones: list[Done], error: BaseException | None) -> None:
        self.pending -= len(dones)
        self.commits += len(dones)
        for done in dones:
            try:
                done(error)
            except Exception as failure:  # noqa: BLE001 - one listener's mistake must not leave the others untold
                self._loop.call_exception_handler({"message": "A commit's listener failed", "exception": failure})
        if self._broken is not None and self.pending == 0 and not self._told:
            self._told = True
            self._on_broken(self._broken)
