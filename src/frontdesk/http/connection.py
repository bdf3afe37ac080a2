"""Our connection under the ASGI route: uvicorn's, plus the knowledge of what has arrived on the other side."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from frontdesk.domain.errors import Invalid
from frontdesk.http import cors
from frontdesk.http.asgi import CARRIER
from frontdesk.http.carriers import SocketCarrier
from frontdesk.http.wire import error_answer


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol; it shows requests their carrier, and refuses what is no HTTP as documented."""

    carrier: SocketCarrier

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.carrier = SocketCarrier(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        # Its answer may be made in this very moment; the client will not see it.
        owed = cycle is not None and not cycle.response_started
        self.carrier.closed(broken=owed or exc is not None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """See httptools.HttpRequestParser."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {CARRIER: self.carrier}

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools.HttpRequestParser. What a body's trailer says comes after the checks of any proxy."""
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        if "method" not in scope:
            super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """See uvicorn: the bytes are no HTTP request."""
        answer = error_answer(400, Invalid("invalidHttp", "This is no HTTP/1.1 request."))
        length = (b"content-length", b"%d" % len(answer.body))
        headers = (*self.server_state.default_headers, *answer.headers, *cors.ANY, length, (b"connection", b"close"))
        head = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + answer.body)
        self.transport.close()
