"""Connections to PostgreSQL: how they are made, how long they may keep silent, and how text is written on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# Seconds until a server that does not answer counts as away.
CONNECT_SECONDS = 5
# The same for a command. The server itself stops it a little earlier, so that we mostly hear why.
COMMAND_SECONDS = 6
# Milliseconds that a transaction may wait for its next statement: a process that was cut off or paused must not keep
# what others wait for.
_IDLE_MS = 3000
_SETTINGS = {
    "statement_timeout": str((COMMAND_SECONDS - 1) * 1000),
    "idle_in_transaction_session_timeout": str(_IDLE_MS),
    # A process that vanished without a word is noticed within 20 s.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
}
# PostgreSQL's text has no NUL. It is written as these two, and the first of them as itself twice.
_ESCAPE, _NUL = "\x01", "\x010"


def title(node: str) -> str:
    """What a node's connections are called: others end them by this name."""
    return f"frontdesk {node}".strip()


async def connect(
    url: str, node: str, settings: Mapping[str, str] | None = None, *, lasting: bool = False
) -> asyncpg.Connection:
    """A connection, within seconds. Raises OSError, TimeoutError and asyncpg's errors.

    `settings` are the server's, for this session. `lasting`: what is done on it may take as long as it wants.
    """
    patience = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"} if lasting else {}
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        command_timeout=None if lasting else COMMAND_SECONDS,
        max_cached_statement_lifetime=0,
        server_settings={**_SETTINGS, "application_name": title(node), **patience, **(settings or {})},
    )


def open_pool(url: str, node: str, size: int, *, lasting: bool = False) -> AsyncEngine:
    """Connections for queries of SQLAlchemy, at most `size`, made when they are needed.

    `lasting`: see `connect`.
    """

    async def connected() -> asyncpg.Connection:
        made = await connect(url, node, lasting=lasting)
        for kind in ("text", "varchar"):
            await made.set_type_codec(kind, schema="pg_catalog", encoder=escaped, decoder=unescaped, format="text")
        return made

    pool = create_async_engine("postgresql+asyncpg://", async_creator=connected, pool_size=size, max_overflow=0)
    event.listen(pool.sync_engine, "checkout", _still_open)
    return pool


def _still_open(connection: Any, *_: Any) -> None:
    """One that was lost while it lay idle is replaced; a query would fail on it for nothing."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def escaped(text: str) -> str:
    """The text as it is stored."""
    if "\x00" in text or _ESCAPE in text:
        return text.replace(_ESCAPE, _ESCAPE * 2).replace("\x00", _NUL)
    return text


def unescaped(text: str) -> str:
    """The text as it was."""
    if _ESCAPE not in text:
        return text
    return _ESCAPE.join(part.replace(_NUL, "\x00") for part in text.split(_ESCAPE * 2))
