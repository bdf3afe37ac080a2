"""What has arrived on the other side: `ports.Carrier` for our connections."""

from __future__ import annotations

import asyncio
import fcntl
import select
import struct

# Linux, ioctl_list(2): bytes in the send queue that the other machine has not acknowledged.
_SIOCOUTQ = 0x5411


def unacknowledged(transport: asyncio.BaseTransport) -> int:
    """Bytes written that the other machine has not acknowledged; where that can't be known, those not yet sent."""
    waiting = int(getattr(transport, "get_write_buffer_size", int)())
    sock = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCOUTQ, b"\0\0\0\0")
    except (OSError, AttributeError, ValueError):
        return waiting
    return waiting + int(struct.unpack("i", answer)[0])


def arrived(transport: asyncio.Transport) -> bool | None:
    """Whether all that was written to `transport` has reached the other machine; None while that is unknown."""
    if transport.is_closing() or unacknowledged(transport):
        return None
    sock = transport.get_extra_info("socket")
    if sock is None:
        return True
    poller = select.poll()
    poller.register(sock.fileno(), 0)
    # The other side may have reset the connection, and the loop not have come to it yet.
    return None if poller.poll(0) else True


class SocketCarrier:
    """A carrier on a socket. Outlives its connection, to say how that ended."""

    __slots__ = ("_broken", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport: asyncio.Transport | None = transport
        self._broken = False

    def delivered(self) -> bool | None:
        """See ports.Carrier."""
        if self._transport is None:
            return not self._broken
        return arrived(self._transport)

    def closed(self, *, broken: bool) -> None:
        """The connection is over; `broken` when something written to it can't have arrived."""
        if self._transport is not None:
            self._broken = broken or unacknowledged(self._transport) > 0
            self._transport = None
