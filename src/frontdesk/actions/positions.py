"""Telling contacts that wait for an agent where they stand, and how long the wait will be where that is known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from frontdesk.actions.context import Context
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.domain import events
from frontdesk.domain.hours import is_open
from frontdesk.domain.model import Interaction
from frontdesk.domain.waits import Waits

# Milliseconds between two rounds of telling. A queue of thousands moves many times a second; people don't read
# that fast, and each round costs one pass over the queue.
ANNOUNCE_MS = 1000
# Told in one go, some 10 ms; the others of a long queue follow at the next ticks. Five thousand at once hold up
# everything else for a fifth of a second, offers too.
AT_ONCE = 200
# A position is news until the next one comes; an old one must not be shown after a long sleep.
STATUS_LIFE_MS = 60_000

Key = tuple[str, str]


class Positions:
    """What each contact was told last, which queues have moved since, and what each queue has taught about waits.

    What was learnt is not stored: after a restart, ranges are told again once enough waits were seen.
    """

    def __init__(self, context: Context, boards: Switchboards) -> None:
        self._context = context
        self._boards = boards
        self._told: dict[int, int] = {}
        self._waits: dict[Key, Waits] = {}
        self._changed: set[Key] = set()
        # Those whom this round has still to tell.
        self._left: Iterator[tuple[Interaction, int]] = iter(())
        self._due = False

    def joined(self, board: Switchboard, interaction: Interaction) -> None:
        """It waits: it learns its position at once; those behind it, at the next round."""
        self._tell(interaction, board.matcher.position(interaction.interaction_id))
        self._move(interaction)

    def offered(self, interaction: Interaction) -> None:
        """It is offered to an agent. Those behind move up, and are told at the next round."""
        if self._told.pop(interaction.interaction_id, None) is not None:
            self._move(interaction)

    def answered(self, interaction: Interaction) -> None:
        """An agent has taken it: its wait is one to learn from."""
        self._waits_of(interaction).answered(interaction.interaction_id, self._context.clock.now_ms())

    def left(self, interaction: Interaction) -> None:
        """It waits for no agent any more: it gave up, or went elsewhere."""
        self._waits_of(interaction).left(interaction.interaction_id)
        self.offered(interaction)

    def tell_again(self, interaction: Interaction) -> None:
        """The contact came back on a new session, and does not know its position."""
        position = self._boards.of(interaction.org_id).matcher.position(interaction.interaction_id)
        if position:
            self._tell(interaction, position)

    def waiting(self) -> dict[Key, int]:
        """How many wait for each work type at this node."""
        return {
            (board.org_id, work_type_id): count
            for board in self._boards.all()
            for work_type_id, count in board.matcher.lengths().items()
        }

    def clear(self) -> None:
        """Forget everything."""
        self._told.clear()
        self._changed.clear()
        self._left = iter(())
        self._waits.clear()

    def _move(self, interaction: Interaction) -> None:
        self._changed.add((interaction.org_id, interaction.work_type_id))
        if not self._due:
            self._due = True
            self._context.timers.at(self._context.clock.now_ms() + ANNOUNCE_MS, self._begin)

    def _begin(self, now_ms: int) -> None:
        """A round: tell everyone whose position changed."""
        changed, self._changed = self._changed, set()
        self._left = self._misled(changed)
        self._go_on(now_ms)

    def _go_on(self, now_ms: int) -> None:
        told = 0
        for interaction, position in islice(self._left, AT_ONCE):
            self._tell(interaction, position)
            told += 1
        if told == AT_ONCE:
            self._context.timers.at(now_ms, self._go_on)
        elif self._changed:
            self._context.timers.at(now_ms + ANNOUNCE_MS, self._begin)
        else:
            self._due = False

    def _misled(self, changed: set[Key]) -> Iterator[tuple[Interaction, int]]:
        """Who stands elsewhere than they were told, and where they stand when it is their turn."""
        for org_id, work_type_id in changed:
            matcher = self._boards.of(org_id).matcher
            for interaction_id in matcher.queue(work_type_id):
                interaction = self._context.floor.interactions.get(interaction_id)
                position = matcher.position(interaction_id)
                if interaction is not None and position and self._told.get(interaction_id) != position:
                    yield interaction, position

    def _tell(self, interaction: Interaction, position: int) -> None:
        self._told[interaction.interaction_id] = position
        wait = self._wait(interaction, position)
        session = self._context.floor.sessions.get(interaction.session_id)
        if session is not None:
            status = events.QueueStatus(
                interaction_id=str(interaction.interaction_id), position=position, estimated_wait_seconds=wait
            )
            expires_ms = self._context.clock.now_ms() + STATUS_LIFE_MS
            self._context.streams.passing(session, events.kind_of(status), events.payload(status), expires_ms)

    def _wait(self, interaction: Interaction, position: int) -> events.Wait | None:
        """None as well while nobody works: those hours are not what was learnt from. Nor is waiting for one agent."""
        if interaction.for_agent or not self._is_open(interaction):
            return None
        now_ms = self._context.clock.now_ms()
        return self._waits_of(interaction).estimate(interaction.interaction_id, position, now_ms)

    def _is_open(self, interaction: Interaction) -> bool:
        directory = self._context.directory
        hours_id = directory.rules(interaction.org_id, interaction.work_type_id).hours_id
        hours = directory.hours(interaction.org_id, hours_id) if hours_id else None
        return hours is None or is_open(hours, self._context.clock.now_ms())

    def _waits_of(self, interaction: Interaction) -> Waits:
        """Of its queue."""
        return self._waits.setdefault((interaction.org_id, interaction.work_type_id), Waits())
