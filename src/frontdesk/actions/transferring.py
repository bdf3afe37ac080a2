"""Handing a conversation on, and bringing others in: transfer, cold and warm, consult, conference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from frontdesk.actions.context import Context, once_stored
from frontdesk.actions.desks import Desks
from frontdesk.actions.handling import Handling, Held
from frontdesk.actions.routing import Routing, decision, status_of
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.wrapping import Ending, Wrapping
from frontdesk.domain import assignments, desk_events, interactions
from frontdesk.domain.assignments import TALKING, TRANSFERRED, Assignment, Part, Stage
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.explaining import Decision
from frontdesk.domain.model import Channel, Entry, Interaction
from frontdesk.domain.people import AgentState, User
from frontdesk.ports import Done, Record

_AT_SIDE = frozenset({Part.CONSULT, Part.CONFERENCE})
# Why a consult came to nothing; withdrawn, as who was asked takes no more work.
_IN_VAIN = {Stage.DECLINED: "declined", Stage.TIMED_OUT: "noAnswer", Stage.WITHDRAWN: "notReady"}
Extra = Sequence[Record]


class Way(NamedTuple):
    """Where an interaction goes, why, and what its agent is told."""

    event: desk_events.DeskEvent
    work_type_id: str
    for_agent: str = ""
    reason: str = TRANSFERRED


class Transferring:
    """What moves between agents."""

    def __init__(
        self,
        context: Context,
        boards: Switchboards,
        desks: Desks,
        routing: Routing,
        handling: Handling,
        wrapping: Wrapping,
    ) -> None:
        self._context = context
        self._boards = boards
        self._desks = desks
        self._routing = routing
        self._handling = handling
        self._wrapping = wrapping

    # ---- transfer

    def to_work_type(self, user: User, interaction_id: int, work_type_id: str, done: Done, extra: Extra = ()) -> None:
        """Cold: back to a queue, ahead of those who come now. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        work_type = self._context.directory.work_type(user.org_id, work_type_id)
        interactions.require_channel(work_type, held.interaction.channel)
        event = desk_events.Transferred(
            user_id=user.user_id, interaction_id=str(interaction_id), work_type_id=work_type_id
        )
        self._let_go(held, Way(event, work_type_id), done, extra)

    def to_user(self, user: User, interaction_id: int, to_user_id: str, done: Done, extra: Extra = ()) -> None:
        """To one agent: warm when they are in the consult already, else offered to them. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        if to_user_id == user.user_id:
            raise Invalid("sameUser", "You have this interaction already.", scope="userId")
        beside = held.board.between(to_user_id, interaction_id)
        if beside is not None and beside.part in _AT_SIDE and beside.stage in TALKING:
            self._swap(held, beside, done, extra)
            return
        self._present(user.org_id, to_user_id)
        event = desk_events.Transferred(user_id=user.user_id, interaction_id=str(interaction_id), to_user_id=to_user_id)
        self._let_go(held, Way(event, held.interaction.work_type_id, to_user_id), done, extra)

    def _let_go(self, held: Held, way: Way, done: Done, extra: Extra) -> None:
        self._context.store.admit()
        records, tell = self._leave(held, way)
        self._context.store.commit((*records, *extra), once_stored(done, tell))
        self._routing.changed(held.board, held.assignment.user_id)

    def _leave(self, held: Held, way: Way) -> Ending:
        """Its owner lets go of it: what to store, and what to do once that is durable."""
        board, interaction, now_ms = held.board, held.interaction, self._context.clock.now_ms()
        session = self._context.floor.session_of(interaction)
        name = self._name(board, held.assignment.user_id)
        ended, tell_ended = self.end_all(board, interaction, way.reason, now_ms)
        entries = interactions.hand_back(
            interaction, session, name, now_ms, work_type_id=way.work_type_id, for_agent=way.for_agent,
            previews_shown=self._context.directory.rules(interaction.org_id, way.work_type_id).sneak_peek,
        )  # fmt: skip
        records: list[Record] = [interaction, *board.follow(interaction), *ended, *entries]
        if assignments.let_pass(held.assignment) and not way.for_agent:
            # Where a colleague who was asked by name does not come, the one who asked is as good as any.
            board.pass_over(held.assignment, now_ms)
        status = status_of(board, held.assignment.user_id)
        status.idle_ms = now_ms
        made = Decision(
            decision=way.reason,
            user_id=held.assignment.user_id,
            to_user_id=way.for_agent,
            work_type_id=way.work_type_id,
        )
        records += [status, decision(interaction, made, now_ms)]

        def tell() -> None:
            tell_ended()
            self._context.streams.deliver(entries)
            interaction.listeners.clear()
            self._desks.tell(board, held.assignment.user_id, way.event)
            self._routing.join(interaction)

        return records, tell

    def end_all(self, board: Switchboard, interaction: Interaction, reason: str, now_ms: int) -> Ending:
        """Everyone in it is out of it, its owner included, who is told by whoever calls this.

        Returns what to store, and what to do once that is durable. The contact sees those go whom they have heard.
        """
        all_of_them = board.of_interaction(interaction.interaction_id)
        owner = next((a.user_id for a in all_of_them if a.part is Part.OWNER), "")
        entries: list[Entry] = []
        for assignment in all_of_them:
            entries += self._end_one(Held(board, assignment, interaction), reason, now_ms)

        def tell() -> None:
            self._context.streams.deliver(entries)
            for assignment in all_of_them:
                if assignment.part is not Part.OWNER:
                    self._tell_asked(board, interaction, assignment, owner, reason)

        return [*all_of_them, *entries], tell

    def _swap(self, held: Held, beside: Assignment, done: Done, extra: Extra) -> None:
        """Warm: the consulted agent has it from now on, and the contact waits for nobody."""
        self._context.store.admit()
        board, interaction, now_ms = held.board, held.interaction, self._context.clock.now_ms()
        old, new = self._name(board, held.assignment.user_id), self._name(board, beside.user_id)
        session = self._context.floor.session_of(interaction)
        entries: list[Entry] = []
        if beside.part is not Part.CONFERENCE:
            entries.append(interactions.joined(interaction, session, new, now_ms))
        entries.append(interactions.left(interaction, session, old, now_ms))
        interaction.owner = beside.user_id
        interaction.fence += 1
        beside.part, beside.stage = Part.OWNER, Stage.ACTIVE
        beside.load = self._context.directory.rules(interaction.org_id, interaction.work_type_id).load
        assignments.end(held.assignment, Stage.DONE, TRANSFERRED, now_ms)
        board.drop(held.assignment)
        statuses = [status_of(board, a.user_id) for a in (held.assignment, beside)]
        for status in statuses:
            # One has finished something, the other taken it.
            status.idle_ms = now_ms
        made = Decision(decision=TRANSFERRED, user_id=held.assignment.user_id, to_user_id=beside.user_id)
        record = decision(interaction, made, now_ms)

        def told(error: BaseException | None) -> None:
            done(error)
            if error is not None:
                return
            self._context.streams.deliver(entries)
            self._desks.unfollow(board, held.assignment.user_id, interaction)
            event = desk_events.Transferred(
                user_id=held.assignment.user_id,
                interaction_id=str(interaction.interaction_id),
                to_user_id=beside.user_id,
            )
            self._desks.tell(board, held.assignment.user_id, event)
            self._desks.unfollow(board, beside.user_id, interaction)
            self._handling.show(Held(board, beside, interaction))

        self._context.store.commit((interaction, held.assignment, beside, *statuses, *entries, record, *extra), told)
        for user_id in (held.assignment.user_id, beside.user_id):
            self._routing.changed(board, user_id)

    def give_back(self, board: Switchboard, assignment: Assignment) -> Ending:
        """Its user is gone for good: what they owned waits for another, and nothing else of theirs goes on.

        Returns what to store, and what to do once that is durable.
        """
        interaction = self._desks.find(board, assignment.interaction_id)
        if interaction is None:
            return [], lambda: None
        held = Held(board, assignment, interaction)
        if assignment.part in _AT_SIDE:
            return self._step_out(held)
        if assignment.stage not in TALKING:
            return self._wrapping.finished(held, "agentLost")
        event = desk_events.Disposed(
            user_id=assignment.user_id, interaction_id=str(assignment.interaction_id), reason="agentLost"
        )
        return self._leave(held, Way(event, interaction.work_type_id, reason="agentLost"))

    def _step_out(self, held: Held) -> Ending:
        """Someone beside the owner is gone: the contact sees that, if they saw them, and so does the owner."""
        board, interaction, now_ms = held.board, held.interaction, self._context.clock.now_ms()
        entries = self._end_one(held, "agentLost", now_ms)

        def tell() -> None:
            self._context.streams.deliver(entries)
            self._tell_end(board, interaction, held.assignment, "agentLost")

        return [held.assignment, *entries], tell

    def _end_one(self, held: Held, reason: str, now_ms: int) -> list[Entry]:
        """One who is in it is out of it. Returns what the contact sees of that; the owner says goodbye elsewhere."""
        board, interaction, assignment = held.board, held.interaction, held.assignment
        was_heard = assignment.part is Part.CONFERENCE
        stage = Stage.WITHDRAWN if assignment.stage is Stage.OFFERED else Stage.DONE
        assignments.end(assignment, stage, reason, now_ms)
        board.drop(assignment)
        if not was_heard:
            return []
        session = self._context.floor.session_of(interaction)
        return [interactions.left(interaction, session, self._name(board, assignment.user_id), now_ms)]

    # ---- consult and conference

    def consult(self, user: User, interaction_id: int, to_user_id: str, done: Done, extra: Extra = ()) -> None:
        """Ask another agent, unseen by the contact. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        if held.board.between(to_user_id, interaction_id) is not None:
            raise Invalid("alreadyThere", "This user has to do with the interaction already.", scope="userId")
        self._present(user.org_id, to_user_id)
        self._context.store.admit()
        assignment = self._routing.propose(held.board, held.interaction, to_user_id, Part.CONSULT)

        def told(error: BaseException | None) -> None:
            done(error)
            self._routing.offered(held.board, held.interaction, assignment, error, from_user_id=user.user_id)
            if error is None:
                started = desk_events.ConsultStarted(
                    user_id=user.user_id, interaction_id=str(interaction_id), with_user_id=to_user_id
                )
                self._desks.tell(held.board, user.user_id, started)

        self._context.store.commit((assignment, *extra), told)

    def consult_work_type(
        self, user: User, interaction_id: int, work_type_id: str, done: Done, extra: Extra = ()
    ) -> None:
        """Ask the agent of a work type who would be offered its next chat. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        interactions.require_channel(self._context.directory.work_type(user.org_id, work_type_id), Channel.CHAT)
        found = [
            agent
            for agent in (held.board.agent(u) for u in self._context.directory.users(user.org_id) if not u.disabled_ms)
            if agent.ready
            and work_type_id in agent.work_type_ids
            and held.board.between(agent.user_id, interaction_id) is None
        ]
        if not found:
            raise Invalid("nobodyReady", "No agent of this work type is ready; try again later.", scope="workTypeId")
        idlest = min(found, key=lambda agent: (agent.idle_since_ms, agent.user_id))
        self.consult(user, interaction_id, idlest.user_id, done, extra)

    def conference(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """Bring the consulted agent into the conversation. Raises NotFound, Invalid."""
        held = self._handling.owned(user, interaction_id)
        beside = self._beside(held, Part.CONSULT)
        self._context.store.admit()
        now_ms, session = self._context.clock.now_ms(), self._context.floor.session_of(held.interaction)
        beside.part, beside.stage = Part.CONFERENCE, Stage.ACTIVE
        entry = interactions.joined(held.interaction, session, self._name(held.board, beside.user_id), now_ms)

        def told(error: BaseException | None) -> None:
            done(error)
            if error is not None:
                return
            self._context.streams.deliver((entry,))
            for one, other in ((user.user_id, beside.user_id), (beside.user_id, user.user_id)):
                started = desk_events.ConferenceStarted(
                    user_id=one, interaction_id=str(interaction_id), with_user_id=other
                )
                self._desks.tell(held.board, one, started)

        self._context.store.commit((beside, entry, *extra), told)

    def cancel(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """End the side talk or the conference: its owner for all who were asked, others for themselves.

        Raises NotFound, Invalid.
        """
        held = self._handling.held(user, interaction_id)
        board, interaction = held.board, held.interaction
        if held.assignment.part in _AT_SIDE:
            ending = [held.assignment]
        else:
            ending = [a for a in board.of_interaction(interaction_id) if a.part in _AT_SIDE]
        if not ending:
            raise Invalid("noConsult", "There is no consult to cancel.", scope="interactionId")
        self._context.store.admit()
        now_ms = self._context.clock.now_ms()
        entries: list[Entry] = []
        for assignment in ending:
            entries += self._end_one(Held(board, assignment, interaction), "cancelled", now_ms)

        def told(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self._context.streams.deliver(entries)
                for assignment in ending:
                    self._tell_end(board, interaction, assignment, "cancelled")

        self._context.store.commit((*ending, *entries, *extra), told)

    def answered_in_vain(self, board: Switchboard, assignment: Assignment) -> None:
        """Whoever was asked to consult did not come: the one who asked is told."""
        interaction = self._context.floor.interactions.get(assignment.interaction_id)
        if interaction is not None and assignment.part is Part.CONSULT:
            # Who was asked knows that the offer is gone, and why.
            reason = _IN_VAIN[assignment.stage]
            self._tell_ended(board, interaction.owner, assignment.user_id, str(interaction.interaction_id), reason)

    def _tell_end(self, board: Switchboard, interaction: Interaction, assignment: Assignment, reason: str) -> None:
        """Both sides of a side talk that is over."""
        owner = interaction.owner
        self._tell_asked(board, interaction, assignment, owner, reason)
        if owner:
            self._tell_ended(board, owner, assignment.user_id, str(interaction.interaction_id), reason)

    def _tell_asked(
        self, board: Switchboard, interaction: Interaction, assignment: Assignment, owner: str, reason: str
    ) -> None:
        """Who was asked, by `owner`, is out of it. Who never came into it sees the offer go."""
        self._desks.unfollow(board, assignment.user_id, interaction)
        asked, interaction_id = assignment.user_id, str(interaction.interaction_id)
        if assignment.stage is Stage.WITHDRAWN:
            withdrawn = desk_events.OfferWithdrawn(user_id=asked, interaction_id=interaction_id, reason=reason)
            self._desks.tell(board, asked, withdrawn)
        else:
            self._tell_ended(board, asked, owner, interaction_id, reason)

    def _tell_ended(self, board: Switchboard, to: str, other: str, interaction_id: str, reason: str) -> None:
        ended = desk_events.ConsultEnded(user_id=to, interaction_id=interaction_id, with_user_id=other, reason=reason)
        self._desks.tell(board, to, ended)

    # ---- small things

    def _beside(self, held: Held, part: Part) -> Assignment:
        found = held.board.of_interaction(held.interaction.interaction_id)
        beside = next((a for a in found if a.part is part and a.stage in TALKING), None)
        if beside is None:
            raise Invalid("noConsult", "Consult an agent first, and wait until they accept.", scope="interactionId")
        return beside

    def _present(self, org_id: str, user_id: str) -> User:
        """A user who can be asked. Raises NotFound, Invalid."""
        found = self._boards.user(org_id, user_id)
        if found is None:
            raise NotFound("unknownUser", "This organization has no such user.", scope="userId")
        if self._boards.of(org_id).status(user_id).state is AgentState.OFF:
            raise Invalid("userNotConnected", "This user is not at work.", scope="userId")
        return found

    def _name(self, board: Switchboard, user_id: str) -> str:
        user = self._context.directory.user(board.org_id, user_id)
        return user.name if user is not None else user_id
