"""The answer of `GET streaming/events/webClient`: one long poll, or a stream of server-sent events."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qs

from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import MAX_EVENTS_MAX
from frontdesk.domain.model import Session
from frontdesk.http.wire import Headers, Pending, json_bytes
from frontdesk.ports import Carrier
from frontdesk.streaming.hub import Hub

# Below it are the polls of all who have a streaming session.
EVENTS = "streaming/events"
# Sequence numbers have at most 18 digits: what is longer is no number of ours.
_DIGITS_MAX = 18
# Entries in one page of a transcript.
PAGE_MAX = 500
# Bytes of a stream that wait for a slow reader. Above it the reader is left alone until it has caught up; what it
# misses is in the log.
STREAM_BUFFER_MAX = 64 * 1024


def number(text: str, scope: str) -> int:
    """A whole number, 0 or more. Raises Invalid."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Invalid("invalidNumber", "Send a whole number, 0 or more.", scope=scope)
    return int(text)


def fields_of(raw: bytes, known: str) -> dict[str, list[str]]:
    """The fields of a query. Raises Invalid when it is none; `known` names what is looked at."""
    try:
        return parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Invalid("invalidQuery", f"Send {known} only.", scope="query") from None


@lru_cache(maxsize=1024)
def query(raw: bytes) -> tuple[int, int | None]:
    """MaxEvents and afterSequenceNumber of a poll. Raises Invalid. Clients send few different ones: remembered."""
    fields = fields_of(raw, "maxEvents and afterSequenceNumber")
    most = number(fields.get("maxEvents", ["1"])[-1], "maxEvents")
    if not 1 <= most <= MAX_EVENTS_MAX:
        raise Invalid("invalidMaxEvents", f"Send 1 to {MAX_EVENTS_MAX}.", scope="maxEvents")
    after = fields.get("afterSequenceNumber")
    return most, None if after is None else number(after[-1], "afterSequenceNumber")


@lru_cache(maxsize=1024)
def window(raw: bytes) -> tuple[int, int]:
    """AfterSequenceNumber and limit of a page: from the beginning, and 100, when left out. Raises Invalid."""
    fields = fields_of(raw, "afterSequenceNumber and limit")
    limit = number(fields.get("limit", ["100"])[-1], "limit")
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid("invalidLimit", f"Send 1 to {PAGE_MAX}.", scope="limit")
    return number(fields.get("afterSequenceNumber", ["0"])[-1], "afterSequenceNumber"), limit


class HeldPoll(Pending):
    """`ports.Poll` as a pending answer. Held, it is the one reference from the session to its connection."""

    __slots__ = ("_hub", "_session", "carrier")

    def __init__(self, hub: Hub, session: Session, carrier: Carrier) -> None:
        # As Pending's own: a call to it would be a tenth of what a poll costs here.
        self._answer = self._sink = None
        self._hub = hub
        self._session = session
        self.carrier = carrier

    def answer(self, body: bytes) -> None:
        """See ports.Poll."""
        self.complete(json_bytes(body))

    def abandon(self) -> None:
        """The connection closed: the hub must not hand events to it."""
        self._hub.left(self._session, self)


def held(hub: Hub, session: Session, carrier: Carrier, most: int, after: int | None, now_ms: int) -> HeldPoll:
    """A poll for at most `most` events, answered at once or held. Raises Refusal."""
    poll = HeldPoll(hub, session, carrier)
    hub.poll(session, poll, most, after, now_ms)
    return poll


class OpenStream:
    """`ports.EventStream` as an answer without an end."""

    headers: Headers = (
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        # Tells nginx not to collect a stream before it passes it on.
        (b"x-accel-buffering", b"no"),
    )

    def __init__(self, hub: Hub, session: Session, carrier: Carrier) -> None:
        self._hub = hub
        self._session = session
        self.carrier = carrier
        self._early: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._end: Callable[[], None] | None = None
        self._closed = False

    def write(self, chunk: bytes) -> bool:
        """See ports.EventStream."""
        if self._sink is None:
            self._early.append(chunk)
            return True
        return self._sink(chunk)

    def close(self) -> None:
        """See ports.EventStream."""
        self._closed = True
        if self._end is not None:
            self._end()

    def start(self, sink: Callable[[bytes], bool], end: Callable[[], None]) -> None:
        """See wire.Stream."""
        self._sink, self._end = sink, end
        early, self._early = self._early, []
        for chunk in early:
            sink(chunk)
        if self._closed:
            end()

    def drained(self) -> None:
        """See wire.Stream."""
        self._hub.more(self._session, self)

    def abandon(self) -> None:
        """See wire.Stream."""
        self._hub.left(self._session, self)
