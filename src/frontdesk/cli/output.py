"""What commands print: tables and colours for people, JSON for programs, and errors that say what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

console = Console()
errors = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end with status 1."""
    errors.print(f"[bold red]frontdesk:[/] {message}", highlight=False)
    raise typer.Exit(1)


def as_json(value: Any) -> None:
    """One line of JSON on standard output, there at once: whoever waits for it must not wait for a buffer."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def show(title: str, rows: Sequence[dict[str, Any]], empty: str) -> None:
    """A table with a column for each field."""
    if not rows:
        console.print(f"[dim]{empty}[/]")
        return
    table = Table(title=title, title_justify="left", header_style="bold cyan")
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(", ".join(v) if isinstance(v, list) else str(v) for v in row.values()))
    console.print(table)
