"""Routing at work: who waits is offered to an agent, and what becomes of the offer.

An offer is stored before it is shown, with the record of who was considered. It is held by a lease: whoever does not
answer in time is not ready any more, and the contact keeps its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from frontdesk import telemetry
from frontdesk.actions import views
from frontdesk.actions.context import Context
from frontdesk.actions.desks import Desks
from frontdesk.actions.homes import Homes
from frontdesk.actions.positions import Positions
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.domain import assignments, desk_events
from frontdesk.domain.assignments import Assignment, Part, Stage
from frontdesk.domain.explaining import Decision
from frontdesk.domain.hours import is_open
from frontdesk.domain.matching import Match
from frontdesk.domain.model import Channel, EndReason, EntityType, Entry, Interaction, State
from frontdesk.domain.people import AgentState, AgentStatus
from frontdesk.domain.routing import Waiting
from frontdesk.domain.rules import Detour, Rules, detour
from frontdesk.ports import Record

DECISION = views.RECORDS + "Decision"
NO_ANSWER = "noAnswer"
_encode = msgspec.json.Encoder().encode
# Where a contact goes instead of to an agent, and why.
Go = Callable[[Interaction, Detour, str], None]
CLOSED, TOO_MANY, TOO_LONG = "closed", "tooManyWaiting", "waitedTooLong"
_CONTACT_LEFT = frozenset({EndReason.CONTACT, EndReason.INACTIVITY})


def contact_key(interaction: Interaction) -> str:
    """What a contact is known by over many interactions, "" when they said nothing that lasts."""
    email = interaction.contact.email
    return hashlib.sha256(email.casefold().encode()).hexdigest()[:32] if email else ""


class Routing:
    """The queue of each organization, and its offers. `on_detour` gives the contact something else than an agent."""

    def __init__(
        self, context: Context, boards: Switchboards, desks: Desks, positions: Positions, homes: Homes
    ) -> None:
        self._context = context
        self._boards = boards
        self._desks = desks
        self._positions = positions
        self._homes = homes
        self._timed: dict[str, int] = {}
        self.on_detour: Go
        # Told of a user who was asked to consult and did not come.
        self.on_vain: Callable[[Switchboard, Assignment], None] = lambda board, assignment: None
        self.offers: dict[str, int] = dict.fromkeys(("offered", "accepted", "declined", "timedOut", "withdrawn"), 0)

    # ---- who waits

    def join(self, interaction: Interaction) -> None:
        """It waits for an agent from now on; call it when that is durable.

        Not if it ended since, as its contact may have left meanwhile: no detour must open it again.
        """
        if not self._still_waits(interaction):
            return
        if not self._homes.is_here(interaction.org_id):
            self._homes.bring(interaction)
            return
        rules = self._rules(interaction)
        way = detour(rules, is_open=self._is_open(interaction, rules), waited_ms=0, ahead=0)
        if way is not None and _may_leave(interaction):
            self.on_detour(interaction, way, CLOSED)
            return
        key = contact_key(interaction)
        if rules.last_agent_seconds and key and not interaction.for_agent:
            self._context.store.last_agent(interaction.org_id, key, lambda found: self._known(interaction, found))
        else:
            self._wait(interaction)

    def _known(self, interaction: Interaction, last_agent: str | BaseException) -> None:
        if isinstance(last_agent, BaseException):
            telemetry.log.warning("last_agent.unreadable", error=repr(last_agent))
            last_agent = ""
        self._wait(interaction, last_agent)

    def _wait(self, interaction: Interaction, last_agent: str = "") -> None:
        if not self._still_waits(interaction):
            return
        board, rules, now_ms = self._boards.of(interaction.org_id), self._rules(interaction), self._now()
        if interaction.for_agent and not self._is_at_work(board, interaction.for_agent):
            self._ask_anybody(interaction)
        waiting = Waiting(
            interaction_id=interaction.interaction_id,
            org_id=interaction.org_id,
            work_type_id=interaction.work_type_id,
            queued_ms=interaction.queued_ms,
            rules=rules,
            priority=max(interaction.priority, rules.priority),
            channel=interaction.channel,
            last_agent=last_agent,
            passed_over=dict(board.passed_over.get(interaction.interaction_id, {})),
            for_agent=interaction.for_agent,
        )
        board.matcher.join(waiting, now_ms)
        self.run(board)
        if interaction.interaction_id in board.matcher:
            self._overflow(board, interaction, rules)

    def _overflow(self, board: Switchboard, interaction: Interaction, rules: Rules) -> None:
        """Nobody is free: go elsewhere at once when too many wait, or later when it takes too long."""
        if interaction.channel is not Channel.CHAT:
            return  # There is nobody to tell, and nowhere else to go.
        ahead = board.matcher.position(interaction.interaction_id) - 1
        way = detour(rules, is_open=True, waited_ms=0, ahead=ahead)
        if way is not None and _may_leave(interaction):
            self._take_way(board, interaction, way, TOO_MANY)
            return
        self._positions.joined(board, interaction)
        if rules.overflow_seconds:
            due_ms = interaction.queued_ms + rules.overflow_seconds * 1000
            self._context.timers.at(due_ms, lambda now: self._waited(board, interaction, now))

    def _waited(self, board: Switchboard, interaction: Interaction, now_ms: int) -> None:
        if not self._still_waits(interaction) or interaction.interaction_id not in board.matcher:
            return
        way = detour(self._rules(interaction), is_open=True, waited_ms=now_ms - interaction.queued_ms, ahead=0)
        if way is not None:
            self._take_way(board, interaction, way, TOO_LONG)

    def _take_way(self, board: Switchboard, interaction: Interaction, way: Detour, why: str) -> None:
        board.forget(interaction.interaction_id)
        self._positions.left(interaction)
        self.on_detour(interaction, way, why)

    def leave(self, interaction: Interaction) -> list[Record]:
        """It waits no longer, as it is over. Returns what to store: a withdrawn offer."""
        board = self._boards.of(interaction.org_id)
        board.forget(interaction.interaction_id)
        self._positions.left(interaction)
        offered = [a for a in board.of_interaction(interaction.interaction_id) if a.stage is Stage.OFFERED]
        left = interaction.channel is Channel.CHAT and interaction.closed_reason in _CONTACT_LEFT
        why = "contactLeft" if left else "cancelled"
        return [record for a in offered for record in self.withdraw(board, a, why)]

    def taken(self, board: Switchboard, interaction: Interaction) -> None:
        """An agent has it: the wait is over."""
        board.forget(interaction.interaction_id)
        self._positions.answered(interaction)

    def _still_waits(self, interaction: Interaction) -> bool:
        """Not once it ended, was offered or was read anew."""
        here = self._context.floor.interactions.get(interaction.interaction_id) is interaction
        board = self._boards.of(interaction.org_id)
        offered = any(a.part is Part.OWNER for a in board.of_interaction(interaction.interaction_id))
        return here and interaction.state is State.QUEUED and not offered

    # ---- who can take it

    def changed(self, board: Switchboard, user_id: str) -> None:
        """An agent's state, load or skills are other than before."""
        user = self._boards.user(board.org_id, user_id)
        if user is None or board.status(user_id).state is AgentState.OFF:
            board.matcher.gone(user_id, self._now())
            self._wait_no_longer_for(board, user_id)
        else:
            board.matcher.agent(board.agent(user), self._now())
        self.run(board)

    def _is_at_work(self, board: Switchboard, user_id: str) -> bool:
        known = self._boards.user(board.org_id, user_id) is not None
        return known and board.status(user_id).state is not AgentState.OFF

    def _wait_no_longer_for(self, board: Switchboard, user_id: str) -> None:
        """Who was transferred to this user by name would wait for ever."""
        for interaction_id in board.matcher.asked_for(user_id):
            interaction = self._context.floor.interactions.get(interaction_id)
            if interaction is not None:
                self._ask_anybody(interaction)
                self.join(interaction)

    def _ask_anybody(self, interaction: Interaction) -> None:
        gone, interaction.for_agent = interaction.for_agent, ""
        record = decision(interaction, Decision(decision="anybody", user_id=gone), self._now())
        self._context.store.commit((interaction, record), lambda error: None)

    def run(self, board: Switchboard) -> None:
        """Offer whatever can be offered now, and come back when time alone changes that."""
        for match in board.matcher.matches(self._now(), explained=True):
            self._offer(board, match)
        due_ms = board.matcher.next_change_ms()
        if due_ms is not None and not self._now() < self._timed.get(board.org_id, 0) <= due_ms:
            self._timed[board.org_id] = due_ms
            self._context.timers.at(due_ms, lambda now: self.run(board))

    # ---- offers

    def _offer(self, board: Switchboard, match: Match) -> None:
        interaction = self._context.floor.interactions.get(match.interaction_id)
        if interaction is None:
            return
        self._positions.offered(interaction)
        assignment = self.propose(board, interaction, match.user_id, Part.OWNER)
        made = Decision(decision="offered", user_id=match.user_id, explanation=match.explanation)
        record = decision(interaction, made, self._now())
        self._context.store.commit(
            (assignment, record), lambda error: self.offered(board, interaction, assignment, error)
        )

    def propose(self, board: Switchboard, interaction: Interaction, user_id: str, part: Part) -> Assignment:
        """An offer to a user, held from now on; it is still to be stored and shown."""
        rules, now_ms = self._rules(interaction), self._now()
        assignment = Assignment(
            assignment_id=self._context.ids.number(),
            org_id=board.org_id,
            interaction_id=interaction.interaction_id,
            user_id=user_id,
            part=part,
            stage=Stage.OFFERED,
            work_type_id=interaction.work_type_id,
            channel=interaction.channel.value,
            load=rules.load if part is Part.OWNER else 0,
            offered_ms=now_ms,
            due_ms=now_ms + rules.offer_seconds * 1000,
            contact_key=contact_key(interaction),
        )
        board.hold(assignment)
        self.offers["offered"] += 1
        return assignment

    def offered(
        self, board: Switchboard, interaction: Interaction, assignment: Assignment, error: BaseException | None,
        from_user_id: str = "", memo: str = "",
    ) -> None:  # fmt: skip
        """The offer is durable: show it, and wait for the answer."""
        if error is not None or assignment.stage is not Stage.OFFERED:
            return
        unread = views.Transcript(is_complete=False)
        subject = views.subject(self._context, board, interaction, assignment, unread)
        made = desk_events.Offered if interaction.channel is Channel.CHAT else desk_events.CallBackOffered
        user_id = assignment.user_id
        event = made(user_id=user_id, interaction=subject, from_user_id=from_user_id, memo=memo)
        self._desks.tell(board, user_id, event)
        self._context.timers.at(assignment.due_ms, lambda now: self._due(board, assignment))

    def _due(self, board: Switchboard, assignment: Assignment) -> None:
        if assignment.stage is Stage.OFFERED and assignment in board.of_user(assignment.user_id):
            self.time_out(board, assignment)

    def time_out(self, board: Switchboard, assignment: Assignment) -> None:
        """Nobody answered (RONA): the agent is not ready any more, and the contact keeps its place."""
        now_ms, user_id = self._now(), assignment.user_id
        status = board.status(user_id)
        was_ready = status.state is AgentState.READY
        if was_ready:
            status.state, status.reason_id, status.memo, status.since_ms = AgentState.NOT_READY, NO_ANSWER, "", now_ms
        records = self.miss(board, assignment)

        def told(error: BaseException | None) -> None:
            if error is not None:
                return
            interaction_id = str(assignment.interaction_id)
            self._desks.tell(board, user_id, desk_events.OfferTimedOut(user_id=user_id, interaction_id=interaction_id))
            if was_ready:
                self._desks.tell(board, user_id, desk_events.NotReady(user_id=user_id, reason_id=NO_ANSWER))

        self._context.store.commit((*records, status), told)
        self.changed(board, user_id)
        self.ask_others(assignment)

    def miss(self, board: Switchboard, assignment: Assignment) -> list[Record]:
        """Nobody answers it. Returns what to store; then call `ask_others`."""
        return self._pass_over(board, assignment, Stage.TIMED_OUT, NO_ANSWER)

    def decline(self, board: Switchboard, assignment: Assignment, reason: str) -> list[Record]:
        """The agent does not take it. Returns what to store; then call `declined`."""
        return self._pass_over(board, assignment, Stage.DECLINED, reason)

    def declined(self, board: Switchboard, assignment: Assignment) -> None:
        """It goes on to others. Called once what `decline` returned was handed in."""
        self.changed(board, assignment.user_id)
        self.ask_others(assignment)

    def _pass_over(self, board: Switchboard, assignment: Assignment, stage: Stage, reason: str) -> list[Record]:
        now_ms = self._now()
        assignments.end(assignment, stage, reason, now_ms)
        board.drop(assignment)
        self.offers[stage.value] += 1
        records: list[Record] = [assignment]
        interaction = self._context.floor.interactions.get(assignment.interaction_id)
        if assignment.part is Part.OWNER and interaction is not None:
            board.pass_over(assignment, now_ms)
            # Asked for by name, and in vain: now it is anybody's.
            interaction.for_agent = ""
            made = Decision(decision=stage.value, user_id=assignment.user_id, reason=reason)
            records += [interaction, decision(interaction, made, now_ms)]
        return records

    def ask_others(self, assignment: Assignment) -> None:
        """Its interaction waits again, if it still waits."""
        interaction = self._context.floor.interactions.get(assignment.interaction_id)
        if interaction is not None and assignment.part is Part.OWNER:
            self.join(interaction)
        else:
            self.on_vain(self._boards.of(assignment.org_id), assignment)

    def withdraw(self, board: Switchboard, assignment: Assignment, reason: str) -> list[Record]:
        """The offer is taken back, through no fault of its user. Returns what to store."""
        now_ms = self._now()
        assignments.end(assignment, Stage.WITHDRAWN, reason, now_ms)
        board.drop(assignment)
        self.offers["withdrawn"] += 1
        self._desks.tell(
            board,
            assignment.user_id,
            desk_events.OfferWithdrawn(
                user_id=assignment.user_id, interaction_id=str(assignment.interaction_id), reason=reason
            ),
        )
        self.changed(board, assignment.user_id)
        return [assignment, *self._withdrawn(assignment, reason, now_ms)]

    def _withdrawn(self, assignment: Assignment, reason: str, now_ms: int) -> list[Record]:
        interaction = self._context.floor.interactions.get(assignment.interaction_id)
        # The last word in a log is that it is over.
        if assignment.part is not Part.OWNER or interaction is None or interaction.state is State.CLOSED:
            return []
        made = Decision(decision=Stage.WITHDRAWN.value, user_id=assignment.user_id, reason=reason)
        return [decision(interaction, made, now_ms)]

    # ---- small things

    def clear(self) -> None:
        """Forget the timers."""
        self._timed.clear()

    def _rules(self, interaction: Interaction) -> Rules:
        return self._context.directory.rules(interaction.org_id, interaction.work_type_id)

    def _is_open(self, interaction: Interaction, rules: Rules) -> bool:
        hours = self._context.directory.hours(interaction.org_id, rules.hours_id) if rules.hours_id else None
        return hours is None or is_open(hours, self._now())

    def _now(self) -> int:
        return self._context.clock.now_ms()


def decision(interaction: Interaction, made: Decision, now_ms: int) -> Entry:
    """The record of a routing decision, in the interaction's own log and on nobody's stream."""
    return Entry(
        interaction=interaction,
        kind=DECISION,
        author=EntityType.SYSTEM,
        payload=_encode(made).decode(),
        time_ms=now_ms,
    )


def _may_leave(interaction: Interaction) -> bool:
    """Whether it may be given something else than an agent: not who was asked for one, nor who was promised a call."""
    return interaction.channel is Channel.CHAT and not interaction.for_agent


def status_of(board: Switchboard, user_id: str) -> AgentStatus:
    """A user's working record, kept from now on."""
    return board.statuses.setdefault(user_id, board.status(user_id))
