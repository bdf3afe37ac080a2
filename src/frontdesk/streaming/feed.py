"""The cursor rules of one stream, without I/O.

Numbers on a stream, and where they stand to each other:

    cursor  ≤  sent  ≤  head
      │         │        └ newest committed event
      │         └ newest event written to a connection; not known to have arrived while above the cursor
      └ everything up to here needs no sending again

The tail holds the events (tail_start, head] ready to send; older ones are read from the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from frontdesk.domain.model import Session
from frontdesk.ports import Carrier, EventStream, Poll

# Events kept in memory for a reader that lags. Bounded: a contact that never polls must not grow without end;
# what falls out is still in the log.
TAIL_MAX = 64
# Of a stream that is not stored: an agent that is so far behind begins anew, and nothing more is kept for them.
UNSTORED_MAX = 2000


class Passing:
    """An unsent event that is never stored; worthless after `expires_ms`."""

    __slots__ = ("body", "expires_ms")

    def __init__(self, body: bytes, expires_ms: int) -> None:
        self.body = body
        self.expires_ms = expires_ms


class Feed:
    """Where one streaming session stands, and who waits on it."""

    __slots__ = (
        "carrier", "channel", "doubt", "full", "head", "hold_until", "is_lost", "passing", "poll", "poll_after",
        "poll_max", "reading", "sent", "session", "settled", "tail", "timed",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self.session = session
        # Committed when the feed is made: whoever makes one does so before anything new is decided.
        self.head = session.stream_seq
        self.tail: list[bytes] = []
        self.sent = session.cursor
        self.carrier: Carrier | None = None
        # The connection of an answer of which nobody knows yet whether it arrived: nothing is sent until it is known.
        self.doubt: Carrier | None = None
        self.passing: dict[str, Passing] | None = None
        self.poll: Poll | None = None
        self.poll_after = 0
        self.poll_max = 1
        self.hold_until = 0
        self.timed = False
        # To be called once the client has confirmed all that it was sent.
        self.settled: Callable[[], None] | None = None
        self.reading = False
        self.channel: EventStream | None = None
        # The stream's reader is slow: it gets nothing more until it says so.
        self.full = False
        # It is not stored, and its reader did not come for so long that what it missed is nowhere.
        self.is_lost = False

    def append(self, number: int, body: bytes) -> bool:
        """Take the next committed event. False when it is not the next: a repeat, which changes nothing."""
        if number != self.head + 1:
            return False
        self.head = number
        tail = self.tail
        tail.append(body)
        if len(tail) > (TAIL_MAX if self.session.stored else UNSTORED_MAX):
            del tail[0]
            if not self.session.stored and self.sent < number - len(tail):
                # What was never sent is nowhere. What was sent and is not confirmed may go: its reader is there.
                tail.clear()
                self.is_lost = True
        return True

    def settle(self, carrier: Carrier | None, after: int | None) -> None:
        """A new request came over `carrier`: decide what counts as delivered.

        Without a word of the client, what was sent counts as delivered when the next request comes over the same
        connection, or when the other side's machine has taken every byte of the old one. When the old one broke it
        goes out again, with the same numbers; while neither is known, `doubt` names the old one (see `judge`).
        `after` is the client's own word and needs no guess.
        """
        session = self.session
        old, self.carrier = self.doubt or self.carrier, carrier
        self.doubt = None
        if after is not None:
            self.confirm(after)
            self.sent = after
        elif session.require_acknowledgement:
            self.sent = session.cursor
        elif self.sent > session.cursor:
            if old is None or old is carrier:
                self.confirm(self.sent)
            else:
                self.doubt = old
                self.judge(last_look=False)

    def judge(self, *, last_look: bool) -> bool:
        """Look whether the doubtful answer arrived; False while that is unknown, and this is not the last look."""
        doubt = self.doubt
        if doubt is None:
            return True
        arrived = doubt.delivered()
        if arrived is None and not last_look:
            return False
        self.doubt = None
        if arrived:
            self.confirm(self.sent)
        else:
            self.sent = self.session.cursor
        self.poll_after = self.sent
        return True

    def conclude(self) -> None:
        """No request comes any more: what is known to have arrived counts as delivered."""
        if self.sent > self.session.cursor and not self.session.require_acknowledgement:
            self.doubt = self.doubt or self.carrier
            self.judge(last_look=True)

    def confirm(self, number: int) -> bool:
        """Everything up to `number` is done. True when the cursor moved."""
        if number <= self.session.cursor:
            return False
        self.session.cursor = number
        surplus = number - (self.head - len(self.tail))
        if surplus > 0:
            del self.tail[:surplus]
        return True

    def take(self, after: int, limit: int) -> Sequence[bytes] | None:
        """Events numbered above `after`, at most `limit`; None when they are too old to be in memory."""
        start = self.head - len(self.tail)
        if after >= self.head:
            return ()
        if after < start:
            return None
        return self.tail[after - start : after - start + limit]

    def take_passing(self, now_ms: int, limit: int) -> list[bytes]:
        """Unsent passing events that still mean something; they are gone with this call."""
        if not self.passing or limit <= 0:
            return []
        fresh: list[bytes] = []
        for kind in list(self.passing)[:limit]:
            event = self.passing.pop(kind)
            if event.expires_ms > now_ms:
                fresh.append(event.body)
        self.passing = self.passing or None
        return fresh

    @property
    def is_held(self) -> bool:
        """Whether the client is there right now."""
        return self.poll is not None or self.channel is not None
