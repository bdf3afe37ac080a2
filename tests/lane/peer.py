"""A client that knows when the server has nothing more to say, because it looks into it."""

import fcntl
import re
import socket
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Self

from frontdesk.engines.sqlite import SqliteStore
from tests.support.client import Client
from tests.support.server import Running
from tests.support.wire import PATIENCE_SECONDS

SIOCOUTQ, FIONREAD = 0x5411, 0x541B
CHUNK = 1 << 20
BROKEN = b'"reason":"invalidHttp"'


class Pair(NamedTuple):
    """Two servers that must answer alike."""

    lane: Running
    asgi: Running


@dataclass(frozen=True)
class Said:
    """All that came back over one connection, and whether the server ended it."""

    data: bytes
    ended: bool


def queued(sock: Any, request: int) -> int:
    """Bytes that lie in a queue of a socket: FIONREAD, not read yet; SIOCOUTQ, not acknowledged yet."""
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), request, b"\0\0\0\0"))[0])


def connections(server: Running) -> set[Any]:
    """The server's open connections: uvicorn keeps them, for its stop."""
    found: set[Any] = server.app.stop.func.__self__.server_state.connections  # type: ignore[attr-defined]
    return found


def _is_busy(protocol: Any) -> bool:
    """Whether a request is under way; the one place that knows how the two protocols say so."""
    if hasattr(protocol, "cycle"):
        cycle = protocol.cycle
        return bool(protocol.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)
    waits = protocol._pending is not None or protocol._stream is not None or bool(protocol._queue)  # noqa: SLF001
    return waits or bool(protocol._unsent)  # noqa: SLF001


def transport_of(protocol: Any) -> Any:
    """The transport of a connection; None once it is closed."""
    return protocol.transport if hasattr(protocol, "transport") else protocol._transport  # noqa: SLF001


class Peer:
    """One connection to a server in this process."""

    def __init__(self, server: Running, *, receive_buffer: int = 0) -> None:
        self.server = server
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._said = bytearray()
        self.ended = False
        server.until(lambda: self.protocol() is not None)

    def __enter__(self) -> Self:
        """Use as a context; it closes the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Break the connection, as a crashing client or a dropped network does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def protocol(self) -> Any:
        """The server's side of this connection; None when it is closed."""
        name = self.socket.getsockname()
        for each in connections(self.server):
            transport = transport_of(each)
            if transport is not None and transport.get_extra_info("peername") == name:
                return each
        return None

    def send(self, data: bytes) -> None:
        """Send as far as the server takes it; what comes back meanwhile is kept."""
        rest = memoryview(data)
        while rest and not self.ended:
            self.socket.settimeout(0.01 if len(data) > CHUNK else PATIENCE_SECONDS)
            try:
                rest = rest[self.socket.send(rest[:CHUNK]) :]
            except TimeoutError:
                self.read()
            except (BrokenPipeError, ConnectionResetError):
                self.read()
                return

    def flood(self) -> None:
        """Ask for more than fits between here and there, and read nothing."""
        self.socket.settimeout(0)
        protocol, request = self.protocol(), b"GET /docs HTTP/1.1\r\nHost: h\r\n\r\n"

        def send() -> Any:
            with suppress(BlockingIOError):
                self.socket.send(request * 1000)
            return protocol._blocked  # noqa: SLF001

        self.server.until(send)
        self.socket.settimeout(PATIENCE_SECONDS)

    def read(self) -> None:
        """Take what is here already."""
        self.socket.settimeout(0)
        with suppress(BlockingIOError):
            while not self.ended:
                self._take()
        self.socket.settimeout(PATIENCE_SECONDS)

    def _take(self) -> None:
        try:
            piece = self.socket.recv(CHUNK)
        except ConnectionResetError:
            piece = b""
        self._said += piece
        self.ended = not piece

    def _is_taken(self) -> bool:
        """Whether the server has read every byte; runs on its loop."""
        protocol = self.protocol()
        if protocol is None:
            return True
        there = transport_of(protocol).get_extra_info("socket")
        return not queued(self.socket, SIOCOUTQ) and not queued(there, FIONREAD)

    def _is_quiet(self) -> bool:
        protocol = self.protocol()
        if protocol is None:
            return True
        transport = transport_of(protocol)
        return self._is_taken() and not _is_busy(protocol) and not transport.get_write_buffer_size()

    def taken(self) -> None:
        """Wait until the server has read all that was sent."""
        self.server.until(self._is_taken)

    def settle(self) -> Said:
        """Read until the server has answered all that it can answer."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.ended:
            assert time.monotonic() < until, f"the server is not done; so far: {self._said!r}"
            quiet = self.server.call(self._is_quiet)
            self.read()
            if quiet:
                break
        return Said(bytes(self._said), self.ended)

    def rest(self) -> Said:
        """Read until the server ends the connection."""
        while not self.ended:
            self._take()
        return Said(bytes(self._said), self.ended)


def exchange(server: Running, pieces: Iterable[bytes]) -> Said:
    """Send pieces, each when the server has read the one before, and hear all that it has to say to them."""
    with Peer(server) as peer:
        for piece in pieces:
            peer.send(piece)
            peer.taken()
        return peer.settle()


@contextmanager
def slow_disk(server: Running) -> Iterator[None]:
    """Nothing becomes durable meanwhile: another program holds the database's lock."""
    store = server.app.store
    assert isinstance(store, SqliteStore)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# ---- requests with credentials, and answers without what differs between two servers

_DIFFERENT = re.compile(rb'(\r\ndate: |\\?"(?:tokenId|sessionId|interactionId|id)\\?":\\?")[^"\\\r]+')


def same_for_all(said: Said) -> Said:
    """The answers with one word in place of dates, tokens and ids."""
    return Said(_DIFFERENT.sub(rb"\1...", said.data), said.ended)


def agree(lane: Said, asgi: Said) -> bool:
    """Equal; but uvicorn's refusal of broken bytes overtakes the answers to what came before them in one piece."""
    if lane == asgi:
        return True
    refused = lane.ended and asgi.ended and BROKEN in lane.data
    return refused and asgi.data.count(b"\r\ndate: ") == 1 and lane.data.endswith(asgi.data)


def with_credentials(data: bytes, client: Client) -> bytes:
    """The request with the client's token and session in place of {token} and {session}."""
    token = client.credentials["authorization"].encode()
    return data.replace(b"{token}", token).replace(b"{session}", client.session_id.encode())


def answers(server: Running, data: bytes, cuts: Iterable[int] = ()) -> Said:
    """What the server says to these bytes, sent in pieces; a contact in a chat is made for them where they need one."""
    if b"{session}" not in data and b"{token}" not in data:
        return same_for_all(exchange(server, _pieces(data, cuts)))
    with server.contact() as client:
        client.connect()
        said = exchange(server, _pieces(with_credentials(data, client), cuts))
        # Out of the queue, so that the next one has the same place in it; refused where the request has ended the chat.
        client.post("messaging/disconnect")
        return same_for_all(said)


def _pieces(data: bytes, cuts: Iterable[int]) -> Iterable[bytes]:
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [data[start:end] for start, end in pairwise(places)]
