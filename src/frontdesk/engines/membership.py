"""A node among others on one PostgreSQL: its row, its beat, what it takes over, and what counts over all nodes."""

from __future__ import annotations

import math
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from frontdesk.engines import queries
from frontdesk.engines.postgres_link import open_pool, title
from frontdesk.engines.schema import sessions
from frontdesk.engines.system import SLOTS
from frontdesk.ports import Fenced, Pulse, Recovered

# Numbers for nodes: as many as an id has room for.
# Connections for all this: a beat must not wait behind a take-over, nor that behind the limits.
_CONNECTIONS = 4
# Beats between two looks for limits that are whole again, and how many of them are removed at one time.
_PURGE_BEATS = 120
_PURGE_MAX = 5000


def _big(name: str) -> BindParameter[int]:
    """A number that may be larger than 32 bits."""
    return bindparam(name, type_=BigInteger)


_NOW_US = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_SLOT = text("UPDATE marks SET number = number + 1 WHERE name = 'slot' RETURNING number")
_TAKEN = text("SELECT slot FROM nodes")
_JOIN = text(
    "INSERT INTO nodes (node, name, slot, epoch, beat, started_ms)"
    " VALUES (:node, :name, :slot, 1, 0, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
)
_BEAT = text(
    "WITH mine AS (UPDATE nodes SET beat = beat + 1 WHERE node = :node RETURNING beat)"
    " SELECT 'node', :node, beat FROM mine"
    " UNION ALL SELECT 'node', node, beat FROM nodes WHERE node <> :node"
    " UNION ALL SELECT 'mark', name, number FROM marks"
)
_CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :title AND pid <> pg_backend_pid()"
    " AND EXISTS (SELECT 1 FROM nodes WHERE node = :node AND beat = :beat)"
).bindparams(_big("beat"))
_REMOVE = text("DELETE FROM nodes WHERE node = :node AND (beat = :beat OR :beat < 0)").bindparams(_big("beat"))
_GIVE_BACK = (
    text("UPDATE sessions SET node = '' WHERE node = :node AND ended_ms = 0"),
    text(
        "UPDATE sessions SET node = '' FROM interactions WHERE sessions.node = :node AND sessions.ended_ms > 0"
        " AND interactions.session_id = sessions.session_id"
        " AND interactions.closed_ms = 0 AND interactions.channel = 'chat'"
    ),
    text("UPDATE switchboards SET node = '' WHERE node = :node"),
    text("UPDATE marks SET number = number + 1 WHERE name = 'orphans'"),
)
_FREE_BOARD = text("SELECT org_id FROM switchboards WHERE node = '' LIMIT 1 FOR UPDATE SKIP LOCKED")
# One that is ours already was taken by a call whose end was not heard.
_TAKE_BOARD = text(
    "INSERT INTO switchboards AS s (org_id, node) VALUES (:org_id, :node)"
    " ON CONFLICT (org_id) DO UPDATE SET node = :node WHERE s.node IN ('', :node) RETURNING org_id"
)
# Sessions whose conversation is a matter of agents.
_AT_WORK = (
    "SELECT s.session_id FROM interactions i JOIN sessions s ON s.session_id = i.session_id"
    " WHERE i.closed_ms = 0 AND i.channel = 'chat' AND i.state IN ('queued', 'active')"
)
_ORPHANS_AT_WORK = text(f"{_AT_WORK} AND i.org_id = :org_id AND s.node = '' FOR UPDATE OF s SKIP LOCKED")
_HANDED = text(f"{_AT_WORK} AND s.node = :node")
# Given to a node in the moment it was shut out: nobody else would look for them.
_STRAY = text(
    f"{_AT_WORK} AND i.org_id IN (SELECT w.org_id FROM switchboards w WHERE w.node = :node)"  # noqa: S608 - a constant
    " AND s.node <> ''"
    " AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = s.node) FOR UPDATE OF s SKIP LOCKED"
)
_MINE = text("SELECT 1 FROM nodes WHERE node = :node FOR KEY SHARE")
# What this node may have taken without hearing it counts as free for it.
_FREE = "(s.node = '' OR s.node = :node AND s.session_id = ANY(:unsure))"
_LIVING = f"SELECT s.session_id FROM sessions s WHERE s.ended_ms = 0 AND {_FREE}"  # noqa: S608 - a constant
_RESTING = (
    "SELECT s.session_id FROM interactions i JOIN sessions s ON s.session_id = i.session_id"  # noqa: S608 - a constant
    f" WHERE i.closed_ms = 0 AND i.channel = 'chat' AND s.ended_ms > 0 AND {_FREE}"
)
_THESE = " AND s.session_id = ANY(:these)"
_LIMIT = " LIMIT :limit FOR UPDATE OF s SKIP LOCKED"
_TAKE_THEM = text("UPDATE sessions SET node = :node WHERE session_id = ANY(:ids)")
# GCRA, as domain/limits.py has it, in whole microseconds. The keys in order: two callers don't wait for each other.
_USE = text(
    f"WITH t AS (SELECT {_NOW_US} AS now)"  # noqa: S608 - a constant
    " INSERT INTO rates AS r (key, whole_us)"
    " SELECT k, t.now + :cell FROM unnest(CAST(:keys AS text[])) AS k, t ORDER BY k"
    " ON CONFLICT (key) DO UPDATE SET whole_us = greatest(r.whole_us, excluded.whole_us - :cell) + :cell"
    " WHERE greatest(r.whole_us, excluded.whole_us - :cell) + :cell - :span <= excluded.whole_us - :cell"
    " RETURNING key"
).bindparams(_big("cell"), _big("span"))
_WAIT = text(
    f"SELECT max(whole_us) + :cell - :span - {_NOW_US} FROM rates WHERE key = ANY(:keys)"  # noqa: S608 - a constant
).bindparams(_big("cell"), _big("span"))
_PURGE = text(
    "DELETE FROM rates WHERE key IN (SELECT key FROM rates"  # noqa: S608 - a constant
    f" WHERE whole_us < {_NOW_US} LIMIT {_PURGE_MAX} FOR UPDATE SKIP LOCKED)"
)


