"""The engines that the contract suite runs on, and a bench that drives one of them step by step.

A new engine joins by one entry in ENGINES.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from frontdesk.domain.model import Session
from frontdesk.engines.membership import PostgresMembership
from frontdesk.engines.postgres import PostgresStore
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.ports import Done, Record, Recovered
from tests.support.postgres import shared
from tests.support.wire import PATIENCE_SECONDS

T = TypeVar("T")
Broken = Callable[[BaseException], None]

SLOW_TURNS = 7
"""How many turns of the loop a slowed engine keeps each result to itself."""


class Slowed:
    """Completes everything late, as a database across a slow network does. What relies on promptness fails on it.

    Stands before an engine in the list of bases: `super` is that engine.
    """

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """See ports.Store."""
        super().commit(records, _late(done))  # type: ignore[misc]

    def _ask(self, query: Callable[[Connection], Any], found: Callable[[Any], None]) -> None:
        super()._ask(query, _late(found))  # type: ignore[misc]


class SlowedSqlite(Slowed, SqliteStore):
    """SQLite, slowed."""


class SlowedPostgres(Slowed, PostgresStore):
    """PostgreSQL, slowed."""


def _late(tell: Callable[[Any], None]) -> Callable[[Any], None]:
    loop = asyncio.get_event_loop()

    def wait(result: Any, turns: int) -> None:
        if turns:
            loop.call_soon(wait, result, turns - 1)
        else:
            tell(result)

    return lambda result: wait(result, SLOW_TURNS)


class File:
    """A folder with a file of SQLite, for a store after the other."""

    def __init__(self, kind: type[SqliteStore], folder: Path) -> None:
        self._kind = kind
        self._folder = folder

    async def open(self, broken: Broken) -> SqliteStore:
        """The store; `recover` comes next."""
        return self._kind(self._folder, broken)

    async def close(self, store: SqliteStore) -> None:
        """Let go of it."""
        await store.close()

    def remove(self) -> None:
        """Pytest removes the folder."""


class Database:
    """A database of PostgreSQL, for a node after the other: each takes what the one before it left."""

    def __init__(self, kind: type[PostgresStore], folder: Path) -> None:
        self._kind = kind
        self.url = shared().fresh()

    async def open(self, broken: Broken) -> PostgresStore:
        """The store of a node that has claimed all there is; `recover` comes next."""
        store = await self._kind.open(self.url, broken)
        self.membership = PostgresMembership(self.url)
        await self.membership.join()
        await self.membership.claim(None, 1000)
        store.become(self.membership.node)
        return store

    async def close(self, store: PostgresStore) -> None:
        """Store what is pending, give everything back and let go of it."""
        await store.close()
        await self.membership.leave()
        await self.membership.close()

    def remove(self) -> None:
        """Give the space back."""
        shared().drop(self.url)


ENGINES: dict[str, Callable[[Path], Any]] = {
    "sqlite": partial(File, SqliteStore),
    "slowed": partial(File, SlowedSqlite),
    "postgres": partial(Database, PostgresStore),
    "slowed postgres": partial(Database, SlowedPostgres),
}


class Bench:
    """One engine on a place of its own, with a loop that runs only while the bench waits.

    `outcomes` holds what every commit was told, in the order of telling: (name, error).
    """

    def __init__(self, engine: str, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.place = ENGINES[engine](folder)
        self.outcomes: list[tuple[str, BaseException | None]] = []
        self.broken: deque[BaseException] = deque()
        self._pending = 0
        self._settled = asyncio.Event()
        self.store = self._open()
        self.recover()

    def recover(self) -> Recovered:
        """What is alive; commits are taken again."""
        found: Recovered = self.ask(self.store.recover)
        return found

    def _open(self) -> Any:
        return self.run(self.place.open(self.broken.append))

    def run(self, work: Awaitable[T]) -> T:
        """Run the loop until the work is done."""
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_SECONDS))

    def hand_in(self, *records: Record, name: str = "") -> None:
        """Commit without waiting. A session is at home where it is committed."""
        for record in records:
            if isinstance(record, Session):
                record.node = getattr(self.store, "node", "")
        self._pending += 1

        def done(error: BaseException | None) -> None:
            self._pending -= 1
            self.outcomes.append((name, error))
            if not self._pending:
                self._settled.set()

        self.store.commit(records, done)

    def settle(self) -> None:
        """Wait until every commit was told its outcome."""
        if self._pending:
            self._settled.clear()
            self.run(self._settled.wait())

    def commit(self, *records: Record) -> None:
        """Commit, and wait until it is durable. Raises what the engine says."""
        self.hand_in(*records)
        self.settle()
        _, error = self.outcomes[-1]
        if error is not None:
            raise error

    def ask(self, question: Callable[..., None], *arguments: Any) -> Any:
        """The result of one of the reads that call back; an error is raised."""
        answer: asyncio.Future[Any] = self.loop.create_future()
        question(*arguments, answer.set_result)
        result = self.run(answer)
        if isinstance(result, BaseException):
            raise result
        return result

    def reopen(self) -> None:
        """Stop, and start again on the same data."""
        self.run(self.place.close(self.store))
        self.store = self._open()
        self.recover()

    def close(self) -> None:
        """Give everything back."""
        self.run(self.place.close(self.store))
        self.loop.close()
        self.place.remove()
        asyncio.set_event_loop(None)
