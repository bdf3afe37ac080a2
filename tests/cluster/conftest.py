from collections.abc import Iterator

import pytest

from tests.cluster.weather import Weather, bus_in
from tests.support.server import Running, running


@pytest.fixture
def weather(monkeypatch: pytest.MonkeyPatch) -> Weather:
    """What becomes of the words between nodes."""
    made = Weather()
    monkeypatch.setattr("frontdesk.together.PostgresBus", bus_in(made))
    return made


@pytest.fixture
def server(weather: Weather) -> Iterator[Running]:
    """Three nodes on one PostgreSQL, whose clock stands still until the test moves it."""
    with running(on="cluster") as made:
        yield made
