"""Answers as the bytes that the lane writes, in the order in which uvicorn writes them for the ASGI route."""

from __future__ import annotations

from http import HTTPStatus

from frontdesk.http.wire import Answer, Headers

Date = tuple[bytes, bytes]
# Status and header lines, the same as a whole answer without a body, and what they were made of.
Start = tuple[bytes, bytes, Date, Headers, Headers]

_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
# How answers begin, by status and by the identity of their headers, which are constants or cached themselves; each
# entry keeps them alive, so that no other can take their place. The date (RFC 9110, 6.6.1) is a new one each second.
_STARTS_MAX = 1024
_starts: dict[tuple[int, int, int, int], Start] = {}


def _start(status: int, date: Date, own: Headers, shared: Headers) -> Start:
    """Status and header lines of an answer, remembered for the next."""
    if len(_starts) >= _STARTS_MAX:
        _starts.clear()
    text = _STATUS[status] + b"".join(b"%b: %b\r\n" % header for header in (date, *own, *shared))
    start = text, text + b"content-length: 0\r\n\r\n", date, own, shared
    _starts[(status, id(date), id(own), id(shared))] = start
    return start


def whole(answer: Answer, shared: Headers, date: Date, *, keep: bool, head: bool) -> bytes:
    """A whole answer. `shared` are headers that every answer to the request carries; `head`: without the body."""
    status, body, own = answer.status, answer.body, answer.headers
    known = _starts.get((status, id(date), id(own), id(shared))) or _start(status, date, own, shared)
    start = known[0]
    if keep and not head and status != _NO_CONTENT:
        return b"%bcontent-length: %d\r\n\r\n%b" % (start, len(body), body) if body else known[1]
    length = b"" if status == _NO_CONTENT else b"content-length: %d\r\n" % len(body)
    end = b"\r\n" if keep else b"connection: close\r\n\r\n"
    return b"".join((start, length, end, b"" if head else body))


def opening(own: Headers, shared: Headers, date: Date) -> bytes:
    """The head of an answer without an end; its pieces follow as chunks."""
    return _start(HTTPStatus.OK.value, date, own, shared)[0] + b"transfer-encoding: chunked\r\n\r\n"
