"""Processes that begin where importing ended: that is most of a command's time, and the same each time.

One process imports what is heavy and forks for each command. Arguments, environment, folder, standard streams and exit
status are the command's own, as when a shell starts it; what reads the environment while it is imported (typer, rich,
the commands themselves) is not imported before.
"""

import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_HEAVY = ("frontdesk.server", "frontdesk.together", "frontdesk.engines.moving", "alembic.command")
_SIZE = 256 * 1024


class Nursery:
    """Carries out commands, one at a time."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = (sys.executable, "-m", "tests.cli.nursery", str(there.fileno()))
        self._process = subprocess.Popen(
            command, pass_fds=[there.fileno()], cwd=Path(__file__).parents[2], start_new_session=True
        )
        there.close()

    def run(
        self, arguments: Sequence[str], *, cwd: Path | None, env: Mapping[str, str], typed: str, patience: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises TimeoutError."""
        command = list(arguments)
        asked = {"arguments": command, "cwd": str(cwd or Path.cwd()), "environment": dict(env)}
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            given.write(typed.encode())
            given.seek(0)
            self._here.settimeout(patience)
            socket.send_fds(self._here, [json.dumps(asked).encode()], [f.fileno() for f in (given, out, errors)])
            status = int(self._here.recv(_SIZE))
            said, complained = (_text(file) for file in (out, errors))
        return subprocess.CompletedProcess(command, status, said, complained)


@functools.cache
def nursery() -> Nursery:
    """The one of this run; it ends when its socket closes, with the tests."""
    return Nursery()


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode())


def _serve(wire: socket.socket) -> None:
    for name in _HEAVY:
        import_module(name)
    while True:
        asked, files, _, _ = socket.recv_fds(wire, _SIZE, 3)
        if not asked:
            return
        child = os.fork()
        if not child:
            wire.close()
            _become(json.loads(asked), files)
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        wire.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(asked: dict[str, Any], files: list[int]) -> NoReturn:
    """Be the command."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.argv = ["frontdesk", *asked["arguments"]]
    sys.path[0] = asked["cwd"]
    import_module("frontdesk.cli").main()
    raise SystemExit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
