"""What nodes need before they are loaded: no limits, and an organization to serve, with agents where wanted."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from frontdesk.server import App
from frontdesk.settings import read

UNLIMITED = {
    f"FRONTDESK_{name}": "0"
    for name in (
        "TOKENS_PER_ADDRESS",
        "TOKENS_PER_ORGANIZATION",
        "SESSIONS_PER_ADDRESS",
        "MESSAGES_PER_SESSION",
        "POLLS_PER_SESSION",
        "CONNECTIONS_PER_ADDRESS",
        "ACCESS_TOKENS_PER_ADDRESS",
    )
}


# Chats of one agent: nobody waits for a place.
CHATS = 100


async def furnish(
    database: str, data: Path, *, org: str, key: str, work_types: Mapping[str, Mapping[str, Any]]
) -> None:
    """Make an organization, its key and its work types in an empty database; `data` is used when that is ""."""
    async with _open(database, data) as app:
        await app.admin.run("signing-key.rotate", {})
        await app.admin.run("org.create", {"org_id": org})
        await app.admin.run("apikey.create", {"org_id": org, "key": key})
        for work_type_id, fields in work_types.items():
            await app.admin.run("worktype.create", {"org_id": org, "work_type_id": work_type_id, **fields})


async def hire(database: str, data: Path, *, org: str, work_type_id: str, agents: Sequence[str], client_id: str) -> str:
    """Make agents who serve a work type and sign in nowhere, and a program that acts for them; returns its secret."""
    async with _open(database, data) as app:
        for agent in agents:
            named = {"org_id": org, "login": agent, "user_id": agent, "name": agent, "oidc": True, "roles": ["agent"]}
            at_work = {"workTypeIds": [work_type_id], "capacity": {"chat": CHATS}}
            await app.admin.run("user.create", {**named, **at_work})
        made = await app.admin.run("client.create", {"org_id": org, "client_id": client_id, "scopes": ["desk"]})
        assert isinstance(made, dict)
        return str(made["secret"])


@asynccontextmanager
async def _open(database: str, data: Path) -> AsyncIterator[App]:
    app = await App.open(read(database=database, data=data))
    try:
        yield app
        # On PostgreSQL it was a node: one that ends without a word is shut out by the others, in the midst of the run.
        await app.hand_over()
    finally:
        await app.close()
