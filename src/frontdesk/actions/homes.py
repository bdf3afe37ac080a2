"""Bringing a conversation that is a matter of agents to where its organization's switchboard is at home.

Contacts and scripts are at home on any node. As soon as an agent is wanted, the session with its conversation moves to
the switchboard's node, which alone decides about agents: nothing is ever decided on two nodes (docs/decisions/0011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

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


class Given:
    """A session that was given away from here, and who waits until that is durable."""

    __slots__ = ("is_durable", "waiting")

    def __init__(self) -> None:
        self.is_durable = False
        self.waiting: list[Callable[[], None]] = []


class Homes:
    """What is on its way from here to other nodes. The callbacks are set by the wiring."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, dict[int, Interaction]] = {}
        self._looking: set[str] = set()
        self._tried: set[str] = set()
        self._given: dict[str, Given] = {}
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
        """Whether it was given away from here just now, whatever an answer of the database says that is under way."""
        return session_id in self._given

    def leaving(self) -> Callable[[str], bool]:
        """For a look into the database that begins now: of which sessions it may not know that they were given away.

        Of what is durable by now it knows: a session that it then calls at home here came back, as from a node that
        died with it. Taken for still away, its contact would be heard by nobody for half a minute.
        """
        durable = {session_id: given for session_id, given in self._given.items() if given.is_durable}

        def may_be(session_id: str) -> bool:
            given = self._given.get(session_id)
            return given is not None and durable.get(session_id) is not given

        return may_be

    def came(self, sessions: Iterable[Session]) -> None:
        """They are at home here, again or for the first time."""
        for session in sessions:
            self._given.pop(session.session_id, None)

    def catch_up(self, key: str, then: Callable[[], None]) -> None:
        """What is said to be at home here is not in memory: call `then` once it came, or is known to have left."""
        given = self._given.get(key)
        if given is not None and not given.is_durable:
            given.waiting.append(then)
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
        given = self._given[session_id] = Given()

        def durable(error: BaseException | None) -> None:
            if self._given.get(session_id) is not given:
                return
            given.is_durable = True
            if error is None:
                self.tell(node)
            for then in given.waiting:
                then()

        def forget(now_ms: int) -> None:
            # It may have come back, and have been given away once more.
            if self._given.get(session_id) is given:
                del self._given[session_id]

        context.timers.at(context.clock.now_ms() + GIVEN_MS, forget)
        context.store.commit((session,), durable)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._looking.clear()
        self._tried.clear()
        self._given.clear()
