"""HTTP to a cluster: every request to a node picked at random, over connections that may be broken at any moment."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from http import HTTPStatus
from typing import Protocol

from benchmarks.wire import Answer, Connection
from tests.streaming.rough import break_off

# Seconds without an answer after which a client asks another node. A paused node would keep it waiting for ever, and
# under load an answer is never that far away.
PATIENCE_SECONDS = 4.0
BROKEN = (OSError, EOFError, asyncio.LimitOverrunError)
"""What a connection breaks with; a time-out is an OSError."""


class Upstream(Protocol):
    """Who can be asked."""

    @property
    def ports(self) -> Sequence[int]:
        """Where nodes serve, or did when they served last."""


class Line(Connection):
    """One connection that can be broken as a dropped network does it."""

    async def stream(self, request: bytes) -> AsyncGenerator[bytes, None]:
        """Send a request and yield the pieces of its endless answer. Raises OSError, EOFError, or Refused."""
        reader, writer = self._streams or await self._dial()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if head[9:12] != b"200" or b"transfer-encoding: chunked" not in head:
            raise Refused(int(head[9:12]))
        while size := int(await reader.readline() or b"0", 16):
            piece = await reader.readexactly(size + 2)
            yield piece[:-2]

    def reset(self) -> None:
        """Break the connection."""
        if self._streams:
            break_off(self._streams[1])
            self._streams = None


class Refused(Exception):
    """A stream was refused with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Lines:
    """A client's connections, one to each node at most. Two requests at a time need two of these."""

    def __init__(self, upstream: Upstream, dice: random.Random) -> None:
        self._upstream = upstream
        self._dice = dice
        self._open: dict[int, Line] = {}
        self._failed = 0

    async def ask(self, request: bytes) -> Answer:
        """One request to any node. Raises what is in BROKEN."""
        port = self._pick()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await self._line(port).ask(request)
        except BaseException:
            self._give_up(port)
            raise
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._failed = port
        return answer

    async def stream(self, request: bytes) -> AsyncGenerator[bytes, None]:
        """The pieces of an endless answer. Raises what is in BROKEN, also when nothing comes any more; or Refused."""
        port = self._pick()
        pieces = self._line(port).stream(request)
        try:
            while True:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    piece = await anext(pieces, b"")
                if not piece:
                    raise EOFError
                yield piece
        finally:
            self._give_up(port)

    def reset(self) -> None:
        """Break all connections."""
        for line in self._open.values():
            line.reset()

    def close(self) -> None:
        """Hang up."""
        for line in self._open.values():
            line.close()
        self._open.clear()

    def _pick(self) -> int:
        """Any node but the one that failed just now, as every balancer does with a repeat."""
        ports = [port for port in self._upstream.ports if port != self._failed] or list(self._upstream.ports)
        self._failed = 0
        return self._dice.choice(ports)

    def _line(self, port: int) -> Line:
        return self._open.setdefault(port, Line(port))

    def _give_up(self, port: int) -> None:
        self._failed = port
        if (line := self._open.pop(port, None)) is not None:
            line.close()
