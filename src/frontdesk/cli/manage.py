"""Setting up: each command runs in the server that has the data open, or else opens the data itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from frontdesk import control, telemetry
from frontdesk.cli.output import as_json, console, fail, show
from frontdesk.domain.errors import Refusal
from frontdesk.engines.migrate import TooNew
from frontdesk.engines.sqlite import DataInUse, UnsafeStorage
from frontdesk.server import App, main
from frontdesk.settings import Settings, config_file, described

Data = Annotated[Path | None, typer.Option("--data", help="Folder that holds the data.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OrgId = Annotated[str, typer.Argument(help="The organization's id.")]

org = typer.Typer(name="org", help="Organizations.", no_args_is_help=True)
apikey = typer.Typer(name="apikey", help="API keys and their use.", no_args_is_help=True)
worktype = typer.Typer(name="worktype", help="Work types.", no_args_is_help=True)
callback = typer.Typer(name="callback", help="Voice callbacks.", no_args_is_help=True)
token = typer.Typer(name="token", help="Web tokens.", no_args_is_help=True)


def load(**given: Any) -> Settings:
    """The settings, with what the command line gives. Ends the command when one is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        fail(f"A setting is wrong ({wrong}). `frontdesk settings` lists them all; the file is {config_file()}.")


def guarded(work: Callable[[], Any]) -> Any:
    """Run, and turn what can be expected to go wrong into a sentence."""
    try:
        return work()
    except Refusal as refusal:
        fail(refusal.message)
    except (DataInUse, UnsafeStorage, TooNew) as error:
        fail(str(error))
    except sqlite3.Error as error:
        fail(f"The database can't be opened: {error}.")
    except OSError as error:
        fail(str(error))


def run(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a command that serves."""
    guarded(lambda: main(make))


def command(data: Path | None, name: str, /, **arguments: Any) -> Any:
    """Carry out an operator's command, in the running server or here."""
    settings = load(data=data)
    return guarded(lambda: asyncio.run(_command(settings, name, arguments)))


async def _command(settings: Settings, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return await control.ask(settings.data, name, arguments)
    except control.Unreachable:
        telemetry.configure("error", as_json=False)
        app = App(settings)
        try:
            return await app.admin.run(name, arguments)
        finally:
            app.close()


def init(
    org_id: Annotated[str, typer.Argument(help="Id of the first organization; part of every URL.")],
    name: Annotated[str, typer.Option(help="The organization's name.")] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Set up: a data folder, a signing key, an organization, an API key and a work type with the concierge."""
    made = command(data, "org.create", org_id=org_id, name=name)
    command(data, "signing-key.rotate")
    key = command(data, "apikey.create", org_id=org_id)
    work_type = command(
        data, "worktype.create", org_id=org_id, work_type_id="100", name="Concierge", script="concierge"
    )
    if json:
        as_json({"organization": made, "apiKey": key, "workType": work_type})
        return
    console.print(f"Organization [bold]{org_id}[/] is ready, with work type [bold]100[/] (the concierge).")
    console.print(f"API key, shown only now: [bold]{key['key']}[/]", highlight=False)
    console.print("Serve it: [bold]frontdesk serve[/]")


def settings(json: Json = False) -> None:
    """Show every setting: its value, its environment name and what it does."""
    rows = [
        {"setting": name, "value": str(value), "environment": env, "help": text}
        for name, env, value, text in described(load())
    ]
    if json:
        as_json(rows)
    else:
        show(f"Settings (file: {config_file()})", rows, "")


def _listed(title: str, rows: Any, empty: str, *, json: bool) -> None:
    if json:
        as_json(rows)
    else:
        show(title, rows, empty)


@org.command("create")
def org_create(
    org_id: OrgId,
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    origin: Annotated[list[str] | None, typer.Option(help="Web origin that may use the API; repeatable.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make an organization."""
    made = command(data, "org.create", org_id=org_id, name=name, origins=origin or ["*"])
    _listed("Made", [made], "", json=json)


@org.command("list")
def org_list(data: Data = None, json: Json = False) -> None:
    """Show all organizations."""
    rows = command(data, "org.list")
    _listed("Organizations", rows, "None yet. Make one: frontdesk org create ID", json=json)


@org.command("origins")
def org_origins(
    org_id: OrgId,
    origins: Annotated[list[str], typer.Argument(help='Origins such as https://www.example.com, or "*".')],
    data: Data = None,
) -> None:
    """Set from which web origins browsers may use the API."""
    made = command(data, "org.origins", org_id=org_id, origins=origins)
    console.print(f"{org_id} now answers to: {', '.join(made['allowedOrigins'])}")


@org.command("grace")
def org_grace(org_id: OrgId, seconds: Annotated[int, typer.Argument(help="0 to 86400.")], data: Data = None) -> None:
    """Set how long a conversation waits for a contact who went."""
    made = command(data, "org.grace", org_id=org_id, seconds=seconds)
    console.print(f"{org_id} now waits {made['graceSeconds']} seconds.")


@apikey.command("create")
def apikey_create(
    org_id: OrgId,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Make an API key. It is shown once."""
    made = command(data, "apikey.create", org_id=org_id, name=name)
    if json:
        as_json(made)
    else:
        console.print(f"API key {made['keyId']}, shown only now: [bold]{made['key']}[/]", highlight=False)


@apikey.command("list")
def apikey_list(org_id: OrgId, data: Data = None, json: Json = False) -> None:
    """Show an organization's API keys."""
    _listed("API keys", command(data, "apikey.list", org_id=org_id), "No keys.", json=json)


@apikey.command("revoke")
def apikey_revoke(key_id: Annotated[str, typer.Argument(help="The key's id, not the key.")], data: Data = None) -> None:
    """End an API key at once."""
    ended = command(data, "apikey.revoke", key_id=key_id)
    console.print(f"Key {ended['keyId']} ended at {ended['revokedTime']}.")


@apikey.command("usage")
def apikey_usage(org_id: OrgId, data: Data = None, json: Json = False) -> None:
    """Show how often each key called each endpoint, by day (UTC)."""
    _listed("Usage", command(data, "apikey.usage", org_id=org_id), "Not used yet.", json=json)


@worktype.command("create")
def worktype_create(
    org_id: OrgId,
    work_type_id: Annotated[str, typer.Argument(help="Its id, as clients send it.")],
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    channel: Annotated[list[str] | None, typer.Option(help="chat or callback; repeatable.")] = None,
    script: Annotated[str, typer.Option(help="Self-service script that answers first.")] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a work type."""
    made = command(
        data, "worktype.create", org_id=org_id, work_type_id=work_type_id, name=name,
        channels=channel or ["chat"], script=script,
    )  # fmt: skip
    _listed("Made", [made], "", json=json)


@worktype.command("list")
def worktype_list(org_id: OrgId, data: Data = None, json: Json = False) -> None:
    """Show an organization's work types."""
    _listed("Work types", command(data, "worktype.list", org_id=org_id), "No work types.", json=json)


@callback.command("list")
def callback_list(org_id: OrgId, data: Data = None, json: Json = False) -> None:
    """Show an organization's voice callbacks, the next one first."""
    _listed("Callbacks", command(data, "callback.list", org_id=org_id), "No callbacks.", json=json)


@token.command("rotate")
def token_rotate(data: Data = None) -> None:
    """Sign new web tokens with a new key; those given out stay good until they end."""
    made = command(data, "signing-key.rotate")
    console.print(f"Key {made['kid']} signs from now on.")
