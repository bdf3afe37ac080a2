"""`frontdesk demo`: everything on one data folder of its own, ready to be talked to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.panel import Panel
from rich.table import Table

from frontdesk import telemetry
from frontdesk.cli.output import as_json, console
from frontdesk.cli.serve import make_sure, url_of
from frontdesk.domain.errors import Invalid
from frontdesk.server import App
from frontdesk.serving import run
from frontdesk.settings import Settings, read

ORG, KEY = "viademo", "demo-key"
WORK_TYPES: dict[str, dict[str, Any]] = {
    "79": {"name": "Agents", "channels": ["chat"], "script": ""},
    "32": {"name": "Agents and callbacks", "channels": ["chat", "callback"], "script": ""},
    "100": {"name": "Concierge", "channels": ["chat"], "script": "concierge"},
}
# Everybody's id is also their login.
USERS: dict[str, dict[str, Any]] = {
    "agent": {"name": "Alex Agent", "roles": ["agent"], "workTypeIds": ["79", "32"], "capacity": {"chat": 3}},
    "agent2": {"name": "Bo Agent", "roles": ["agent"], "workTypeIds": ["79", "32"], "capacity": {"chat": 3}},
    "supervisor": {"name": "Sam Supervisor", "roles": ["supervisor"]},
    "admin": {"name": "Ada Administrator", "roles": ["administrator"]},
}
# Programs: one that acts for agents with a secret, and the page on which agents sign in. Both may do all that a desk
# offers; an agent who signs in there gets what their role brings.
CLIENT, DESK = "demo-integration", "desk"
_SCOPES = ["desk", "supervision", "provisioning", "reporting", "quality"]
CLIENTS: dict[str, dict[str, Any]] = {
    CLIENT: {"name": "Integration", "scopes": _SCOPES},
    # On this machine any port will do (RFC 8252, 7.3).
    DESK: {
        "name": "Agent desk",
        "scopes": _SCOPES,
        "redirect_uris": ["http://127.0.0.1/desk/"],
        "public": True,
    },
}
BENCH = {"1": {"name": "Echo, for benchmarks", "channels": ["chat"], "script": "echo"}}
_UNLIMITED = dict.fromkeys(
    (
        "tokens_per_address", "tokens_per_organization", "sessions_per_address", "messages_per_session",
        "polls_per_session", "connections_per_address",
    ),
    0,
)  # fmt: skip


def settings_for(port: int, data: Path, *, bench: bool) -> Settings:
    """The demo's settings: this machine only, on a file. Other settings apply as everywhere."""
    limits: dict[str, Any] = _UNLIMITED if bench else {}
    return read(host="127.0.0.1", port=port, data=data, database="", bus="", **limits)


async def _prepare(app: App, *, bench: bool) -> None:
    """Make what is not there yet: a demo's data folder is used again."""
    if not app.context.directory.signing_keys:
        await app.admin.run("signing-key.rotate", {})
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("org.create", {"org_id": ORG, "name": "Demo"}),
        ("apikey.create", {"org_id": ORG, "name": "demo", "key": KEY}),
    ]
    for work_type_id, fields in {**WORK_TYPES, **(BENCH if bench else {})}.items():
        wanted.append(("worktype.create", {"org_id": ORG, "work_type_id": work_type_id, **fields}))
    for login, fields in USERS.items():
        wanted.append(("user.create", {"org_id": ORG, "login": login, "user_id": login, "oidc": True, **fields}))
    wanted += [("client.create", {"org_id": ORG, "client_id": known, **more}) for known, more in CLIENTS.items()]
    for name, arguments in wanted:
        try:
            await app.admin.run(name, arguments)
        except Invalid:
            continue  # There from an earlier run, which may have been killed before the next one.


async def _secrets(app: App) -> dict[str, Any]:
    """Passwords and a client's secret for this run: only hashes are stored, so those of an earlier run are lost.

    Printed, and never on the page: any site that the demo's user visits could read it there.
    """
    users = []
    for login, fields in USERS.items():
        changed = await app.admin.run("user.password", {"org_id": ORG, "login": login})
        assert isinstance(changed, dict)
        users.append({"userId": login, "login": login, "password": changed["password"], "role": fields["roles"][0]})
    client = await app.admin.run("client.secret", {"org_id": ORG, "client_id": CLIENT})
    assert isinstance(client, dict)
    return {"users": users, "client": {"id": CLIENT, "secret": client["secret"]}}


async def demo(port: int, data: Path, *, bench: bool, json: bool) -> None:
    """Serve the demo until told to stop. Raises what opening the data folder raises."""
    settings = settings_for(port, data, bench=bench)
    telemetry.configure("warning" if not json else "error", as_json=settings.log_json)
    await make_sure(settings)
    facts: dict[str, Any] = {
        "url": "",
        "orgId": ORG,
        "apiKey": KEY,
        "workTypes": {"agents": "79", "callback": "32", "script": "100"},
        "data": str(settings.data.resolve()),
        "pid": os.getpid(),
    }
    app = await App.open(settings, facts=facts)
    await _prepare(app, bench=bench)
    secrets = await _secrets(app)

    def started(bound: int) -> None:
        facts["url"] = url_of(settings, bound)
        if json:
            as_json({**facts, **secrets})
        else:
            _welcome({**facts, **secrets})

    await run(app, started)
    if not json:
        console.print("[dim]Stopped. Everything is stored; the same command goes on where this ended.[/]")


def _welcome(facts: dict[str, Any]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]Chat page[/]", f"[link={facts['url']}/]{facts['url']}/[/link]")
    table.add_row("[bold]API reference[/]", f"{facts['url']}/docs")
    table.add_row("Organization", facts["orgId"])
    table.add_row("API key", facts["apiKey"])
    for work_type_id, fields in WORK_TYPES.items():
        table.add_row(f"Work type {work_type_id}", f"{fields['name']} ({', '.join(fields['channels'])})")
    for user in facts["users"]:
        table.add_row(f"Password of {user['login']}", user["password"])
    table.add_row(f"Secret of {facts['client']['id']}", facts["client"]["secret"])
    table.add_row("Data folder", facts["data"])
    console.print(Panel(table, title="[bold green]frontdesk serves[/]", subtitle="Ctrl+C stops", expand=False))
