"""What a bus carries between two processes, as nodes are: words a second, and the round trip of a lone one.

`python -m benchmarks.buses BUS URL` is the other end: it sends back what asks for that, and counts the rest.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from benchmarks.processes import Server, cpu_seconds
from frontdesk.engines.bus_nats import NatsBus
from frontdesk.engines.bus_parts import LinkedBus
from frontdesk.engines.bus_postgres import PostgresBus

POSTGRES, NATS = "postgres", "nats"
CLUSTER = "benchmark"
# The two ends.
HERE, THERE = "here", "there"
# First bytes of words: send it back; count it; so many were counted.
BACK, COUNT, COUNTED = b"b", b"c", b"n"
# Words counted between two words that say so, and words under way at most: a fifth of what a bus keeps waiting.
TELL, UNDER_WAY = 500, 4000
WARM_UP_SECONDS = 0.5
ANSWER_SECONDS = 10.0
QUANTILES = {"p50": 0.5, "p99": 0.99}


def bus(kind: str, url: str) -> LinkedBus:
    """A bus that is not open yet."""
    return NatsBus(url, CLUSTER) if kind == NATS else PostgresBus(url)


class Ends:
    """Both ends of a bus: this process, and another one, until the block ends."""

    def __init__(self, here: LinkedBus, pid: int) -> None:
        self._here = here
        self.pid = pid
        self._came = asyncio.Event()
        self._counted = 0

    def hear(self, word: bytes) -> None:
        """What the other end says."""
        if word[:1] == COUNTED:
            self._counted += TELL
        self._came.set()

    async def words(self, size: int, seconds: float) -> int:
        """Send words as fast as they are taken; how many arrived."""
        word, sent, before = COUNT.ljust(size, b"x"), self._counted, self._counted
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            while sent - self._counted < UNDER_WAY:
                self._here.send(THERE, word)
                sent += 1
            await self._next()
        arrived = self._counted - before
        while sent - self._counted >= TELL:
            await self._next()
        return arrived

    async def round_trips(self, size: int, seconds: float) -> list[float]:
        """Send a word and wait for it to come back, over and over; the seconds of each."""
        word, took = BACK.ljust(size, b"x"), []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            self._here.send(THERE, word)
            await self._next()
            took.append(time.perf_counter() - began)
        return sorted(took)

    async def _next(self) -> None:
        self._came.clear()
        await asyncio.wait_for(self._came.wait(), ANSWER_SECONDS)


async def measure(kind: str, url: str, server: Server, *, size: int, seconds: float) -> dict[str, float]:
    """Words a second of `size` bytes and what each costs, then the round trip of a lone one in ms."""
    async with _ends(kind, url) as ends:
        await ends.words(size, WARM_UP_SECONDS)
        before, clock = _used(server, ends), time.perf_counter()
        arrived = await ends.words(size, seconds)
        passed, after = time.perf_counter() - clock, _used(server, ends)
        took = await ends.round_trips(size, seconds)
    cost = {name: (after[name] - before[name]) / arrived * 1e6 for name in after}
    trips = {name: took[int(share * len(took))] * 1000 for name, share in QUANTILES.items()}
    return {"rate": arrived / passed, **trips, **cost}


def _used(server: Server, ends: Ends) -> dict[str, float]:
    """CPU seconds of the server between the ends, and of both ends."""
    return {"cpu_server": server.cpu(), "cpu_ends": time.process_time() + cpu_seconds(ends.pid)}


@asynccontextmanager
async def _ends(kind: str, url: str) -> AsyncIterator[Ends]:
    here = bus(kind, url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.buses", kind, url),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise RuntimeError("the other end of the bus did not start")
        ends = Ends(here, process.pid)
        await here.open(HERE, ends.hear, lambda: None)
        yield ends
    finally:
        await here.close()
        process.kill()
        await process.wait()


async def _listen(kind: str, url: str) -> None:
    """Be the other end, until killed."""
    there = bus(kind, url)
    await there.open(THERE, _answers(there), lambda: None)
    print("ready", flush=True)
    await asyncio.Event().wait()


def _answers(there: LinkedBus) -> Callable[[bytes], None]:
    counted = 0

    def hear(word: bytes) -> None:
        nonlocal counted
        if word[:1] == BACK:
            there.send(HERE, word)
            return
        counted += 1
        if counted % TELL == 0:
            there.send(HERE, COUNTED)

    return hear


if __name__ == "__main__":
    uvloop.run(_listen(*sys.argv[1:]))
