"""The machine's own clock and randomness: `ports.Clock` and `ports.Ids`."""

from __future__ import annotations

import secrets
from time import time_ns

from frontdesk.ports import Clock

# Slots of nodes, as many as membership gives out: they are the lowest bits of every number.
SLOTS = 1 << 10


class SystemClock:
    """`ports.Clock` on the machine's."""

    def now_ms(self) -> int:
        """See ports.Clock."""
        return time_ns() // 1_000_000


class RandomIds:
    """`ports.Ids`: milliseconds, a count within each of them, and the slot of this node, which no other has."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self.slot = 0

    def number(self) -> int:
        """See ports.Ids. 43 bits of milliseconds, 10 of count, 10 of slot: below 2**63 until the year 2248."""
        fresh = self._clock.now_ms() << 20
        self._last = fresh if fresh > self._last else self._last + SLOTS
        return self._last | self.slot

    def secret(self) -> str:
        """See ports.Ids."""
        return secrets.token_urlsafe(18)
