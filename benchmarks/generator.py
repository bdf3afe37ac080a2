"""Building and running the load generator; see loadgen/loadgen.c for what it does."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.paths import BUILD, SOURCES

# Polls are opened at this pace, so that no listen queue overflows and turns a connect into a one-second retry.
OPENED_PER_SECOND = 4000
# One source address has about 28,000 ports; several keep the closed ones of the last run out of the way.
SOURCE_ADDRESSES = 8


@dataclass(frozen=True)
class Load:
    """One run of the generator: what it sends, to whom, for how long."""

    mode: str
    ports: tuple[int, ...]
    rules: str
    session_file: Path
    seconds: float
    warm_up: float = 1.0
    polls: int = 0
    senders: int = 0
    sends_per_second: float = 0.0

    def arguments(self) -> list[str]:
        """The generator's command line without its name."""
        options: dict[str, object] = {
            "-m": self.mode,
            "-p": ",".join(str(port) for port in self.ports),
            "-P": self.rules,
            "-f": self.session_file,
            "-d": self.seconds,
            "-w": self.warm_up,
            "-n": self.polls,
            "-c": self.senders,
            "-R": self.sends_per_second,
            "-r": OPENED_PER_SECOND,
            "-x": SOURCE_ADDRESSES,
        }
        return [str(part) for option in options.items() for part in option]


def build() -> None:
    """Compile the generator and the limit server; raises CalledProcessError when the compiler refuses."""
    BUILD.mkdir(exist_ok=True)
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler: install gcc or clang")
    for name in ("loadgen", "epollserv"):
        subprocess.run([compiler, "-O2", "-w", "-o", BUILD / name, SOURCES / f"{name}.c"], check=True)


def run(load: Load, *, cpus: str) -> dict[str, Any]:
    """Run the generator to its end and return the numbers it prints."""
    done = subprocess.run(_command(load, cpus), capture_output=True, text=True, check=False)
    return _numbers(done.stdout, done.stderr)


@contextmanager
def holding(load: Load, *, cpus: str) -> Iterator[subprocess.Popen[str]]:
    """Hold the load's polls open while the block runs; entered when all of them are open."""
    process = subprocess.Popen(_command(load, cpus), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not process.stdout.readline().startswith("READY"):
            raise RuntimeError(f"polls were not opened: {process.communicate()[1][-400:]}")
        yield process
    finally:
        process.kill()
        process.wait()


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a generator that holds polls and return the numbers it prints."""
    return _numbers(*process.communicate())


def _command(load: Load, cpus: str) -> list[str]:
    return ["taskset", "-c", cpus, str(BUILD / "loadgen"), *load.arguments()]


def _numbers(output: str, errors: str) -> dict[str, Any]:
    lines = output.strip().splitlines()
    if not lines:
        raise RuntimeError(f"the generator printed nothing: {errors.strip()[-400:]}")
    numbers: dict[str, Any] = json.loads(lines[-1])
    return numbers
