"""A real server whose time flies while somebody waits."""

import asyncio
from collections.abc import Iterator

import pytest

from frontdesk.domain.limits import POLL_HOLD_SECONDS as HOLD_SECONDS
from tests.support.server import Running, running

STEPS = 6
"""In which a hold passes: each shorter than a node's lease, or it would not be sure of itself in between."""


async def _let_time_fly(server: Running) -> None:
    """Whoever holds a poll has waited 15 seconds at once: nobody here plays the other side."""
    while True:
        # Not waited for by any test: it leaves the loop to the server between two looks.
        await asyncio.sleep(0.002)
        for _ in range(STEPS if server.polls else 0):
            server.clock.move(HOLD_SECONDS / STEPS)
            for app in server.apps:
                app.tick()
            while any(app.together is not None and app.together.cluster.looking for app in server.apps):  # noqa: ASYNC110
                # As above; a look tells nobody when it is over.
                await asyncio.sleep(0.001)


@pytest.fixture(scope="session")
def hasty() -> Iterator[Running]:
    """A server on which every hold is over in a moment."""
    with running() as server:
        flying = asyncio.run_coroutine_threadsafe(_let_time_fly(server), server.loop)
        yield server
        flying.cancel()
