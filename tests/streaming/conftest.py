from collections.abc import Iterator

import pytest

from tests.streaming.reading import numbers
from tests.support.client import Client
from tests.support.server import Running, running


@pytest.fixture
def server() -> Iterator[Running]:
    """A server whose clock stands still until the test moves it."""
    with running() as made:
        yield made


@pytest.fixture
def contact(server: Running) -> Iterator[Client]:
    """A contact in a chat with the echo, who has read the opening events (numbers 1 and 2)."""
    with server.contact() as made:
        made.connect("1")
        assert numbers(made.poll()) == [1, 2]
        yield made
