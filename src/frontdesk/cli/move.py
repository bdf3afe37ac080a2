"""`frontdesk migrate --to`: from one file to PostgreSQL, with a bar that moves and a table that proves it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from frontdesk.cli.calls import nothing_in
from frontdesk.cli.output import console, errors, fail, show
from frontdesk.cli.remote import reached
from frontdesk.cli.serve import bring_up_to_date
from frontdesk.engines.moving import Compared, Report, move
from frontdesk.engines.postgres import PostgresStore
from frontdesk.engines.sqlite import FILE, lock
from frontdesk.settings import Settings, masked

# Seconds between two lines where there is no terminal for a bar.
_EVERY_SECONDS = 5
_STEPS = {"send": "Sending", "compare": "Comparing"}
# As much of a hash as people compare by eye; all of it is compared.
_HASH_SHOWN = 16


def move_to(settings: Settings, url: str) -> None:
    """Move the data folder's installation into the database at `url`; status 1 when anything differs at the end."""
    if not (settings.data / FILE).exists():
        fail(nothing_in(settings))
    held = lock(settings.data)
    bring_up_to_date(settings)
    try:
        with closing(sqlite3.connect(f"{(settings.data / FILE).resolve().as_uri()}?mode=ro", uri=True)) as source:
            compared = asyncio.run(_move(source, url))
    finally:
        held.close()
    _conclude(settings, url, compared)


async def _move(source: sqlite3.Connection, url: str) -> list[Compared]:
    async with reached(url) as target:
        # Brings the database to today's shape, and refuses one that would not keep what it is told.
        await (await PostgresStore.open(url, lambda error: None)).close()
        with _shown() as report:
            return await move(source, target, report)


def _conclude(settings: Settings, url: str, compared: list[Compared]) -> None:
    rows = [
        {
            "table": each.table,
            "rows": f"{each.source.rows:,}",
            "rows there": f"{each.target.rows:,}",
            "SHA-256": each.source.sha256[:_HASH_SHOWN],
            "SHA-256 there": each.target.sha256[:_HASH_SHOWN],
            "": "same" if each.same else "DIFFERS",
        }
        for each in compared
    ]
    show("Both sides", rows, "")
    wrong = [each.table for each in compared if not each.same]
    if wrong:
        fail(
            f"Not the same on both sides: {', '.join(wrong)}. Something changed after it was sent: the folder was "
            "served, or the database written to. Make an empty database (createdb), and move there."
        )
    console.print(f"Moved, all of it the same. {settings.data} is as it was; keep it until you trust the new one.")
    console.print(f"Set FRONTDESK_DATABASE to {masked(url)}, with its password, and run frontdesk serve.")


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


@contextmanager
def _shown() -> Iterator[Report]:
    """Progress as a bar on a terminal, as lines elsewhere."""
    if not errors.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as progress:
        yield _Bars(progress)


class _Bars:
    """A bar for each step of each table."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, step: str, table: str, done: int, total: int) -> None:
        task = self._tasks.get((step, table))
        if task is None:
            task = self._progress.add_task(f"{_STEPS[step]} {table}", total=total, completed=done)
            self._tasks[step, table] = task
        self._progress.update(task, completed=done)


class _Lines:
    """A line when a table begins, when it is done, and every few seconds in between."""

    def __init__(self) -> None:
        self._step = ("", "")
        self._begun, self._from, self._said = 0.0, 0, 0.0

    def __call__(self, step: str, table: str, done: int, total: int) -> None:
        now = time.monotonic()
        if (step, table) != self._step:
            self._step, self._begun, self._from = (step, table), now, done
        elif done < total and now - self._said < _EVERY_SECONDS:
            return
        self._said = now
        seconds = now - self._begun
        rate = f", {(done - self._from) / seconds:,.0f} rows/s" if done > self._from and seconds else ""
        errors.print(f"{_STEPS[step]} {table}: {done:,} of {total:,}{rate}", highlight=False)
