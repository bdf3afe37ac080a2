"""A contact centre without a clock: contacts at random, agents, and the product's own Matcher and Waits between them.

Everything follows from a seed. What is asked of the matcher is asked in virtual time, as the server would: after each
thing that happened, and at each `next_change_ms`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from frontdesk.domain.events import Wait
from frontdesk.domain.matching import Matcher
from frontdesk.domain.model import Channel
from frontdesk.domain.routing import Agent, Waiting, consider, place
from frontdesk.domain.rules import Rules
from frontdesk.domain.waits import Waits

NOW_MS = 1_767_225_600_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


@dataclass
class Kind:
    """A work type. On average a contact comes each `every_s` seconds, is handled for `handle_s` and waits `patience_s`.

    `patience_s` 0: for ever.
    """

    work_type_id: str
    rules: Rules
    every_s: float
    handle_s: float
    patience_s: float = 0.0


@dataclass
class Tally:
    """What a day came to. Waits are in ms, in the order of coming; those at once are 0."""

    waits: list[tuple[int, int]] = field(default_factory=list)
    abandoned: int = 0
    declined: int = 0
    ranges: list[bool] = field(default_factory=list)
    checked: int = 0


class Day:
    """One organization's day."""

    def __init__(self, seed: int, kinds: list[Kind], agents: list[Agent], *, declines: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.kinds = {kind.work_type_id: kind for kind in kinds}
        self.agents = {agent.user_id: agent for agent in agents}
        self.declines = declines
        self.matcher = Matcher("viademo")
        self.estimates = {kind.work_type_id: Waits() for kind in kinds}
        self.waiting: dict[int, Waiting] = {}
        self.told: dict[int, Wait] = {}
        self.tally = Tally()
        self.now_ms = NOW_MS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = self._number = self._alarm_ms = 0
        for agent in agents:
            self.matcher.agent(agent, self.now_ms)

    def at(self, due_ms: int, call: Callable[[], None]) -> None:
        """Let it happen then; in order of asking within a millisecond."""
        self._count += 1
        heapq.heappush(self._events, (due_ms, self._count, call))

    def run(self, hours: float) -> Tally:
        """Contacts come for so long; then everybody is served or gives up."""
        self.end_ms = NOW_MS + round(hours * HOUR)
        for kind in self.kinds.values():
            self._next(kind)
        while self._events:
            self.now_ms, _, call = heapq.heappop(self._events)
            call()
            self._match()
        return self.tally

    def change(self, user_id: str, *, ready: bool) -> None:
        """An agent goes for a break, or comes back."""
        self._tell(replace(self.agents[user_id], ready=ready, idle_since_ms=self.now_ms))

    def check(self) -> None:
        """Nobody waits whom an agent could take. Slow: it asks everybody about everybody."""
        self.tally.checked += 1
        for one in self.waiting.values():
            assert all(consider(one, agent, self.now_ms) for agent in self.agents.values())

    def _next(self, kind: Kind) -> None:
        due_ms = self.now_ms + self._random(kind.every_s)
        if due_ms < self.end_ms:
            self.at(due_ms, lambda: self._come(kind))

    def _come(self, kind: Kind) -> None:
        self._next(kind)
        self._number += 1
        one = Waiting(
            interaction_id=self._number,
            org_id="viademo",
            work_type_id=kind.work_type_id,
            queued_ms=self.now_ms,
            rules=kind.rules,
        )
        self._join(one)
        self._match()
        if one.interaction_id not in self.waiting:
            return
        wait = self._estimate(one)
        if wait is not None:
            self.told[one.interaction_id] = wait
        if kind.patience_s:
            self.at(self.now_ms + self._random(kind.patience_s), lambda: self._give_up(one.interaction_id))

    def _give_up(self, interaction_id: int) -> None:
        one = self.waiting.pop(interaction_id, None)
        if one is not None:
            self.tally.abandoned += 1
            self.matcher.leave(interaction_id)
            self.estimates[one.work_type_id].left(interaction_id)

    def _join(self, one: Waiting) -> None:
        self.waiting[one.interaction_id] = one
        self.matcher.join(one, self.now_ms)

    def _match(self) -> None:
        for match in self.matcher.matches(self.now_ms):
            # Whoever is matched waited: a second match of the same would fail here.
            one, agent = self.waiting.pop(match.interaction_id), self.agents[match.user_id]
            assert not consider(one, agent, self.now_ms)
            self._no_one_is_overtaken(one, agent)
            self._hold(one, agent)
            self._answer(one, agent.user_id)
        change_ms = self.matcher.next_change_ms()
        if change_ms is not None and not self.now_ms < self._alarm_ms <= change_ms:
            self._alarm_ms = change_ms
            self.at(change_ms, lambda: None)

    def _no_one_is_overtaken(self, one: Waiting, agent: Agent) -> None:
        """Of the hundred who wait longest: whoever has a better place has a reason not to get this agent."""
        for _, other in zip(range(100), self.waiting.values(), strict=False):
            assert place(other) > place(one) or consider(other, agent, self.now_ms)

    def _hold(self, one: Waiting, agent: Agent) -> None:
        load = agent.load.get(Channel.CHAT, 0) + one.rules.load
        assert load <= agent.capacity[Channel.CHAT]
        self.agents[agent.user_id] = replace(agent, load={Channel.CHAT: load}, idle_since_ms=self.now_ms)

    def _answer(self, one: Waiting, user_id: str) -> None:
        if self.chance.random() < self.declines:
            self.at(self.now_ms + 5 * SECOND, lambda: self._decline(one, user_id))
            return
        self.tally.waits.append((one.interaction_id, self.now_ms - one.queued_ms))
        self.estimates[one.work_type_id].answered(one.interaction_id, self.now_ms)
        wait = self.told.pop(one.interaction_id, None)
        if wait is not None:
            self.tally.ranges.append(wait.low <= (self.now_ms - one.queued_ms) / 1000 <= wait.high)
        handle_ms = self._random(self.kinds[one.work_type_id].handle_s)
        self.at(self.now_ms + handle_ms, lambda: self._free(one, user_id))

    def _decline(self, one: Waiting, user_id: str) -> None:
        self.tally.declined += 1
        self._free(one, user_id)
        self._join(replace(one, passed_over={**one.passed_over, user_id: self.now_ms}))

    def _free(self, one: Waiting, user_id: str) -> None:
        agent = self.agents[user_id]
        load = agent.load[Channel.CHAT] - one.rules.load
        self._tell(replace(agent, load={Channel.CHAT: load}, idle_since_ms=self.now_ms))

    def _tell(self, agent: Agent) -> None:
        self.agents[agent.user_id] = agent
        self.matcher.agent(agent, self.now_ms)

    def _estimate(self, one: Waiting) -> Wait | None:
        position = self.matcher.position(one.interaction_id)
        return self.estimates[one.work_type_id].estimate(one.interaction_id, position, self.now_ms)

    def _random(self, mean_s: float) -> int:
        return max(1, round(self.chance.expovariate(1 / mean_s) * SECOND))
