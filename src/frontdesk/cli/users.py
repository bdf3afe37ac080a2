"""`frontdesk user …` and `frontdesk client …`: who may sign in, and which programs may ask for tokens."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from frontdesk.cli.calls import Data, Database, Json, command
from frontdesk.cli.manage import OrgId
from frontdesk.cli.output import as_json, console, fail, listed

user = typer.Typer(name="user", help="Users: create, list, change, password, signout, disable.", no_args_is_help=True)
client = typer.Typer(name="client", help="OAuth clients: create, list, secret, revoke.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="What they sign in with.")]
ClientId = Annotated[str, typer.Argument(help="The client's id.")]
Name = Annotated[str | None, typer.Option(help="Name for people.", show_default=False)]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="agent, supervisor, administrator or integration; repeatable.", show_default=False),
]
Skills = Annotated[
    list[str] | None,
    typer.Option("--skill", help="A skill with its level from 1 to 10, as spanish=7; repeatable.", show_default=False),
]
WorkTypes = Annotated[
    list[str] | None, typer.Option("--work-type", help="What they work on; repeatable.", show_default=False)
]
Capacity = Annotated[
    list[str] | None,
    typer.Option("--capacity", help="How many at one time, as chat=3; repeatable.", show_default=False),
]
TeamId = Annotated[str | None, typer.Option("--team", help="Their team.", show_default=False)]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input; without, one is made.")
]


@user.command("create")
def user_create(  # noqa: PLR0913, PLR0917 - an option for each field, as typer reads them from the signature
    org_id: OrgId,
    login: Login,
    role: Roles = None,
    name: Name = None,
    skill: Skills = None,
    work_type: WorkTypes = None,
    capacity: Capacity = None,
    team: TeamId = None,
    user_id: Annotated[str, typer.Option("--id", help="Their id in URLs; made when left out.")] = "",
    password_stdin: FromInput = False,
    oidc: Annotated[bool, typer.Option("--oidc", help="They sign in with the organization's provider only.")] = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a user. A password that is made here is shown once."""
    fields = _fields(role, name, skill, work_type, capacity, team)
    secret = {"password": _typed()} if password_stdin else {}
    made = command(
        data, database, "user.create", org_id=org_id, login=login, user_id=user_id, oidc=oidc, **secret, **fields
    )
    _told(f"Made user {made['userId']} ({login}).", made, "password", json=json)
    if not json and "agent" in made["roles"] and not made["workTypeIds"]:
        # Else they sit there ready, and nobody understands why nothing comes.
        more = f"frontdesk user change {org_id} {login} --work-type ID"
        console.print(f"They serve no work type yet: {more}", highlight=False, markup=False)


