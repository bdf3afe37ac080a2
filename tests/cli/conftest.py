import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.shell import ORG, environment, told
from tests.support import postgres
from tests.support.server import Process

SERVE = ("serve", "--json", "--port", "0")


@pytest.fixture(autouse=True)
def plain_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests applies, neither from a variable nor from a file."""
    for name in set(environment()) ^ set(environment({})):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder's path, short enough for a socket; the folder itself is not there yet."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        yield Path(folder) / "data"


@pytest.fixture
def key(data: Path) -> str:
    """An installation with one organization; the secret of its API key."""
    return str(told("init", ORG, data=data)["apiKey"]["key"])


@pytest.fixture(scope="module", params=["stopped", "running", "database"])
def installation(request: pytest.FixtureRequest) -> Iterator[Path | str]:
    """An installation with one organization, for all tests of a file: its folder, served or not, or its database."""
    with ExitStack() as stack:
        if request.param == "database":
            url = postgres.fresh()
            stack.callback(postgres.shared().drop, url)
            told("init", ORG, data=url)
            yield url
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="frontdesk-"))) / "data"
        told("init", ORG, data=folder)
        if request.param == "running":
            stack.enter_context(Process(folder, command=SERVE))
        yield folder


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database on a real PostgreSQL."""
    url = postgres.fresh()
    yield url
    postgres.shared().drop(url)


@pytest.fixture
def server(data: Path, key: str) -> Iterator[Process]:
    """That installation, served."""
    with Process(data, command=SERVE) as process:
        yield process


@pytest.fixture
def demo(data: Path) -> Iterator[Process]:
    """A demo, served."""
    with Process(data) as process:
        yield process
