"""`frontdesk org oidc …`, the provider that an organization's people sign in with, and `frontdesk audit …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from frontdesk.cli.calls import Data, Database, Json, command
from frontdesk.cli.manage import OrgId
from frontdesk.cli.output import as_json, console, fail, listed

oidc = typer.Typer(
    name="oidc", help="Sign-in with an OpenID Connect provider: set, show, remove.", no_args_is_help=True
)
audit = typer.Typer(name="audit", help="The audit log: list.", no_args_is_help=True)


@oidc.command("set")
def oidc_set(  # noqa: PLR0913, PLR0917 - an option for each field, as typer reads them from the signature
    org_id: OrgId,
    issuer: Annotated[str, typer.Option(help="The provider's address, exactly as it names itself.")],
    client_id: Annotated[str, typer.Option(help="What the provider knows this organization's sign-in as.")],
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the client's secret from standard input; without, it has none.")
    ] = False,
    name: Annotated[str, typer.Option(help='What people see: "Continue with NAME".')] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="Make users with this role of people whom only the provider knows; repeatable. Without: of nobody.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Let people sign in with a provider, beside their passwords. What was set before is replaced as a whole."""
    secret = _typed() if secret_stdin else ""
    made = command(
        data, database, "oidc.set", org_id=org_id, issuer=issuer, client_id=client_id, client_secret=secret, name=name,
        roles=role or [],
    )  # fmt: skip
    if json:
        as_json(made)
        return
    console.print(f"People of {org_id} may sign in with {made['name']} ({issuer}).", highlight=False, markup=False)
    console.print(
        "Register there where they come back to: your public address and /tokenservice/oauth2/oidc/callback",
        highlight=False, markup=False,
    )  # fmt: skip


@oidc.command("show")
def oidc_show(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
    """Show the provider, without its secret."""
    found = command(data, database, "oidc.show", org_id=org_id)
    if json:
        as_json(found)
    else:
        listed("Provider", [found], "", json=False)


@oidc.command("remove")
def oidc_remove(org_id: OrgId, data: Data = None, database: Database = None) -> None:
    """Let people sign in with passwords only."""
    command(data, database, "oidc.remove", org_id=org_id)
    console.print(f"People of {org_id} sign in with passwords only.", highlight=False, markup=False)


@audit.command("list")
def audit_list(
    org_id: OrgId,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 100,
    before: Annotated[int, typer.Option(help="Only what is older than the entry with this id.", min=0)] = 0,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show who signed in and who changed what, the newest first."""
    rows = command(data, database, "audit.list", org_id=org_id, before=before, limit=limit)
    listed("Audit log", rows if json else [_row(row) for row in rows], "Nothing is on record yet.", json=json)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    said = ", ".join(_said(entry["detail"]))
    return {name: entry[name] for name in ("auditId", "time", "actor", "act", "subject")} | {"detail": said}


def _said(detail: dict[str, Any]) -> Iterator[str]:
    """What there is to say; of a change what is not as it was. `--json` has all of it."""
    was, now = (dict(_flat(detail.get(side, {}))) for side in ("was", "is"))
    rest = {name: value for name, value in detail.items() if name not in {"was", "is"}}
    for name, value in _flat(rest):
        yield f"{name}={value}"
    for name in {**was, **now}:
        before, after = was.get(name, ""), now.get(name, "")
        if was and now and before != after:
            yield f"{name}: {before or 'nothing'} → {after or 'nothing'}"
        elif not (was and now) and before + after:
            yield f"{name}={before + after}"


def _flat(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Each field by its path, as people read it."""
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _flat(each, f"{above}{name}.")
        elif name != "createdTime":
            yield f"{above}{name}", _plain(each)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _typed() -> str:
    """The first line of standard input, without echo where somebody types it."""
    if sys.stdin.isatty():
        return str(typer.prompt("Client secret", hide_input=True))
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        fail("There is no secret on standard input.")
    return secret
