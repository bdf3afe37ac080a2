"""Endpoints that wait: an answer made by a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from frontdesk.domain.errors import Refusal, Unavailable
from frontdesk.http.wire import Pending, Whole, failure_answer
from frontdesk.ports import Store


class Later:
    """Runs coroutines whose results are answers. `refusal` says how a failure looks."""

    def __init__(self, store: Store, refusal: Callable[[BaseException], Whole] = failure_answer) -> None:
        self._store = store
        self._refusal = refusal
        # The loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, work: Callable[[], Awaitable[Whole]]) -> Pending:
        """The promise of what `work` gives."""
        pending = Pending()

        async def run() -> None:
            try:
                pending.complete(await work())
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for the answer
                pending.complete(self._refusal(self._cause(error)))

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return pending

    def _cause(self, error: Exception) -> Exception:
        """What failed; when it is the store, in its own words."""
        if isinstance(error, Refusal):
            return error
        try:
            self._store.admit()
        except Refusal as refusal:
            return refusal
        if isinstance(error, OSError):
            return Unavailable("storageFailed", "The server could not store this; repeat the request.")
        return error
