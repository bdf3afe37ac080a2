"""Answers as the bytes that the lane writes, in the order in which uvicorn writes them for the ASGI route."""

from __future__ import annotations

from http import HTTPStatus

from frontdesk.http.wire import Answer, Headers

_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
# Header lines by the identity of their parts, which are constants or cached themselves; each entry keeps its parts
# alive, so that no other can take their place.
_LINES_MAX = 1024
_lines: dict[tuple[int, int], tuple[bytes, Headers, Headers]] = {}
# The one Date line of this second (RFC 9110, 6.6.1); the server makes a new header each second.
_dates: dict[tuple[bytes, bytes], bytes] = {}


def _text(own: Headers, shared: Headers) -> bytes:
    """The header lines of an answer, as they were the last time."""
    key = (id(own), id(shared))
    known = _lines.get(key)
    if known is None:
        if len(_lines) >= _LINES_MAX:
            _lines.clear()
        text = b"".join(b"%b: %b\r\n" % header for header in (*own, *shared))
        known = _lines[key] = (text, own, shared)
    return known[0]


def _dated(date: tuple[bytes, bytes]) -> bytes:
    line = _dates.get(date)
    if line is None:
        _dates.clear()
        line = _dates[date] = b"%b: %b\r\n" % date
    return line


def whole(answer: Answer, shared: Headers, date: tuple[bytes, bytes], *, keep: bool, head: bool) -> bytes:
    """A whole answer. `shared` are headers that every answer to the request carries; `head`: without the body."""
    body = answer.body
    return b"".join(
        (
            _STATUS[answer.status],
            _dated(date),
            _text(answer.headers, shared),
            b"" if answer.status == HTTPStatus.NO_CONTENT else b"content-length: %d\r\n" % len(body),
            b"\r\n" if keep else b"connection: close\r\n\r\n",
            b"" if head else body,
        )
    )


def opening(own: Headers, shared: Headers, date: tuple[bytes, bytes]) -> bytes:
    """The head of an answer without an end; its pieces follow as chunks."""
    return _STATUS[HTTPStatus.OK] + _dated(date) + _text(own, shared) + b"transfer-encoding: chunked\r\n\r\n"
