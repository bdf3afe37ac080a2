"""The engines that the contract suite runs on, and a bench that drives one of them step by step.

A new engine joins by one entry in ENGINES.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from frontdesk.domain.model import Repeat, Session, StoredEvent
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.ports import Done, Record, Recovered
from tests.support.wire import PATIENCE_SECONDS

T = TypeVar("T")
Broken = Callable[[BaseException], None]

SLOW_TURNS = 7
"""How many turns of the loop a slowed engine keeps each result to itself."""


class SlowedStore(SqliteStore):
    """Completes everything late, as a database across a network does. What relies on promptness fails on it."""

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """See ports.Store."""
        super().commit(records, self._late(done))

    def read_events(
        self, session_id: str, after: int, limit: int, found: Callable[[list[StoredEvent] | BaseException], None]
    ) -> None:
        """See ports.Store."""
        super().read_events(session_id, after, limit, self._late(found))

    def read_inputs(
        self, interaction_id: int, after: int, found: Callable[[list[StoredEvent] | BaseException], None]
    ) -> None:
        """See ports.Store."""
        super().read_inputs(interaction_id, after, self._late(found))

    def find_repeat(self, scope: str, key: str, found: Callable[[Repeat | BaseException | None], None]) -> None:
        """See ports.Store."""
        super().find_repeat(scope, key, self._late(found))

    def find_session(self, session_id: str, found: Callable[[Session | BaseException | None], None]) -> None:
        """See ports.Store."""
        super().find_session(session_id, self._late(found))

    def _late(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        loop = asyncio.get_event_loop()

        def wait(result: Any, turns: int) -> None:
            if turns:
                loop.call_soon(wait, result, turns - 1)
            else:
                tell(result)

        return lambda result: wait(result, SLOW_TURNS)


ENGINES: dict[str, Callable[[Path, Broken], SqliteStore]] = {"sqlite": SqliteStore, "slowed": SlowedStore}


class Bench:
    """One engine on one folder, with a loop of its own that runs only while the bench waits.

    `outcomes` holds what every commit was told, in the order of telling: (name, error).
    """

    def __init__(self, engine: str, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self._engine = engine
        self._folder = folder
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

    def _open(self) -> SqliteStore:
        async def opened() -> SqliteStore:
            return ENGINES[self._engine](self._folder, self.broken.append)

        return self.run(opened())

    def run(self, work: Awaitable[T]) -> T:
        """Run the loop until the work is done."""
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_SECONDS))

    def hand_in(self, *records: Record, name: str = "") -> None:
        """Commit without waiting."""
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
        self.run(self.store.close())
        self.store = self._open()
        self.recover()

    def close(self) -> None:
        """Give everything back."""
        self.run(self.store.close())
        self.loop.close()
        asyncio.set_event_loop(None)
