from collections.abc import Iterator

import pytest

from tests.support.server import Running, running


@pytest.fixture
def server() -> Iterator[Running]:
    """A server whose clock stands still until the test moves it."""
    with running() as made:
        yield made
