"""Why an interaction waits, or went to whom it went: for the desk, the supervisor and the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from heapq import nsmallest

from msgspec import Struct

from frontdesk.domain.model import Interaction
from frontdesk.domain.routing import Agent, Demand, Verdict, Waiting, demand, judge, next_change_ms, preference

# Agents named in an explanation: it is stored with the interaction, and nobody reads five hundred.
NAMED_MAX = 20


class WaitsFor(StrEnum):
    """What has to happen next, so that an agent takes it."""

    NOTHING = "nothing"
    ANSWER = "answer"
    ARRIVAL = "arrival"
    AGENT_ASKED_FOR = "agentAskedFor"
    LAST_AGENT = "lastAgent"
    ROOM = "room"
    READY_AGENT = "readyAgent"
    ASKING_AGAIN = "askingAgain"
    SKILLS = "skills"
    SIGN_IN = "signIn"


SENTENCES: Mapping[WaitsFor, str] = {
    WaitsFor.NOTHING: "An agent is able and is asked.",
    WaitsFor.ANSWER: "It rings at an agent's, who has not answered yet.",
    WaitsFor.ARRIVAL: "It is on its way to where its organization's agents are given out; that takes a moment.",
    WaitsFor.AGENT_ASKED_FOR: "It was transferred to one agent, and waits for that one.",
    WaitsFor.LAST_AGENT: "It is kept for the agent who served this contact before.",
    WaitsFor.ROOM: "The ready agents who could take it are at capacity.",
    WaitsFor.READY_AGENT: "The agents who could take it are not ready.",
    WaitsFor.ASKING_AGAIN: "Every agent who could take it has declined or did not answer.",
    WaitsFor.SKILLS: "No signed-in agent of its work type has the skills it needs now.",
    WaitsFor.SIGN_IN: "No signed-in agent serves its work type.",
}

# From what is nearest to a match to what is farthest: the first that any agent gives names the wait, and an
# explanation names agents in this order.
_NEAREST = (
    (Verdict.AT_CAPACITY, WaitsFor.ROOM),
    (Verdict.NOT_READY, WaitsFor.READY_AGENT),
    (Verdict.DECLINED, WaitsFor.ASKING_AGAIN),
    (Verdict.RESERVED, WaitsFor.LAST_AGENT),
    (Verdict.SKILL_TOO_LOW, WaitsFor.SKILLS),
    (Verdict.SKILL_MISSING, WaitsFor.SKILLS),
    (Verdict.NOT_SERVED, WaitsFor.SIGN_IN),
    (Verdict.NOT_ASKED_FOR, WaitsFor.AGENT_ASKED_FOR),
)
_ORDER = (Verdict.ABLE, *(verdict for verdict, _ in _NEAREST))


class Considered(Struct, frozen=True, rename="camel"):
    """An agent, and why it does not take the interaction; `reason` "" when it is able."""

    user_id: str
    reason: Verdict


class Explanation(Struct, frozen=True, rename="camel"):
    """Who was considered at `time_ms`, and what came of it.

    `waits_for` is a stable word, `sentence` says it to people. `changes_ms`: when time alone changes something next.
    `position` counts from 1 in its work type's queue; 0 when it stands in none. `counts` has every signed-in agent, by
    reason, "able" among them; `agents` names up to 20, the nearest to a match first, and able ones in the order they
    would be taken.
    """

    interaction_id: str
    work_type_id: str
    time_ms: int
    waited_ms: int
    position: int
    waits_for: WaitsFor
    sentence: str
    changes_ms: int | None
    counts: Mapping[str, int]
    agents: tuple[Considered, ...]


class Decision(Struct, frozen=True, kw_only=True, rename="camel"):
    """One step on an interaction's way, as its log keeps it; fields that say nothing are empty.

    `decision` is one of offered, accepted, declined, timedOut, withdrawn, transferred, agentLost, anybody (the agent
    that it was transferred to is gone) and detour; of callbacks also due, postponed (until it is open), rescheduled.
    `user_id` is whose offer or work that was. `to_user_id` and `work_type_id`: where it went. `instead`: what a detour
    gave. `explanation`: who was considered for an offer.
    """

    decision: str
    user_id: str = ""
    reason: str = ""
    to_user_id: str = ""
    work_type_id: str = ""
    instead: str = ""
    explanation: Explanation | None = None


def stands_apart(
    interaction: Interaction, waits_for: WaitsFor, now_ms: int, *, asked: str = "", due_ms: int | None = None
) -> Explanation:
    """What is said of one that waits and stands in no queue. `asked`: the one agent who is, until `due_ms`."""
    return Explanation(
        interaction_id=str(interaction.interaction_id),
        work_type_id=interaction.work_type_id,
        time_ms=now_ms,
        waited_ms=max(0, now_ms - interaction.queued_ms),
        position=0,
        waits_for=waits_for,
        sentence=SENTENCES[waits_for],
        changes_ms=due_ms,
        counts={"able": 1} if asked else {},
        agents=(Considered(asked, Verdict.ABLE),) if asked else (),
    )


def explain(waiting: Waiting, agents: Iterable[Agent], now_ms: int, *, reserved: bool, position: int) -> Explanation:
    """What `domain/routing.py` says of each agent, in one record."""
    wanted = demand(waiting, now_ms, reserved=reserved)
    seen: dict[Verdict, list[Agent]] = {}
    for agent in agents:
        seen.setdefault(judge(waiting, wanted, agent, now_ms), []).append(agent)
    waits_for = _waits_for(waiting, seen, reserved=reserved)
    return Explanation(
        interaction_id=str(waiting.interaction_id),
        work_type_id=waiting.work_type_id,
        time_ms=now_ms,
        waited_ms=max(0, now_ms - waiting.queued_ms),
        position=position,
        waits_for=waits_for,
        sentence=SENTENCES[waits_for],
        changes_ms=next_change_ms(waiting, now_ms),
        counts={verdict.value or "able": len(seen[verdict]) for verdict in _ORDER if verdict in seen},
        agents=_nearest(waiting, wanted, seen),
    )


def _waits_for(waiting: Waiting, seen: Mapping[Verdict, list[Agent]], *, reserved: bool) -> WaitsFor:
    if Verdict.ABLE in seen:
        return WaitsFor.NOTHING
    if waiting.for_agent:
        return WaitsFor.AGENT_ASKED_FOR
    if reserved:
        return WaitsFor.LAST_AGENT
    return next((word for verdict, word in _NEAREST if verdict in seen), WaitsFor.SIGN_IN)


def _nearest(waiting: Waiting, wanted: Demand, seen: Mapping[Verdict, list[Agent]]) -> tuple[Considered, ...]:
    def order(agent: Agent) -> tuple[bool, float, float, str]:
        return agent.user_id in waiting.passed_over, *preference(wanted, agent)

    named: list[Considered] = []
    for verdict in _ORDER:
        left = NAMED_MAX - len(named)
        if left and verdict in seen:
            named += [Considered(agent.user_id, verdict) for agent in nsmallest(left, seen[verdict], key=order)]
    return tuple(named)
