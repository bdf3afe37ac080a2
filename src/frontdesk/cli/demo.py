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
from frontdesk.server import App, run
from frontdesk.settings import Settings, read

ORG, KEY = "viademo", "demo-key"
WORK_TYPES: dict[str, dict[str, Any]] = {
    "79": {"name": "Agents", "channels": ["chat"], "script": ""},
    "32": {"name": "Agents and callbacks", "channels": ["chat", "callback"], "script": ""},
    "100": {"name": "Concierge", "channels": ["chat"], "script": "concierge"},
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
    for name, arguments in wanted:
        try:
            await app.admin.run(name, arguments)
        except Invalid:
            continue  # There from an earlier run, which may have been killed before the next one.


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

    def started(bound: int) -> None:
        facts["url"] = url_of(settings, bound)
        if json:
            as_json(facts)
        else:
            _welcome(facts)

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
    table.add_row("Data folder", facts["data"])
    console.print(Panel(table, title="[bold green]frontdesk serves[/]", subtitle="Ctrl+C stops", expand=False))
