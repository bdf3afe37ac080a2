"""How often each API key calls each endpoint: counted in memory, stored once a second."""

from __future__ import annotations

from frontdesk.actions.context import Context
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Usage

# Milliseconds; what a killed process had counted since is lost. Usage is for insight, not for invoices.
FLUSH_MS = 1000


class UsageCounter:
    """Counts of this process that the store has not yet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, key_id: str, endpoint: str) -> None:
        """One more call."""
        counts = self._counts
        key = (key_id, endpoint)
        if key in counts:
            counts[key] += 1
            return
        if not counts:
            self._context.timers.at(self._context.clock.now_ms() + FLUSH_MS, lambda now: self.flush())
        counts[key] = 1

    def flush(self) -> None:
        """Hand the counts to the store, under today's date."""
        counts, self._counts = self._counts, {}
        if counts:
            day = rfc3339(self._context.clock.now_ms())[:10]
            records = [Usage(key_id, endpoint, day, n) for (key_id, endpoint), n in counts.items()]
            self._context.store.commit(records, lambda error: None)
