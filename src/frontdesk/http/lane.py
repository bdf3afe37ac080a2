"""The lane: the whole server as one asyncio protocol, with no task, future or coroutine for a request.

A request is answered inside `data_received`, or later from a commit's or a ring's callback. A held poll is one
reference from its session to this connection. A request whose head came before is known by it (`http/heads.py`); all
others are read (`http/reading.py`). The answers are those of the plain ASGI route, byte for byte; `tests/lane` holds
the two against each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from frontdesk.domain.errors import Refusal, TooMany
from frontdesk.domain.timers import Timers
from frontdesk.http import cors
from frontdesk.http.carriers import arrived, unacknowledged
from frontdesk.http.dispatch import Dispatcher
from frontdesk.http.limits import Doors
from frontdesk.http.outbox import Outbox
from frontdesk.http.reading import Reading
from frontdesk.http.render import opening, whole
from frontdesk.http.wire import Answer, Headers, Pending, Request, Result, Stream, Whole, refusal_answer
from frontdesk.ports import Clock

if TYPE_CHECKING:
    from uvicorn.server import ServerState

# Milliseconds between two looks at a connection. A request or an answer that has not moved on in a whole round
# is a slow attack or a dead peer, and its connection is closed.
ROUND_MS = 20_000
# Requests that wait for the answers before them on one connection; each costs about a KiB.
PIPELINE_MAX = 2048
# Rounds that a connection may be idle: 80 s, longer than the usual 60 of proxies before us, so that it is they who
# close, and no request meets a closing connection.
IDLE_ROUNDS = 4


class Lane(Reading):
    """One connection. Carries its own answers (`ports.Carrier`), and outlives its socket to say how that ended."""

    __slots__ = (
        "_blocked", "_broken", "_clock", "_cors", "_crowded", "_dispatcher", "_doors", "_handling", "_heads", "_idle",
        "_keep", "_outbox", "_owed", "_pending", "_queue", "_server", "_stream", "_timers", "_unsent",
    )  # fmt: skip

    def __init__(
        self,
        dispatcher: Dispatcher,
        timers: Timers,
        clock: Clock,
        doors: Doors,
        outbox: Outbox,
        *,
        server_state: ServerState,
        **_: Any,
    ) -> None:
        """`server_state` and further arguments are uvicorn's way to make a protocol."""
        super().__init__()
        self._dispatcher = dispatcher
        self._heads = dispatcher.heads
        self._timers = timers
        self._clock = clock
        self._doors = doors
        self._outbox = outbox
        # The answer with which this connection waits in the outbox.
        self._unsent = b""
        self._crowded = False
        self._server = server_state
        self._pending: Pending | None = None
        self._stream: Stream | None = None
        self._queue: deque[tuple[Request, bool]] | None = None
        self._cors: Headers = cors.ANY
        self._keep = True
        self._blocked = False
        self._broken = False
        self._idle = 0
        # Bytes that a slow reader had not taken at the last look.
        self._owed = 0
        self._handling = False

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
        self._transport = self._parser = self._queue = None
        self._server.connections.discard(self)
        pending, stream = self._pending, self._stream
        self._pending = self._stream = None
        if pending is not None:
            pending.abandon()
        if stream is not None:
            stream.abandon()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. A request whose head is known is not read, unless something must be looked at anew."""
        # Nothing came before it that is not whole, or not answered.
        is_first = not (self._size or self._in_body or self._pending or self._stream or self._queue)
        if is_first and not (self._blocked or self._crowded or self._closing):
            again, body = self._heads.find(data)
            if again is not None:
                result = self._dispatcher.again(again, body, self, self._clock.now_ms())
                if result is not None:
                    self._moved = self._keep = True
                    self._cors = again.cors
                    self._send(result)
                    return
        self._read(data)

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

    # ---- one request

    def _take(self, request: Request) -> None:
        if self._is_free() and not self._blocked:
            self._handle(request, self._keep_next)
        else:
            self._wait(request)

    def _is_free(self) -> bool:
        return self._pending is None and self._stream is None and not self._queue

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
        if request.again is not None and keep and self._began is self._chunk:
            self._heads.keep(self._chunk, request)
        self._send(result, head=request.method == "HEAD")

    def _send(self, result: Result, *, head: bool = False) -> None:
        if isinstance(result, Pending):
            self._pending = result
            result.then(self._complete)
        elif isinstance(result, Answer):
            self._write(result, head=head)
        else:
            self._open(result)

    def _complete(self, answer: Whole) -> None:
        """The answer of the pending request is there."""
        self._pending = None
        if not isinstance(answer, Answer):
            self._open(answer)
        else:
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
        if self._transport is None:
            return
        self._dispatcher.answered[answer.status] += 1
        keep = self._keep and not self._closing
        if self._unsent:
            # A client that pipelines: whether it also reads must show before more is answered.
            self._outbox.flush()
        self._unsent = whole(answer, self._cors, self._server.default_headers[0], keep=keep, head=head)
        self._outbox.put(self)
        if not keep:
            self._part()

    def send(self) -> None:
        """See outbox.Sender."""
        data, self._unsent, transport = self._unsent, b"", self._transport
        if transport is None or transport.is_closing():
            # The other side has closed in this very moment: what is written now goes nowhere.
            self._broken = True
        else:
            transport.write(data)

    def abort(self) -> None:
        """See outbox.Sender."""
        self._unsent, self._broken = b"", True
        if self._transport is not None:
            self._transport.abort()

    def _write_now(self, data: bytes) -> None:
        """Write this, behind what is in the outbox."""
        if self._unsent:
            self._outbox.flush()
        if self._transport is not None:
            self._transport.write(data)

    # ---- streams

    def _open(self, stream: Stream) -> None:
        if self._transport is None:
            stream.abandon()
            return
        self._dispatcher.answered[200] += 1
        self._stream = stream
        self._write_now(opening(stream.headers, self._cors, self._server.default_headers[0]))
        stream.start(self._piece, self._end)

    def _piece(self, piece: bytes) -> bool:
        if self._stream is not None:
            self._write_now(b"%x\r\n%b\r\n" % (len(piece), piece))
        return not self._blocked

    def _end(self) -> None:
        self._stream = None
        if self._transport is not None:
            self._write_now(b"0\r\n\r\n")
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
        if self._unsent:
            return None
        return arrived(self._transport) if self._transport is not None else not self._broken

    def _shut_if_free(self) -> None:
        if self._is_free():
            self._shut()

    def _part(self) -> None:
        """All is said. The other side closes when it has read everything, and so tells us that it arrived."""
        self._closing = True
        if self._unsent:
            self._outbox.flush()
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
        if self._unsent:
            self._outbox.flush()
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
