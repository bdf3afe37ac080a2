"""What commands print: tables and colours for people, JSON for programs, and errors that say what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

# A pipe has no width of its own; rich would fold at 80 what `grep` and `less -S` want on one line.
_PIPE_WIDTH = 1000
# Columns that may be folded, and how narrow they may become.
_PROSE = frozenset(
    {"name", "help", "value", "contactName", "endpoint", "found", "what to do", "allowedOrigins", "detail"}
)
_PROSE_LEAST = 12


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    unlimited = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stderr, width=_PIPE_WIDTH if unlimited else None)


console = _console()
errors = _console(stderr=True)


def fail(message: str, *, status: int = 1) -> NoReturn:
    """Say what is wrong, and end with this status."""
    errors.print(f"[bold red]frontdesk:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def as_json(value: Any) -> None:
    """One line of JSON on standard output, there at once: whoever waits for it must not wait for a buffer."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def show(title: str, rows: Sequence[dict[str, Any]], empty: str) -> None:
    """A table with a column for each field; below one another where the terminal is too narrow for it."""
    if not rows:
        console.print(empty, style="dim", highlight=False)
        return
    table = _table(title, rows)
    # Measured as if there were room: rich never says that something needs more than there is.
    roomy = console.options.update(width=_PIPE_WIDTH)
    if Measurement.get(console, roomy, table).minimum > console.width:
        _below_one_another(title, rows)
    else:
        console.print(table)


def listed(title: str, rows: Sequence[dict[str, Any]], empty: str, *, json: bool) -> None:
    """`rows` as JSON or as a table."""
    if json:
        as_json(rows)
    else:
        show(title, rows, empty)


def _table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold cyan", box=SIMPLE_HEAD, pad_edge=False)
    for name, value in rows[0].items():
        # Half an id or half a time is of no use: only prose may be folded.
        longest = max(cell_len(_cell(row[name]).plain) for row in rows)
        least = min(longest, _PROSE_LEAST) if name in _PROSE else longest
        table.add_column(name, justify="right" if type(value) is int else "left", min_width=max(least, len(name)))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> Text:
    """As it is: a name such as "[red]" is no markup."""
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(_harmless(", ".join(value) if isinstance(value, list) else str(value)))


def _harmless(text: str) -> str:
    """With control characters written out: what a contact calls themselves must not steer an operator's terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def _below_one_another(title: str, rows: Sequence[dict[str, Any]]) -> None:
    console.print(title, style="italic", highlight=False)
    for row in rows:
        console.rule(style="dim")
        for name, value in row.items():
            line = Text(f"{name}: ", style="bold cyan")
            console.print(line.append_text(Text(_cell(value).plain, style="not bold default")), soft_wrap=True)
