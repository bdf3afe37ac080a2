"""The one connection of a node that writes to PostgreSQL: one batch at a time, each of them one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg

from frontdesk.engines.batch import Batch
from frontdesk.engines.committer import Committer
from frontdesk.engines.postgres_batch import Right, forget, write
from frontdesk.engines.postgres_link import connect

# Seconds that a good-bye to the server may take.
_CLOSE_SECONDS = 2
# A batch's statement is the same whatever it holds: planned once, and not anew for its numbers.
_SETTINGS = {"plan_cache_mode": "force_generic_plan"}


class Batcher(Committer):
    """Carries batches in tasks of the loop. `right` is what a batch is stored under: see postgres_batch.Right."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, on_broken: Callable[[BaseException], None]) -> None:
        super().__init__(loop, on_broken)
        self._url = url
        self._db: asyncpg.Connection | None = None
        self._named = ""
        self._held = False
        self._idle = asyncio.Event()
        self._idle.set()
        # The loop itself would forget a task that nobody holds.
        self._carrying: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self.right = Right()

    def _carry(self, batch: Batch) -> None:
        self._idle.clear()
        self._carrying = self._loop.create_task(self._store(batch, self.right))

    async def _store(self, batch: Batch, right: Right) -> None:
        error: BaseException | None = None
        try:
            more = await write(await self._connection(right.node), batch, right)
            if more:
                self._sweep(max(gone.before_ms for gone in batch.gone))
        except BaseException as failure:  # noqa: BLE001 - whatever it is, nobody must be told that it was stored
            error = failure
            self._drop()
        self._idle.set()
        self._finish(batch.dones, error)

    async def _connection(self, node: str) -> asyncpg.Connection:
        """The open one, if it is called as the node is; else a new one: nothing has been sent yet, nothing is lost."""
        if self._db is None or self._db.is_closed() or self._named != node:
            self._drop()
            self._db, self._named = await connect(self._url, node, _SETTINGS), node
        return self._db

    def _drop(self) -> None:
        if self._db is not None:
            self._db.terminate()
            self._db = None

    def _hand_over(self, seen: int = 0) -> None:
        if not self._held:
            super()._hand_over(seen)

    async def pause(self) -> None:
        """Carry nothing more; returns when nothing is under way. What is, is broken off if all is broken anyway."""
        self._held = True
        if self._broken is not None:
            self._drop()
        await self._idle.wait()

    def go_on(self) -> None:
        """Carry again."""
        self._held = False
        self._hand_over()

    async def close(self) -> None:
        """Store what is pending, and say good-bye."""
        self._stopping = True
        self._held = False
        while self._busy or self._filling.dones:
            if not self._busy:
                self._hand_over(len(self._filling.dones))
            await self._idle.wait()
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._db is not None:
            await _close(self._db)

    def _sweep(self, before_ms: int) -> None:
        """Remove what is left in pieces, beside the batches. If it fails, the next hour's sweep does it."""
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = self._loop.create_task(self._forget(before_ms))

    async def _forget(self, before_ms: int) -> None:
        try:
            db = await connect(self._url, self.right.node)
            while await forget(db, before_ms):
                pass
            await _close(db)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return


async def _close(db: asyncpg.Connection) -> None:
    try:
        await db.close(timeout=_CLOSE_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        db.terminate()
