"""Contacts that wait for an agent: who stands where, and telling them."""

from __future__ import annotations

from frontdesk.actions.context import Context
from frontdesk.domain import events
from frontdesk.domain.model import Interaction

# Milliseconds between two rounds of telling. A queue of thousands moves many times a second; people don't read
# that fast, and each round costs one pass over the queue.
ANNOUNCE_MS = 1000
# A position is news until the next one comes; an old one must not be shown after a long sleep.
STATUS_LIFE_MS = 60_000

Key = tuple[str, str]


class Queues:
    """One line for each work type, in the order of coming."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines: dict[Key, dict[int, Interaction]] = {}
        self._told: dict[int, int] = {}
        self._changed: set[Key] = set()

    def join(self, interaction: Interaction) -> None:
        """Stand at the end, and learn the position at once."""
        line = self._lines.setdefault(_key(interaction), {})
        line[interaction.interaction_id] = interaction
        self._tell(interaction, len(line))

    def leave(self, interaction: Interaction) -> None:
        """Go. Those behind move up, and are told at the next round."""
        self._told.pop(interaction.interaction_id, None)
        line = self._lines.get(_key(interaction), {})
        if line.pop(interaction.interaction_id, None) is None:
            return
        if not self._changed:
            self._context.timers.at(self._context.clock.now_ms() + ANNOUNCE_MS, lambda now: self.announce())
        self._changed.add(_key(interaction))

    def tell_again(self, interaction: Interaction) -> None:
        """The contact came back on a new session, and does not know its position."""
        line = self._lines.get(_key(interaction), {})
        for position, interaction_id in enumerate(line, 1):
            if interaction_id == interaction.interaction_id:
                self._tell(interaction, position)

    def announce(self) -> None:
        """Tell everyone whose position changed."""
        changed, self._changed = self._changed, set()
        for key in changed:
            for position, interaction in enumerate(self._lines.get(key, {}).values(), 1):
                if self._told.get(interaction.interaction_id) != position:
                    self._tell(interaction, position)

    def waiting(self) -> dict[Key, int]:
        """How many wait for each work type."""
        return {key: len(line) for key, line in self._lines.items()}

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._told.clear()
        self._changed.clear()

    def _tell(self, interaction: Interaction, position: int) -> None:
        self._told[interaction.interaction_id] = position
        session = self._context.floor.sessions.get(interaction.session_id)
        if session is not None:
            status = events.QueueStatus(interaction_id=str(interaction.interaction_id), position=position)
            expires_ms = self._context.clock.now_ms() + STATUS_LIFE_MS
            self._context.streams.passing(session, events.kind_of(status), events.payload(status), expires_ms)


def _key(interaction: Interaction) -> Key:
    return interaction.org_id, interaction.work_type_id
