"""Our connection under the ASGI route: uvicorn's, plus the knowledge of what has arrived on the other side."""

from __future__ import annotations

import asyncio
import fcntl
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from frontdesk.domain.errors import Invalid
from frontdesk.http import cors
from frontdesk.http.asgi import CARRIER
from frontdesk.http.wire import error_answer

# Linux, ioctl_list(2): bytes in the send queue that the other machine has not acknowledged.
_SIOCOUTQ = 0x5411


def unacknowledged(transport: asyncio.BaseTransport) -> int:
    """Bytes written to `transport` that the other machine has not acknowledged; 0 where that can't be known."""
    waiting = getattr(transport, "get_write_buffer_size", int)()
    sock = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCOUTQ, b"\0\0\0\0")
    except (OSError, AttributeError, ValueError):
        return int(waiting)
    return int(waiting) + int(struct.unpack("i", answer)[0])


class SocketCarrier:
    """`ports.Carrier` on a socket. Outlives its connection, to say how that ended."""

    __slots__ = ("_broken", "_transport")

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.BaseTransport | None = transport
        self._broken = False

    def delivered(self) -> bool:
        """See ports.Carrier."""
        if self._transport is None:
            return not self._broken
        return unacknowledged(self._transport) == 0

    def closed(self, error: Exception | None) -> None:
        """The connection is over; `error` when it broke."""
        if self._transport is not None:
            self._broken = error is not None or unacknowledged(self._transport) > 0
            self._transport = None


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol; it shows requests their carrier, and refuses what is no HTTP as documented."""

    carrier: SocketCarrier

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.carrier = SocketCarrier(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.carrier.closed(exc)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """See httptools.HttpRequestParser."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {CARRIER: self.carrier}

    def send_400_response(self, msg: str) -> None:
        """See uvicorn: the bytes are no HTTP request."""
        answer = error_answer(400, Invalid("invalidHttp", "This is no HTTP/1.1 request."))
        head = [b"HTTP/1.1 400 Bad Request", b"connection: close", b"content-length: %d" % len(answer.body)]
        head += [name + b": " + value for name, value in (*answer.headers, *cors.ANY)]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + answer.body)
        self.transport.close()
