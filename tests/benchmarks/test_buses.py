"""Both ends of a bus are two processes, and what is counted has arrived."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks import buses
from benchmarks.peers.bus import BusServer


@pytest.mark.parametrize("kind", [buses.POSTGRES, buses.NATS])
def test_words_and_round_trips_are_measured(kind: str) -> None:
    """Over the real server: every number is there, and none is nothing."""
    below = BusServer(kind)
    # Not in pytest's folder: nobody but its owner may pass through that, and PostgreSQL refuses to be root.
    with TemporaryDirectory() as folder, below.start(Path(folder), cpus="0") as server:
        found = asyncio.run(buses.measure(kind, below.url(server), server, size=300, seconds=0.5))

    assert found.keys() == {"rate", "p50", "p99", "cpu_server", "cpu_ends"}
    assert found["rate"] * 0.5 >= buses.TELL
    assert 0 < found["p50"] <= found["p99"]
    assert found["cpu_ends"] > 0
