"""What a measured server is to the benchmark."""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from benchmarks.processes import Server
from benchmarks.sessions import Record


class Missing(Exception):
    """A server can't be measured here; the message says why and is printed in the result."""


class Peer(Protocol):
    """One server: how it gets here, how it runs, and how the generator talks to it."""

    name: str
    # The generator's -P: which rules its sessions follow between requests.
    rules: str

    def install(self) -> str:
        """Make sure it is here and return its version; raises Missing."""
        ...

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Run it with its files in `folder` until the block ends; raises RuntimeError when it doesn't start."""
        ...

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Make `sessions` sessions on the running server and return their requests."""
        ...


def require(command: str, *, packages: list[str]) -> str:
    """The path of a system command, installed from the system's packages when absent; raises Missing."""
    if _found(command) is None:
        install_packages(packages)
    path = _found(command)
    if path is None:
        raise Missing(f"{command} is not installed (Debian: apt-get install {' '.join(packages)})")
    return path


def install_packages(packages: list[str]) -> None:
    """Install Debian packages where that is permitted; the caller looks whether it worked."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def output(*command: str) -> str:
    """What a command prints, or nothing when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def _found(command: str) -> str | None:
    # /usr/sbin holds nginx, and is not on the path of an ordinary user.
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")


def _apt(*arguments: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "--quiet", *arguments], env=quiet, capture_output=True, check=False)
