from collections.abc import Iterator

import pytest

from tests.cluster.weather import Weather
from tests.support.server import Running, running


@pytest.fixture
def server(weather: Weather) -> Iterator[Running]:
    """Three nodes on one PostgreSQL, whose clock stands still until the test moves it."""
    with running(on="cluster") as made:
        yield made
