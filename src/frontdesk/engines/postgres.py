"""The store on PostgreSQL: for one node or many. Cold reads and the shape are the same as on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg
from sqlalchemy import Connection, text

from frontdesk.domain.model import Entry
from frontdesk.engines import queries
from frontdesk.engines.batcher import Batcher
from frontdesk.engines.committer import UnsafeStorage
from frontdesk.engines.lookups import LookUps
from frontdesk.engines.migrate import upgrade_server
from frontdesk.engines.numbers import take_numbers
from frontdesk.engines.postgres_batch import Right
from frontdesk.engines.postgres_link import connect, open_pool
from frontdesk.engines.reads import Reads
from frontdesk.ports import Done, Fenced, Found, Record, Recovered

T = TypeVar("T")
# A node's epoch when it joins: see the table.
FIRST_EPOCH = 1
# Seconds that reading all that is alive may take: some ten thousand sessions a second.
_RECOVER_SECONDS = 60
# Connections for cold reads.
_READERS = 4
# Settings of the server without which what is committed may be gone after a crash, and the value that does it.
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


async def make_sure(db: asyncpg.Connection) -> None:
    """Raises UnsafeStorage when the server would lose what it has confirmed, or can't be written to."""
    for name, unsafe in _UNSAFE.items():
        if await db.fetchval("SELECT current_setting($1)", name) == unsafe:
            raise UnsafeStorage(
                f"PostgreSQL runs with {name} = {unsafe}: a crash would lose messages that were confirmed. Turn it on "
                "(for the server, this database and this user)."
            )
    if await db.fetchval("SELECT pg_is_in_recovery()"):
        raise UnsafeStorage("This PostgreSQL is a standby and takes no writes. Name the primary.")
    if (encoding := await db.fetchval("SELECT current_setting('server_encoding')")) != "UTF8":
        raise UnsafeStorage(f"The database is encoded in {encoding}. Create one with ENCODING 'UTF8'.")


class PostgresStore(Reads):
    """`ports.Store` on a database.

    `node` is whose right every batch is stored under; "" is nobody's, for a process that is no node: it may write what
    no node is home to.
    """

    @classmethod
    async def open(cls, url: str, on_broken: Callable[[BaseException], None] = lambda error: None) -> PostgresStore:
        """Connect, and migrate if need be. Raises UnsafeStorage, TooNew, OSError and asyncpg's errors."""
        db = await connect(url, "")
        try:
            await make_sure(db)
        finally:
            await db.close(timeout=5)
        await _migrate(url)
        return cls(url, on_broken)

    def __init__(self, url: str, on_broken: Callable[[BaseException], None]) -> None:
        """See `open`."""
        self._url = url
        self._readers = open_pool(url, "", _READERS)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering = asyncio.Lock()
        self._homes = LookUps(self._later)
        self.writer = Batcher(url, self._loop, on_broken)

    @property
    def node(self) -> str:
        """The node that this process is; "" until it joined."""
        return self.writer.right.node

    def become(self, node: str) -> None:
        """Write as this node from now on. What waits was decided by who we were before: it fails; `recover` next."""
        self.writer.right = Right(node, FIRST_EPOCH)
        self.writer.give_up(Fenced(f"This is node {node} now; its state is not read yet."))

    def admit(self) -> None:
        """See ports.Store."""
        self.writer.admit()

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """See ports.Store. Numbers are taken here: nobody else writes to what is at home here."""
        for record in records:
            if type(record) is Entry:
                take_numbers(record)
        self.writer.submit(records, done)

    def find_home(self, session_id: str, found: Found[str | None]) -> None:
        """See ports.Store."""
        self._homes.find(session_id, found)

    def recover(self, found: Found[Recovered]) -> None:
        """See ports.Store."""
        self._start(self._recover(found))

    async def _recover(self, found: Found[Recovered]) -> None:
        async with self._recovering:
            await self.writer.pause()
            try:
                result = await self._read_anew()
            except Exception as error:  # noqa: BLE001 - handed to the one who asked
                # Our epoch may have risen without our hearing it.
                self.writer.give_up(error)
                self.writer.go_on()
                found(error)
            else:
                # Without a pause between: nothing decided on the old state may come in.
                self.writer.mend()
                self.writer.go_on()
                found(result)

    async def _read_anew(self) -> Recovered:
        node = self.node
        if not node:
            return Recovered((), ())
        async with self._readers.connect() as db:
            epoch = await db.run_sync(_raise_epoch, node)
            # At once: a beat waits for this row.
            await db.commit()
        result = await self._read_all(node)
        self.writer.right = Right(node, epoch)
        return result

    async def _read_all(self, node: str) -> Recovered:
        """The one read that may be long."""
        pool = open_pool(self._url, node, 1, lasting=True)
        try:
            async with asyncio.timeout(_RECOVER_SECONDS), pool.connect() as db:
                return await db.run_sync(queries.recover, node)
        finally:
            await pool.dispose()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query now."""
        async with self._readers.connect() as db:
            return await db.run_sync(query)

    async def close(self) -> None:
        """Store what is pending, and let go of the database."""
        await self.writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._readers.dispose()

    def _ask(self, query: Callable[[Connection], T], found: Found[T]) -> None:
        self._start(self._answer(query, found))

    async def _answer(self, query: Callable[[Connection], T], found: Found[T]) -> None:
        result: T | BaseException
        try:
            result = await self.read(query)
        except Exception as error:  # noqa: BLE001 - handed to the one who asked
            result = error
        found(result)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _migrate(url: str) -> None:
    pool = open_pool(url, "", 1, lasting=True)
    try:
        async with pool.begin() as db:
            await db.run_sync(upgrade_server)
    finally:
        await pool.dispose()


def _raise_epoch(db: Connection, node: str) -> int:
    """Waits for a batch that is under way; what was sent before and did not begin is stored nowhere. Raises Fenced."""
    mine = {"node": node}
    if db.execute(text("SELECT 1 FROM nodes WHERE node = :node FOR UPDATE"), mine).first() is None:
        raise Fenced(f"Node {node} was shut out.")
    raised = db.execute(text("UPDATE nodes SET epoch = epoch + 1 WHERE node = :node RETURNING epoch"), mine)
    return int(raised.scalar_one())
