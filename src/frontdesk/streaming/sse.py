"""Server-sent events (WHATWG HTML, 9.2): the same envelopes, one a frame."""

from __future__ import annotations

# A comment keeps proxies from closing a silent stream, and shows us a dead one. Seconds.
HEARTBEAT_SECONDS = 15
HEARTBEAT = b": still here\n\n"
# Tells browsers how long to wait before they connect again, in milliseconds.
OPENING = b"retry: 1000\n\n"


def frame(envelope: bytes, number: int = 0) -> bytes:
    """One event; `id` is its sequence number, so that Last-Event-ID is the cursor. Passing events have none."""
    if number:
        return b"id: %d\ndata: %b\n\n" % (number, envelope)
    return b"data: %b\n\n" % envelope
