"""The commands, and how they are called. Each imports what it needs when it runs, so that help is there at once."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from frontdesk import __version__
from frontdesk.cli import catalog, manage, sign_in, users, work_types
from frontdesk.cli.calls import INTERRUPTED, Bus, Data, Database, Json, guarded, load, run
from frontdesk.cli.output import fail

_SERVING, _SETTING_UP, _TRYING = "Serve", "Set up", "Try and look"

app = typer.Typer(
    name="frontdesk",
    help="A self-hosted web-chat contact centre. Begin with [bold]frontdesk demo[/].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command(rich_help_panel=_SERVING)
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    data: Annotated[Path, typer.Option(help="Folder that holds the demo's data.")] = Path("demo-data"),
    json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON line once it serves.")] = False,
    bench: Annotated[bool, typer.Option("--bench", help="Add the echo work type 1, and lift the limits.")] = False,
) -> None:
    """Serve a demo that needs nothing: a chat page, a script that answers, everything stored."""
    from frontdesk.cli.demo import demo as serve_demo

    run(lambda: serve_demo(port, data, bench=bench, json=json))


@app.command(rich_help_panel=_SERVING)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default=False)] = None,
    data: Data = None,
    database: Database = None,
    bus: Bus = None,
    json: Annotated[bool, typer.Option("--json", help="Print url, data and pid as JSON once it serves.")] = False,
) -> None:
    """Serve an installation made by [bold]frontdesk init[/]; on PostgreSQL, one of any number of equal nodes."""
    settings = load(host=host, port=port, data=data, database=database, bus=bus)
    from frontdesk.cli.serve import serve as serve_installation

    run(lambda: serve_installation(settings, json=json))


app.command(rich_help_panel=_SETTING_UP)(manage.init)
_GROUPS = (
    manage.org, manage.apikey, users.user, users.client, work_types.worktype, *catalog.GROUPS, manage.callback,
    manage.token, sign_in.audit,
)  # fmt: skip
manage.org.add_typer(sign_in.oidc)
for group in _GROUPS:
    app.add_typer(group, rich_help_panel=_SETTING_UP)
app.command(rich_help_panel=_SETTING_UP)(manage.settings)


@app.command(rich_help_panel=_SETTING_UP)
def migrate(
    data: Data = None,
    database: Database = None,
    to: Annotated[
        str,
        typer.Option(
            help="postgresql://user@host/name: move the folder's installation into this empty database. "
            "Others see a password here in `ps`: put it into PGPASSWORD."
        ),
    ] = "",
) -> None:
    """Bring the data to this version's shape, or with --to move a stopped server's folder into PostgreSQL.

    A copy of the old file is kept beside it when its shape changes. A move can be broken off and repeated; it ends
    by comparing every table on both sides.
    """
    if to:
        settings = load(data=data, database="")
        target = load(database=to).database
        from frontdesk.cli.move import move_to

        guarded(lambda: move_to(settings, target))
        return
    settings = load(data=data, database=database)
    from frontdesk.cli.serve import migrate as migrate_data

    guarded(lambda: migrate_data(settings))


@app.command(rich_help_panel=_TRYING)
def chat(
    url: Annotated[str, typer.Option(help="Where the server is.")] = "http://127.0.0.1:8080",
    org: Annotated[str, typer.Option(help="The organization's id.")] = "viademo",
    key: Annotated[str, typer.Option(help="An API key of it.", envvar="FRONTDESK_CHAT_KEY")] = "demo-key",
    work_type: Annotated[str, typer.Option(help="What to chat about: a work type's id.")] = "100",
    name: Annotated[str, typer.Option(help="Your name.")] = "Terminal",
    resume: Annotated[str, typer.Option(help="Go on with a chat that was left with /leave.")] = "",
) -> None:
    """Chat in the terminal, as a contact, with any server of the public API; the defaults are the demo's."""
    from frontdesk.cli.chat import chat as chat_here
    from frontdesk.cli.contact import Contact

    guarded(lambda: chat_here(Contact(url, org, key), work_type, name, resume=resume))


@app.command(rich_help_panel=_TRYING)
def doctor(
    host: Annotated[str | None, typer.Option(help="Address the server listens on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port the server listens on.", show_default=False)] = None,
    data: Data = None,
    database: Database = None,
    bus: Bus = None,
    json: Json = False,
) -> None:
    """Check the installation, also while it serves, and say what to do about what is wrong. Status 1 if anything is."""
    from frontdesk.cli.doctor import doctor as examine

    given = {"host": host, "port": port, "data": data, "database": database, "bus": bus}
    guarded(lambda: examine(given, json=json))


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        fail("Interrupted.", status=INTERRUPTED)
    finally:
        # At the end Python looks through all that was imported for what to free: 0.3 s, as long as most commands.
        gc.freeze()
