"""Slow clients: thousands of connections that send or read a byte now and then, made by slowhttptest."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.peers.base import require
from benchmarks.processes import Server

TOOL = "slowhttptest"
# Opening at this pace all connections stand before the measured second begins.
CONNECTIONS_PER_SECOND = 2500
LONGEST_SECONDS = 120
# A slow client sends its next bytes, or reads some, this often.
PAUSE_SECONDS = 5
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
    """Keep the slow connections open against the server while the block runs; raises Missing without the tool."""
    tool = require(TOOL, packages=[TOOL])
    pace = ["-c", str(connections), "-r", str(CONNECTIONS_PER_SECOND), "-i", str(PAUSE_SECONDS)]
    url = ["-u", f"http://127.0.0.1:{server.port}/", "-l", str(LONGEST_SECONDS), "-p", "3"]
    command = ["taskset", "-c", cpus, *POLITELY, tool, *ATTACKS[name], *pace, *url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()
