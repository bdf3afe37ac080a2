from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.engines import ENGINES, Bench


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine; a test that asks for it runs on each."""
    return str(request.param)


@pytest.fixture
def bench(engine: str, tmp_path: Path) -> Iterator[Bench]:
    """An empty store, ready for commits."""
    made = Bench(engine, tmp_path / "data")
    yield made
    made.close()
