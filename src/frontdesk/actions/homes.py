"""Bringing a conversation that is a matter of agents to where its organization's switchboard is at home.

Contacts and scripts are at home on any node. As soon as an agent is wanted, the session with its conversation moves to
the switchboard's node, which alone decides about agents: nothing is ever decided on two nodes (docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Callable

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.domain.model import Interaction
from frontdesk.ports import switchboard

# Milliseconds before a home that is not known is looked up once more, or a session that can't move yet is tried again.
AGAIN_MS, SOON_MS = 500, 50
# Milliseconds that a move waits until the client has confirmed what it was sent: after a move it would be sent again.
PATIENCE_MS = 1000
# Milliseconds that a session counts as given away: longer than an old answer of the database may be under way.
GIVEN_MS = 10_000


class Homes:
    """What is on its way from here to other nodes. The callbacks are set by the wiring."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, dict[int, Interaction]] = {}
        self._looking: set[str] = set()
        self._given: set[str] = set()
        # The switchboard of an organization is at home nowhere: try to take it, and call `look` when that is over.
        self.claim: Callable[[str], None]
        # Tell a node that something was handed to it.
        self.tell: Callable[[str], None]
        self.is_alive: Callable[[str], bool]
        # What arrives at its home, in whatever state.
        self.arrived: Callable[[Interaction], None]

    def is_here(self, org_id: str) -> bool:
        """Whether this process decides about the organization's agents."""
        return not self._context.node or org_id in self._context.floor.switchboards

    def was_given(self, session_id: str) -> bool:
        """Whether it was given away from here just now, whatever the database says."""
        return session_id in self._given

    def bring(self, interaction: Interaction) -> None:
        """It belongs to its organization's switchboard, which is elsewhere."""
        self._waiting.setdefault(interaction.org_id, {})[interaction.interaction_id] = interaction
        self.look(interaction.org_id)

    def look(self, org_id: str) -> None:
        """Find the switchboard of an organization, for those who wait to go there."""
        if org_id in self._waiting and org_id not in self._looking:
            self._looking.add(org_id)
            self._context.store.find_home(switchboard(org_id), lambda home: self._found(org_id, home))

    def _found(self, org_id: str, home: str | BaseException | None) -> None:
        self._looking.discard(org_id)
        if self.is_here(org_id):
            for interaction in self._waiting.pop(org_id, {}).values():
                self.arrived(interaction)
        elif isinstance(home, BaseException):
            telemetry.log.warning("switchboard.unreadable", error=repr(home))
            self._later(org_id)
        elif not home or home == self._context.node:
            self.claim(org_id)
        elif self.is_alive(home):
            for interaction in self._waiting.pop(org_id, {}).values():
                self._move(interaction, home, self._context.clock.now_ms() + PATIENCE_MS)
        else:
            self._later(org_id)

    def _later(self, org_id: str) -> None:
        self._context.timers.at(self._context.clock.now_ms() + AGAIN_MS, lambda now: self.look(org_id))

    def claimed(self, org_id: str) -> None:
        """A try to take the switchboard is over: go on, or look once more who has it."""
        if self.is_here(org_id):
            self._found(org_id, self._context.node)
        else:
            self._later(org_id)

    def _move(self, interaction: Interaction, node: str, until_ms: int) -> None:
        context = self._context
        if context.floor.interactions.get(interaction.interaction_id) is not interaction:
            return  # It ended, or all was read anew.
        session = context.floor.session_of(interaction)
        if session is None:
            return
        now_ms = context.clock.now_ms()
        if not context.streams.is_settled(session) and now_ms < until_ms:
            context.timers.at(now_ms + SOON_MS, lambda now: self._move(interaction, node, until_ms))
            return
        context.streams.give_away(session)
        context.floor.give_away(session)
        session.node = node
        session_id = session.session_id
        self._given.add(session_id)
        context.timers.at(now_ms + GIVEN_MS, lambda now: self._given.discard(session_id))
        context.store.commit((session,), lambda error: self.tell(node) if error is None else None)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._looking.clear()
        self._given.clear()
