"""The waiting, in lines: one for each demand, in order of place, with the agents who meet it at its side.

An agent that becomes able is looked at once for each line of its work types, however many stand in it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from frontdesk.domain.routing import Agent, Demand, Place, Preference, preference, unfit

# Empty lines kept. Making one asks every agent, so a work type whose queue is mostly empty keeps its own; rules that
# changed a hundred times must not leave theirs for ever.
LINES_KEPT = 500


class Line:
    """Those who demand the same, by place; and who is able to take them, by preference."""

    __slots__ = ("_keys", "able", "demand", "places")

    def __init__(self, demand: Demand) -> None:
        self.demand = demand
        self.places: list[Place] = []
        self.able: list[Preference] = []
        self._keys: dict[str, Preference] = {}

    def join(self, place: Place) -> None:
        """Stand in it."""
        insort(self.places, place)

    def leave(self, place: Place) -> None:
        """Go out of it."""
        del self.places[bisect_left(self.places, place)]

    def review(self, agent: Agent) -> bool:
        """Note whether the agent is able. True when it was not before, and is now."""
        was_able = self.forget(agent.user_id)
        if unfit(self.demand, agent):
            return False
        key = self._keys[agent.user_id] = preference(self.demand, agent)
        insort(self.able, key)
        return not was_able

    def forget(self, user_id: str) -> bool:
        """The agent is not able. True when it was before."""
        key = self._keys.pop(user_id, None)
        if key is not None:
            del self.able[bisect_left(self.able, key)]
        return key is not None


class Lines:
    """Every line of one organization, and its signed-in agents.

    `touched`: the lines that somebody joined, or that an agent became able for, since it was cleared.
    """

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.touched: set[Line] = set()
        self._lines: dict[Demand, Line] = {}
        self._by_work_type: dict[str, list[Line]] = {}
        self._by_user: dict[str, list[Line]] = {}

    def join(self, demand: Demand, place: Place) -> Line:
        """Stand in the line of `demand`, which is made when there is none."""
        line = self._lines.get(demand) or self._make(demand)
        line.join(place)
        self.touched.add(line)
        return line

    def leave(self, line: Line, place: Place) -> None:
        """Go out of `line`."""
        line.leave(place)
        if not line.places and (line.demand.only or len(self._lines) > LINES_KEPT):
            self.touched.discard(line)
            del self._lines[line.demand]
            index, key = self._index(line.demand)
            index[key].remove(line)
            if not index[key]:
                del index[key]

    def review(self, agent: Agent) -> None:
        """The agent is as given from now on."""
        before = self.agents.get(agent.user_id)
        self.agents[agent.user_id] = agent
        served = agent.work_type_ids if before is None else agent.work_type_ids | before.work_type_ids
        for line in self._seen_by(agent.user_id, served):
            if line.review(agent):
                self.touched.add(line)

    def forget(self, user_id: str) -> None:
        """The agent is gone."""
        agent = self.agents.pop(user_id, None)
        if agent is not None:
            for line in self._seen_by(user_id, agent.work_type_ids):
                line.forget(user_id)

    def _seen_by(self, user_id: str, work_type_ids: AbstractSet[str]) -> Iterator[Line]:
        for work_type_id in work_type_ids:
            yield from self._by_work_type.get(work_type_id, ())
        yield from self._by_user.get(user_id, ())

    def _make(self, demand: Demand) -> Line:
        line = self._lines[demand] = Line(demand)
        index, key = self._index(demand)
        index.setdefault(key, []).append(line)
        for agent in self.agents.values():
            line.review(agent)
        return line

    def _index(self, demand: Demand) -> tuple[dict[str, list[Line]], str]:
        return (self._by_user, demand.only) if demand.only else (self._by_work_type, demand.work_type_id)
