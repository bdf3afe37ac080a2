"""After the conversation: wrap-up, disposition, memo; and then the agent's place is free.

As in `actions/handling.py`: each function decides, hands everything to the store, and tells later.
"""

from __future__ import annotations

from collections.abc import Callable

from frontdesk.actions.agents import check_memo
from frontdesk.actions.context import Context, once_stored
from frontdesk.actions.desks import Desks
from frontdesk.actions.handling import Extra, Handling, Held
from frontdesk.actions.routing import Routing
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.views import when
from frontdesk.domain import assignments, desk_events
from frontdesk.domain.assignments import Assignment, Part, Stage
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.model import Interaction
from frontdesk.domain.people import User
from frontdesk.ports import Done, Record

# What to store, and what to do once that is durable.
Ending = tuple[list[Record], Callable[[], None]]


class Wrapping:
    """What becomes of an agent's work on an interaction that is over."""

    def __init__(
        self, context: Context, boards: Switchboards, desks: Desks, routing: Routing, handling: Handling
    ) -> None:
        self._context = context
        self._boards = boards
        self._desks = desks
        self._routing = routing
        self._handling = handling

    def dispose(
        self, user: User, interaction_id: int, disposition_id: str, memo: str, done: Done, extra: Extra = ()
    ) -> None:
        """Finish the wrap-up. Raises NotFound, Invalid."""
        held = self._handling.held(user, interaction_id)
        if held.assignment.stage is not Stage.WRAP:
            raise Invalid("notInWrap", "Disconnect the conversation first.", scope="interactionId")
        rules = self._context.directory.rules(user.org_id, held.interaction.work_type_id)
        if rules.disposition_required and not disposition_id:
            raise Invalid(
                "dispositionRequired", "Send a dispositionId; this work type asks for one.", scope="dispositionId"
            )
        work_type_id = held.interaction.work_type_id
        if disposition_id and not self._context.directory.has_disposition(user.org_id, disposition_id, work_type_id):
            raise NotFound("unknownDisposition", "This work type has no such disposition.", scope="dispositionId")
        check_memo(memo)
        self._context.store.admit()
        held.assignment.disposition_id, held.assignment.memo = disposition_id, memo
        self.finish(held, "disposed", done, extra)

    def finish(self, held: Held, reason: str, done: Done, extra: Extra = ()) -> None:
        """The user has nothing to do with it any more: their place is free."""
        records, tell = self.finished(held, reason)
        self._context.store.commit((*records, *extra), once_stored(done, tell))
        self._routing.changed(held.board, held.assignment.user_id)

    def finished(self, held: Held, reason: str) -> Ending:
        """The same: what to store, and what to do once that is durable."""
        assignment, now_ms = held.assignment, self._context.clock.now_ms()
        assignments.end(assignment, Stage.DONE, reason, now_ms)
        held.board.drop(assignment)
        records: list[Record] = [assignment]
        status = held.board.statuses.get(assignment.user_id)
        if status is not None:
            status.idle_ms = now_ms
            records.append(status)
        event = desk_events.Disposed(
            user_id=assignment.user_id,
            interaction_id=str(assignment.interaction_id),
            disposition_id=assignment.disposition_id,
            reason=reason,
        )
        self._desks.unfollow(held.board, assignment.user_id, held.interaction)
        return records, lambda: self._desks.tell(held.board, assignment.user_id, event)

    def closing(self, interaction: Interaction, reason: str) -> Ending:
        """The conversation ends: what to store with that, and how to tell the agents once it is durable."""
        board = self._boards.of(interaction.org_id)
        records = self._routing.leave(interaction)
        events_by_user: list[tuple[str, desk_events.DeskEvent]] = []
        for assignment in board.of_interaction(interaction.interaction_id):
            events_by_user.append((assignment.user_id, self._closed(board, interaction, assignment, reason)))
            records.append(assignment)
        records += board.follow(interaction)
        for user_id, _ in events_by_user:
            self._routing.changed(board, user_id)

        def tell() -> None:
            for user_id, event in events_by_user:
                self._desks.tell(board, user_id, event)

        return records, tell

    def _closed(
        self, board: Switchboard, interaction: Interaction, assignment: Assignment, reason: str
    ) -> desk_events.DeskEvent:
        now_ms = self._context.clock.now_ms()
        rules = self._context.directory.rules(interaction.org_id, interaction.work_type_id)
        user_id, interaction_id = assignment.user_id, str(interaction.interaction_id)
        if assignment.part is Part.OWNER and (rules.wrap_seconds or rules.disposition_required):
            assignments.wrap(assignment, now_ms, rules.wrap_seconds)
            board.closed[interaction.interaction_id] = interaction
            self.watch_wrap(Held(board, assignment, interaction))
            return desk_events.Wrap(
                user_id=user_id,
                interaction_id=interaction_id,
                due_time=when(assignment.due_ms),
                disposition_required=rules.disposition_required,
                reason=reason,
            )
        assignments.end(assignment, Stage.DONE, "left", now_ms)
        board.drop(assignment)
        self._desks.unfollow(board, user_id, interaction)
        return desk_events.Disposed(user_id=user_id, interaction_id=interaction_id, reason="left")

    def watch_wrap(self, held: Held) -> None:
        """When the time for the wrap-up is over it is finished; one that needs a disposition waits for it."""
        rules = self._context.directory.rules(held.interaction.org_id, held.interaction.work_type_id)
        if not held.assignment.due_ms or rules.disposition_required:
            return

        def over(now_ms: int) -> None:
            still = held.assignment in held.board.of_user(held.assignment.user_id)
            if still and held.assignment.stage is Stage.WRAP:
                self.finish(held, "wrapTimeout", lambda error: None)

        self._context.timers.at(held.assignment.due_ms, over)

    def take_up(self, board: Switchboard) -> None:
        """After a restart: nobody was shown the offers, or could answer them; wrap-ups go on."""
        for assignment in board.live():
            if assignment.stage is Stage.OFFERED:
                self._context.store.commit(self._routing.withdraw(board, assignment, "restarted"), lambda error: None)
            elif assignment.stage is Stage.WRAP and assignment.interaction_id in board.closed:
                self.watch_wrap(Held(board, assignment, board.closed[assignment.interaction_id]))
