"""A rough network, and contacts that talk across it."""

import asyncio
import json
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.client import EVENTS, KEY, SESSION, Json, path_of
from tests.support.wire import PATIENCE_SECONDS, request_bytes

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
RESET = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER of nought seconds: closing breaks the connection."""


def break_off(*writers: asyncio.StreamWriter) -> None:
    """Reset these connections, in order."""
    for writer in writers:
        sock = writer.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


class Proxy:
    """Passes connections on to `target`, and mistreats them by the throws of its dice.

    It cuts in the middle of requests and answers, holds pieces back, and sends polls a second time over a connection
    of its own. A cut resets the server's side first: what the server hears is what happened.
    """

    def __init__(self, dice: random.Random, *, copies: bool) -> None:
        self.target = 0
        self.port = 0
        self.cuts = 0
        self.copied = 0
        self._dice = dice
        self._copies = copies
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._carry(reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            break_off(writer)
            return
        ways = (self._up(reader, up_writer), self._down(up_reader, writer))
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            break_off(up_writer, writer)

    def _allowance(self, most: int) -> float:
        """After how many bytes the connection is cut."""
        return self._dice.randrange(1, most) if self._dice.random() < 0.5 else float("inf")

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._allowance(6_000)
        while data := await reader.read(4096):
            if self._copies and data.startswith(b"GET ") and self._dice.random() < 0.1:
                self._start(self._copy(data))
            if not await self._pass(data, writer, left):
                return
            left -= len(data)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._allowance(5_000)
        while data := await reader.read(4096):
            if not await self._pass(data, writer, left):
                return
            left -= len(data)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, left: float) -> bool:
        """Hand a piece on; False when the connection breaks with it."""
        if self._dice.random() < 0.1:
            # The network's latency, not a wait of the test.
            await asyncio.sleep(self._dice.random() / 50)
        whole = len(data) <= left
        writer.write(data if whole else data[: int(left)])
        self.cuts += not whole
        await writer.drain()
        return whole

    async def _copy(self, request: bytes) -> None:
        """The same poll again, from nowhere; its answer is thrown away."""
        self.copied += 1
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
            try:
                writer.write(request)
                await reader.read(1)
            finally:
                break_off(writer)


class Line:
    """HTTP over one connection at a time; a new one after each break, and now and then without any reason."""

    def __init__(self, port: Callable[[], int], dice: random.Random) -> None:
        self._port = port
        self._dice = dice
        self._streams: Streams | None = None

    async def ask(self, request: bytes) -> tuple[int, Json]:
        """One request. Raises OSError or EOFError when the connection breaks."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._exchange(request)
        except (OSError, EOFError):
            self.drop()
            raise

    async def _exchange(self, request: bytes) -> tuple[int, Json]:
        if self._dice.random() < 0.1:
            self.drop()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port())
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
        body = await reader.readexactly(length)
        return int(head.split(b" ", 2)[1]), json.loads(body) if body else {}

    def drop(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass
class Contact:
    """A client as the contract wants it: it repeats with the same key, and follows the numbers.

    A plain one does neither: it sends each request once, and asks for events without naming a number.
    `answers` is what the script said, in the order it was rendered.
    """

    name: str
    lines: list[str]
    port: Callable[[], int]
    polls: Callable[[], int]
    dice: random.Random
    work_type: str = "1"
    plain: bool = False
    events: list[Json] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    repeats: int = 0
    headers: dict[str, str] = field(default_factory=lambda: {"x-api-key": KEY})

    async def talk(self) -> None:
        """Come, say every line, and listen until every line was answered."""
        sending, polling = Line(self.port, self.dice), Line(self.polls, self.dice)
        try:
            token = await self._post(sending, "webToken", None)
            self.headers["authorization"] = f"Bearer {token['tokenId']}"
            made = await self._post(sending, SESSION, {"inactivityDelay": 3600})
            self.headers["via-client-sessionid"] = made["sessionId"]
            await self._post(sending, "messaging/connect", {"workTypeId": self.work_type, "contactName": self.name})
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._say(sending))
                tasks.create_task(self._listen(polling))
        finally:
            sending.drop()
            polling.drop()

    async def _say(self, line: Line) -> None:
        for text in self.lines:
            await self._post(line, "messaging/sendText", {"text": text})

    async def _post(self, line: Line, operation: str, body: Json | None) -> Json:
        """One POST, repeated with its key until it is answered."""
        self.repeats += 1
        key = {} if self.plain else {"Idempotency-Key": f"{self.name} {self.repeats}"}
        data = None if body is None else json.dumps(body).encode()
        request = request_bytes("POST", path_of(operation), {**self.headers, **key}, data)
        while True:
            try:
                status, answer = await line.ask(request)
            except (OSError, EOFError):
                if self.plain:
                    raise
                await asyncio.sleep(self.dice.random() / 20)  # a client backs off
                continue
            if status in (429, 500):
                continue
            assert status in (200, 202), (operation, status, answer)
            return answer

    async def _listen(self, line: Line) -> None:
        expected = len(self.lines) + (self.work_type == "100")
        while len(self.answers) < expected:
            query = "?maxEvents=" + str(self.dice.choice((1, 3, 100)))
            if not self.plain:
                query += f"&afterSequenceNumber={len(self.events)}"
            try:
                status, answer = await line.ask(request_bytes("GET", path_of(EVENTS + query), self.headers))
            except (OSError, EOFError):
                await asyncio.sleep(self.dice.random() / 20)  # a client backs off
                continue
            assert status in (200, 500), (status, answer)
            for event in answer.get("events", []):
                self._render(event)

    def _render(self, event: Json) -> None:
        """Take the next event. What comes again is the same in every byte, and only a plain client may get it."""
        number = event.get("sequenceNumber")
        if number is None:
            return
        assert number <= len(self.events) + 1, f"{self.name} missed events {len(self.events) + 1} to {number - 1}"
        if number <= len(self.events):
            assert self.plain, f"{self.name} got {number} again"
            assert self.events[number - 1] == event
        else:
            self.events.append(event)
            if event["kind"] == "messaging.Text":
                self.answers.append(json.loads(event["payload"])["text"])
