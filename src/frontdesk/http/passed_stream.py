"""A stream that another node is home to: its pieces come over the bus, and go to a client of this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from frontdesk.http.words import Caught, Closed, Elsewhere, Fate, Left, Opened, Piece, Reply
from frontdesk.ports import Carrier

if TYPE_CHECKING:
    from frontdesk.http.relay import Relay

# Bytes of a stream that its client has taken before the host hears of it.
CREDIT = 16 * 1024
# Milliseconds between two looks whether a stream's pieces have arrived.
ARRIVAL_MS = 50


class PassedStream:
    """`wire.Stream` whose pieces another node sends."""

    def __init__(self, relay: Relay, node: str, session_id: str, opened: Opened, carrier: Carrier) -> None:
        self.node = node
        self.number = opened.number
        self.headers = opened.headers
        self._serial = opened.serial
        self._relay = relay
        self._session_id = session_id
        self._carrier = carrier
        self._early: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._end: Callable[[], None] | None = None
        self._closed = False
        self._turn = 0
        self._taken = 0
        self._told = 0
        self._looking = False

    def start(self, sink: Callable[[bytes], bool], end: Callable[[], None]) -> None:
        """See wire.Stream."""
        self._sink, self._end = sink, end
        early, self._early = self._early, []
        for body in early:
            self._take(body)
        if self._closed:
            end()

    def hear(self, word: Reply | Elsewhere | Opened | Piece | Closed) -> None:
        """The next piece, or the end; a missing one ends it too, as its client can come back for what it missed."""
        if not isinstance(word, Piece | Closed) or (isinstance(word, Piece) and word.turn <= self._turn):
            return
        if word.turn != self._turn + isinstance(word, Piece):
            self.say_again()
        elif isinstance(word, Closed):
            self._close()
        else:
            self._turn = word.turn
            self._take(word.body)

    def drained(self) -> None:
        """See wire.Stream."""
        self._tell_caught()

    def abandon(self) -> None:
        """See wire.Stream."""
        self._relay.forget(self.number)
        self._relay.send(self.node, Left(self._relay.context.node, self.number, self._turn))
        if self._looking:
            # Its connection is gone: what has arrived is known now, and a next poll shall not wait for our look.
            self._look(self._relay.context.clock.now_ms())

    def say_again(self) -> None:
        """Pieces may have been lost: the client comes back with the last number that it saw."""
        self.abandon()
        self._close()

    drain = say_again

    def home_lost(self) -> None:
        """The node that sends the pieces is no more."""
        self._close()

    def _take(self, body: bytes) -> None:
        if self._sink is None:
            self._early.append(body)
            return
        self._taken += len(body)
        if self._sink(body) and self._taken - self._told >= CREDIT:
            self._tell_caught()
        if not self._looking:
            self._looking = True
            self._look_soon()

    def _tell_caught(self) -> None:
        self._told = self._taken
        self._relay.send(self.node, Caught(self._relay.context.node, self.number, self._taken))

    def _look_soon(self) -> None:
        context = self._relay.context
        context.timers.at(context.clock.now_ms() + ARRIVAL_MS, self._look)

    def _look(self, now_ms: int) -> None:
        """Tell the host once all that was written has arrived; also of a stream that ended, as the next poll asks."""
        if not self._looking:
            return
        arrived = self._carrier.delivered()
        if arrived is None:
            self._look_soon()
            return
        self._looking = False
        self._relay.send(self.node, Fate(self._relay.context.node, self._serial, self._session_id, self._turn, arrived))

    def _close(self) -> None:
        self._relay.forget(self.number)
        self._closed = True
        if self._end is not None:
            self._end()
