"""What a chat costs inside the process: `python -m benchmarks.inside`.

A whole server in this process, its connections without sockets: bytes of requests go in, bytes of answers come out.
Each round 64 contacts send a text, are given its echo, and poll again. Printed is the CPU of each of the three, for
one contact. With `--browsers` heads are as long as a browser's and texts differ in length; `--fresh 0.1` lets every
tenth contact be one whose heads the server has not seen; with `--agents` it is agents who say something to them.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, thread_time
from types import SimpleNamespace
from typing import Annotated, Any

import typer
import uvloop

from benchmarks import wire
from benchmarks.lane_alone import ForgetfulStore
from benchmarks.paths import BUILD
from benchmarks.peers.agents import Shift, begin
from benchmarks.peers.frontdesk import ECHO, Desk, web_token
from frontdesk import server, telemetry
from frontdesk.cli.demo import CLIENT, CLIENTS, KEY, ORG, WORK_TYPES, settings_for
from frontdesk.domain.timers import WIDTH
from frontdesk.http.lane import Lane
from frontdesk.http.outbox import Outbox
from frontdesk.server import App
from frontdesk.serving import spare_collector

# Contacts that send in one round of the loop.
AT_ONCE = 64
BASE = f"/via/v2/organizations/{ORG}"
AGENTS = "79"
# What a browser adds to the headers of a page's own request.
BROWSER = {
    "Connection": "keep-alive",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "sec-ch-ua": '"Chromium";v="126", "Not/A)Brand";v="8"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Origin": "https://shop.example.com",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": "https://shop.example.com/",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9,de;q=0.8",
}
SHORTEST = 80
# Of all connections of the one server here.
OUTBOX = Outbox()
_END = b"\r\n\r\n"


class Pipe:
    """A transport that keeps what is written to it, for whoever reads it next."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append

    def get_extra_info(self, name: str) -> Any:
        """See asyncio.Transport: there is a peer, and no socket."""
        return ("127.0.0.1", 1) if name == "peername" else None

    def is_closing(self) -> bool:
        """See asyncio.Transport: never."""
        return False

    def close(self) -> None:
        """See asyncio.Transport: there is nothing to close."""


