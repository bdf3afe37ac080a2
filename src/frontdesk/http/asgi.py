"""The plain ASGI route (ASGI 3.0): any ASGI server can carry every endpoint.

The lane carries the hot ones faster, with the same answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from frontdesk.http.bodies import BODY_MAX
from frontdesk.http.dispatch import Dispatcher
from frontdesk.http.polls import STREAM_BUFFER_MAX
from frontdesk.http.wire import Answer, Headers, Pending, Request, Stream, Whole

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Where our own server leaves the connection, so that delivery can be judged.
CARRIER = "frontdesk.carrier"


class Unknown:
    """The carrier of a server that shows us no connection: a written answer counts as delivered."""

    def delivered(self) -> bool:
        """See ports.Carrier."""
        return True


class AsgiApp:
    """The dispatcher as an ASGI application."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request. Lifespan and WebSocket are the server's own business and are refused."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        body = await _read(receive)
        if body is None:
            return
        request = _request(scope, body)
        result = self._dispatcher.handle(request)
        if isinstance(result, Answer):
            await self._send(request, result, send)
        elif isinstance(result, Pending):
            await self._wait(request, result, receive, send)
        else:
            await self._stream(request, result, receive, send)

    async def _send(self, request: Request, answer: Answer, send: Send) -> None:
        self._dispatcher.answered[answer.status] += 1
        headers = (*answer.headers, *request.cors)
        if answer.status != HTTPStatus.NO_CONTENT:
            headers = (*headers, (b"content-length", b"%d" % len(answer.body)))
        await _start(send, answer.status, headers)
        await send({"type": "http.response.body", "body": answer.body})

    async def _wait(self, request: Request, pending: Pending, receive: Receive, send: Send) -> None:
        """Until the answer is there or the client is gone, whichever comes first."""
        completed: asyncio.Future[Whole] = asyncio.get_running_loop().create_future()
        pending.then(lambda answer: None if completed.done() else completed.set_result(answer))
        if not completed.done():
            gone = asyncio.ensure_future(receive())
            try:
                await asyncio.wait((completed, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
            if not completed.done():
                pending.abandon()
                return
        answer = completed.result()
        if isinstance(answer, Answer):
            await self._send(request, answer, send)
        else:
            await self._stream(request, answer, receive, send)

    async def _stream(self, request: Request, stream: Stream, receive: Receive, send: Send) -> None:
        self._dispatcher.answered[200] += 1
        await _start(send, 200, (*stream.headers, *request.cors))
        pieces = _Pieces()
        stream.start(pieces.put, pieces.end)
        gone = asyncio.ensure_future(receive())
        gone.add_done_callback(lambda _: pieces.end())
        try:
            while (piece := await pieces.next()) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if not pieces.waiting:
                    stream.drained()
        finally:
            stream.abandon()
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})


class _Pieces:
    """Pieces of a stream between the hub, which never waits, and a reader that may be slow."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self._ended = False
        self._news = asyncio.Event()

    def put(self, piece: bytes) -> bool:
        self.waiting += piece
        self._news.set()
        return len(self.waiting) < STREAM_BUFFER_MAX

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def next(self) -> bytes | None:
        while not self.waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        piece, self.waiting = bytes(self.waiting), bytearray()
        return piece or None


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or a little more than the limit of it; None when the client went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        # What is over the limit is read and dropped, so that the refusal can be read on the same connection.
        if size <= BODY_MAX:
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        if not message.get("more_body", False):
            return b"".join(parts)


def _request(scope: Message, body: bytes) -> Request:
    client = scope.get("client")
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Request(
        scope["method"],
        path.decode("latin-1"),
        scope["query_string"],
        dict(scope["headers"]),
        body,
        client[0] if client else "",
        (scope.get("extensions") or {}).get(CARRIER) or Unknown(),
    )


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [list(header) for header in headers]})
