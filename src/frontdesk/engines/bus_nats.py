"""The bus over NATS core: one subject for each node, no queue groups, nothing stored.

nats-py would connect again by itself, but it keeps what is published meanwhile, waits for dead servers without a
bound, and gives up for good on some errors. So it does not: a link is used until it breaks, and then made anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from nats.errors import Error

from frontdesk.engines.bus_parts import LOOK_SECONDS, NAME, Ear, Frame, Link, LinkedBus, reason

# One of several servers must not use up the time that is left for the others.
CONNECT_SECONDS = 2

# Larger frames keep small words waiting while they are read; smaller ones cost more than they carry.
FRAME_BYTES = 256 * 1024

# What may be on its way before the server must have shown that it keeps up.
UNCONFIRMED_BYTES = 1024 * 1024

# nats-py would ping by itself; `look` does, and knows what to do when no answer comes.
NEVER_SECONDS = 10**9


class Abrupt(TcpTransport):
    """A connection that never waits for a dead server, neither to take what was written nor to say goodbye."""

    def __bool__(self) -> bool:
        """It is there from the beginning: nats-py makes one of its own instead of one that is false."""
        return True

    async def drain(self) -> None:
        """Wait until the system takes more. What broke the connection is found out by reading."""
        if self._io_writer is not None and not self._io_writer.transport.is_closing():
            with suppress(OSError):
                await self._io_writer.drain()

    def close(self) -> None:
        """End it here and now."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()


class NatsLink(Client):
    """One connection to one server, until it breaks."""

    def __init__(self, ear: Ear) -> None:
        super().__init__()
        self.frame_size = FRAME_BYTES
        self.subject = ""
        self.why: Exception | None = None
        self._ear = ear
        self._unconfirmed = 0
        self._listening: asyncio.Task[None] | None = None
        self._transport = self._wire = Abrupt()  # type: ignore[no-untyped-call] # nats-py gives no types here

    async def begin(self, servers: list[str], subject: str, **who: str | None) -> None:
        """Connect to one of the servers and listen. Raises what nats-py does."""
        await self.connect(
            servers=servers,
            name=subject,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=CONNECT_SECONDS,
            reconnect_time_wait=0,
            ping_interval=NEVER_SECONDS,
            # Nothing is kept while there is no connection.
            pending_size=0,
            error_cb=self._failed,
            closed_cb=self._closed,
            **who,  # type: ignore[arg-type] # user, password, token: texts, but mypy holds them against all options
        )
        self.subject = subject.rpartition(".")[0]
        self.frame_size = min(FRAME_BYTES, self.max_payload)
        subscription = await self.subscribe(subject, cb=self._message)
        self._listening = subscription._wait_for_msgs_task  # noqa: SLF001 - nothing else tells when it has ended
        await self.look()

    async def carry(self, frames: Sequence[Frame]) -> None:
        """See bus_parts.Link."""
        for node, frame in frames:
            await self.publish(f"{self.subject}.{node}", frame)
            self._unconfirmed += len(frame)
        if self._unconfirmed >= UNCONFIRMED_BYTES:
            await self.look()

    async def look(self) -> None:
        """See bus_parts.Link."""
        if self._reading_task is None or self._reading_task.done():
            # Then `flush` asks nothing, and would say that all is well.
            raise ConnectionError("nobody reads from the connection")
        # `flush` writes its ping at once: what was published goes first only if the flusher has had its turn.
        await asyncio.sleep(0)
        await self.flush(timeout=LOOK_SECONDS)
        self._unconfirmed = 0

    async def end(self) -> None:
        """See bus_parts.Link."""
        self._wire.close()
        with suppress(Exception):
            await self.close()
        mine = (self._reading_task, self._flusher_task, self._ping_interval_task, self._listening)
        tasks = {task for task in mine if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CONNECT_SECONDS)

    async def _message(self, message: Msg) -> None:
        self._ear.took(message.data)

    async def _failed(self, error: Exception) -> None:
        self.why = error

    async def _closed(self) -> None:
        self._ear.broke()


class NatsBus(LinkedBus):
    """ports.Bus on subjects `frontdesk.<cluster>.<node>`.

    `url` is nats://, or tls:// for servers that want TLS: user:password@ or token@, and several servers with commas.
    """

    server = "NATS"
    setting = "FRONTDESK_BUS"
    default_port = 4222

    def __init__(self, url: str, cluster: str) -> None:
        if not NAME.fullmatch(cluster):
            raise ValueError(f"{cluster!r} can't name a cluster on NATS: use 1 to 48 letters, digits, _ or -.")
        super().__init__(url)
        self._subject = f"frontdesk.{cluster}"
        # It prints what goes wrong with the connection to standard error; telemetry says it once, as all logs.
        quiet = logging.getLogger("nats")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False

    async def _make(self, node: str, ear: Ear) -> Link:
        link = NatsLink(ear)
        try:
            servers, who = split(self._url)
            await link.begin(servers, f"{self._subject}.{node}", **who)
        except BaseException as error:
            await link.end()
            if isinstance(error, Error):
                raise ConnectionError(refusal(error, link.why)) from None
            raise
        return link


def split(url: str) -> tuple[list[str], dict[str, str | None]]:
    """The servers of a URL without secrets, and who comes: nats-py would take %40 in a password as it stands."""
    parts = urlsplit(url)
    if parts.scheme not in {"nats", "tls"}:
        raise ConnectionError("its address must begin with nats:// or tls://")
    hosts = [host.rpartition("@") for host in parts.netloc.split(",")]
    login, servers = hosts[0][0], [f"{parts.scheme}://{host}" for _, _, host in hosts]
    user, colon, password = login.partition(":")
    if colon:
        return servers, {"user": unquote(user), "password": unquote(password)}
    return servers, {"token": unquote(user)} if user else {}


def refusal(error: Exception, cause: Exception | None) -> str:
    """What the server or the network said. nats-py says that there are no servers, and why only before."""
    told = cause or error
    return reason(told) if isinstance(told, OSError) else str(told)
