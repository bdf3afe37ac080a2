"""Commands on PostgreSQL: each is carried out here, in its own process; the nodes see it within half a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from frontdesk import telemetry
from frontdesk.cli.administered import administered
from frontdesk.cli.calls import nothing_in
from frontdesk.cli.output import fail
from frontdesk.engines.moving import half_moved
from frontdesk.engines.postgres import PostgresStore
from frontdesk.engines.postgres_link import CONNECT_SECONDS, connect
from frontdesk.settings import Settings

# Names the advisory lock of commands: "cmd" in ASCII.
_LOCK = 0x636D64


async def carry_out(settings: Settings, name: str, arguments: dict[str, Any], *, makes: bool) -> Any:
    """Run an operator's command on the database. Raises OSError and Refusal, whose texts are sentences."""
    telemetry.configure("error", as_json=False)
    async with reached(settings.database) as db:
        if not makes:
            await make_sure_it_is_set_up(settings, db)
        # One after the other, wherever they run: each looks whether a name is taken, and stores it only then.
        await db.execute("SELECT pg_advisory_lock($1)", _LOCK)
        # A store that is no node: it has no sessions at home.
        store = await PostgresStore.open(settings.database, lambda error: None)
        try:
            return await (await administered(store)).run(name, arguments)
        finally:
            await store.close()


async def make_sure_it_is_set_up(settings: Settings, db: asyncpg.Connection) -> None:
    """Ends the command when nothing can be served from this database yet."""
    if not await db.fetchval("SELECT to_regclass('marks') IS NOT NULL"):
        fail(nothing_in(settings))
    if await half_moved(db):
        fail("The move into this database was broken off. Repeat it first: frontdesk migrate --to …")
    if not await db.fetchval("SELECT EXISTS (SELECT FROM signing_keys)"):
        fail(nothing_in(settings))


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of one's own. Raises OSError that says what to do."""
    try:
        # As long as it takes: a command may wait for another one, a move for a large table.
        db = await connect(url, "", lasting=True)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise OSError(_why_not_reached(url, error)) from None
    try:
        yield db
    finally:
        await db.close(timeout=CONNECT_SECONDS)


def place(url: str) -> str:
    """Where the database's server is, as host and port."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the local socket"


def _why_not_reached(url: str, error: Exception) -> str:
    there, name = place(url), urlsplit(url).path.lstrip("/")
    if isinstance(error, asyncpg.InvalidPasswordError):
        return (
            f"PostgreSQL at {there} refuses the password: {error}. "
            "Correct it in FRONTDESK_DATABASE, or give PGPASSWORD."
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"PostgreSQL at {there} has no database {name}. Make it there: createdb {name}"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return (
            f"PostgreSQL at {there} does not let us in: {error}. Make the user (createuser), or allow it (pg_hba.conf)."
        )
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL at {there} takes no connection: {error}."
    if isinstance(error, OSError):
        return f"PostgreSQL can't be reached at {there} ({_short(error)}). Is it started, and host and port right?"
    return f"The address of the database can't be used: {error}. It is postgresql://user@host:5432/name."


def _short(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {CONNECT_SECONDS} s"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return error.strerror or str(error)


def in_words(error: BaseException) -> str:
    """A sentence about what PostgreSQL answered."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            f"PostgreSQL refuses: {error}. Let the database's owner run: "
            "GRANT ALL ON SCHEMA public TO the user that frontdesk comes as."
        )
    return f"The database can't be used: {error}. `frontdesk doctor` says more."


async def migrate_there(settings: Settings) -> str:
    """Bring the database to today's shape; returns the revision it came from, "" for an empty one."""
    async with reached(settings.database) as db:
        before = await revision_of(db)
    store = await PostgresStore.open(settings.database, lambda error: None)
    await store.close()
    return before


async def revision_of(db: asyncpg.Connection) -> str:
    """Where the database stands; "" when it is empty."""
    if not await db.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return ""
    return str(await db.fetchval("SELECT version_num FROM alembic_version") or "")
