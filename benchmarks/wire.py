"""A small HTTP/1.1 client for making thousands of sessions quickly: keep-alive, one request at a time a connection."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

LANES = 64
# Longer than any peer holds a poll (15 s), so that a timeout means a broken server, never a quiet one.
ANSWER_SECONDS = 30.0
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: its status and its whole body."""

    status: int
    body: bytes


class Connection:
    """One keep-alive connection; it dials again when the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send one whole request and read its answer; raises OSError or TimeoutError when none comes."""
        reader, writer = self._streams or await self._dial()
        writer.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(_length(head))
        if b"connection: close" in head:
            self.close()
        return Answer(int(head[9:12]), body)

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of one request; a POST always states its Content-Length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def make_many(port: int, count: int, make: Callable[[Connection, int], Awaitable[Result]]) -> list[Result]:
    """Run `make` for every number below `count` over a few connections; results are in order of the number."""
    return asyncio.run(_make_many(port, count, make))


async def _make_many(port: int, count: int, make: Callable[[Connection, int], Awaitable[Result]]) -> list[Result]:
    results: dict[int, Result] = {}
    numbers = iter(range(count))

    async def lane() -> None:
        connection = Connection(port)
        for number in numbers:
            results[number] = await make(connection, number)
        connection.close()

    async with asyncio.TaskGroup() as lanes:
        for _ in range(min(LANES, count)):
            lanes.create_task(lane())
    return [results[number] for number in range(count)]


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
