"""A real server whose time flies while somebody waits."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.server import Running, running


async def _let_time_fly(server: Running) -> None:
    """Whoever holds a poll has waited 15 seconds at once: nobody here plays the other side."""
    while True:
        # Not waited for by any test: it leaves the loop to the server between two looks.
        await asyncio.sleep(0.002)
        if server.polls:
            server.clock.move(15)
            for app in server.apps:
                app.tick()


@pytest.fixture(scope="session")
def hasty() -> Iterator[Running]:
    """A server on which every hold is over in a moment."""
    with running() as server:
        flying = asyncio.run_coroutine_threadsafe(_let_time_fly(server), server.loop)
        yield server
        flying.cancel()
