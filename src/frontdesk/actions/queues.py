"""Contacts that wait for an agent: who stands where, and telling them."""

from __future__ import annotations

from bisect import bisect_left, insort

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.domain import events
from frontdesk.domain.model import Interaction
from frontdesk.ports import Waiting

# Milliseconds between two rounds of telling. A queue of thousands moves many times a second; people don't read
# that fast, and each round costs one pass over the queue.
ANNOUNCE_MS = 1000
# A position is news until the next one comes; an old one must not be shown after a long sleep.
STATUS_LIFE_MS = 60_000

Key = tuple[str, str]
# When it came into the queue, and its number: nobody shares a place.
Place = tuple[int, int]


class Queues:
    """One line for each work type, in the order of coming. Those at other nodes are read from the store each round."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines: dict[Key, list[Place]] = {}
        self._people: dict[int, Interaction] = {}
        self._elsewhere: dict[Key, list[Place]] = {}
        self._told: dict[int, int] = {}
        self._changed: set[Key] = set()
        self._due = False
        self._reading = False

    def join(self, interaction: Interaction) -> None:
        """Take the place, and learn the position at once; where others may wait elsewhere, once they were counted."""
        line = self._lines.setdefault(_key(interaction), [])
        insort(line, _place(interaction))
        self._people[interaction.interaction_id] = interaction
        if self._context.node:
            self._read()
        else:
            self._tell(interaction, bisect_left(line, _place(interaction)) + 1)

    def leave(self, interaction: Interaction) -> None:
        """Go. Those behind move up, and are told at the next round."""
        self._told.pop(interaction.interaction_id, None)
        if self._people.pop(interaction.interaction_id, None) is None:
            return
        line = self._lines[_key(interaction)]
        del line[bisect_left(line, _place(interaction))]
        self._changed.add(_key(interaction))
        self._soon()

    def tell_again(self, interaction: Interaction) -> None:
        """The contact came back on a new session, and does not know its position."""
        if interaction.interaction_id in self._people:
            self._tell(interaction, self._position(interaction))

    def announce(self) -> None:
        """Tell everyone whose position changed."""
        changed, self._changed = self._changed, set()
        for key in changed:
            for _, interaction_id in list(self._lines.get(key, ())):
                interaction = self._people[interaction_id]
                position = self._position(interaction)
                if self._told.get(interaction_id) != position:
                    self._tell(interaction, position)

    def waiting(self) -> dict[Key, int]:
        """How many wait for each work type at this node."""
        return {key: len(line) for key, line in self._lines.items()}

    def clear(self) -> None:
        """Forget everything."""
        for known in (self._lines, self._people, self._elsewhere, self._told, self._changed):
            known.clear()

    def _position(self, interaction: Interaction) -> int:
        key, place = _key(interaction), _place(interaction)
        return 1 + bisect_left(self._lines[key], place) + bisect_left(self._elsewhere.get(key, []), place)

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            self._context.timers.at(self._context.clock.now_ms() + ANNOUNCE_MS, lambda now: self._round())

    def _round(self) -> None:
        self._due = False
        if self._context.node:
            self._read()
        else:
            self.announce()

    def _read(self) -> None:
        """Count those at other nodes. While anyone waits here, once a round: nobody tells us of theirs."""
        if self._people and not self._reading:
            self._reading = True
            self._context.store.queues(self._counted)

    def _counted(self, found: list[Waiting] | BaseException) -> None:
        self._reading = False
        if isinstance(found, BaseException):
            telemetry.log.warning("queues.unreadable", error=repr(found))
        else:
            self._elsewhere = {}
            for one in found:
                if one.interaction_id not in self._people:
                    places = self._elsewhere.setdefault((one.org_id, one.work_type_id), [])
                    places.append((one.queued_ms, one.interaction_id))
            self._changed.update(self._lines)
            self.announce()
        if self._people:
            self._soon()

    def _tell(self, interaction: Interaction, position: int) -> None:
        self._told[interaction.interaction_id] = position
        session = self._context.floor.sessions.get(interaction.session_id)
        if session is not None:
            status = events.QueueStatus(interaction_id=str(interaction.interaction_id), position=position)
            expires_ms = self._context.clock.now_ms() + STATUS_LIFE_MS
            self._context.streams.passing(session, events.kind_of(status), events.payload(status), expires_ms)


def _key(interaction: Interaction) -> Key:
    return interaction.org_id, interaction.work_type_id


def _place(interaction: Interaction) -> Place:
    return interaction.queued_ms, interaction.interaction_id
