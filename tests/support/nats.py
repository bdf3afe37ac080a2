"""A real NATS server: on a port of its own, killed and started again at the same address."""

import random
import signal
import socket
import subprocess
import threading
from typing import Self

from benchmarks import nats
from tests.support.wire import PATIENCE_SECONDS

PORTS = range(12_000, 20_000)
"""Below the ports that the kernel gives to clients: on one of those, whoever tries to reach a killed server again
and again can end up connected to itself, and the server can't come back. PostgreSQL's tests have those above."""


class Nats:
    """One server; as a context it is started, and gone at the end. It stores nothing.

    `options` are those of the command line: "--user", "ada", "--pass", "secret".
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def url(self, login: str = "") -> str:
        """Where it is, for somebody: "user:password"."""
        return f"nats://{login}{'@' if login else ''}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return once connections are taken. The first time chooses the port."""
        if self.port:
            self._start(self.port)
            return
        for port in random.SystemRandom().sample(PORTS, 20):
            try:
                self._start(port)
            except RuntimeError:
                # Another run of pytest has the port.
                continue
            self.port = port
            return
        raise RuntimeError("NATS did not start")

    def stop(self) -> None:
        """Ask it to end (SIGTERM); returns once it is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it where it stands (SIGKILL); returns once it is gone."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it, if it still runs, and start it at the same address."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Let it stand still: it keeps its connections, and reads and writes nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _start(self, port: int) -> None:
        self._process = subprocess.Popen(
            nats.command(port, *self._options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        pause = threading.Event()
        for _ in range(PATIENCE_SECONDS * 100):
            if self._process.poll() is not None:
                break
            if _answers(port):
                return
            pause.wait(0.01)
        self.kill()
        raise RuntimeError(f"NATS did not start on port {port}")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as trial:
            return trial.recv(4) == b"INFO"
    except OSError:
        return False
