"""What the nodes store in: how it is broken, and how its log is read at the end."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from chaos.judge import Owner, Row
from tests.support.postgres import Postgres

LOG = "SELECT seq, stream_seq, kind, author, payload FROM entries WHERE interaction_id = {} ORDER BY seq"
OWNERS = """
SELECT i.interaction_id, i.state, i.owner, coalesce(a.user_id, ''), coalesce(a.stage, '')
FROM interactions i LEFT JOIN assignments a
ON a.interaction_id = i.interaction_id AND a.ended_ms = 0 AND a.part = 'owner'
WHERE i.closed_ms = 0 AND i.channel = 'chat' AND i.state IN ('queued', 'active')
"""
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Storage(Protocol):
    """A database. `url` is "" when it is a file in the node's data folder."""

    url: str

    def start(self) -> None:
        """Start it, or start it again where it was."""

    def kill(self) -> None:
        """End it where it stands."""

    def remove(self) -> None:
        """End it for good."""

    async def cut(self) -> None:
        """Break all connections to it."""

    async def log(self, interaction_id: int) -> list[Row]:
        """The entries of an interaction, in order."""

    async def interactions(self) -> int:
        """How many interactions it holds."""

    async def owners(self) -> list[Owner]:
        """The open conversations of agents, and who has them."""


class PostgresSide:
    """A PostgreSQL of this run's own."""

    def __init__(self) -> None:
        self._server = Postgres()
        self.url = ""

    def start(self) -> None:
        """See Storage."""
        self._server.start()
        self.url = self.url or self._server.fresh()

    def kill(self) -> None:
        """See Storage."""
        self._server.kill()

    def remove(self) -> None:
        """See Storage."""
        self._server.remove()

    async def cut(self) -> None:
        """See Storage."""
        await self._fetch(CUT)

    async def log(self, interaction_id: int) -> list[Row]:
        """See Storage."""
        return [Row(*record) for record in await self._fetch(LOG.format("$1"), interaction_id)]

    async def interactions(self) -> int:
        """See Storage."""
        return int((await self._fetch("SELECT count(*) FROM interactions"))[0][0])

    async def owners(self) -> list[Owner]:
        """See Storage."""
        return [Owner(*record) for record in await self._fetch(OWNERS)]

    async def _fetch(self, query: str, *arguments: int) -> list[Any]:
        db = await asyncpg.connect(self.url)
        try:
            found: list[Any] = await db.fetch(query, *arguments)
            return found
        finally:
            await db.close()


class SqliteSide:
    """The file of a node that is alone. It has no process to be killed and no connections to be cut."""

    url = ""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "data" / "frontdesk.db"

    def start(self) -> None:
        """See Storage."""

    def kill(self) -> None:
        """See Storage."""

    def remove(self) -> None:
        """See Storage."""

    async def cut(self) -> None:
        """See Storage."""

    async def log(self, interaction_id: int) -> list[Row]:
        """See Storage."""
        with closing(sqlite3.connect(self._file)) as db:
            return [Row(*record) for record in db.execute(LOG.format("?"), (interaction_id,))]

    async def interactions(self) -> int:
        """See Storage."""
        with closing(sqlite3.connect(self._file)) as db:
            return int(db.execute("SELECT count(*) FROM interactions").fetchone()[0])

    async def owners(self) -> list[Owner]:
        """See Storage."""
        with closing(sqlite3.connect(self._file)) as db:
            return [Owner(*record) for record in db.execute(OWNERS)]
