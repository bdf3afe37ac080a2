"""Starting servers on chosen CPUs, and reading what they cost from /proc."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
START_SECONDS = 30.0
# A server that is told to stop may hold polls for 15 s; past this it is killed, its data folder is thrown away anyway.
STOP_SECONDS = 5.0
# The part that answers requests, and the only one of most servers.
NODES = "nodes"
# Nodes that no session is at home on: they pass requests on.
PASSING = "passing"


@dataclass(frozen=True)
class Server:
    """A started server: its root process and the port it answers on."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    # What its CPU is counted as.
    part: str = NODES
    # Where the generator connects; `port` alone when empty.
    ports: tuple[int, ...] = ()
    # What is measured together with it: the other nodes, and the servers below them.
    others: tuple[Self, ...] = ()

    def all(self) -> "tuple[Server, ...]":
        """It and the others, nodes in their order."""
        return (self, *self.others)

    def pids(self) -> list[int]:
        """The root processes and all that descend from them."""
        found = [server.process.pid for server in self.all()]
        for pid in found:
            found += _children(pid)
        return found

    def memory(self) -> int:
        """Resident bytes of all its processes."""
        return sum(_resident(pid) for pid in self.pids())

    def cpu(self) -> float:
        """CPU seconds all its processes have used so far."""
        return sum(self.cpu_of_parts().values())

    def cpu_of_parts(self) -> dict[str, float]:
        """The same for each part."""
        used: dict[str, float] = {}
        for server in self.all():
            own = replace(server, others=()).pids()
            used[server.part] = used.get(server.part, 0.0) + sum(cpu_seconds(pid) for pid in own)
        return used


def raise_file_limit() -> int:
    """Let this process and its children open as many files as the machine allows; returns that number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pin(cpus: str) -> None:
    """Keep this process on the given CPUs: making sessions must not take time from the measured server."""
    command = ["taskset", "-c", "-p", cpus, str(os.getpid())]
    subprocess.run(command, check=True, capture_output=True)


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str],
    *,
    cpus: str,
    port: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    account: Mapping[str, Any] | None = None,
) -> Iterator[Server]:
    """Run a server pinned to `cpus` until the block ends; raises RuntimeError when it doesn't come up.

    `account` is who runs it, as arguments for subprocess; this user when it is left out.
    """
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", cpus, *command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **(account or {}),
        )
    try:
        _wait_for_port(process, port, folder)
        yield Server(process, port, folder)
    finally:
        _stop(process)


def _wait_for_port(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    lines = (folder / "server.log").read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    raise RuntimeError(f"did not start listening: {last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group: a peer's workers must not outlive it and load the next run."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used, with its children that ended; 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # It ended since it was listed; what it used is its parent's now.
    # The command's name stands in brackets and may hold spaces: fields are counted from behind it.
    fields = stat.rpartition(")")[2].split()
    # Its own time, and that of its children that ended: PostgreSQL has workers that come and go.
    return sum(int(field) for field in fields[11:15]) / TICKS_PER_SECOND
