"""Matching the waiting of one organization with its agents, doing only what a change made possible.

After `matches` nobody waits whom an agent could take. Whoever joins, and whoever becomes able, touches the lines
concerned, and the next `matches` looks at those alone. It is all in memory and made again from the store at any time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush

from msgspec import Struct
from msgspec.structs import replace

from frontdesk.domain.explaining import Explanation, explain
from frontdesk.domain.lines import Line, Lines
from frontdesk.domain.model import Channel
from frontdesk.domain.routing import (
    Agent,
    Place,
    Waiting,
    demand,
    has_passed_over,
    is_reserved,
    next_change_ms,
    place,
    reserved_until_ms,
)

# Entries of those who left, in the heap of changes, before it is made anew.
STALE_MAX = 1000

Queue = tuple[str, Channel]


class Match(Struct, frozen=True):
    """This interaction is to be offered to this user. `explanation` is of the moment before, where asked for."""

    interaction_id: int
    user_id: str
    explanation: Explanation | None = None


class Matcher:
    """Who waits, who is signed in, and who gets whom.

    A match takes the interaction out and puts its load on the agent. What comes of the offer is told by `agent` (its
    load as it is now) and, when the interaction waits again, `join`. Times are in ms and never go back.
    """

    def __init__(self, org_id: str) -> None:
        self._org_id = org_id
        self._waiting: dict[int, Waiting] = {}
        self._lines = Lines()
        self._line_of: dict[int, Line] = {}
        # By channel as well: a contact who waits in a chat is told of those in chats before them.
        self._queues: dict[Queue, list[Place]] = {}
        self._returning: dict[str, set[int]] = {}
        self._changes: dict[int, int] = {}
        self._due: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __contains__(self, interaction_id: int) -> bool:
        return interaction_id in self._waiting

    # ------------------------------------------------------------ what happens

    def join(self, waiting: Waiting, now_ms: int) -> None:
        """It waits; or, when it did already, it waits as given from now on."""
        assert waiting.org_id == self._org_id, "a matcher knows one organization"
        self.leave(waiting.interaction_id)
        self._waiting[waiting.interaction_id] = waiting
        insort(self._queues.setdefault(_queue(waiting), []), place(waiting))
        if reserved_until_ms(waiting) > now_ms:
            self._returning.setdefault(waiting.last_agent, set()).add(waiting.interaction_id)
        self._line_up(waiting, now_ms)

    def leave(self, interaction_id: int) -> None:
        """It waits no longer, if it did."""
        waiting = self._waiting.pop(interaction_id, None)
        if waiting is None:
            return
        self._lines.leave(self._line_of.pop(interaction_id), place(waiting))
        self._changes.pop(interaction_id, None)
        queue = self._queues[_queue(waiting)]
        del queue[bisect_left(queue, place(waiting))]
        if not queue:
            del self._queues[_queue(waiting)]
        self._not_returning(waiting)

    def agent(self, agent: Agent, now_ms: int) -> None:
        """The agent is signed in, and is as given from now on."""
        assert agent.org_id == self._org_id, "a matcher knows one organization"
        before = self._lines.agents.get(agent.user_id)
        self._lines.review(agent)
        if before is None or (before.work_type_ids, before.skills) != (agent.work_type_ids, agent.skills):
            self._line_up_returning(agent.user_id, now_ms)

    def gone(self, user_id: str, now_ms: int) -> None:
        """The agent signed out: whom it alone could take may be taken by others."""
        self._lines.forget(user_id)
        self._line_up_returning(user_id, now_ms)

    # ------------------------------------------------------------ what follows

    def matches(self, now_ms: int, *, explained: bool = False) -> list[Match]:
        """All that can be matched now, by place. `explained`: with the record of who was considered, which asks all."""
        self._advance(now_ms)
        heads = [(line.places[0], 0, line) for line in self._lines.touched if line.places and line.able]
        self._lines.touched.clear()
        heapify(heads)
        found: list[Match] = []
        while heads:
            (_, interaction_id), index, line = heappop(heads)
            waiting = self._waiting[interaction_id]
            agent = self._best(line, waiting, now_ms)
            if agent is None:
                index += 1
            else:
                found.append(
                    Match(interaction_id, agent.user_id, self.explain(interaction_id, now_ms) if explained else None)
                )
                self._take(waiting, agent, now_ms)
            if line.able and index < len(line.places):
                heappush(heads, (line.places[index], index, line))
        return found

    def next_change_ms(self) -> int | None:
        """When `matches` is to be asked again though nothing happened: a ring, or the end of a reservation."""
        while self._due and self._changes.get(self._due[0][1]) != self._due[0][0]:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def position(self, interaction_id: int) -> int:
        """Its position among those of its work type and channel, 1 for the next; 0 when it does not wait."""
        waiting = self._waiting.get(interaction_id)
        return 0 if waiting is None else 1 + bisect_left(self._queues[_queue(waiting)], place(waiting))

    def queue(self, work_type_id: str, channel: Channel = Channel.CHAT) -> list[int]:
        """The interactions that wait for a work type on a channel, in order of place."""
        return [interaction_id for _, interaction_id in self._queues.get((work_type_id, channel), ())]

    def asked_for(self, user_id: str) -> list[int]:
        """The interactions that wait for this user alone, as they were transferred to them."""
        return [interaction_id for interaction_id, w in self._waiting.items() if w.for_agent == user_id]

    def lengths(self, channel: Channel = Channel.CHAT) -> dict[str, int]:
        """How many wait for each work type on a channel; those that nobody waits for are left out."""
        return {work_type_id: len(queue) for (work_type_id, on), queue in self._queues.items() if on is channel}

    def explain(self, interaction_id: int, now_ms: int) -> Explanation | None:
        """Who was considered for it, why each was passed over, and what it waits for; None when it does not wait."""
        waiting = self._waiting.get(interaction_id)
        if waiting is None:
            return None
        agents = self._lines.agents
        reserved = is_reserved(waiting, agents.get(waiting.last_agent), now_ms)
        position = self.position(interaction_id)
        return explain(waiting, agents.values(), now_ms, reserved=reserved, position=position)

    # ------------------------------------------------------------ inside

    def _best(self, line: Line, waiting: Waiting, now_ms: int) -> Agent | None:
        """The preferred one of the able; who passed it over comes last, and not before it may be asked again."""
        asked_again: Agent | None = None
        for _, _, user_id in line.able:
            if user_id not in waiting.passed_over:
                return self._lines.agents[user_id]
            if asked_again is None and not has_passed_over(waiting, user_id, now_ms):
                asked_again = self._lines.agents[user_id]
        return asked_again

    def _take(self, waiting: Waiting, agent: Agent, now_ms: int) -> None:
        self.leave(waiting.interaction_id)
        load = {**agent.load, waiting.channel: agent.load.get(waiting.channel, 0) + waiting.rules.load}
        self._lines.review(replace(agent, load=load, idle_since_ms=now_ms))

    def _advance(self, now_ms: int) -> None:
        while self._due and self._due[0][0] <= now_ms:
            due_ms, interaction_id = heappop(self._due)
            if self._changes.get(interaction_id) == due_ms:
                self._line_up(self._waiting[interaction_id], now_ms)

    def _line_up(self, waiting: Waiting, now_ms: int) -> None:
        """Stand in the line of what it demands now, and note when that changes. Its line is looked at again."""
        interaction_id = waiting.interaction_id
        old = self._line_of.get(interaction_id)
        reserved = is_reserved(waiting, self._lines.agents.get(waiting.last_agent), now_ms)
        if old is not None:
            self._lines.leave(old, place(waiting))
        wanted = demand(waiting, now_ms, reserved=reserved)
        self._line_of[interaction_id] = self._lines.join(wanted, place(waiting))
        change_ms = next_change_ms(waiting, now_ms)
        if change_ms is None:
            self._changes.pop(interaction_id, None)
        elif self._changes.get(interaction_id) != change_ms:
            self._changes[interaction_id] = change_ms
            heappush(self._due, (change_ms, interaction_id))
            self._forget_stale()
        if reserved_until_ms(waiting) <= now_ms:
            self._not_returning(waiting)

    def _forget_stale(self) -> None:
        """Those who left keep their entry until it is due, which may be a day: a busy day must not pile them up."""
        if len(self._due) > STALE_MAX + 2 * len(self._changes):
            self._due = [(change_ms, interaction_id) for interaction_id, change_ms in self._changes.items()]
            heapify(self._due)

    def _line_up_returning(self, user_id: str, now_ms: int) -> None:
        for interaction_id in list(self._returning.get(user_id, ())):
            self._line_up(self._waiting[interaction_id], now_ms)

    def _not_returning(self, waiting: Waiting) -> None:
        returning = self._returning.get(waiting.last_agent)
        if returning is not None:
            returning.discard(waiting.interaction_id)
            if not returning:
                del self._returning[waiting.last_agent]


def _queue(waiting: Waiting) -> Queue:
    return waiting.work_type_id, waiting.channel
