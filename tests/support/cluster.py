"""What the public API's tests run on, chosen by FRONTDESK_TEST_ON.

"" is one server on SQLite; "postgres" one node on PostgreSQL; "cluster" three of them, with every request to one
picked at random; "nats" the same with NATS between them. Servers in processes of their own, and what a test starts by
itself, are always the demo on SQLite.
"""

import atexit
import functools
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support import furnished, postgres
from tests.support.nats import Nats
from tests.support.wire import Answer, Headers, Wire, request_bytes

ON = os.environ.get("FRONTDESK_TEST_ON", "")
_NODES = {"": 1, "postgres": 1, "cluster": 3, "nats": 3}
NODES = _NODES[ON]

_DICE = random.Random(os.environ.get("FRONTDESK_TEST_SEED", "4"))


def one_node(reason: str) -> pytest.MarkDecorator:
    """A test of what is inside one process, or between two requests to the same: it says nothing about several."""
    return pytest.mark.skipif(NODES > 1, reason=f"one node only: {reason}")


def sqlite_only(reason: str) -> pytest.MarkDecorator:
    """A test that reaches into SQLite."""
    return pytest.mark.skipif(ON != "", reason=f"SQLite only: {reason}")


# ---- where the nodes store


class Place:
    """The settings that lead to one database; a folder has the same one for as long as the tests run."""

    def __init__(self, data: Path | None, temporary: Path, on: str = ON) -> None:
        self._data = data
        self._on = on
        self.nodes = _NODES[on]
        self._folder = data or temporary
        self.database = self._database() if on else ""
        if not on:
            furnished.folder(self._folder)

    def settings(self, number: int) -> dict[str, Any]:
        """Those of a node."""
        data = self._folder if self.nodes == 1 else self._folder / str(number)
        bus = {"bus": _nats().url()} if self._on == "nats" else {}
        return {"data": data, "database": self.database, **bus}

    def leave(self) -> None:
        """Remove the database when nobody can come back to it."""
        if self._on and self._data is None:
            postgres.shared().drop(self.database)

    def _database(self) -> str:
        return furnished.database() if self._data is None else _database_of(self._data)

    async def clock(self, now_ms: int) -> None:
        """Move the database's clock, by which limits count that all nodes share."""
        if self._on:
            await rows(self.database, f"UPDATE hands SET now = to_timestamp({now_ms / 1000})")  # noqa: S608 - a number


async def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    """What PostgreSQL answers."""
    db = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await db.fetch(query)]
    finally:
        await db.close()


@functools.cache
def _database_of(data: Path) -> str:
    """The database that stands for a folder."""
    return furnished.database()


@functools.cache
def _nats() -> Nats:
    """The NATS of this run."""
    made = Nats()
    atexit.register(made.kill)
    made.start()
    return made


# ---- requests spread over the nodes


def any_of(ports: Sequence[int]) -> int:
    """One of them at random."""
    return ports[0] if len(ports) == 1 else _DICE.choice(ports)


class Spread(Wire):
    """A connection to each node. Every request goes to one of them at random; its answer comes from there."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._wires: dict[int, Wire] = {}
        self._now = self._at(any_of(ports))
        self._unanswered = 0

    def close(self) -> None:
        """Close them all."""
        for wire in self._wires.values():
            wire.close()

    def reset(self) -> None:
        """Break the one that was used last, close the others."""
        self._now.reset()
        self.close()

    def send(self, data: bytes) -> None:
        """To any node; to the same again while an answer is due from there."""
        if not self._unanswered:
            self._now = self._at(any_of(self._ports))
        self._unanswered += 1
        self._now.send(data)

    def ask(self, method: str, path: str, headers: Headers | None = None, body: bytes | None = None) -> Answer:
        """See Wire."""
        self.send(request_bytes(method, path, headers, body))
        return self.receive(head_only=method == "HEAD")

    def receive(self, *, head_only: bool = False) -> Answer:
        """See Wire."""
        self._unanswered = max(self._unanswered - 1, 0)
        return self._now.receive(head_only=head_only)

    def receive_head(self) -> tuple[int, dict[str, str]]:
        """See Wire."""
        return self._now.receive_head()

    def receive_chunk(self) -> bytes:
        """See Wire."""
        return self._now.receive_chunk()

    def ends(self) -> bool:
        """See Wire."""
        return self._now.ends()

    def _at(self, port: int) -> Wire:
        """The connection to a node; another when it was closed there, as idle ones are when a test moves the clock."""
        wire = self._wires.get(port)
        if wire is None or wire.is_over():
            self._wires[port] = wire = Wire(port)
        return wire
