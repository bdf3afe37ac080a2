"""`frontdesk doctor`: is everything as it must be, and what to do where it is not.

It reads, and writes nothing but a scratch file of its own, so that it may look at a server at work.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import ssl
import stat
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import HTTPError

import typer

from frontdesk import control
from frontdesk.cli import cluster, database
from frontdesk.cli.calls import nothing_in
from frontdesk.cli.findings import Finding, note, ok, wrong
from frontdesk.cli.output import as_json, console, show
from frontdesk.cli.serve import check_port, check_tls, url_of
from frontdesk.engines.sqlite import FILE, UnsafeStorage, open_writer
from frontdesk.settings import Settings, WrongSettings, config_file, read, unknown_variables

_MEBIBYTE = 1024 * 1024
_FREE_LEAST, _FREE_COMFORTABLE = 100 * _MEBIBYTE, 1024 * _MEBIBYTE
# Each message waits for at least one fsync.
_FSYNC_ROUNDS, _FSYNC_SLOW_MS = 25, 20.0
_PAGE = bytes(4096)
# Files besides the connections: database, logs, sockets, threads' own.
_FILES_BESIDES = 100
_ANSWER_SECONDS = 5
_WRITTEN = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, 0))


Check = Callable[[Settings], Iterator[Finding]]


def _variables(settings: Settings) -> Iterator[Finding]:
    unknown = unknown_variables()
    if unknown:
        yield note(
            "settings", f"no such setting: {', '.join(unknown)}", "Correct the name; `frontdesk settings` has all."
        )
    else:
        source = f"defaults, {config_file()}" if config_file().exists() else "defaults"
        yield ok("settings", f"{source} and environment are right")
    try:
        check_tls(settings)
    except OSError as error:
        yield wrong("TLS", str(error), "Correct tls_certificate and tls_key.")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(
            "data folder",
            f"{folder} is not ours to read and write",
            f"Run as its owner, or: chown it to {os.getuid()}.",
        )
    elif mode & 0o077:
        yield wrong("data folder", f"{folder} is open to others (mode {mode:o})", f"chmod 700 {folder}")
    else:
        yield ok("data folder", f"{folder.resolve()}, for its owner alone")
    try:
        control.check_path(folder)
    except OSError as error:
        yield wrong("control socket", str(error), "Move the data folder, or name it relatively.")


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free
    found = f"{free // _MEBIBYTE:,} MiB free"
    if free < _FREE_LEAST:
        yield wrong("disk space", found, "Free some: a full disk stops the server from taking messages.")
    elif free < _FREE_COMFORTABLE:
        yield note("disk space", found, "Free some soon.")
    else:
        yield ok("disk space", found)


def _disk_speed(settings: Settings) -> Iterator[Finding]:
    with tempfile.TemporaryFile(dir=settings.data) as scratch:
        times = [_fsync_ms(scratch.fileno()) for _ in range(_FSYNC_ROUNDS)]
    found = f"{median(times):.2f} ms (median of {_FSYNC_ROUNDS}, the slowest {max(times):.1f})"
    if median(times) > _FSYNC_SLOW_MS:
        yield note("fsync", found, "Each message waits that long: put the data on a local SSD.")
    else:
        yield ok("fsync", found)


def _fsync_ms(handle: int) -> float:
    os.write(handle, _PAGE)
    begin = time.perf_counter()
    os.fsync(handle)
    return (time.perf_counter() - begin) * 1000


def _durability(settings: Settings) -> Iterator[Finding]:
    """On a scratch database beside the real one: the same file system, and nothing of anybody's is touched."""
    with tempfile.TemporaryDirectory(dir=settings.data, prefix="doctor-") as scratch:
        try:
            open_writer(Path(scratch) / FILE).close()
        except UnsafeStorage as error:
            yield wrong("durability", str(error), "Put the data on a local file system (not NFS or SMB).")
            return
    yield ok("durability", "the file system gives WAL with synchronous=FULL, read back")


def _clock(settings: Settings) -> Iterator[Finding]:
    if time.time() < _WRITTEN:
        now = time.strftime("%Y-%m-%d", time.gmtime())
        yield wrong("clock", f"it says {now}", "Set it (NTP): tokens and callbacks go by it.")
    else:
        yield from database.clock(settings.data / FILE, time.time())


