import sys
from pathlib import Path

import pytest

from tests.support.powercut import PowerCut, build


@pytest.fixture(scope="session")
def powercut_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that models a power cut, compiled once."""
    if sys.platform != "linux":
        pytest.skip("The power cut is modelled with Linux's system calls.")
    return build(tmp_path_factory.mktemp("powercut"))


@pytest.fixture
def power(powercut_library: Path, tmp_path: Path) -> PowerCut:
    """A data folder whose power can be cut."""
    return PowerCut(library=powercut_library, data=tmp_path / "data", shadow=tmp_path / "shadow")
