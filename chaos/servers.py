"""The nodes of a cluster as processes of their own, and the servers below them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from benchmarks.nodes import UNLIMITED, furnish, hire
from chaos.agent import CLIENT
from chaos.contact import AGENTS, SCRIPT
from chaos.store import PostgresSide, SqliteSide, Storage
from tests.support.client import KEY, ORG
from tests.support.nats import Nats

# Seconds in which a node must serve or stop. A stop waits for answers under way, and may wait for the database.
START_SECONDS, STOP_SECONDS = 30.0, 20.0
# Seconds between two tries to start a node, as an init system has them.
START_AGAIN_SECONDS = 0.3


class Node:
    """A `frontdesk serve` that is started again whenever it ends, as an init system does.

    `lock` is held by whoever breaks it: no two faults meet on one node.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.port = 0
        self.lock = asyncio.Lock()
        self.ended_by_itself: list[str] = []
        self._folder = folder
        self._environment = {**os.environ, **UNLIMITED, "FRONTDESK_PORT": "0", **environment}
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        """Everything it wrote, over all its lives."""
        return self._folder / f"{self.name}.log"

    async def start(self) -> None:
        """Start it, again and again until it serves."""
        async with asyncio.timeout(START_SECONDS):
            while not await self._try():  # noqa: ASYNC110 - a process that ended says why in its log, and to nobody else
                await asyncio.sleep(START_AGAIN_SECONDS)
        self._watch = asyncio.create_task(self._look_after())

    async def _try(self) -> bool:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "frontdesk", "serve", "--json"),
                stdout=asyncio.subprocess.PIPE, stderr=log, env=self._environment, cwd=self._folder,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            return False
        self.port = int(json.loads(line)["url"].rpartition(":")[2])
        return True

    async def _look_after(self) -> None:
        """Nobody asked it to end: it is started again, and the judge hears of it."""
        assert self._process is not None
        status = await self._process.wait()
        self.ended_by_itself.append(f"{self.name} ended by itself with status {status}; see {self.log}")
        await self.start()

    async def kill(self) -> None:
        """End it where it stands."""
        self.send(signal.SIGKILL)
        await self._ended()

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self.send(signal.SIGTERM)
        await self._ended()

    def send(self, number: signal.Signals) -> None:
        """Send a signal. One that ends it is expected from now on."""
        if self._watch is not None and number in (signal.SIGKILL, signal.SIGTERM):
            self._watch.cancel()
            self._watch = None
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _ended(self) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.ended_by_itself.append(f"{self.name} did not stop within {STOP_SECONDS:.0f} s; see {self.log}")
            self._process.kill()
            await self._process.wait()


class Cluster:
    """All that runs: the nodes, what they store in, and the bus between them, if it is one of its own."""

    def __init__(self, storage: Storage, nats: Nats | None, nodes: Sequence[Node], secret: str) -> None:
        self.storage = storage
        # Of the program that acts for the agents; "" without agents.
        self.secret = secret
        self.nats = nats
        self.nodes = nodes

    @property
    def ports(self) -> Sequence[int]:
        """Where the nodes serve, or served when they did last."""
        return [node.port for node in self.nodes]


@asynccontextmanager
async def running(folder: Path, *, on: str, bus: str, nodes: int, agents: Sequence[str]) -> AsyncIterator[Cluster]:
    """A cluster with an organization that has the echo and these agents; all of it is gone at the end."""
    async with AsyncExitStack() as stack:
        storage: Storage = SqliteSide(folder) if on == "sqlite" else PostgresSide()
        await asyncio.to_thread(storage.start)
        stack.push_async_callback(asyncio.to_thread, storage.remove)
        nats = await _nats(stack) if bus == "nats" else None
        made = [Node(f"node{n}", folder, _environment(folder, storage, nats, n)) for n in range(1, nodes + 1)]
        secret = await _furnish(storage, folder, agents)
        for node in made:
            stack.push_async_callback(_end, node)
        await asyncio.gather(*(node.start() for node in made))
        yield Cluster(storage, nats, made, secret)


async def _nats(stack: AsyncExitStack) -> Nats:
    nats = Nats()
    await asyncio.to_thread(nats.start)
    stack.push_async_callback(asyncio.to_thread, nats.kill)
    return nats


def _environment(folder: Path, storage: Storage, nats: Nats | None, number: int) -> dict[str, str]:
    """The settings of a node. On SQLite the folder is the database."""
    data = folder / ("data" if not storage.url else f"data{number}")
    bus = {"FRONTDESK_BUS": nats.url()} if nats else {}
    return {"FRONTDESK_DATABASE": storage.url, "FRONTDESK_DATA": str(data), **bus}


async def _furnish(storage: Storage, folder: Path, agents: Sequence[str]) -> str:
    """Make the contacts' organization, its key, its work types and its agents; returns their program's secret."""
    work_types = {
        SCRIPT: {"name": "Echo", "channels": ["chat"], "script": "echo"},
        AGENTS: {"name": "Agents", "channels": ["chat"], "script": ""},
    }
    data = folder / "data"
    await furnish(storage.url, data, org=ORG, key=KEY, work_types=work_types)
    if not agents:
        return ""
    return await hire(storage.url, data, org=ORG, work_type_id=AGENTS, agents=agents, client_id=CLIENT)


async def _end(node: Node) -> None:
    node.send(signal.SIGCONT)
    if node.port:
        await node.kill()