class Connection:
    """A connection of the lane, without a socket."""

    def __init__(self, app: App) -> None:
        state: Any = SimpleNamespace(connections=set(), default_headers=[(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")])
        self.lane = Lane(app.dispatcher, app.timers, app.clock, app.doors, OUTBOX, server_state=state)
        self.pipe = Pipe()
        transport: Any = self.pipe
        self.lane.connection_made(transport)

    def send(self, data: bytes) -> None:
        """Bytes come in, as a fresh object each time."""
        self.lane.data_received(bytes(memoryview(data)))

    async def receive(self) -> bytes:
        """The one answer that is written, or will be."""
        while not self.pipe.written:  # noqa: ASYNC110 - a round of the loop is what is measured
            await asyncio.sleep(0)
        return self.pipe.written.pop()

    async def ask(self, request: bytes) -> wire.Answer:
        """One request and its answer."""
        self.send(request)
        head, _, body = (await self.receive()).partition(b"\r\n\r\n")
        return wire.Answer(int(head[9:12]), body)


@dataclass
class Contact:
    """Somebody in a chat: two connections, the poll, and texts to choose from."""

    session_id: str
    polls: Connection
    sends: Connection
    poll: bytes
    texts: list[bytes]


@dataclass
class Room:
    """All contacts, and what they did so far: CPU µs of each text, its delivery and the next poll."""

    app: App
    browsers: bool
    fresh: float
    agents: bool
    contacts: list[Contact] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    spent: list[tuple[float, ...]] = field(default_factory=list)

    async def furnish(self) -> None:
        """An organization whose chats are echoed."""
        run = self.app.admin.run
        await run("signing-key.rotate", {})
        await run("org.create", {"org_id": ORG, "name": "Benchmark"})
        await run("apikey.create", {"org_id": ORG, "name": "benchmark", "key": KEY})
        fields = {**WORK_TYPES[AGENTS], "name": "Echo", "script": "echo"}
        await run("worktype.create", {"org_id": ORG, "work_type_id": ECHO, **fields})
        await run("worktype.create", {"org_id": ORG, "work_type_id": AGENTS, **WORK_TYPES[AGENTS]})

    async def enter(self, count: int) -> None:
        """So many contacts come, and hold their polls."""
        headers = {**(BROWSER if self.browsers else {}), "x-api-key": KEY, "Accept": "application/json"}
        headers["Authorization"] = f"Bearer {await web_token(BASE, headers, Connection(self.app))}"
        shift = await self._shift(count) if self.agents else None
        desk = Desk(BASE, headers, AGENTS if self.agents else ECHO, shift)
        for number in range(count):
            self.contacts.append(await self._contact(desk, number))

    async def _shift(self, chats: int) -> Shift:
        made = await self.app.admin.run("client.create", {"org_id": ORG, "client_id": CLIENT, **CLIENTS[CLIENT]})
        assert isinstance(made, dict)
        facts = {"orgId": ORG, "workTypes": {"agents": AGENTS}, "client": {"id": CLIENT, "secret": made["secret"]}}
        return await begin(Connection(self.app), self.app.admin.run, facts, chats)

    async def _contact(self, desk: Desk, number: int) -> Contact:
        polls, sends = Connection(self.app), Connection(self.app)
        poll, text = (record.content for record in await desk.open(sends, number))
        polls.send(poll)
        session_id = poll.partition(b"via-client-sessionid: ")[2].partition(b"\r\n")[0].decode()
        return Contact(session_id, polls, sends, poll, self._texts(text))

    def _texts(self, request: bytes) -> list[bytes]:
        """The request as it is, or with bodies of several lengths."""
        if not self.browsers:
            return [request]
        head, _, body = request.partition(_END)
        lengths = [self.dice.randrange(SHORTEST, len(body)) for _ in range(8)]
        # With its name: the digits alone may stand in a token or a session's id as well.
        before = b"Content-Length: %d" % len(body)
        return [head.replace(before, b"Content-Length: %d" % n) + _END + body[: n - 2] + body[-2:] for n in lengths]

    async def round(self) -> None:
        """Some contacts send, are given the echo, and poll again."""
        some = self.dice.sample(self.contacts, min(AT_ONCE, len(self.contacts)))
        for contact in some:
            if self.dice.random() < self.fresh:
                self.app.dispatcher.heads.forget(contact.session_id)
        texts = [self.dice.choice(contact.texts) for contact in some]
        begun = thread_time()
        for contact, text in zip(some, texts, strict=True):
            contact.sends.send(text)
        sent = thread_time()
        answers = [await contact.sends.receive() for contact in some]
        if wrong := [answer for answer in answers if not answer.startswith(b"HTTP/1.1 202")]:
            # What was not taken is never delivered: a poll would be waited for in vain.
            raise RuntimeError(f"a text was not taken: {wrong[0]!r}")
        for contact in some:
            await contact.polls.receive()
        given = thread_time()
        for contact in some:
            contact.polls.send(contact.poll)
        polled = thread_time()
        times = sent - begun, given - sent, polled - given
        self.spent.append(tuple(each / len(some) * 1e6 for each in times))


async def measure(room: Room, seconds: float, contacts: int) -> None:
    """Fill the room and let its contacts talk for so long, after a fifth of it to warm up."""
    await room.furnish()
    await room.enter(contacts)
    spare_collector()
    begun = ticked = monotonic()
    while (now := monotonic()) < begun + seconds:
        await room.round()
        if now > ticked + WIDTH / 1000:
            room.app.tick()
            ticked = now
    del room.spent[: len(room.spent) // 5]


async def run(
    folder: Path, *, contacts: int, seconds: float, browsers: bool = False, fresh: float = 0, agents: bool = False
) -> Room:
    """A room that was measured, on an empty folder."""
    server.SqliteStore = ForgetfulStore  # type: ignore[attr-defined]
    app = await App.open(settings_for(0, folder, bench=True))
    room = Room(app, browsers, fresh, agents)
    try:
        await measure(room, seconds, contacts)
    finally:
        await app.close()
    return room


def median(values: list[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def inside(
    *,
    contacts: Annotated[int, typer.Option(min=1, help="Contacts with a held poll.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long they talk.")] = 4.0,
    browsers: Annotated[bool, typer.Option("--browsers", help="Heads of browsers, texts of any length.")] = False,
    fresh: Annotated[float, typer.Option(min=0, max=1, help="Share of contacts not seen before.")] = 0.0,
    agents: Annotated[bool, typer.Option("--agents", help="Agents talk to them.")] = False,
) -> None:
    """Measure what a chat costs without sockets and storage."""
    telemetry.configure("warning", as_json=False)
    BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="inside-", dir=BUILD) as name:
        room = uvloop.run(
            run(Path(name), contacts=contacts, seconds=seconds, browsers=browsers, fresh=fresh, agents=agents)
        )
    text, delivery, poll = (median([spent[part] for spent in room.spent]) for part in range(3))
    print(f"{contacts:,} contacts: text {text:.1f} µs, delivery {delivery:.1f} µs, next poll {poll:.1f} µs of CPU")


if __name__ == "__main__":
    typer.run(inside)
