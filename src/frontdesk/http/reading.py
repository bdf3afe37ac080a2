"""Reading: the half of the lane that makes requests of the bytes of one connection."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

import httptools

from frontdesk.domain.errors import Invalid, Refusal
from frontdesk.http.bodies import BODY_MAX, too_large
from frontdesk.http.wire import Request

# Bytes of a request's head. Browsers send 1 to 2 KiB, proxies add some; more is an attack or a mistake.
HEAD_MAX = 32 * 1024
# Bytes of a body that are read and dropped, so that the refusal can be read on the same connection; beyond it the
# connection is closed.
DROP_MAX = 1024 * 1024

_METHODS = {m.encode(): m for m in ("GET", "POST", "OPTIONS", "DELETE", "PUT", "PATCH", "HEAD")}
_HEAD_END = b"\r\n\r\n"
_NO_HEADERS: dict[bytes, bytes] = {}


def _head_too_large() -> Invalid:
    return Invalid("headTooLarge", f"Send at most {HEAD_MAX} bytes of request line and headers.")


def _size_of(url: bytes, headers: dict[bytes, bytes]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers.items())


class Reading(asyncio.Protocol):
    """What has come of the request that is being read. Whole ones are taken by the lane, which is made of this."""

    __slots__ = (
        "_began", "_body", "_chunk", "_closing", "_headers", "_in_body", "_keep_next", "_method", "_moved", "_parser",
        "_peer", "_size", "_transport", "_url",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._closing = False
        self._moved = False
        self._keep_next = True
        # The piece that is being read, and the one in which its request began.
        self._chunk = self._began = b""
        self._method = b""
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = b""
        # Bytes of a request that is not whole yet: of its head, then of its body.
        self._size = 0
        self._in_body = False

    # ---- what becomes of it

    @abstractmethod
    def _take(self, request: Request) -> None:
        """A request is whole."""

    @abstractmethod
    def _is_free(self) -> bool:
        """Whether every request before this one is answered."""

    @abstractmethod
    def _fail(self, problem: Refusal) -> None:
        """Nothing more is taken on this connection: refuse and close."""

    @abstractmethod
    def delivered(self) -> bool | None:
        """See ports.Carrier."""

    @abstractmethod
    def _write_now(self, data: bytes) -> None:
        """Write this, behind what is not sent yet."""

    @abstractmethod
    def _shut_if_free(self) -> None:
        """Close, when nothing is owed to anyone."""

    # ---- bytes

    def _read(self, data: bytes) -> None:
        """The next bytes, which may hold any part of a request, or several."""
        parser = self._parser
        if parser is None or self._closing:
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

    def _check_size(self) -> None:
        """More came than any head has, and no request is whole yet."""
        if not self._in_body:
            self._fail(_head_too_large())
        elif self._size > DROP_MAX:
            self._fail(too_large())

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
        wished = self._headers[b"expect"].lower() == b"100-continue"
        if wished and self._is_free() and not self._closing:
            self._write_now(b"HTTP/1.1 100 Continue\r\n\r\n")

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
        self._take(request)

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
        self._read(b"\r\n".join(lines) + _HEAD_END + rest)

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
