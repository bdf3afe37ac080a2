"""The faults: how each is done to a cluster, and undone."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence

from chaos import plan
from chaos.client import Client
from chaos.judge import Fault
from chaos.servers import Cluster, Node

# Seconds that something stays away.
NODE_AWAY, DATABASE_AWAY, NATS_AWAY = (0.0, 3.0), (0.2, 2.0), (0.5, 3.0)
# Longer than the 3 s after which the others shut a silent node out, so that it comes back as a stranger.
PAUSED = (4.5, 7.0)


class Breaker:
    """Breaks things. `faults` says what was done and when; `now` what is being done."""

    def __init__(self, cluster: Cluster, clients: Sequence[Client], seed: int) -> None:
        self.faults: list[Fault] = []
        self.now: tuple[str, ...] = ()
        self._cluster = cluster
        self._clients = clients
        self._dice = random.Random(seed)
        self._ways: dict[str, Callable[[], Awaitable[bool]]] = {
            plan.KILL_NODE: self._kill_node,
            plan.PAUSE: self._pause,
            plan.ROLLING: self._rolling,
            plan.RESET: self._reset,
            plan.KILL_DATABASE: self._kill_database,
            plan.CUT: self._cut,
            plan.KILL_NATS: self._kill_nats,
        }

    async def run(self, strikes: Sequence[plan.Strike]) -> None:
        """Carry out the plan. A strike that lasts puts the next one off: more than two faults at once prove less."""
        began = time.monotonic()
        for strike in strikes:
            await asyncio.sleep(max(began + strike.at - time.monotonic(), 1.0))
            self.now = strike.faults
            await asyncio.gather(*(self._strike(name) for name in strike.faults))
            self.now = ()
        self.faults.sort(key=lambda fault: fault.struck)

    async def _strike(self, name: str) -> None:
        struck = time.monotonic()
        missing = await self._ways[name]()
        self.faults.append(Fault(name, struck, time.monotonic() if missing else struck))

    # Each returns whether the cluster lacked something until now that no node can do without.

    async def _kill_node(self) -> bool:
        node = self._any_node()
        async with node.lock:
            await node.kill()
            await self._wait(NODE_AWAY)
            await node.start()
        return self._alone

    async def _pause(self) -> bool:
        node = self._any_node()
        async with node.lock:
            node.send(signal.SIGSTOP)
            await self._wait(PAUSED)
            node.send(signal.SIGCONT)
        return self._alone

    async def _rolling(self) -> bool:
        for node in self._cluster.nodes:
            async with node.lock:
                await node.stop()
                await node.start()
        return self._alone

    async def _reset(self) -> bool:
        for client in self._clients:
            client.reset()
        return False

    async def _kill_database(self) -> bool:
        storage = self._cluster.storage
        await asyncio.to_thread(storage.kill)
        await self._wait(DATABASE_AWAY)
        await asyncio.to_thread(storage.start)
        return True

    async def _cut(self) -> bool:
        try:
            await self._cluster.storage.cut()
        except OSError:
            # It was killed at the same time, which cuts as well.
            return False
        return False

    async def _kill_nats(self) -> bool:
        nats = self._cluster.nats
        assert nats is not None
        await asyncio.to_thread(nats.kill)
        await self._wait(NATS_AWAY)
        await asyncio.to_thread(nats.restart)
        return False

    @property
    def _alone(self) -> bool:
        return len(self._cluster.nodes) == 1

    def _any_node(self) -> Node:
        whole = [node for node in self._cluster.nodes if not node.lock.locked()]
        return self._dice.choice(whole or list(self._cluster.nodes))

    async def _wait(self, bounds: tuple[float, float]) -> None:
        await asyncio.sleep(self._dice.uniform(*bounds))
