"""An organization's agents, what they hold, and who waits for them, in memory: one switchboard for each organization.

It is at home on one node, and only that one decides over it (docs/decisions/0011). The store can make all of it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from frontdesk.actions.directory import LiveDirectory
from frontdesk.domain.assignments import TALKING, Assignment, Part, Stage, let_pass
from frontdesk.domain.callbacks import AT_WORK, following
from frontdesk.domain.matching import Matcher
from frontdesk.domain.model import CallBack, Channel, Interaction
from frontdesk.domain.people import AgentState, AgentStatus, User
from frontdesk.domain.routing import Agent
from frontdesk.ports import Shift

K = TypeVar("K", str, int)
# What an agent may hold who was given no capacity: chats at one time; a callback needs the whole person.
CAPACITY = {Channel.CHAT: 3, Channel.CALLBACK: 1}


class Screen(Protocol):
    """One streaming session of an agent, as the switchboard knows it."""

    session_id: str


class Switchboard:
    """One organization's."""

    def __init__(self, org_id: str) -> None:
        self.org_id = org_id
        self.matcher = Matcher(org_id)
        self.statuses: dict[str, AgentStatus] = {}
        # The streaming sessions of each user, newest last.
        self.screens: dict[str, list[Screen]] = {}
        # Closed interactions that wait for their wrap-up, and when who let an offer of an interaction pass, in ms.
        self.closed: dict[int, Interaction] = {}
        self.passed_over: dict[int, dict[str, int]] = {}
        # Callbacks by their interaction: those that are due, and those in wrap-up.
        self.call_backs: dict[int, CallBack] = {}
        self._of_user: dict[str, dict[int, Assignment]] = {}
        self._of_interaction: dict[int, dict[int, Assignment]] = {}

    def status(self, user_id: str) -> AgentStatus:
        """Where an agent stands; off, when nothing is known."""
        return self.statuses.get(user_id) or AgentStatus(org_id=self.org_id, user_id=user_id)

    def hold(self, assignment: Assignment) -> None:
        """It is live from now on."""
        self._of_user.setdefault(assignment.user_id, {})[assignment.assignment_id] = assignment
        self._of_interaction.setdefault(assignment.interaction_id, {})[assignment.assignment_id] = assignment

    def drop(self, assignment: Assignment) -> None:
        """It is over."""
        _remove(self._of_user, assignment.user_id, assignment.assignment_id)
        _remove(self._of_interaction, assignment.interaction_id, assignment.assignment_id)
        if assignment.interaction_id not in self._of_interaction and assignment.interaction_id in self.closed:
            del self.closed[assignment.interaction_id]
            self.call_backs.pop(assignment.interaction_id, None)

    def follow(self, interaction: Interaction) -> list[CallBack]:
        """An interaction is other than before: what to store of the callback that it is; nothing for a chat."""
        before = self.call_backs.pop(interaction.interaction_id, None)
        if before is None:
            return []
        now = following(interaction, before)
        if now.state in AT_WORK or interaction.interaction_id in self.closed:
            self.call_backs[interaction.interaction_id] = now
        return [now]

    def of_user(self, user_id: str) -> list[Assignment]:
        """What a user holds, oldest first."""
        return list(self._of_user.get(user_id, {}).values())

    def of_interaction(self, interaction_id: int) -> list[Assignment]:
        """Who has to do with an interaction, oldest first."""
        return list(self._of_interaction.get(interaction_id, {}).values())

    def live(self) -> list[Assignment]:
        """What all of them hold."""
        return [a for held in self._of_user.values() for a in held.values()]

    def owner(self, interaction_id: int) -> Assignment | None:
        """The assignment of the agent who has it, in conversation or wrap-up; not one who is only asked."""
        held = self.of_interaction(interaction_id)
        return next((a for a in held if a.part is Part.OWNER and a.stage is not Stage.OFFERED), None)

    def between(self, user_id: str, interaction_id: int) -> Assignment | None:
        """What a user has to do with an interaction, if anything."""
        # A plain loop: every text of an agent passes here.
        for assignment in self._of_interaction.get(interaction_id, {}).values():
            if assignment.user_id == user_id:
                return assignment
        return None

    def talkers(self, interaction_id: int) -> Iterator[Assignment]:
        """Who follows the conversation."""
        return (a for a in self.of_interaction(interaction_id) if a.stage in TALKING)

    def pass_over(self, assignment: Assignment, now_ms: int) -> None:
        """Its user let the offer pass: others have their chance first."""
        self.passed_over.setdefault(assignment.interaction_id, {})[assignment.user_id] = now_ms

    def forget(self, interaction_id: int) -> None:
        """The interaction waits for nobody any more."""
        self.matcher.leave(interaction_id)
        self.passed_over.pop(interaction_id, None)

    def agent(self, user: User) -> Agent:
        """An agent as routing sees it. Without a streaming session nobody could hear an offer."""
        status = self.status(user.user_id)
        held = self.of_user(user.user_id)
        return Agent(
            user_id=user.user_id,
            org_id=self.org_id,
            work_type_ids=frozenset(status.work_type_ids or user.work_type_ids),
            skills=user.skills,
            capacity={channel: _capacity(user, status, channel) for channel in Channel},
            load={channel: sum(a.load for a in held if a.channel == channel) for channel in Channel},
            ready=status.state is AgentState.READY and user.user_id in self.screens,
            idle_since_ms=status.idle_ms,
        )

    def end(self) -> None:
        """It is read anew, or others have it: timers and commits that still know this one must find nothing here.

        Else an offer of before would time out over what agents did since, and its contact would go to a second one.
        """
        self.matcher = Matcher(self.org_id)
        self._of_user.clear()
        self._of_interaction.clear()
        for known in (self.statuses, self.screens, self.closed, self.passed_over, self.call_backs):
            known.clear()

    def take_up(self, shift: Shift) -> None:
        """Go on with what the store held of this organization."""
        self.statuses.update((s.user_id, s) for s in shift.statuses if s.org_id == self.org_id)
        self.closed.update((i.interaction_id, i) for i in shift.closed if i.org_id == self.org_id)
        self.call_backs.update((c.interaction_id, c) for c in shift.call_backs if c.org_id == self.org_id)
        for assignment in shift.assignments:
            if assignment.org_id != self.org_id:
                continue
            if assignment.is_live:
                self.hold(assignment)
            elif let_pass(assignment):
                self.pass_over(assignment, assignment.ended_ms)


