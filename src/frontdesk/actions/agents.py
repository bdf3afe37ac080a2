"""Routing status: agents come to work, are ready or not, and go. It belongs to the agent, not to a connection.

A lost connection is no sign-out: while no screen of theirs is left they are offered nothing, and after a grace time
they are signed off and what they held goes back to the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from frontdesk.actions.context import Context, once_stored
from frontdesk.actions.desks import Desks
from frontdesk.actions.routing import Routing
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.domain import desk_events
from frontdesk.domain.assignments import TALKING, Assignment, Stage
from frontdesk.domain.catalog import Use
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.limits import ID_MAX, MEMO_MAX
from frontdesk.domain.people import AgentState, AgentStatus, User
from frontdesk.ports import Done, Record

# Milliseconds that an agent's work waits after their last connection ended: a reload, a tunnel, a new computer.
GRACE_MS = 60_000
# Reasons of ours for not being ready, besides the organization's.
CONNECTION_LOST, FORCED = "connectionLost", "forced"
MAXIMUM_MAX = 100
Extra = Sequence[Record]
Ending = tuple[list[Record], Callable[[], None]]


class Agents:
    """What agents say of themselves. `give_back` puts what an agent holds into the queue again.

    It returns what to store, and what to do once that is durable.
    """

    def __init__(self, context: Context, boards: Switchboards, desks: Desks, routing: Routing) -> None:
        self._context = context
        self._boards = boards
        self._desks = desks
        self._routing = routing
        self.give_back: Callable[[Switchboard, Assignment], Ending]
        desks.on_found = self._found
        desks.on_lost = self._lost

    def user(self, org_id: str, user_id: str) -> User:
        """Someone who may work. Raises NotFound."""
        user = self._boards.user(org_id, user_id)
        if user is None:
            raise NotFound("unknownUser", "This organization has no such user.", scope="userId")
        return user

    def connect(self, user: User, work_type_ids: Sequence[str], maximum: int, done: Done, extra: Extra = ()) -> None:
        """Come to work, not ready yet. Raises Invalid."""
        board = self._boards.of(user.org_id)
        wrong = [w for w in work_type_ids if w not in user.work_type_ids]
        if wrong:
            raise Invalid("workTypeNotServed", f"You do not serve work type {wrong[0]}.", scope="workTypeIds")
        if not 0 <= maximum <= MAXIMUM_MAX:
            raise Invalid("invalidMaximum", f"Send a maximum of 0 to {MAXIMUM_MAX}.", scope="maximum")
        self._context.store.admit()
        status = self._kept(board, user.user_id)
        if status.state is AgentState.OFF:
            self._turn(status, AgentState.NOT_READY)
        status.work_type_ids, status.maximum = tuple(work_type_ids), maximum
        event = desk_events.Connected(user_id=user.user_id, work_type_ids=status.work_type_ids, maximum=maximum)
        self._commit(board, status, event, done, extra)

    def ready(self, user: User, done: Done, extra: Extra = ()) -> None:
        """Take work. Raises Invalid."""
        board = self._boards.of(user.org_id)
        status = self._at_work(board, user.user_id)
        if status.state is not AgentState.READY:
            self._turn(status, AgentState.READY)
            status.idle_ms = status.since_ms
        self._commit(board, status, desk_events.Ready(user_id=user.user_id), done, extra)

    def not_ready(
        self, user: User, reason_id: str, memo: str, done: Done, extra: Extra = (), *, forced: bool = False
    ) -> None:
        """Take no more work; what is held goes on. `forced`: by another person. Raises Invalid, NotFound."""
        board = self._boards.of(user.org_id)
        if reason_id and not self._context.directory.has_reason(user.org_id, reason_id, Use.NOT_READY):
            raise NotFound("unknownReason", "There is no such reason for not being ready.", scope="reasonId")
        check_memo(memo)
        status = self._at_work(board, user.user_id)
        self._turn(status, AgentState.NOT_READY)
        status.reason_id, status.memo = reason_id or (FORCED if forced else ""), memo
        event = desk_events.NotReady(user_id=user.user_id, reason_id=status.reason_id, memo=memo)
        self._commit(board, status, event, done, (*self._offers_back(board, user.user_id, "notReady"), *extra))

    def disconnect(self, user: User, done: Done, extra: Extra = (), *, forced: bool = False) -> None:
        """Go home. Raises Invalid while there are open interactions: someone waits for an answer in them."""
        board = self._boards.of(user.org_id)
        status = self._at_work(board, user.user_id)
        if any(a.stage in (Stage.ACTIVE, Stage.HELD) for a in board.of_user(user.user_id)):
            raise Invalid("interactionsOpen", "Transfer or disconnect your open interactions first.", scope="userId")
        self._turn(status, AgentState.OFF)
        records = self._offers_back(board, user.user_id, "notReady")
        event = desk_events.SignedOff(user_id=user.user_id, reason=FORCED if forced else "user")
        self._commit(board, status, event, done, (*records, *extra))

    def refresh(self) -> None:
        """The directory changed: skills, work types or whole users may be others."""
        for board in self._boards.all():
            for user_id in list(board.statuses):
                self._routing.changed(board, user_id)

    def take_up(self, board: Switchboard) -> None:
        """After a restart nobody has a screen yet: the grace of each begins."""
        talking = {a.user_id for a in board.live() if a.stage in TALKING}
        # Who talks is at work, whatever was stored: else nobody would ever take the contact from them.
        for status in [self._kept(board, user_id) for user_id in sorted(board.statuses.keys() | talking)]:
            if status.user_id not in board.screens:
                status.lost_ms = self._context.clock.now_ms()
                self._wait_for(board, status)

    # ---- inside

    def _kept(self, board: Switchboard, user_id: str) -> AgentStatus:
        return board.statuses.setdefault(user_id, board.status(user_id))

    def _at_work(self, board: Switchboard, user_id: str) -> AgentStatus:
        status = self._kept(board, user_id)
        if status.state is AgentState.OFF:
            raise Invalid("notConnected", "Send connect first.", scope="userId")
        self._context.store.admit()
        return status

    def _turn(self, status: AgentStatus, state: AgentState) -> None:
        status.state, status.since_ms = state, self._context.clock.now_ms()
        status.reason_id = status.memo = ""

    def _offers_back(self, board: Switchboard, user_id: str, reason: str) -> list[Record]:
        """Whoever is not ready any more is not waited for: the contacts go on to others."""
        offered = [a for a in board.of_user(user_id) if a.stage is Stage.OFFERED]
        records = [record for a in offered for record in self._routing.withdraw(board, a, reason)]
        for assignment in offered:
            self._routing.ask_others(assignment)
        return records

    def _commit(
        self, board: Switchboard, status: AgentStatus, event: desk_events.DeskEvent, done: Done, extra: Extra
    ) -> None:
        tell = partial(self._desks.tell, board, status.user_id, event)
        self._context.store.commit((status, *extra), once_stored(done, tell))
        self._routing.changed(board, status.user_id)
        if status.state is AgentState.OFF:
            board.statuses.pop(status.user_id, None)

    def _found(self, board: Switchboard, user_id: str) -> None:
        status = board.statuses.get(user_id)
        if status is not None and status.lost_ms:
            status.lost_ms = 0
            self._context.store.commit((status,), lambda error: None)
        self._routing.changed(board, user_id)

    def _lost(self, board: Switchboard, user_id: str) -> None:
        status = board.statuses.get(user_id)
        if status is None:
            return
        status.lost_ms = self._context.clock.now_ms()
        self._context.store.commit((status,), lambda error: None)
        self._routing.changed(board, user_id)
        self._wait_for(board, status)

    def _wait_for(self, board: Switchboard, status: AgentStatus) -> None:
        lost_ms = status.lost_ms

        def over(now_ms: int) -> None:
            if status.lost_ms != lost_ms or board.statuses.get(status.user_id) is not status:
                return
            if any(self._desks.find(board, a.interaction_id) is None for a in board.of_user(status.user_id)):
                # One of them is still on its way here from another node.
                self._context.timers.at(now_ms + GRACE_MS, over)
            else:
                self._give_up(board, status)

        self._context.timers.at(lost_ms + GRACE_MS, over)

    def _give_up(self, board: Switchboard, status: AgentStatus) -> None:
        """They did not come back: their contacts go back to the queue, ahead of those who came later.

        All of it in one commit: of an agent who is off, nothing is given back a second time.
        """
        self._turn(status, AgentState.OFF)
        held = board.of_user(status.user_id)
        missed = [a for a in held if a.stage is Stage.OFFERED]
        records: list[Record] = []
        for assignment in missed:
            records += self._routing.miss(board, assignment)
        endings = [self.give_back(board, a) for a in held if a not in missed]
        for stored, _ in endings:
            records += stored

        def told(error: BaseException | None) -> None:
            if error is None:
                for _, tell in endings:
                    tell()

        event = desk_events.SignedOff(user_id=status.user_id, reason=CONNECTION_LOST)
        self._commit(board, status, event, told, records)
        for assignment in missed:
            self._routing.ask_others(assignment)


def check_memo(memo: str) -> str:
    """The memo as sent. Raises Invalid when it is too long."""
    if len(memo) > MEMO_MAX:
        raise Invalid("invalidMemo", f"Send a memo of at most {MEMO_MAX} characters.", scope="memo")
    return memo


def check_id(value: str, scope: str) -> str:
    """An id as sent. Raises Invalid when it can't be one."""
    if len(value) > ID_MAX:
        raise Invalid("invalidId", "Send the id as given to you.", scope=scope)
    return value
