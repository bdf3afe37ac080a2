"""Answers of one round of the loop, sent one after another at its end.

A send wakes whoever reads at the other end. Sent as each is made, answers wake somebody who has fallen asleep again
since the last one; sent together, most find them awake (docs/decisions/0013: 6 to 12 % of what a message costs).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from frontdesk import telemetry

# Answers that wait at one time. More would only keep the first of a large batch waiting for the last.
WAITING_MAX = 64


class Sender(Protocol):
    """A connection."""

    def send(self) -> None:
        """Write the answer that waits to the socket."""

    def abort(self) -> None:
        """Break the connection: what it was to send is lost, and its client must hear of it."""


class Outbox:
    """The connections of this process that have an answer to send."""

    def __init__(self) -> None:
        self._waiting: list[Sender] = []

    def put(self, sender: Sender) -> None:
        """Have it send before the loop waits again."""
        waiting = self._waiting
        if not waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        waiting.append(sender)
        if len(waiting) >= WAITING_MAX:
            self.flush()

    def flush(self) -> None:
        """Send all of it now."""
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            try:
                sender.send()
            except Exception as error:  # noqa: BLE001 - one connection's mistake must not leave the others unanswered
                telemetry.log.error("http.not_sent", trace=telemetry.trace(error))
                sender.abort()
