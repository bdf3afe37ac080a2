"""Slow clients: thousands of connections that send or read a byte now and then, made by slowhttptest."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.base import require
from benchmarks.processes import Server

TOOL = "slowhttptest"
CONNECTIONS_PER_SECOND = 2500
# A server that turns slow clients away never holds them all; what it holds after this long is measured and shown.
OPENING_SECONDS = 15.0
ALMOST_ALL = 0.98
LONGEST_SECONDS = 120
# A slow client sends its next bytes, or reads some, this often.
PAUSE_SECONDS = 5
# The kernel's number of the state in /proc/net/tcp.
ESTABLISHED = "01"
# It shares the generator's CPU, and must not delay what the generator reads and stamps.
POLITELY = ("nice", "-n", "10")
ATTACKS = {
    "slow-headers": ["-H", "-t", "GET"],
    "slow-body": ["-B", "-t", "POST", "-s", "8192"],
    # A receive window of at most 64 bytes, of which 8 are read at a time, and each page asked for three times.
    "slow-read": ["-X", "-w", "16", "-y", "64", "-n", str(PAUSE_SECONDS), "-z", "8", "-k", "3"],
}


@contextmanager
def attack(server: Server, name: str, *, connections: int, cpus: str) -> Iterator[None]:
    """Keep slow connections open against the server while the block runs; raises Missing without the tool.

    The block begins when they stand.
    """
    tool = require(TOOL, packages=[TOOL])
    pace = ["-c", str(connections), "-r", str(CONNECTIONS_PER_SECOND), "-i", str(PAUSE_SECONDS)]
    url = ["-u", f"http://127.0.0.1:{server.port}/", "-l", str(LONGEST_SECONDS), "-p", "3"]
    command = ["taskset", "-c", cpus, *POLITELY, tool, *ATTACKS[name], *pace, *url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(server.port, connections * ALMOST_ALL)
        yield
    finally:
        process.kill()
        process.wait()


def open_connections(port: int) -> int:
    """How many connections to a port of this machine are established."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == ESTABLISHED for line in lines)


def _wait_until_open(port: int, count: float) -> None:
    deadline = time.monotonic() + OPENING_SECONDS
    while open_connections(port) < count and time.monotonic() < deadline:
        time.sleep(0.2)
