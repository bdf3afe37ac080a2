"""Changes to the directory: one after the other, on record, and seen by everyone once they are durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from frontdesk.actions.context import Context
from frontdesk.domain.people import Audit
from frontdesk.ports import Record, Store

T = TypeVar("T")
# Who acts where a command of the shell does.
OPERATOR = "operator"
_encode = msgspec.json.Encoder().encode


async def durable(store: Store, records: Sequence[Record]) -> None:
    """Wait until `records` are stored. Raises what the store raised."""
    store.admit()
    await durably(partial(store.commit, records))


async def durably(act: Callable[..., None]) -> None:
    """Wait until what is done by an action, which gets a `done`, is stored. Raises what it and the store raised."""
    told: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(error: BaseException | None) -> None:
        if told.done():
            return
        if error is None:
            told.set_result(None)
        else:
            told.set_exception(error)

    act(done=done)
    await told


class Changes:
    """All changes of this process. `load` reads the directory again."""

    def __init__(self, context: Context, load: Callable[[], Awaitable[None]]) -> None:
        self._context = context
        self._load = load
        self._one = asyncio.Lock()

    async def alone(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, carried out while nothing else changes: it looks whether a name is taken, say, and stores.

        Not to be called from inside `work`: it would wait for itself.
        """
        async with self._one:
            return await work()

    async def store(self, records: Sequence[Record]) -> None:
        """Wait until `records` are durable, then let everyone see them. Raises what the store raised."""
        await durable(self._context.store, records)
        await self._load()

    def note(self, org_id: str, actor: str, act: str, subject: str, **detail: Any) -> Audit:
        """A line for the audit log, to be stored with the act itself. `detail` must hold no secret."""
        return Audit(
            audit_id=self._context.ids.number(),
            org_id=org_id,
            time_ms=self._context.clock.now_ms(),
            actor=actor,
            act=act,
            subject=subject,
            detail=_encode(detail).decode(),
        )
