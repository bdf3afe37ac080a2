"""WIRING of a node among others: membership, bus, and the two sides of passing on requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from frontdesk import telemetry
from frontdesk.actions.cluster import Cluster
from frontdesk.domain.nodes import BEAT_MS
from frontdesk.engines.bus_nats import NatsBus
from frontdesk.engines.bus_postgres import PostgresBus
from frontdesk.engines.membership import PostgresMembership
from frontdesk.engines.postgres import PostgresStore
from frontdesk.http.host import Host
from frontdesk.http.limits import Shared
from frontdesk.http.ops import Reading
from frontdesk.http.relay import Relay
from frontdesk.http.words import Ask, Booked, Caught, Farewell, Fate, Greeting, Handed, Left, decode
from frontdesk.ports import switchboard

if TYPE_CHECKING:
    from frontdesk.server import App


class Together:
    """What makes one process a node."""

    def __init__(self, app: App, store: PostgresStore, cluster: int) -> None:
        """Put the parts together; `cluster` names the database. Nothing begins before `join`."""
        self._app = app
        self._store = store
        settings = app.settings
        self._membership = PostgresMembership(settings.database)
        bus = NatsBus(settings.bus, str(cluster)) if settings.bus else PostgresBus(settings.database)
        self.cluster = Cluster(app.context, self._membership, bus)
        self.relay = Relay(app.context, self.cluster, bus, app.dispatcher.carry_out, app.homes)
        self.host = Host(app.context, app.dispatcher, app.hub, bus, lambda: self.cluster.sure, app.homes)
        self._beginning: asyncio.Task[None] | None = None
        self._listen()

    def _listen(self) -> None:
        app, cluster = self._app, self.cluster
        cluster.on_taken = app.take_up
        cluster.on_directory = app.admin.load
        cluster.on_fenced = self.begin_anew
        cluster.on_gone = self._gone
        cluster.heard = self._hear
        cluster.on_gap = self.relay.gap
        app.dispatcher.relay = self.relay
        homes = app.homes
        homes.is_alive = cluster.alive
        homes.claim = lambda org_id: self.relay.work(self._claim_board(org_id))
        homes.fetch = lambda then: self.relay.work(self._fetch(then))
        homes.tell = lambda node: self.relay.send(node, Handed(app.context.node))
        cluster.knowing = self._knowing
        app.call_backs.tell = self._tell_booked
        app.limits.shared = Shared(self._membership)

    def _knowing(self) -> Callable[[str], bool]:
        has, leaving = self._app.context.floor.has, self._app.homes.leaving()
        return lambda session_id: has(session_id) or leaving(session_id)

    async def join(self) -> None:
        """Become a node. Raises what the database or the bus raises."""
        self._app.numbers.slot = await self.cluster.join()
        self._store.become(self._app.context.node)

    async def begin(self) -> None:
        """Take what is at home nowhere, and begin to beat."""
        await self.cluster.start()
        for node in self.cluster.others:
            self.relay.send(node, Greeting(self._app.context.node))

    def begin_anew(self) -> None:
        """This node was shut out: others have what it held. Forget it, and become another."""
        if self._beginning is None or self._beginning.done():
            telemetry.log.warning("node.was_shut_out", node=self._app.context.node)
            self._beginning = asyncio.get_running_loop().create_task(self._begin_anew())

    async def _begin_anew(self) -> None:
        self._app.forget()
        self.host.clear()
        while True:
            try:
                await self.join()
            except Exception as error:  # noqa: BLE001 - the database is away: there is nothing else to do than try
                telemetry.log.warning("node.can_not_join", error=repr(error))
                await asyncio.sleep(BEAT_MS / 1000)
            else:
                break
        self._app.recover()

    async def leave(self) -> None:
        """Give everything to the others; held requests end empty."""
        self.relay.drain()
        others = self.cluster.others
        await self.cluster.leave()
        for node in others:
            self.relay.send(node, Farewell(self._app.context.node))

    async def close(self) -> None:
        """End what is under way."""
        if self._beginning is not None:
            self._beginning.cancel()
        await self.cluster.close()
        await self._membership.close()

    def readings(self) -> Iterable[Reading]:
        """What `/metrics` tells of it."""
        cluster = self.cluster
        yield "frontdesk_nodes", "Living nodes, as this one sees them.", "gauge", {"alive": len(cluster.everyone())}
        passed = {"passed_on": float(self.relay.passed_on), "carried_out": float(self.host.carried_out)}
        yield "frontdesk_relayed", "Requests passed on to other nodes, and carried out for them.", "counter", passed
        taken = {"sessions": float(cluster.taken_over), "shut_out": float(cluster.shut_out)}
        yield "frontdesk_take_overs", "Sessions taken from other nodes, and nodes shut out.", "counter", taken

    async def _claim_board(self, org_id: str) -> None:
        # Whatever hinders it, the next look shows how it stands.
        with suppress(Exception):
            await self.cluster.claim(switchboard(org_id))
        self._app.homes.claimed(org_id)

    async def _fetch(self, then: Callable[[], None]) -> None:
        await self._take_handed()
        then()

    async def _take_handed(self) -> None:
        # What is not taken now is taken at the next sweep, or when somebody asks for it.
        with suppress(Exception):
            await self.cluster.take_handed()

    def _tell_booked(self, org_id: str, due_ms: int) -> None:
        """Whoever has the organization's switchboard looks when it is due; a lost word is a look a minute later."""
        for node in self.cluster.others:
            self.relay.send(node, Booked(org_id, due_ms))

    def _gone(self, node: str) -> None:
        self.relay.node_gone(node)
        self.host.node_gone(node)

    def _hear(self, word: bytes) -> None:
        said = decode(word)
        if isinstance(said, Ask | Caught | Left | Fate):
            self.host.hear(said)
        elif isinstance(said, Farewell):
            self.cluster.left(said.node)
        elif isinstance(said, Booked):
            self._app.call_backs.heard(said.org_id, said.due_ms)
        elif isinstance(said, Handed):
            self.relay.work(self._take_handed())
        elif isinstance(said, Greeting):
            self.cluster.joined(said.node)
        else:
            self.relay.hear(said)
