"""Voice callbacks at work: each waits in the store for its time, and then in the queue for an agent, who calls.

They are a matter of their organization's switchboard, which is at home on one node (docs/decisions/0011): it alone
makes them due, each in one commit that no other node can make. Of those that are not due yet memory holds nothing but
when to look again. The call itself is made on a telephone of the agent's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.actions.homes import Homes
from frontdesk.actions.routing import CLOSED, Routing, decision
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.domain.callbacks import call_time, come_due, following, postponed
from frontdesk.domain.explaining import Decision
from frontdesk.domain.model import CallBack, CallBackState, Interaction
from frontdesk.ports import Due, Record

# Milliseconds between two looks at most: what a word from another node told of, and that got lost, is found by then.
LOOK_MS = 60_000
# Made due at one time, some 10 ms; the others of a long backlog follow when these are stored.
PIECE = 100
# Milliseconds before a store that could not be read is read again.
AGAIN_MS = 1000
# Callbacks called off lately that are remembered: many more than can be while one look is under way.
REMEMBERED = 1000


class CallBacks:
    """Those of the switchboards at home here."""

    def __init__(self, context: Context, boards: Switchboards, routing: Routing, homes: Homes) -> None:
        self._context = context
        self._boards = boards
        self._routing = routing
        self._homes = homes
        # When each organization's are looked at next, and where that is under way.
        self._next: dict[str, int] = {}
        self._looking: set[str] = set()
        self._called_off: dict[int, None] = {}
        self._reads = 0
        # Tells other nodes that one is booked for soon; the wiring sets it.
        self.tell: Callable[[str, int], None] = lambda org_id, due_ms: None

    def take_up(self, org_id: str) -> None:
        """The organization's switchboard is at home here from now on."""
        self._look_at(org_id, self._context.clock.now_ms())

    def booked(self, call_back: CallBack) -> None:
        """One is stored, and due at its time. Whoever looks each minute need not be told of what is further off."""
        org_id, due_ms = call_back.org_id, call_back.due_ms
        if self._homes.is_here(org_id):
            self._look_at(org_id, due_ms)
        elif due_ms - self._context.clock.now_ms() <= LOOK_MS:
            self.tell(org_id, due_ms)

    def heard(self, org_id: str, due_ms: int) -> None:
        """Another node stored one."""
        if self._homes.is_here(org_id):
            self._look_at(org_id, due_ms)

    def call_off(self, call_back: CallBack) -> None:
        """It is about to be closed. A look that has read it before must not make it due."""
        if len(self._called_off) >= REMEMBERED:
            del self._called_off[next(iter(self._called_off))]
        self._called_off[call_back.interaction_id] = None
        # Closing it, its record follows.
        self._boards.of(call_back.org_id).call_backs.setdefault(call_back.interaction_id, call_back)

    def counts(self) -> dict[str, int]:
        """How many wait for an agent here, and how many agents have."""
        states = [c.state for board in self._boards.all() for c in board.call_backs.values()]
        return {
            "waiting": states.count(CallBackState.QUEUED),
            "active": states.count(CallBackState.ACTIVE),
        }

    def clear(self) -> None:
        """Forget everything; what is read now is of before."""
        self._reads += 1
        self._next.clear()
        self._looking.clear()

    # ---- looking

    def _look_at(self, org_id: str, due_ms: int) -> None:
        if due_ms < self._next.get(org_id, due_ms + 1):
            self._next[org_id] = due_ms
            self._context.timers.at(due_ms, lambda now: self._look_if(org_id, due_ms))

    def _look_if(self, org_id: str, due_ms: int) -> None:
        """Unless it is to be looked at another time since, or is: then that look knows when the next one is."""
        if self._next.get(org_id) == due_ms and org_id not in self._looking:
            del self._next[org_id]
            self._look(org_id)

    def _look(self, org_id: str) -> None:
        if self._homes.is_here(org_id):
            self._looking.add(org_id)
            found = partial(self._found, org_id, self._reads)
            self._context.store.due_call_backs(org_id, self._context.clock.now_ms(), PIECE, found)

    def _found(self, org_id: str, read: int, found: Due | BaseException) -> None:
        if read != self._reads:
            return
        now_ms = self._context.clock.now_ms()
        if isinstance(found, BaseException):
            telemetry.log.warning("call_backs.unreadable", error=repr(found))
            self._looked(org_id, now_ms + AGAIN_MS)
            return
        next_ms = min(found.next_ms or now_ms + LOOK_MS, now_ms + LOOK_MS)
        if len(found.call_backs) == PIECE:
            # There may be more.
            next_ms = now_ms
        if found.call_backs:
            self._make_due(org_id, found, next_ms)
        else:
            self._looked(org_id, next_ms)

    def _looked(self, org_id: str, next_ms: int) -> None:
        """The look is over. What was booked meanwhile may be due before what it saw."""
        self._looking.discard(org_id)
        self._look_at(org_id, min(next_ms, self._next.pop(org_id, next_ms)))

    # ---- due

    def _make_due(self, org_id: str, found: Due, next_ms: int) -> None:
        board, read = self._boards.of(org_id), self._reads
        records: list[Record] = []
        waiting: list[Interaction] = []
        for call_back, interaction in zip(found.call_backs, found.interactions, strict=True):
            made, waits = self._make_one_due(board, call_back, interaction)
            records += made
            waiting += waits

        def stored(error: BaseException | None) -> None:
            if error is None and read == self._reads:
                self._join(waiting)
                self._looked(org_id, next_ms)

        self._context.store.commit(records, stored)

    def _make_one_due(
        self, board: Switchboard, call_back: CallBack, interaction: Interaction
    ) -> tuple[list[Record], list[Interaction]]:
        """What to store, and the interaction if it waits from now on; not while its work type is closed."""
        if interaction.interaction_id in self._called_off:
            return [], []
        now_ms = self._context.clock.now_ms()
        rules = self._context.directory.rules(board.org_id, interaction.work_type_id)
        hours = self._context.directory.hours(board.org_id, rules.hours_id) if rules.hours_id else None
        opens_ms = call_time(hours, now_ms)
        if opens_ms > now_ms:
            made = Decision(decision="postponed", reason=CLOSED, work_type_id=interaction.work_type_id)
            return [postponed(call_back, opens_ms), decision(interaction, made, now_ms)], []
        come_due(interaction, call_back)
        due = following(interaction, call_back)
        board.call_backs[interaction.interaction_id] = due
        self._context.floor.interactions[interaction.interaction_id] = interaction
        made = Decision(decision="due", work_type_id=interaction.work_type_id)
        return [due, interaction, decision(interaction, made, now_ms)], [interaction]

    def _join(self, waiting: Iterable[Interaction]) -> None:
        for interaction in waiting:
            self._routing.join(interaction)
