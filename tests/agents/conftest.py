from collections.abc import Iterator

import pytest

from tests.support.server import Running, running

# What fails in there should say what it compared.
pytest.register_assert_rewrite("tests.agents.soundness", "tests.agents.house")


@pytest.fixture
def server() -> Iterator[Running]:
    """A server whose clock stands still until the test moves it."""
    with running() as made:
        yield made
