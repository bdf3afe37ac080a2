"""What `frontdesk doctor` looks at on PostgreSQL: reading only, beside nodes at work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

import asyncpg

from frontdesk.cli.calls import nothing_in
from frontdesk.cli.findings import Finding, note, ok, wrong
from frontdesk.cli.remote import reached, revision_of
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.moving import half_moved
from frontdesk.engines.postgres_link import CONNECT_SECONDS
from frontdesk.settings import Settings, masked

# Off, the database forgets what it called committed.
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
# Seconds that a node's clock may differ from the database's: limits that count over all nodes go by the database's.
_DRIFT_SECONDS = 2.0
# A batch is one round trip, so each message waits for at least one.
_ROUNDS, _ROUND_SLOW_MS = 25, 5.0
# Longer than two beats: a living node's number rises meanwhile.
_WATCH_SECONDS = 1.2
# Connections that a node holds at most, and those that people and backups need besides.
NODE_CONNECTIONS = 12
_CONNECTIONS_BESIDES = 10


@dataclass(slots=True)
class _Seen:
    """What was read."""

    version: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    used: int = 0
    round_ms: float = 0.0
    ahead_seconds: float = 0.0
    revision: str = ""
    half_moved: bool = False
    set_up: bool = False
    nodes: list[dict[str, Any]] = field(default_factory=list)


def look(settings: Settings) -> Iterator[Finding]:
    """PostgreSQL, its settings, the revision of its tables, the nodes, and NATS."""
    try:
        seen = asyncio.run(_see(settings))
    except OSError as error:
        yield wrong("PostgreSQL", str(error), "frontdesk needs it for everything: mend that first.")
        return
    except asyncpg.PostgresError as error:
        yield wrong("PostgreSQL", str(error), "Run doctor with the address that the nodes have.")
        return
    yield ok("PostgreSQL", f"{seen.version} at {masked(settings.database)}")
    yield from _durable(seen)
    yield from _shape(settings, seen)
    yield from _near(seen)
    yield from _room(seen)
    yield from _nodes(seen)
    yield from _bus(settings)


async def _see(settings: Settings) -> _Seen:
    seen = _Seen()
    async with reached(settings.database) as db:
        seen.version = await db.fetchval("SHOW server_version")
        for name in (*_DURABLE, "max_connections"):
            seen.settings[name] = await db.fetchval("SELECT current_setting($1)", name)
        seen.used = await db.fetchval("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        seen.round_ms = median([await _round_ms(db) for _ in range(_ROUNDS)])
        before = time.time()
        there = await db.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        seen.ahead_seconds = there - (before + time.time()) / 2
        seen.revision = await revision_of(db)
        # The tables of nodes and marks came with this step.
        if seen.revision >= "0002":
            await _see_nodes(db, seen)
    return seen


async def _round_ms(db: asyncpg.Connection) -> float:
    begin = time.perf_counter()
    await db.fetchval("SELECT 1")
    return (time.perf_counter() - begin) * 1000


async def _see_nodes(db: asyncpg.Connection, seen: _Seen) -> None:
    seen.half_moved = await half_moved(db)
    seen.set_up = await db.fetchval("SELECT EXISTS (SELECT FROM signing_keys)")
    beats = dict(await db.fetch("SELECT node, beat FROM nodes"))
    if beats:
        await asyncio.sleep(_WATCH_SECONDS)
    for row in await db.fetch("SELECT node, name, beat, started_ms FROM nodes ORDER BY started_ms"):
        seen.nodes.append({**dict(row), "lives": row["beat"] != beats.get(row["node"])})


def _durable(seen: _Seen) -> Iterator[Finding]:
    off = [name for name in _DURABLE if seen.settings[name] == "off"]
    if off:
        todo = f"Set {', '.join(f'{name} = on' for name in off)} in postgresql.conf; no node starts before."
        yield wrong("durability", f"{', '.join(off)} off: a crash loses what was answered 202", todo)
    else:
        yield ok("durability", ", ".join(f"{name} {seen.settings[name]}" for name in _DURABLE))


def _shape(settings: Settings, seen: _Seen) -> Iterator[Finding]:
    if seen.half_moved:
        yield wrong("migrations", "the move into this database was broken off", "Repeat frontdesk migrate --to …")
    elif not seen.revision or not seen.set_up:
        yield wrong("migrations", f"nothing is set up ({seen.revision or 'no tables'})", nothing_in(settings))
    elif seen.revision == HEAD:
        yield ok("migrations", f"at revision {HEAD}, the newest")
    elif seen.revision > HEAD:
        todo = "Fine while newer nodes start one by one; install the newer version here too."
        yield note("migrations", f"at {seen.revision}; this frontdesk knows {HEAD}", todo)
    else:
        yield note(
            "migrations", f"at {seen.revision}, {HEAD} is the newest", "frontdesk migrate, or just start a node."
        )


def _near(seen: _Seen) -> Iterator[Finding]:
    found = f"{seen.round_ms:.2f} ms (median of {_ROUNDS})"
    if seen.round_ms > _ROUND_SLOW_MS:
        yield note("round trip", found, "Each message waits that long: put the nodes near the database.")
    else:
        yield ok("round trip", found)
    if abs(seen.ahead_seconds) > _DRIFT_SECONDS:
        behind = "behind" if seen.ahead_seconds > 0 else "ahead of"
        found = f"this machine's is {abs(seen.ahead_seconds):,.1f} s {behind} the database's"
        yield wrong("clock", found, "Set both by NTP: tokens, callbacks and limits go by them.")
    else:
        yield ok("clock", "the same as the database's")


def _room(seen: _Seen) -> Iterator[Finding]:
    most = int(seen.settings["max_connections"])
    found = f"{seen.used} of {most} in use"
    wanted = NODE_CONNECTIONS * max(1, len(seen.nodes)) + _CONNECTIONS_BESIDES
    if most < wanted:
        yield note("connections", found, f"Set max_connections = {wanted} or more: a node may hold {NODE_CONNECTIONS}.")
    else:
        yield ok("connections", found)


def _nodes(seen: _Seen) -> Iterator[Finding]:
    if not seen.nodes:
        yield ok("node", "none is at work")
    for node in seen.nodes:
        since = datetime.fromtimestamp(node["started_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        found = f"{node['name']} ({node['node']}), since {since} UTC, beat {node['beat']}"
        if node["lives"]:
            yield ok("node", found)
        else:
            todo = "It is dead or halted. Others take over after 3 s; if it is the only one, start another."
            yield note("node", f"{found}: stands still", todo)


def _bus(settings: Settings) -> Iterator[Finding]:
    if not settings.bus:
        yield ok("bus", "PostgreSQL carries the words between nodes")
        return
    try:
        version = asyncio.run(_nats(settings.bus))
    except Exception as error:  # noqa: BLE001 - nats-py has many, and each means that nodes can't use it
        said = str(error).replace(settings.bus, masked(settings.bus)) or type(error).__name__
        yield wrong("NATS", f"{masked(settings.bus)}: {said}", "Start it, or correct FRONTDESK_BUS.")
    else:
        yield ok("NATS", f"{version} at {masked(settings.bus)}")


async def _nats(url: str) -> str:
    import nats

    async def quiet(error: Exception) -> None:
        """The error comes back from `connect` as well."""

    client = await nats.connect(
        url, connect_timeout=CONNECT_SECONDS, allow_reconnect=False, max_reconnect_attempts=1, error_cb=quiet
    )
    version = str(client.connected_server_version)
    await client.close()
    return version
