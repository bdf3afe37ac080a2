from collections.abc import Iterator

import pytest

from tests.lane.peer import Pair
from tests.support.client import Client
from tests.support.server import Running, running


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """The same server twice: through the lane and through the plain ASGI route."""
    with running(lane=True) as lane, running(lane=False) as asgi:
        yield Pair(lane, asgi)


@pytest.fixture
def server() -> Iterator[Running]:
    """A server with the lane; its clock stands still until the test moves it."""
    with running(lane=True) as made:
        yield made


@pytest.fixture
def contact(server: Running) -> Iterator[Client]:
    """A contact in a chat with the echo."""
    with server.contact() as made:
        made.connect("1")
        yield made