def _remove(known: dict[K, dict[int, Assignment]], key: K, assignment_id: int) -> None:
    theirs = known.get(key, {})
    theirs.pop(assignment_id, None)
    if not theirs:
        known.pop(key, None)


def _capacity(user: User, status: AgentStatus, channel: Channel) -> int:
    most = user.capacity.get(channel.value, CAPACITY[channel])
    return min(most, status.maximum) if status.maximum and channel is Channel.CHAT else most


class Switchboards:
    """Those at home here, by organization."""

    def __init__(self, directory: LiveDirectory) -> None:
        self._directory = directory
        self._boards: dict[str, Switchboard] = {}

    def of(self, org_id: str) -> Switchboard:
        """An organization's; begun when it is new here."""
        board = self._boards.get(org_id)
        if board is None:
            board = self._boards[org_id] = Switchboard(org_id)
        return board

    def all(self) -> Iterable[Switchboard]:
        """All of them."""
        return list(self._boards.values())

    def user(self, org_id: str, user_id: str) -> User | None:
        """Someone who may work: known, and not disabled."""
        user = self._directory.user(org_id, user_id)
        return user if user is not None and not user.disabled_ms else None

    def clear(self) -> None:
        """Forget everything."""
        for board in self._boards.values():
            board.end()
        self._boards.clear()
