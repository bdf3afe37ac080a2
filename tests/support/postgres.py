"""A real PostgreSQL in a temporary folder: one for each run of pytest, an empty database for whoever asks."""

import atexit
import functools
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks import postgres
from benchmarks.postgres import programs
from tests.support.wire import PATIENCE_SECONDS

__all__ = ["PORTS", "Postgres", "fresh", "programs", "shared"]

PORTS = range(20_000, 32_000)
"""Below the ports that the kernel gives to clients: on one of those, whoever tries to reach a killed server again
and again can end up connected to itself, and the server can't come back."""


# In its folder: in /dev/shm a killed server would leave a MiB behind each time, until the machine starts anew.
_SHARED_MEMORY = "dynamic_shared_memory_type=mmap"


class Postgres:
    """One server. What it has stored stays when it is stopped or killed and started again; its address as well.

    `options` are settings as on the server's command line: "fsync=off".
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self.port = 0

    def start(self) -> None:
        """Start, and return once connections are taken. The first time makes the folder and chooses the port."""
        if self._folder is None:
            self._folder = _made()
        if self.port:
            self._start()
            return
        for port in random.SystemRandom().sample(PORTS, 20):
            self.port = port
            if _is_free(port) and self._tried():
                return
        raise RuntimeError(f"PostgreSQL did not start; the end of its log:\n{self.log()[-2000:]}")

    def _tried(self) -> bool:
        """Another run of pytest may take the port between our look and the start."""
        try:
            self._start()
        except RuntimeError:
            return False
        return True

    def _start(self) -> None:
        assert self._folder is not None
        command = postgres.command(self._folder, self.port, _SHARED_MEMORY, *self._options)
        log = self._folder / "log"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, cwd=self._folder, **postgres.account()
            )
        self._wait_until_ready(self._process, before)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], before: int) -> None:
        pause = threading.Event()
        for _ in range(PATIENCE_SECONDS * 50):
            if postgres.READY in self.log(before):
                return
            if process.poll() is not None:
                break
            pause.wait(0.02)
        self.kill()
        raise RuntimeError(f"PostgreSQL did not start; its log:\n{self.log(before)}")

    def log(self, after: int = 0) -> str:
        """What the server wrote, from this byte on."""
        assert self._folder is not None
        with (self._folder / "log").open("rb") as file:
            file.seek(after)
            return file.read().decode(errors="replace")

    def stop(self) -> None:
        """End it in order: what runs is broken off, what is committed is on disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def kill(self) -> None:
        """End all its processes at once, as a power cut would. Returns when they are gone."""
        if self._process is None:
            return
        # Stopped first: else it would start new ones meanwhile. Its children are in sessions of their own.
        self._process.send_signal(signal.SIGSTOP)
        children = _children(self._process.pid)
        for pid in (*children, self._process.pid):
            _kill(pid)
        self._process.wait(PATIENCE_SECONDS)
        self._process = None
        _wait_until_gone(children)

    def restart(self) -> None:
        """Stop it, if it still runs, and start it at the same address."""
        self.stop()
        self.start()

    def url(self, database: str) -> str:
        """Where a database is."""
        return postgres.url(self.port, database)

    def sql(self, statement: str, database: str = "postgres", *, then: str = "") -> str:
        """Run a statement as the server's owner, and what it answers: columns parted by |, one row a line."""
        command = [str(programs() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(database)]
        command += [word for each in filter(None, (statement, then)) for word in ("-c", each)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def fresh(self, *, like: str = "", also: str = "") -> str:
        """The address of a new database: empty, or a copy. `also` is run with it, where {} stands for its name."""
        name = f"test_{next(self._numbers)}"
        copied = f" TEMPLATE {like.rpartition('/')[2]}" if like else ""
        self.sql(f"CREATE DATABASE {name}{copied}", then=also.format(name))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `fresh` made, whoever is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def remove(self) -> None:
        """End it, and remove all it has stored."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


@functools.cache
def shared() -> Postgres:
    """The server of this run, started at the first call and removed at the end."""
    made = Postgres()
    atexit.register(made.remove)
    made.start()
    return made


def fresh() -> str:
    """The address of a new, empty database on the shared server."""
    return shared().fresh()


def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-postgres-"))
    postgres.make(folder)
    return folder


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _processes() -> list[list[str]]:
    """Process id, parent and state of everything that runs."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,state="], capture_output=True, text=True, check=True)
    return [line.split() for line in listed.stdout.splitlines()]


def _children(pid: int) -> list[int]:
    return [int(child) for child, parent, _ in _processes() if parent == str(pid)]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_until_gone(pids: Sequence[int]) -> None:
    """While one lives, the shared memory is in use and the server does not start again."""
    pause = threading.Event()
    for _ in range(PATIENCE_SECONDS * 100):
        if not {str(pid) for pid in pids} & {pid for pid, _, state in _processes() if state != "Z"}:
            return
        pause.wait(0.01)
    raise RuntimeError(f"PostgreSQL's processes {pids} did not end.")
