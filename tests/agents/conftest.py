from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.agents.over_nodes import HOME, At
from tests.cluster.weather import Weather
from tests.support.client import ORG
from tests.support.desk import user
from tests.support.server import Running, running


@pytest.fixture
def server() -> Iterator[Running]:
    """A server whose clock stands still until the test moves it."""
    with running() as made:
        yield made


@pytest.fixture
def nodes(weather: Weather) -> Iterator[Running]:
    """Three nodes on one PostgreSQL, whatever the other tests run on; the first one has the switchboard."""
    with running(on="cluster") as made:
        boss = user(made, "boss")
        with At(made, boss.user_id, made.ports[HOME]) as desk:
            desk.open()
        assert made.apps[HOME].homes.is_here(ORG)
        yield made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as made:
        yield made
