"""Callbacks that are not made as booked: an agent who reached nobody puts one off, a supervisor calls one off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from frontdesk.actions.call_backs import CallBacks
from frontdesk.actions.context import Context
from frontdesk.actions.desks import Desks
from frontdesk.actions.handling import Handling, Held
from frontdesk.actions.routing import Routing, decision, status_of
from frontdesk.actions.transferring import Transferring
from frontdesk.actions.wrapping import Ending
from frontdesk.domain import desk_events
from frontdesk.domain.callbacks import RESCHEDULED, put_off
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.explaining import Decision
from frontdesk.domain.model import CallBack, CallBackState, EndReason, EntityType, Interaction, State
from frontdesk.domain.people import User
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Done, Record

Extra = Sequence[Record]


class Rescheduling:
    """What becomes of a callback besides being made."""

    def __init__(
        self,
        context: Context,
        desks: Desks,
        routing: Routing,
        handling: Handling,
        transferring: Transferring,
        call_backs: CallBacks,
    ) -> None:
        self._context = context
        self._desks = desks
        self._routing = routing
        self._handling = handling
        self._transferring = transferring
        self._call_backs = call_backs
        # Closes an interaction for everyone; the wiring sets it (`Messaging.end`).
        self.end: Callable[..., None]

    def reschedule(self, user: User, interaction_id: int, due_ms: int, done: Done, extra: Extra = ()) -> None:
        """The contact was not reached: any agent calls at `due_ms`. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        call_back = held.board.call_backs.get(interaction_id)
        if call_back is None:
            raise Invalid("notCallBack", "Only a callback can be rescheduled.", scope="interactionId")
        self._context.store.admit()
        later = put_off(held.interaction, call_back, due_ms)
        records, tell_ended = self._let_go(held)
        event = desk_events.CallBackRescheduled(
            user_id=user.user_id, interaction_id=str(interaction_id), call_back_time=rfc3339(due_ms)
        )

        def told(error: BaseException | None) -> None:
            done(error)
            if error is None:
                tell_ended()
                self._desks.tell(held.board, user.user_id, event)
                self._call_backs.booked(later)

        self._context.store.commit((held.interaction, later, *records, *extra), told)
        self._routing.changed(held.board, user.user_id)

    def call_off(
        self, org_id: str, known: tuple[CallBack, Interaction] | None, done: Done, records: Sequence[Record] = ()
    ) -> None:
        """Nobody is to call; `known` is what `Store.find_call_back` found just now. Raises NotFound, Invalid."""
        if known is None or known[0].org_id != org_id:
            raise NotFound("unknownCallBack", "This organization has no such callback.", scope="callBackId")
        call_back, stored = known
        # As it is in memory, once it is due.
        interaction = self._context.floor.interactions.get(call_back.interaction_id)
        if interaction is None and call_back.state is not CallBackState.SCHEDULED:
            raise Invalid("callBackOver", "This callback is made or called off already.", scope="callBackId")
        if interaction is not None and interaction.state is not State.QUEUED:
            raise Invalid("callBackTaken", "An agent has it already, and ends it.", scope="callBackId")
        self._context.store.admit()
        self._call_backs.call_off(call_back)
        self.end(interaction or stored, EndReason.CLOSED, EntityType.SYSTEM, done, records)

    def _let_go(self, held: Held) -> Ending:
        """Nobody has to do with it any more. Returns what to store, and what to do once that is durable."""
        board, interaction, user_id = held.board, held.interaction, held.assignment.user_id
        now_ms = self._context.clock.now_ms()
        records, tell_ended = self._transferring.end_all(board, interaction, RESCHEDULED, now_ms)
        board.forget(interaction.interaction_id)
        del board.call_backs[interaction.interaction_id]
        interaction.listeners.clear()
        self._context.floor.close(interaction)
        status = status_of(board, user_id)
        status.idle_ms = now_ms
        made = Decision(decision=RESCHEDULED, user_id=user_id)
        return [*records, status, decision(interaction, made, now_ms)], tell_ended