@user.command("list")
def user_list(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show an organization's users."""
    rows = command(data, database, "user.list", org_id=org_id)
    listed("Users", rows if json else [_row(row) for row in rows], "No users.", json=json)


@user.command("change")
def user_change(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    login: Login,
    role: Roles = None,
    name: Name = None,
    skill: Skills = None,
    work_type: WorkTypes = None,
    capacity: Capacity = None,
    team: TeamId = None,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Change what is given, and leave the rest. Who was disabled is back; with another role they sign in anew."""
    fields = _fields(role, name, skill, work_type, capacity, team)
    _told(f"Changed {login}.", command(data, database, "user.change", org_id=org_id, login=login, **fields), json=json)


@user.command("password")
def user_password(
    org_id: OrgId,
    login: Login,
    password_stdin: FromInput = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Give a user another password, and end all their tokens."""
    secret = {"password": _typed()} if password_stdin else {}
    changed = command(data, database, "user.password", org_id=org_id, login=login, **secret)
    _told(f"{login} has another password.", changed, "password", json=json)


@user.command("signout")
def user_sign_out(org_id: OrgId, login: Login, data: Data = None, database: Database = None) -> None:
    """End all tokens of a user, everywhere, at once."""
    command(data, database, "user.signout", org_id=org_id, login=login)
    console.print(f"{login} is signed out everywhere.", highlight=False, markup=False)


@user.command("disable")
def user_disable(org_id: OrgId, login: Login, data: Data = None, database: Database = None) -> None:
    """Let a user sign in no more. What they did stays on record; `user change` brings them back."""
    command(data, database, "user.disable", org_id=org_id, login=login)
    console.print(f"{login} can't sign in any more.", highlight=False, markup=False)


@client.command("create")
def client_create(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    scope: Annotated[
        list[str], typer.Option(help="desk, supervision, provisioning, reporting or quality; repeatable.")
    ],
    name: Name = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(help="Where people are sent back to after signing in; repeatable.", show_default=False),
    ] = None,
    client_id: Annotated[str, typer.Option("--id", help="Its id; made when left out.")] = "",
    public: Annotated[bool, typer.Option("--public", help="It can keep no secret: a page, an app.")] = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a client: a program that asks for tokens. Its secret is shown once."""
    made = command(
        data, database, "client.create", org_id=org_id, name=name or "", scopes=scope,
        redirect_uris=redirect_uri or [], client_id=client_id, public=public,
    )  # fmt: skip
    _told(f"Made client {made['clientId']}.", made, "secret", json=json)


@client.command("list")
def client_list(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show an organization's clients."""
    listed("Clients", command(data, database, "client.list", org_id=org_id), "No clients.", json=json)


@client.command("secret")
def client_secret(
    org_id: OrgId, client_id: ClientId, data: Data = None, database: Database = None, json: Json = False
) -> None:
    """Give a client another secret; the old one is worth nothing at once."""
    changed = command(data, database, "client.secret", org_id=org_id, client_id=client_id)
    _told(f"Client {client_id} has another secret.", changed, "secret", json=json)


@client.command("revoke")
def client_revoke(org_id: OrgId, client_id: ClientId, data: Data = None, database: Database = None) -> None:
    """End a client and its tokens."""
    command(data, database, "client.revoke", org_id=org_id, client_id=client_id)
    console.print(f"Client {client_id} is ended.", highlight=False, markup=False)


def _fields(
    roles: list[str] | None,
    name: str | None,
    skills: list[str] | None,
    work_types: list[str] | None,
    capacity: list[str] | None,
    team: str | None,
) -> dict[str, Any]:
    """What was given, as the API names it."""
    fields: dict[str, Any] = {
        "roles": roles,
        "name": name,
        "skills": _numbers("--skill", skills),
        "workTypeIds": work_types,
        "capacity": _numbers("--capacity", capacity),
        "teamId": team,
    }
    return {field: value for field, value in fields.items() if value is not None}


def _numbers(option: str, given: list[str] | None) -> dict[str, int] | None:
    if given is None:
        return None
    numbers: dict[str, int] = {}
    for each in given:
        name, _, number = each.rpartition("=")
        if not name or not number.isascii() or not number.isdigit():
            fail(f"{option} {each} is not understood: give a name and a number, as {option} name=3.")
        numbers[name] = int(number)
    return numbers


def _typed() -> str:
    """The first line of standard input, without echo where somebody types it."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        fail("There is no password on standard input.")
    return secret


def _told(sentence: str, made: dict[str, Any], secret: str = "", *, json: bool) -> None:
    if json:
        as_json(made)
        return
    console.print(sentence, highlight=False, markup=False)
    if secret in made:
        console.print(f"{secret.capitalize()}, shown only now: [bold]{made[secret]}[/]", highlight=False)


def _row(shown: dict[str, Any]) -> dict[str, Any]:
    """A line of the table: what people look for, as they would type it."""
    return {
        "userId": shown["userId"],
        "login": shown["login"],
        "name": shown["name"],
        "roles": shown["roles"],
        "work types": shown["workTypeIds"],
        "skills": [f"{skill}={level}" for skill, level in shown["skills"].items()],
        "capacity": [f"{channel}={most}" for channel, most in shown["capacity"].items()],
        "disabled": "yes" if "disabledTime" in shown else "",
    }
