"""Setting up: each command runs in the server that has the data open, or else opens the data itself."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from frontdesk.cli.calls import Data, Database, Json, command, load, set_up
from frontdesk.cli.output import as_json, console, errors, listed

OrgId = Annotated[str, typer.Argument(help="The organization's id.")]

org = typer.Typer(name="org", help="Organizations: create, list, origins, grace, oidc.", no_args_is_help=True)
apikey = typer.Typer(name="apikey", help="API keys: create, list, revoke, usage.", no_args_is_help=True)
worktype = typer.Typer(name="worktype", help="Work types: create, list, rules, remove.", no_args_is_help=True)
callback = typer.Typer(name="callback", help="Voice callbacks: list, cancel.", no_args_is_help=True)
token = typer.Typer(name="token", help="Web tokens: rotate the key that signs them.", no_args_is_help=True)


def init(
    org_id: Annotated[str, typer.Argument(help="Id of the first organization; part of every URL.")],
    name: Annotated[str, typer.Option(help="The organization's name.")] = "",
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Set up: a data folder, a signing key, an organization, an API key and a work type with the concierge."""
    if not set_up(data, database, "org.list"):
        # Before the organization: a first try that was killed half-way can then simply be repeated.
        set_up(data, database, "signing-key.rotate")
    made = command(data, database, "org.create", org_id=org_id, name=name)
    key = command(data, database, "apikey.create", org_id=org_id)
    work_type = command(
        data, database, "worktype.create", org_id=org_id, work_type_id="100", name="Concierge", script="concierge"
    )
    from frontdesk.settings import masked

    if json:
        as_json({"organization": made, "apiKey": key, "workType": work_type})
        return
    console.print(f"Organization [bold]{org_id}[/] is ready, with work type [bold]100[/] (the concierge).")
    console.print(f"API key, shown only now: [bold]{key['key']}[/]", highlight=False)
    where = f" --database {escape(masked(database))}" if database else f" --data {escape(str(data))}" if data else ""
    console.print(f"Serve it: [bold]frontdesk serve[/]{where}")


def settings(json: Json = False) -> None:
    """Show every setting: its value, its environment name and what it does.

    Settings come from, in rising order of weight: their defaults, the file frontdesk.toml in the working folder (or
    the one that FRONTDESK_CONFIG names), environment variables, and the command line.
    """
    # First, as it ends the command in a sentence when something is wrong.
    current = load()
    from frontdesk.settings import config_file, described, unknown_variables

    rows = [
        {"setting": name, "value": str(value), "environment": env, "help": text}
        for name, env, value, text in described(current)
    ]
    listed(f"Settings (file: {config_file()})", rows, "", json=json)
    for name in unknown_variables():
        errors.print(f"[yellow]{escape(name)} is set, but there is no such setting.[/]", highlight=False)


@org.command("create")
def org_create(
    org_id: OrgId,
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    origin: Annotated[list[str] | None, typer.Option(help="Web origin that may use the API; repeatable.")] = None,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make an organization."""
    made = command(data, database, "org.create", org_id=org_id, name=name, origins=origin or ["*"])
    listed("Made", [made], "", json=json)


@org.command("list")
def org_list(data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show all organizations."""
    rows = command(data, database, "org.list")
    listed("Organizations", rows, "None yet. Make one: frontdesk org create ID", json=json)


@org.command("origins")
def org_origins(
    org_id: OrgId,
    origins: Annotated[list[str], typer.Argument(help='Origins such as https://www.example.com, or "*".')],
    data: Data = None,
    database: Database = None,
) -> None:
    """Set from which web origins browsers may use the API."""
    made = command(data, database, "org.origins", org_id=org_id, origins=origins)
    console.print(f"{org_id} now answers to: {', '.join(made['allowedOrigins'])}")


@org.command("grace")
def org_grace(
    org_id: OrgId,
    seconds: Annotated[int, typer.Argument(help="0 to 86400.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Set how long a conversation waits for a contact who went."""
    made = command(data, database, "org.grace", org_id=org_id, seconds=seconds)
    console.print(f"{org_id} now waits {made['graceSeconds']} seconds.")


@apikey.command("create")
def apikey_create(
    org_id: OrgId,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make an API key. It is shown once."""
    made = command(data, database, "apikey.create", org_id=org_id, name=name)
    if json:
        as_json(made)
    else:
        console.print(f"API key {made['keyId']}, shown only now: [bold]{made['key']}[/]", highlight=False)


@apikey.command("list")
def apikey_list(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show an organization's API keys."""
    listed("API keys", command(data, database, "apikey.list", org_id=org_id), "No keys.", json=json)


@apikey.command("revoke")
def apikey_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, not the key.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """End an API key at once."""
    ended = command(data, database, "apikey.revoke", key_id=key_id)
    console.print(f"Key {ended['keyId']} ended at {ended['revokedTime']}.")


@apikey.command("usage")
def apikey_usage(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show how often each key called each endpoint, by day (UTC)."""
    listed("Usage", command(data, database, "apikey.usage", org_id=org_id), "Not used yet.", json=json)


@worktype.command("create")
def worktype_create(  # noqa: PLR0913, PLR0917 - an option for each field, as typer reads them from the signature
    org_id: OrgId,
    work_type_id: Annotated[str, typer.Argument(help="Its id, as clients send it.")],
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    channel: Annotated[list[str] | None, typer.Option(help="chat or callback; repeatable.")] = None,
    script: Annotated[str, typer.Option(help="Self-service script that answers first.")] = "",
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a work type."""
    made = command(
        data, database, "worktype.create", org_id=org_id, work_type_id=work_type_id, name=name,
        channels=channel or ["chat"], script=script,
    )  # fmt: skip
    listed("Made", [made], "", json=json)


@worktype.command("list")
def worktype_list(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show an organization's work types."""
    listed("Work types", command(data, database, "worktype.list", org_id=org_id), "No work types.", json=json)


@callback.command("list")
def callback_list(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show an organization's voice callbacks, the next one first."""
    listed("Callbacks", command(data, database, "callback.list", org_id=org_id), "No callbacks.", json=json)


@callback.command("cancel")
def callback_cancel(
    org_id: OrgId,
    call_back_id: Annotated[str, typer.Argument(metavar="ID", help="As `frontdesk callback list` shows it.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Cancel a voice callback that no agent has yet; the server must run.

    On PostgreSQL a supervisor does it over the API.
    """
    command(data, database, "callback.cancel", org_id=org_id, call_back_id=call_back_id)
    console.print(f"Callback {call_back_id} is cancelled.")


@token.command("rotate")
def token_rotate(data: Data = None, database: Database = None) -> None:
    """Sign new web tokens with a new key; those given out stay good until they end."""
    made = command(data, database, "signing-key.rotate")
    console.print(f"Key {made['kid']} signs from now on.")