class PostgresMembership:
    """`ports.Membership`. Connections are made as needed, and are called as the node is."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = open_pool(url, "", _CONNECTIONS)
        # What a claim took whose end was not heard.
        self._unsure: set[str] = set()
        self._beats = 0
        self.node = ""

    async def join(self) -> int:
        """See ports.Membership."""
        node = secrets.token_hex(4)
        pool = open_pool(self._url, node, _CONNECTIONS)
        try:
            async with pool.begin() as db:
                slot = await db.run_sync(_join, node)
        except BaseException:
            await pool.dispose()
            raise
        await self._replace(pool)
        self.node, self._unsure = node, set()
        return slot

    async def _replace(self, pool: AsyncEngine) -> None:
        old, self._pool = self._pool, pool
        await old.dispose()

    async def beat(self) -> Pulse:
        """See ports.Membership."""
        async with self._pool.begin() as db:
            rows = (await db.execute(_BEAT, {"node": self.node})).all()
        beats = {name: number for what, name, number in rows if what == "node"}
        marks = {name: number for what, name, number in rows if what == "mark"}
        if self.node not in beats:
            raise Fenced(f"Node {self.node} was shut out.")
        await self._purge()
        return Pulse(beats=beats, directory=marks["directory"], orphans=marks["orphans"])

    async def _purge(self) -> None:
        self._beats += 1
        if self._beats % _PURGE_BEATS == 0:
            async with self._pool.begin() as db:
                await db.execute(_PURGE)

    async def shut_out(self, node: str, beat: int) -> bool:
        """See ports.Membership."""
        await self._cut(node, beat)
        async with self._pool.begin() as db:
            return await db.run_sync(_remove, node, beat)

    async def _cut(self, node: str, beat: int) -> None:
        """End its connections first: a paused process may hold a transaction open, and with it the row."""
        try:
            async with self._pool.begin() as db:
                await db.execute(_CUT, {"title": title(node), "node": node, "beat": beat})
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # Not permitted: then its open transaction ends by its own time limit.

    async def claim(self, session_ids: Sequence[str] | None, limit: int) -> Recovered:
        """See ports.Membership."""
        taken: list[str] = []
        try:
            async with self._pool.begin() as db:
                found = await db.run_sync(self._claim, session_ids, limit, taken)
        except BaseException:
            self._unsure.update(taken)
            raise
        self._unsure.difference_update(taken)
        return found

    def _claim(self, db: Connection, session_ids: Sequence[str] | None, limit: int, taken: list[str]) -> Recovered:
        self._make_sure(db)
        wanted: dict[str, Any] = {"node": self.node, "unsure": list(self._unsure)}
        if session_ids is not None:
            wanted["these"] = list(session_ids)
        for which in (_LIVING, _RESTING):
            query = which + (_THESE if session_ids is not None else "") + _LIMIT
            taken += db.execute(text(query), {**wanted, "limit": limit - len(taken)}).scalars()
        if not taken:
            return Recovered((), ())
        db.execute(_TAKE_THEM, {"node": self.node, "ids": taken})
        return queries.alive(db, sessions.c.session_id.in_(taken))

    async def claim_switchboards(self, org_id: str = "") -> Recovered:
        """See ports.Membership."""
        async with self._pool.begin() as db:
            return await db.run_sync(self._claim_board, org_id)

    def _claim_board(self, db: Connection, org_id: str) -> Recovered:
        self._make_sure(db)
        org_id = org_id or db.execute(_FREE_BOARD).scalar() or ""
        if not org_id or db.execute(_TAKE_BOARD, {"org_id": org_id, "node": self.node}).first() is None:
            return Recovered((), ())
        ids = list(db.execute(_ORPHANS_AT_WORK, {"org_id": org_id}).scalars())
        db.execute(_TAKE_THEM, {"node": self.node, "ids": ids})
        found = queries.alive(db, sessions.c.session_id.in_(ids))
        return queries.at_work(db, found, (org_id,))

    async def handed(self, known: Callable[[str], bool]) -> Recovered:
        """See ports.Membership."""
        async with self._pool.begin() as db:
            return await db.run_sync(self._handed, known)

    def _handed(self, db: Connection, known: Callable[[str], bool]) -> Recovered:
        self._make_sure(db)
        stray = list(db.execute(_STRAY, {"node": self.node}).scalars())
        if stray:
            db.execute(_TAKE_THEM, {"node": self.node, "ids": stray})
        ids = [s for s in db.execute(_HANDED, {"node": self.node}).scalars() if not known(s)]
        return queries.alive(db, sessions.c.session_id.in_(ids)) if ids else Recovered((), ())

    def _make_sure(self, db: Connection) -> None:
        if db.execute(_MINE, {"node": self.node}).first() is None:
            raise Fenced(f"Node {self.node} was shut out.")

    async def leave(self) -> None:
        """See ports.Membership."""
        async with self._pool.begin() as db:
            await db.run_sync(_remove, self.node, -1)

    async def take(self, keys: Sequence[str], most: int, seconds: int) -> int:
        """See ports.Membership. In whole microseconds, by the database's clock."""
        span = seconds * 1_000_000
        wanted = sorted(set(keys))
        amounts = {"keys": wanted, "cell": max(span // most, 1), "span": span}
        async with self._pool.connect() as db:
            used = (await db.execute(_USE, amounts)).all()
            if len(used) == len(wanted):
                await db.commit()
                return 0
            # Not one of them is counted, if not all can be.
            await db.rollback()
            wait = (await db.execute(_WAIT, amounts)).scalar() or 0
        return max(math.ceil(wait / 1_000_000), 1)

    async def close(self) -> None:
        """Let go of the database."""
        await self._pool.dispose()


def _join(db: Connection, node: str) -> int:
    """Under the mark's lock, so that no two choose at one time."""
    number = int(db.execute(_SLOT).scalar_one())
    taken = set(db.execute(_TAKEN).scalars())
    slot = next((number + i) % SLOTS for i in range(SLOTS) if (number + i) % SLOTS not in taken)
    db.execute(_JOIN, {"node": node, "name": f"{socket.gethostname()}:{os.getpid()}", "slot": slot})
    return slot


def _remove(db: Connection, node: str, beat: int) -> bool:
    """Its row first: that waits for its batch under way, and nothing of it comes after."""
    if not db.execute(_REMOVE, {"node": node, "beat": beat}).rowcount:
        return False
    for statement in _GIVE_BACK:
        db.execute(statement, {"node": node} if "node = :node" in statement.text else {})
    return True
