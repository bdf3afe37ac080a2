"""Cursors that moved, on their way to the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from frontdesk.domain.model import Session
from frontdesk.domain.timers import Timers
from frontdesk.ports import Clock, Reached, Store

# A crash shows a plain client at most this much again (milliseconds); shorter writes more cursors than messages.
CURSOR_FLUSH_MS = 500
# Some are written so often, each after the rest of that time.
_STEP_MS = 100
_REST_MS = CURSOR_FLUSH_MS - _STEP_MS


class Cursors:
    """Writes each within half a second. Never waited for: a lost move means a repeat, not a loss."""

    def __init__(self, store: Store, clock: Clock, timers: Timers) -> None:
        self._store = store
        self._clock = clock
        self._timers = timers
        # Sessions whose cursor moved, and when: the longest ago first.
        self._moved: dict[str, tuple[Session, int]] = {}
        self._timed = False
        # Told when the client of a session with agents has confirmed more than before.
        self.on_confirmed: Callable[[Session], None] = lambda session: None

    def note(self, session: Session) -> None:
        """It moved. What is written is where it stands then."""
        if not session.stored or session.session_id in self._moved:
            return
        now_ms = self._clock.now_ms()
        if not self._timed:
            self._timed = True
            self._timers.at(now_ms + _REST_MS, self._flush_due)
        self._moved[session.session_id] = (session, now_ms)

    def forget(self, session: Session) -> None:
        """The session is over, and was written whole, or another node goes on with it."""
        self._moved.pop(session.session_id, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._moved.clear()

    def flush(self) -> None:
        """Write all of them now."""
        self._flush(list(self._moved.values()))

    def _flush_due(self, now_ms: int) -> None:
        """Write those that moved a while ago. Not all at once: messages would wait behind many thousands."""
        due = list(takewhile(lambda moved: moved[1] <= now_ms - _REST_MS, self._moved.values()))
        self._flush(due)
        self._timed = bool(self._moved)
        if self._timed:
            self._timers.at(now_ms + _STEP_MS, self._flush_due)

    def _flush(self, moved: Sequence[tuple[Session, int]]) -> None:
        if not moved:
            return
        for session, _ in moved:
            del self._moved[session.session_id]
        self._store.commit([Reached(s.session_id, s.stream_seq, s.cursor) for s, _ in moved], lambda error: None)
        for session, _ in moved:
            # Twice a second is soon enough to be seen, and costs a fifteenth less than with every message.
            if session.interaction is not None and session.interaction.marks is not None:
                self.on_confirmed(session)
