"""The lane: the whole server as one asyncio protocol, with no task, future or coroutine for a request.

A request is answered inside `data_received`, or later from a commit's or a ring's callback. A held poll is one
reference from its session to this connection. The answers are those of the plain ASGI route, byte for byte;
`tests/lane` holds the two against each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httptools

from frontdesk.domain.errors import Invalid, Refusal, TooMany
from frontdesk.domain.timers import Timers
from frontdesk.http import cors
from frontdesk.http.bodies import BODY_MAX, too_large
from frontdesk.http.carriers import arrived, unacknowledged
from frontdesk.http.dispatch import Dispatcher
from frontdesk.http.limits import Doors
from frontdesk.http.render import opening, whole
from frontdesk.http.wire import Answer, Headers, Pending, Request, Result, Stream, Whole, refusal_answer
from frontdesk.ports import Clock

if TYPE_CHECKING:
    from uvicorn.server import ServerState

# Bytes of a request's head. Browsers send 1 to 2 KiB, proxies add some; more is an attack or a mistake.
HEAD_MAX = 32 * 1024
# Bytes of a body that are read and dropped, so that the refusal can be read on the same connection; beyond it the
# connection is closed.
DROP_MAX = 1024 * 1024
# Milliseconds between two looks at a connection. A request or an answer that has not moved on in a whole round
# is a slow attack or a dead peer, and its connection is closed.
ROUND_MS = 20_000
# Requests that wait for the answers before them on one connection; each costs about a KiB.
PIPELINE_MAX = 2048
# Rounds that a connection may be idle: 80 s, longer than the usual 60 of proxies before us, so that it is they who
# close, and no request meets a closing connection.
IDLE_ROUNDS = 4

_METHODS = {m.encode(): m for m in ("GET", "POST", "OPTIONS", "DELETE", "PUT", "PATCH", "HEAD")}
_HEAD_END = b"\r\n\r\n"
_NO_HEADERS: dict[bytes, bytes] = {}


def _head_too_large() -> Invalid:
    return Invalid("headTooLarge", f"Send at most {HEAD_MAX} bytes of request line and headers.")


def _size_of(url: bytes, headers: dict[bytes, bytes]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers.items())


class Lane(asyncio.Protocol):
    """One connection. Carries its own answers (`ports.Carrier`), and outlives its socket to say how that ended."""

    __slots__ = (
        "_again", "_began", "_blocked", "_body", "_broken", "_chunk", "_clock", "_closing", "_cors", "_crowded",
        "_dispatcher", "_doors", "_handling", "_headers", "_idle", "_in_body", "_keep", "_keep_next", "_known",
        "_known_cors", "_method", "_moved", "_owed", "_parser", "_peer", "_pending", "_queue", "_server", "_size",
        "_stream", "_timers", "_transport", "_url",
    )  # fmt: skip

    def __init__(
        self, dispatcher: Dispatcher, timers: Timers, clock: Clock, doors: Doors, *, server_state: ServerState, **_: Any
    ) -> None:
        """`server_state` and further arguments are uvicorn's way to make a protocol."""
        self._dispatcher = dispatcher
        self._timers = timers
        self._clock = clock
        self._doors = doors
        self._crowded = False
        self._server = server_state
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._pending: Pending | None = None
        self._stream: Stream | None = None
        self._queue: deque[tuple[Request, bool]] | None = None
        self._cors: Headers = cors.ANY
        self._keep = self._keep_next = True
        self._closing = False
        self._blocked = False
        self._broken = False
        self._moved = False
        self._idle = 0
        # Bytes that a slow reader had not taken at the last look.
        self._owed = 0
        self._handling = False
        # The piece that is being read, and the one in which its request began.
        self._chunk = self._began = b""
        # A poll that is sure to come again, and how to carry it out.
        self._known = b""
        self._known_cors: Headers = cors.ANY
        self._again: Callable[[], Result | None] | None = None
        self._method = b""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = b""
        self._size = 0
        self._in_body = False

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._server.connections.add(self)  # type: ignore[arg-type]
        self._crowded = not self._doors.enter(self._peer)
        self._timers.at(self._clock.now_ms() + ROUND_MS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        transport = self._transport
        if transport is not None:
            self._doors.leave(self._peer)
            self._broken = self._broken or exc is not None or unacknowledged(transport) > 0
        self._transport = self._parser = self._queue = self._again = None
        self._known = b""
        self._server.connections.discard(self)
        pending, stream = self._pending, self._stream
        self._pending = self._stream = None
        if pending is not None:
            pending.abandon()
        if stream is not None:
            stream.abandon()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        parser = self._parser
        if parser is None or self._closing:
            return
        if data == self._known and self._repeat():
            return
        self._size += len(data)
        self._chunk = data
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as wish:
            self._decline(data[wish.args[0] :])
        except httptools.HttpParserError:
            self._fail(Invalid("invalidHttp", "This is no HTTP/1.1 request."))
        self._chunk = self._began = b""
        if self._size > HEAD_MAX:
            self._check_size()

    def pause_writing(self) -> None:
        """See asyncio.Protocol: the reader is slow."""
        self._blocked = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._blocked = False
        self._moved = True
        if self._stream is not None:
            self._stream.drained()
        elif self._pending is None:
            self._go_on()

    # ---- httptools

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers, self._body = b"", {}, b""
        self._began = self._chunk
        self._moved = True

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, whole. What a body's trailer says comes after the checks of any proxy: it is not believed."""
        if not self._in_body:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is whole."""
        assert self._parser is not None
        # Not `_keep`: that is the word of the request being answered, which may stand before this one.
        self._keep_next = self._parser.should_keep_alive()
        self._method = self._parser.get_method()
        if self._size > HEAD_MAX and _size_of(self._url, self._headers) > HEAD_MAX:
            self._fail(_head_too_large())
        # From here on the body is counted.
        self._size = 0
        self._in_body = True
        if b"expect" in self._headers:
            self._encourage()

    def _encourage(self) -> None:
        """The client waits for a word before it sends the body; not while an answer before it is still to come."""
        free = self._pending is None and self._stream is None and not self._queue and not self._closing
        if free and self._headers[b"expect"].lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body. A whole one is kept as it is; only a split one is copied."""
        kept = self._body
        if not kept:
            self._body = body
        elif isinstance(kept, bytes):
            self._body = bytearray(kept + body)
        elif len(kept) <= BODY_MAX:
            kept += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._closing:
            return
        if b"upgrade" in self._headers and self._wants_upgrade():
            return
        request = self._request(bytes(self._body))
        # A held poll shall not keep the head that asked for it: it is two thirds of its memory.
        self._url, self._headers, self._body = b"", _NO_HEADERS, b""
        self._size = 0
        self._in_body = False
        if self._pending is not None or self._stream is not None or self._queue or self._blocked:
            self._wait(request)
        else:
            self._handle(request, self._keep_next)

    def _wants_upgrade(self) -> bool:
        return self._parser is not None and self._parser.should_upgrade() and self._method != b"CONNECT"

    def _decline(self, rest: bytes) -> None:
        """Nothing here speaks another protocol: carry the request out without its wish (RFC 9110, 7.8).

        The parser has left the body of such a request unread, so the request is read anew, as the last one here.
        """
        if self._closing or not self._wants_upgrade():
            self._closing = True
            self._shut_if_free()
            return
        assert self._parser is not None
        version = self._parser.get_http_version().encode()
        kept = {**self._headers, b"connection": b"close"}
        del kept[b"upgrade"]
        lines = [b"%b %b HTTP/%b" % (self._method, self._url, version), *(b"%b: %b" % each for each in kept.items())]
        self._parser = httptools.HttpRequestParser(self)
        self._size, self._in_body = 0, False
        self.data_received(b"\r\n".join(lines) + _HEAD_END + rest)

    def _check_size(self) -> None:
        """More came than any head has, and no request is whole yet."""
        if not self._in_body:
            self._fail(_head_too_large())
        elif self._size > DROP_MAX:
            self._fail(too_large())

    # ---- one request

    def _request(self, body: bytes) -> Request:
        path, _, query = self._url.partition(b"?")
        if path[:1] != b"/":
            # The absolute form, as sent to proxies (RFC 9112, 3.2.2); "*" and the like have no route.
            try:
                path = httptools.parse_url(self._url).path or b"/"
            except httptools.HttpParserInvalidURLError:
                path = b"*"
        method = _METHODS.get(self._method) or self._method.decode("latin-1")
        return Request(method, path.decode("latin-1"), query, self._headers, body, self._peer, self)

    def _wait(self, request: Request) -> None:
        """Pipelined: answered in its turn (RFC 9112, 9.3.2). Nothing more is read until then."""
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) >= PIPELINE_MAX:
            self._fail(TooMany("tooManyRequests", "Too many requests wait on this connection; repeat some."))
            return
        self._queue.append((request, self._keep_next))
        if self._transport is not None:
            self._transport.pause_reading()

    def _handle(self, request: Request, keep: bool) -> None:  # noqa: FBT001 - one of two plain arguments
        self._handling = True
        self._answer(request, keep)
        self._handling = False

    def _answer(self, request: Request, keep: bool) -> None:  # noqa: FBT001 - as above
        self._keep = keep
        if self._crowded:
            self._fail(self._doors.refusal())
            return
        result = self._dispatcher.handle(request)
        self._cors = request.cors
        if request.again is not None and keep and self._is_whole():
            # The next poll will be the same to the byte: remembered, neither parser nor guard look at it again. It
            # costs a held poll half a KiB, and saves each a third of its time.
            self._known, self._again, self._known_cors = self._chunk, request.again, request.cors
        self._send(result, head=request.method == "HEAD")

    def _is_whole(self) -> bool:
        """Whether the piece just read was this one request without a body, and nothing else."""
        chunk = self._chunk
        return self._began is chunk and chunk.endswith(_HEAD_END) and chunk.count(_HEAD_END) == 1

    def _send(self, result: Result, *, head: bool) -> None:
        if isinstance(result, Answer):
            self._write(result, head=head)
        elif isinstance(result, Pending):
            self._pending = result
            result.then(self._complete)
        else:
            self._open(result)

    def _repeat(self) -> bool:
        """The remembered poll came again: carry it out, unless something must be looked at anew."""
        again = self._again
        if again is None or self._size or self._queue or self._pending or self._stream or self._blocked:
            return False
        result = self._dispatcher.again(again)
        if result is None:
            self._known, self._again = b"", None
            return False
        self._moved = True
        self._cors, self._keep = self._known_cors, True
        self._handling = True
        self._send(result, head=False)
        self._handling = False
        return True

    def _complete(self, answer: Whole) -> None:
        """The answer of the pending request is there."""
        self._pending = None
        if not isinstance(answer, Answer):
            self._open(answer)
        elif self._transport is not None:
            self._write(answer)
            # Answered while it is handled: whoever handles goes on, or a long pipeline would exhaust the stack.
            if self._queue and not self._handling:
                self._go_on()

    def _go_on(self) -> None:
        """Answer what was pipelined, as far as nothing holds it up."""
        while self._queue and self._pending is None and self._stream is None and not self._blocked:
            self._handle(*self._queue.popleft())
        if not self._queue and self._transport is not None and not self._transport.is_closing():
            self._queue = None
            self._transport.resume_reading()

    def _write(self, answer: Answer, *, head: bool = False) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.is_closing():
            # The other side has closed in this very moment: what is written now goes nowhere.
            self._broken = True
            return
        self._dispatcher.count(answer.status)
        keep = self._keep and not self._closing
        transport.write(whole(answer, self._cors, self._server.default_headers[0], keep=keep, head=head))
        if not keep:
            self._part()

    # ---- streams

    def _open(self, stream: Stream) -> None:
        transport = self._transport
        if transport is None:
            stream.abandon()
            return
        self._dispatcher.count(200)
        self._stream = stream
        transport.write(opening(stream.headers, self._cors, self._server.default_headers[0]))
        stream.start(self._piece, self._end)

    def _piece(self, piece: bytes) -> bool:
        if self._transport is not None and self._stream is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return not self._blocked

    def _end(self) -> None:
        self._stream = None
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
            if not self._keep or self._closing:
                self._part()
            else:
                self._go_on()

    # ---- ends

    def shutdown(self) -> None:
        """The server stops (uvicorn's word): close when the answer under way is written."""
        self._closing = True
        self._shut_if_free()

    def delivered(self) -> bool | None:
        """See ports.Carrier."""
        if self._transport is None:
            return not self._broken
        return arrived(self._transport)

    def _shut_if_free(self) -> None:
        if self._pending is None and self._stream is None and not self._queue:
            self._shut()

    def _part(self) -> None:
        """All is said. The other side closes when it has read everything, and so tells us that it arrived."""
        self._closing = True
        transport = self._transport
        if transport is not None and self._queue is not None:
            # What was pipelined is answered no more; but the other side's closing must be read.
            self._queue = None
            transport.resume_reading()
        if transport is not None and transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()
        else:
            self._shut()

    def _shut(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _fail(self, problem: Refusal) -> None:
        """Nothing more is taken on this connection: refuse and close."""
        if self._closing:
            return
        if self._pending is not None or self._queue:
            # The answer to what came before is still owed; it is the last one.
            self._closing = True
        elif self._stream is not None:
            self._shut()
        else:
            self._cors, self._keep = cors.ANY, False
            self._write(refusal_answer(problem))

    def _look(self, now_ms: int) -> None:
        """Once a round: close a connection that does not move on."""
        transport = self._transport
        if transport is None:
            return
        busy = self._pending is not None or self._stream is not None
        moved, self._moved = self._moved, False
        parted = self._closing and not busy
        if self._blocked or parted:
            self._look_at_reader(transport, moved=moved, parted=parted)
        elif busy or moved:
            self._idle = 0
        elif self._size or self._url or self._in_body:
            # 429, not 400: a client takes anything else for the end of its session, and this is its network.
            self._fail(TooMany("requestTimeout", "The request did not come in time; repeat it."))
        else:
            self._idle += 1
            if self._idle >= IDLE_ROUNDS:
                self._shut()
        self._timers.at(now_ms + ROUND_MS, self._look)

    def _look_at_reader(self, transport: asyncio.Transport, *, moved: bool, parted: bool) -> None:
        """Something is written that the other side has not taken; slowly is fine, not at all is not."""
        before, self._owed = self._owed, unacknowledged(transport)
        self._idle = 0 if moved or self._owed < before else self._idle + 1
        # Two looks without a byte taken: the reader is gone or means harm. Or it has everything, and won't close.
        if self._idle > 1 or (parted and not self._owed):
            transport.abort()
