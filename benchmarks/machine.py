"""What the numbers were measured on."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.paths import HERE, REPOSITORY
from benchmarks.peers.base import output


def facts() -> dict[str, str]:
    """Name and value of everything that moves the numbers, in the order of the document."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system of the database": output("stat", "--file-system", "--format=%T", str(HERE)),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "load average before": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _commit() -> str:
    git = ("git", "-C", str(REPOSITORY))
    changed = " with changes not committed" if output(*git, "status", "--porcelain", "--", "src") else ""
    return output(*git, "rev-parse", "--short=12", "HEAD") + changed


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
