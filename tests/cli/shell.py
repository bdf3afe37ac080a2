"""The command line as a user's shell runs it: a process, its output, its status."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.nursery import nursery

FRONTDESK = (sys.executable, "-m", "frontdesk")
PATIENCE_SECONDS = 60
ORG = "acme"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of this process without its own settings, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")}
    return {**kept, **(extra or {})}


def frontdesk(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    if all(name.startswith("FRONTDESK_") for name in env or {}):
        return nursery().run(arguments, cwd=cwd, env=environment(env), typed=typed, patience=PATIENCE_SECONDS)
    # What else is set may be read while Python starts.
    return started(*arguments, cwd=cwd, env=env, typed=typed)


def started(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """The same in a Python of its own, from its start: also several at one time."""
    return subprocess.run(
        (*FRONTDESK, *arguments),
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(env),
        input=typed,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def done(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, typed: str = "") -> str:
    """The output of a command that must end well."""
    ended = frontdesk(*arguments, cwd=cwd, env=env, typed=typed)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def at(installation: Path | str) -> tuple[str, str]:
    """The option that names an installation: a data folder, or the address of a database."""
    return ("--data" if isinstance(installation, Path) else "--database", str(installation))


def told(*arguments: str, data: Path | str) -> Any:
    """What a command on an installation prints as JSON."""
    return json.loads(done(*arguments, "--json", *at(data)))


def refused(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """The sentence of a command that must fail: status 1, nothing on standard output, no traceback."""
    ended = frontdesk(*arguments, cwd=cwd, env=env)
    assert ended.returncode == 1, (ended.stdout, ended.stderr)
    assert ended.stdout == ""
    assert ended.stderr.startswith("frontdesk: ")
    assert "Traceback" not in ended.stderr
    return ended.stderr
