"""One queue for everything that is due later. It has no clock: `advance` says what time it is."""

from __future__ import annotations

import heapq
from collections.abc import Callable

# Milliseconds. Due times are rounded up to it, so that thousands of holds share one slot: nothing here is
# wanted more precisely, and nothing comes too early.
WIDTH = 50


class Timers:
    """Calls back what is due, slot by slot, in order of time; within a slot in order of asking.

    There is no cancelling: a callback looks whether its reason still stands. So a held poll or a session that is
    touched a thousand times keeps one place in the queue, and touching it costs one assignment.
    """

    def __init__(self) -> None:
        self._slots: dict[int, list[Callable[[int], None]]] = {}
        self._order: list[int] = []
        # Told of a callback that failed; none, and it is raised.
        self.on_failed: Callable[[Exception], None] | None = None

    def __len__(self) -> int:
        """How many calls are outstanding."""
        return sum(map(len, self._slots.values()))

    def at(self, due_ms: int, call: Callable[[int], None]) -> None:
        """Call `call(now_ms)` at the first `advance` that is not before `due_ms`."""
        slot = -(-due_ms // WIDTH)
        calls = self._slots.get(slot)
        if calls is None:
            self._slots[slot] = [call]
            heapq.heappush(self._order, slot)
        else:
            calls.append(call)

    def advance(self, now_ms: int) -> None:
        """Run what is due. A callback that asks for a time already past is run at the next call, never in this one."""
        last = now_ms // WIDTH
        due: list[int] = []
        while self._order and self._order[0] <= last:
            due.append(heapq.heappop(self._order))
        for calls in [self._slots.pop(slot) for slot in due]:
            for call in calls:
                self._run(call, now_ms)

    def _run(self, call: Callable[[int], None], now_ms: int) -> None:
        try:
            call(now_ms)
        except Exception as error:
            # One that fails must not take those behind it with it: offers, graces and the node's own beat among them.
            if self.on_failed is None:
                raise
            self.on_failed(error)

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()
        self._order.clear()
