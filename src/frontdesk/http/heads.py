"""Heads of requests that came before, with what the checks found: the next request with the same is not read anew.

A client's requests differ in their bodies and little else, so its next head is one that it has sent already but for
the length. Whoever sends the very same bytes is the same caller: what may have changed meanwhile (token, keys, session)
is looked at again by `Again.run`, everything else need not be.
"""

from __future__ import annotations

from frontdesk.http.bodies import BODY_MAX
from frontdesk.http.wire import Again, Request

# Heads remembered of one session, or one agent: of its polls, its texts, its typing and its acknowledgements.
HEADS_MAX = 4
# Bytes of a head. Browsers send about one KiB; what is longer is read each time.
SIZE_MAX = 2048
# As browsers and most clients write it, and as proxies that speak HTTP/2 do.
_LENGTHS = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
_LENGTH_SIZE = len(_LENGTHS[0])
_END = b"\r\n\r\n"
# With one of these a request is more than its head and its body, or its answer is more than what is done.
_UNUSUAL = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class Heads:
    """The heads of the sessions that are at home here, which go with their session; and of staff, a few for each."""

    def __init__(self) -> None:
        self._known: dict[bytes, Again] = {}
        self._of: dict[str, list[bytes]] = {}
        # Where the length stood the last time: clients of a kind write their heads alike.
        self._at = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def find(self, data: bytes) -> tuple[Again | None, bytes]:
        """How to carry out the request that `data` is, and its body; None when it must be read."""
        if data.endswith(_END):
            return self._known.get(data), b""
        # A body is JSON. One character is found ten times as fast as the empty line before it.
        end = data.find(b"{")
        head = self._head(data, end)
        return (self._known.get(head), data[end:]) if head else (None, b"")

    def keep(self, data: bytes, request: Request) -> None:
        """`data` was this request and nothing else, and passed all checks."""
        again, headers = request.again, request.headers
        has_body = not data.endswith(_END)
        head = self._head(data, data.find(b"{")) if has_body else data
        if again is None or len(head) > SIZE_MAX or head.count(_END) != 1 or not _UNUSUAL.isdisjoint(headers):
            return
        # A length that stands in what is kept would go on to count beside that of a later request.
        if has_body != (b"content-length" in headers) or not head.startswith((b"GET ", b"POST ")):
            return
        # It may have ended with this very request.
        if again.session is None or not again.session.ended_ms:
            self._put(head, again)

    def _put(self, head: bytes, again: Again) -> None:
        if head not in self._known:
            own = self._of.setdefault(again.owner, [])
            if len(own) >= HEADS_MAX:
                del self._known[own.pop(0)]
            own.append(head)
        self._known[head] = again

    def _head(self, data: bytes, end: int) -> bytes:
        """The head without its Content-Length, when the body begins at `end`; empty unless `data` may be one request.

        What is left of the head says nothing of where the body ends: left out is only a length that is true to the
        byte.
        """
        # Without a body `end` is -1, a place before the last byte: a request that lacks most of its body would be taken
        # for whole, and the rest of it for another request.
        if end < 0 or not data.endswith(_END, 0, end):
            return b""
        at, size = self._at, len(data) - end
        if not data.startswith(_LENGTHS, at, end):
            at = self._at = max(data.find(name, 0, end) for name in _LENGTHS)
        value = b"%d\r\n" % size
        if at < 0 or size > BODY_MAX or not data.startswith(value, at + _LENGTH_SIZE):
            return b""
        return data[:at] + data[at + _LENGTH_SIZE + len(value) - 2 : end]

    def forget(self, session_id: str) -> None:
        """The session is over, or is at home elsewhere."""
        for head in self._of.pop(session_id, ()):
            del self._known[head]
