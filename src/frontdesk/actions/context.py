"""What every action needs at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.floor import Floor
from frontdesk.domain.model import Session
from frontdesk.domain.timers import Timers
from frontdesk.ports import Clock, Done, Found, Ids, Store, Streams

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """The world as actions see it, and what is going on in it. `node` is this process among others, "" when alone."""

    store: Store
    streams: Streams
    clock: Clock
    ids: Ids
    timers: Timers
    node: str = ""
    directory: LiveDirectory = field(default_factory=LiveDirectory)
    floor: Floor = field(default_factory=Floor)

    def grace_ms(self, session: Session) -> int:
        """How long an interaction waits for its contact, in ms."""
        organization = self.directory.find_organization(session.org_id)
        return organization.grace_seconds * 1000 if organization is not None else 0


def once_stored(done: Done, tell: Callable[[], None]) -> Done:
    """What a commit calls: `done`, and then, unless it failed, `tell`."""

    def told(error: BaseException | None) -> None:
        done(error)
        if error is None:
            tell()

    return told


async def result_of(ask: Callable[[Found[T]], None]) -> T:
    """What a read of the store finds, for those who can wait. Raises what it failed with."""
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def found(result: T | BaseException) -> None:
        if answer.done():
            return
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    ask(found)
    return await answer