def _open_files(settings: Settings) -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.sessions_max + _FILES_BESIDES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        todo = f"Allow {wanted:,} (ulimit -n, LimitNOFILE=), or lower sessions_max."
        yield note("open files", f"{hard:,} allowed, {settings.sessions_max:,} sessions may come", todo)
    else:
        yield ok("open files", "enough for sessions_max held polls")


def _serving(settings: Settings) -> Iterator[Finding]:
    if not _runs(settings.data):
        yield from _not_serving(settings)
        return
    try:
        yield _answering(settings)
    except OSError as error:
        todo = "If it was started with --host or --port, give doctor the same; else see its log."
        yield wrong("server", f"one works on this data, but {_ready_url(settings)} does not answer ({error})", todo)


def _node_here(settings: Settings) -> Iterator[Finding]:
    """Whether a node serves on this machine can only be seen at its port."""
    try:
        yield _answering(settings)
    except OSError:
        yield from _not_serving(settings)


def _ready_url(settings: Settings) -> str:
    url = f"{url_of(settings, settings.port)}/readyz"
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _answering(settings: Settings) -> Finding:
    """What the server says of itself. Raises OSError when nobody answers."""
    url = _ready_url(settings)
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS, context=_any_certificate()) as answer:  # noqa: S310
            return ok("server", f"{url} answers {answer.status}")
    except HTTPError as error:
        said = error.read().decode(errors="replace")
        return wrong("server", f"{url} answers {error.code}: {said}", "See the server's log for the cause.")


def _any_certificate() -> ssl.SSLContext:
    """It is our own server, often asked by another name than its certificate's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _runs(folder: Path) -> bool:
    try:
        asyncio.run(control.ask(folder, "org.list", {}))
    except control.Unreachable:
        return False
    return True


def _not_serving(settings: Settings) -> Iterator[Finding]:
    try:
        check_port(settings)
    except OSError as error:
        yield wrong("port", str(error), "Choose another, or stop what uses it.")
    else:
        yield ok("port", f"no server runs; port {settings.port} of {settings.host} is free for one")


_CHECKS: tuple[Check, ...] = (
    _variables,
    _folder,
    _disk,
    _disk_speed,
    _durability,
    lambda settings: database.shape(settings.data / FILE),
    lambda settings: database.integrity(settings.data / FILE),
    lambda settings: database.logs(settings.data / FILE),
    _clock,
    _open_files,
    _serving,
)

_CHECKS_THERE: tuple[Check, ...] = (_variables, cluster.look, _open_files, _node_here)


def examine(given: dict[str, Any]) -> list[Finding]:
    """Every check's findings, in order; what can't be looked at without an installation is left out."""
    try:
        settings = read(**given)
    except WrongSettings as error:
        return [wrong("settings", problem, "Correct it; `frontdesk settings --help`.") for problem in error.problems]
    if settings.database:
        return [finding for check in _CHECKS_THERE for finding in _tried(check, settings)]
    if not (settings.data / FILE).exists():
        found = [*_variables(settings), *_not_serving(settings)]
        return [*found, wrong("data folder", f"no database in {settings.data}", nothing_in(settings))]
    return [finding for check in _CHECKS for finding in _tried(check, settings)]


def _tried(check: Check, settings: Settings) -> list[Finding]:
    try:
        return list(check(settings))
    except sqlite3.Error as error:
        return [wrong("database", str(error), "Stop the server, keep a copy of the folder, and go back to a backup.")]
    except OSError as error:
        return [wrong(error.filename or "system", str(error), "Run doctor as the user who runs the server.")]


def doctor(given: dict[str, Any], *, json: bool) -> None:
    """Print the findings; ends with status 1 when something is wrong. `given` are settings of the command line."""
    findings = examine(given)
    if json:
        as_json([asdict(finding) for finding in findings])
    else:
        rows = [{"": _MARKS[f.state], "check": f.check, "found": f.found, "what to do": f.todo} for f in findings]
        show("frontdesk doctor", rows, "")
        console.print(_sum_up(findings))
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


_MARKS = {"ok": "✓", "note": "!", "wrong": "✗"}


def _sum_up(findings: list[Finding]) -> str:
    count = sum(finding.state == "wrong" for finding in findings)
    return f"[red]{count} to put right.[/]" if count else "[green]Nothing is wrong.[/]"
