"""What nodes need before they are loaded: no limits, and an organization to serve."""

from collections.abc import Mapping
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
    )
}


async def furnish(
    database: str, data: Path, *, org: str, key: str, work_types: Mapping[str, Mapping[str, Any]]
) -> None:
    """Make an organization, its key and its work types in an empty database; `data` is used when that is ""."""
    app = await App.open(read(database=database, data=data))
    try:
        await app.admin.run("signing-key.rotate", {})
        await app.admin.run("org.create", {"org_id": org})
        await app.admin.run("apikey.create", {"org_id": org, "key": key})
        for work_type_id, fields in work_types.items():
            await app.admin.run("worktype.create", {"org_id": org, "work_type_id": work_type_id, **fields})
        # On PostgreSQL it was a node: one that ends without a word is shut out by the others, in the midst of the run.
        await app.hand_over()
    finally:
        await app.close()
