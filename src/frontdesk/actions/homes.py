"""Bringing a conversation that is a matter of agents to where its organization's switchboard is at home.

Contacts and scripts are at home on any node. As soon as an agent is wanted, the session with its conversation moves to
the switchboard's node, which alone decides about agents: nothing is ever decided on two nodes (docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Callable

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.domain.model import Interaction, Session
from frontdesk.ports import switchboard

# Milliseconds before a home that is not known is looked up once more.
AGAIN_MS = 500
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
        self._tried: set[str] = set()
        # Sessions given away, and who waits until that is durable; None once it is.
        self._given: dict[str, list[Callable[[], None]] | None] = {}
        # The switchboard of an organization is at home nowhere: try to take it, and call `look` when that is over.
        self.claim: Callable[[str], None]
        # Look for what was handed to this node, and then call.
        self.fetch: Callable[[Callable[[], None]], None]
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

    def catch_up(self, key: str, then: Callable[[], None]) -> None:
        """What is said to be at home here is not in memory: call `then` once it came, or is known to have left."""
        waiting = self._given.get(key)
        if waiting is not None:
            waiting.append(then)
        elif key in self._given:
            then()
        else:
            self.fetch(then)

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
        elif org_id in self._tried:
            self._tried.discard(org_id)
            self._later(org_id)
        else:
            # Another node was faster, and the database says which.
            self._tried.add(org_id)
            self.look(org_id)

    def _move(self, interaction: Interaction, node: str, until_ms: int) -> None:
        """As soon as its client has confirmed what it was sent, or does not in time."""
        context = self._context
        session = context.floor.session_of(interaction)
        if session is None or context.floor.interactions.get(interaction.interaction_id) is not interaction:
            return  # It ended, or all was read anew.
        now_ms = context.clock.now_ms()
        if not context.streams.is_settled(session) and now_ms < until_ms:
            # Whichever comes first; the other finds it gone.
            context.streams.when_settled(session, lambda: self._move(interaction, node, until_ms))
            context.timers.at(until_ms, lambda now: self._move(interaction, node, until_ms))
            return
        self._give(session, node)

    def _give(self, session: Session, node: str) -> None:
        context, session_id = self._context, session.session_id
        context.streams.give_away(session)
        context.floor.give_away(session)
        session.node = node
        waiting: list[Callable[[], None]] = []
        self._given[session_id] = waiting

        def given(error: BaseException | None) -> None:
            if self._given.get(session_id) is not waiting:
                return
            self._given[session_id] = None
            if error is None:
                self.tell(node)
            for then in waiting:
                then()

        def forgotten(now_ms: int) -> None:
            self._given.pop(session_id, None)

        context.timers.at(context.clock.now_ms() + GIVEN_MS, forgotten)
        context.store.commit((session,), given)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._looking.clear()
        self._tried.clear()
        self._given.clear()
