"""The bus over PostgreSQL's own notifications: nothing to run beside the database.

One connection listens on the node's channel, another one speaks: a statement that waits must not keep words away.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from frontdesk.engines.bus_parts import LOOK_SECONDS, OPEN_SECONDS, Ear, Frame, Link, LinkedBus

# A notification is text of less than 8,000 bytes. Base64 makes 4 characters of 3 bytes.
FRAME_BYTES = 7_999 // 4 * 3

# Counted, so that one row comes back instead of one for each notification.
SAY = "SELECT count(pg_notify(c, p)) FROM unnest($1::text[], $2::text[]) t(c, p)"

# What a server that stands still may take before the link is given up.
SAY_SECONDS = 5


class PostgresLink:
    """Two connections, until one of them breaks."""

    frame_size = FRAME_BYTES

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._connections: list[asyncpg.Connection] = []

    async def begin(self, url: str, node: str) -> None:
        """Connect and listen. Raises what asyncpg does."""
        # A word that a crash of the database loses was lost anyway: its commit need not wait for the disk.
        speaks = await self._connection(url, node, synchronous_commit="off")
        await speaks.execute(SAY, [], [])
        hears = await self._connection(url, node)
        await hears.add_listener(channel(node), self._notified)

    async def carry(self, frames: Sequence[Frame]) -> None:
        """See bus_parts.Link."""
        channels = [channel(node) for node, _ in frames]
        texts = [binascii.b2a_base64(frame, newline=False).decode() for _, frame in frames]
        await self._connections[0].execute(SAY, channels, texts, timeout=SAY_SECONDS)

    async def look(self) -> None:
        """See bus_parts.Link."""
        for connection in self._connections:
            await connection.execute("SELECT 1", timeout=LOOK_SECONDS)

    async def end(self) -> None:
        """See bus_parts.Link."""
        for connection in self._connections:
            connection.terminate()
        # What asyncpg had under way is cancelled by now, and needs its turn to end.
        await asyncio.sleep(0)

    async def _connection(self, url: str, node: str, **settings: str) -> asyncpg.Connection:
        # The name by which a node that is shut out loses its connections: one that stands still and listens would
        # make the server keep everybody's notifications.
        named = {"application_name": f"frontdesk {node}", **settings}
        connection = await asyncpg.connect(
            url, timeout=OPEN_SECONDS, command_timeout=OPEN_SECONDS, server_settings=named
        )
        self._connections.append(connection)
        connection.add_termination_listener(self._ended)
        return connection

    def _notified(self, connection: object, pid: int, channel: str, payload: str) -> None:
        # Anyone may notify the channel: what is not base64 is not ours.
        with suppress(ValueError):
            self._ear.took(binascii.a2b_base64(payload))

    def _ended(self, connection: object) -> None:
        self._ear.broke()


class PostgresBus(LinkedBus):
    """ports.Bus on channels `frontdesk_<node>` of the database at `url`, which must not be behind a pooler."""

    server = "PostgreSQL"
    setting = "FRONTDESK_DATABASE"
    default_port = 5432

    async def _make(self, node: str, ear: Ear) -> Link:
        link = PostgresLink(ear)
        try:
            await link.begin(self._url, node)
        except BaseException as error:
            await link.end()
            if isinstance(error, asyncpg.PostgresError):
                raise ConnectionError(str(error)) from None
            raise
        return link


def channel(node: str) -> str:
    """Where a node listens."""
    return f"frontdesk_{node}"
