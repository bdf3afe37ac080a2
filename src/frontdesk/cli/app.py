"""The commands, and how they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frontdesk import __version__
from frontdesk.cli import manage
from frontdesk.cli.output import fail

app = typer.Typer(
    name="frontdesk",
    help="A self-hosted web-chat contact centre.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for group in (manage.org, manage.apikey, manage.worktype, manage.callback, manage.token):
    app.add_typer(group)
app.command()(manage.init)
app.command()(manage.settings)

Data = Annotated[Path | None, typer.Option("--data", help="Folder that holds the data.", show_default=False)]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"frontdesk {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    data: Annotated[Path, typer.Option(help="Folder that holds the demo's data.")] = Path("demo-data"),
    json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON line once it serves.")] = False,
    bench: Annotated[bool, typer.Option("--bench", help="Add the echo work type 1, and lift the limits.")] = False,
) -> None:
    """Serve a demo that needs nothing: a chat page, a script that answers, everything stored."""
    from frontdesk.cli.demo import demo as serve_demo

    manage.run(lambda: serve_demo(port, data, bench=bench, json=json))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Serve an installation made by [bold]frontdesk init[/]."""
    from frontdesk.cli.serve import serve as serve_installation

    manage.run(lambda: serve_installation(manage.load(host=host, port=port, data=data)))


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the data to this version's shape. A copy of the old file is kept beside it."""
    from frontdesk.cli.serve import migrate as migrate_data

    manage.guarded(lambda: migrate_data(manage.load(data=data)))


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        fail("Interrupted.")
