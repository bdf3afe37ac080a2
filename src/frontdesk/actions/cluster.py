"""This node among others: its beat, who lives, and what the dead leave behind.

Every half second it shows that it lives and looks around. What it finds there (a node that fell silent, sessions that
are at home nowhere, a changed directory) is acted on at once; a look that fails changes nothing and is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.domain.nodes import BEAT_MS, LEASE_MS, Sight, look, silent
from frontdesk.ports import Bus, Fenced, Membership, Recovered, switchboard_of

# Sessions taken at one time: small enough for several nodes to share what a dead one leaves.
CLAIM_MAX = 200
# Beats between two looks for what nobody took although the mark did not rise: a node that died while it claimed.
SWEEP_BEATS = 60


class Cluster:
    """Membership at work. The callbacks are set by the wiring before `join`."""

    def __init__(self, context: Context, membership: Membership, bus: Bus) -> None:
        self._context = context
        self._membership = membership
        self._bus = bus
        self.others: frozenset[str] = frozenset()
        self.taken_over = 0
        self.shut_out = 0
        # What was found alive and is ours now.
        self.on_taken: Callable[[Recovered], None] = lambda found: None
        # The directory changed.
        self.on_directory: Callable[[], Awaitable[None]]
        # This node was shut out.
        self.on_fenced: Callable[[], None] = lambda: None
        # Another node is gone for good.
        self.on_gone: Callable[[str], None] = lambda node: None
        # For a look that begins now: which sessions are here, or were given away from here unknown to the database.
        self.knowing: Callable[[], Callable[[str], bool]] = lambda: context.floor.has
        self.heard: Callable[[bytes], None] = lambda word: None
        self.on_gap: Callable[[], None] = lambda: None
        # Who said since the look under way began that it joined, or left: the look may have seen what was before.
        self._said: dict[str, bool] = {}
        self._seen: dict[str, Sight] = {}
        self._looked_ms = 0
        self._sure_ms = 0
        self._directory = -1
        self._orphans = -1
        self._beats = 0
        self._blind = False
        self._stopped = False
        self._beating: asyncio.Task[None] | None = None
        self._claiming = asyncio.Lock()

    async def join(self) -> int:
        """Become a node; returns its slot. Raises what the database raises."""
        slot = await self._membership.join()
        self._context.node = self._membership.node
        await self._bus.open(self._context.node, self.heard, self.on_gap)
        self._seen, self._looked_ms, self._orphans = {}, 0, -1
        telemetry.log.info("node.joined", node=self._context.node)
        return slot

    async def start(self) -> None:
        """Look around, take what is at home nowhere, and begin to beat. Raises Fenced, and what the database raises."""
        await self._look()
        self._context.timers.at(self._context.clock.now_ms() + BEAT_MS, self._tick)

    @property
    def sure(self) -> bool:
        """Whether this node was one within the last lease. If not, others may have taken over what it remembers."""
        return self._context.clock.now_ms() - self._sure_ms < LEASE_MS

    @property
    def looking(self) -> bool:
        """Whether a look is under way."""
        return self._beating is not None and not self._beating.done()

    def look_now(self) -> None:
        """Look without waiting for the next beat, unless a look is under way."""
        if not self._stopped and not self.looking:
            self._beating = asyncio.get_running_loop().create_task(self._beat())

    def alive(self, node: str) -> bool:
        """Whether the last look saw it, or it is this one."""
        return node in self.others or node == self._context.node

    def everyone(self) -> list[str]:
        """All living nodes."""
        return [*self.others, self._context.node]

    async def claim(self, key: str) -> None:
        """Take a session, or a switchboard, that is at home nowhere. Raises Fenced, and what the database raises."""
        async with self._claiming:
            org_id = switchboard_of(key)
            if not org_id:
                self._take(await self._membership.claim([key], 1))
            elif not self._context.floor.has(key):
                self._take(await self._membership.claim_switchboards(org_id))

    async def take_handed(self) -> None:
        """Take what others gave to this node. Raises Fenced, and what the database raises."""
        async with self._claiming:
            self._take(await self._membership.handed(self.knowing()))

    async def leave(self) -> None:
        """Give everything to the others. What was said to this node from now on is not heard."""
        self._stopped = True
        if self._beating is not None:
            self._beating.cancel()
        async with self._claiming:
            await self._membership.leave()
        telemetry.log.info("node.left", node=self._context.node)

    def joined(self, node: str) -> None:
        """Another node says that it has begun."""
        self._said[node] = True
        self._meet(self.others | {node})

    def left(self, node: str) -> None:
        """Another node says that it stops: look at once for what it gave back."""
        self._said[node] = False
        self._meet(self.others - {node})
        self._orphans = -1
        self.look_now()

    async def close(self) -> None:
        """Say and hear nothing any more."""
        self._stopped = True
        await self._bus.close()

    def _tick(self, now_ms: int) -> None:
        if self._stopped:
            return
        self.look_now()
        self._context.timers.at(now_ms + BEAT_MS, self._tick)

    async def _beat(self) -> None:
        try:
            await self._look()
        except Fenced:
            self.on_fenced()
        except Exception as error:  # noqa: BLE001 - the database is away: whatever it says, the next beat tries again
            if not self._blind:
                telemetry.log.warning("node.blind", error=repr(error))
            self._blind = True

    async def _look(self) -> None:
        began_ms = self._context.clock.now_ms()
        self._said.clear()
        pulse = await self._membership.beat()
        self._sure_ms = began_ms
        now_ms = self._context.clock.now_ms()
        if self._blind:
            telemetry.log.info("node.sees_again")
            self._blind = False
        self._seen = look(self._seen, self._looked_ms, pulse.beats, now_ms)
        self._looked_ms = now_ms
        self._meet(self._living(pulse.beats))
        for node, beat in silent(self._seen, self._context.node, now_ms):
            await self._shut_out(node, beat)
        if pulse.directory != self._directory:
            await self.on_directory()
            self._directory = pulse.directory
        self._beats += 1
        if pulse.orphans != self._orphans or self._beats % SWEEP_BEATS == 0:
            await self.gather()
            self._orphans = pulse.orphans

    def _living(self, beats: Iterable[str]) -> frozenset[str]:
        """The others that a look saw, and those who said meanwhile that they are there; not those who said goodbye."""
        joined = {node for node, here in self._said.items() if here}
        return (frozenset(beats) | joined) - {self._context.node} - (self._said.keys() - joined)

    def _meet(self, others: frozenset[str]) -> None:
        gone, self.others = self.others - others, others
        for node in gone:
            telemetry.log.info("node.gone", other=node)
            self.on_gone(node)

    async def _shut_out(self, node: str, beat: int) -> None:
        if await self._membership.shut_out(node, beat):
            self.shut_out += 1
            telemetry.log.warning("node.shut_out", other=node)
        self._meet(self.others - {node})
        self._orphans = -1

    async def gather(self) -> None:
        """Take what is at home nowhere, piece by piece."""
        async with self._claiming:
            while (found := await self._membership.claim_switchboards()).shift.org_ids:
                self._take(found)
            while (found := await self._membership.claim(None, CLAIM_MAX)).sessions:
                self._take(found)
        await self.take_handed()

    def _take(self, found: Recovered) -> None:
        if found.sessions or found.shift.org_ids:
            self.taken_over += len(found.sessions)
            self.on_taken(found)
