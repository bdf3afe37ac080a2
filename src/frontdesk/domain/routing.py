"""Who may take whom, and in which order: ACD as functions of values.

    Waiting ──demand──► Demand ──unfit──► why this agent does not take it ("" when it does)
       └─────place────► its place in the queue, fixed when it came

`domain/matching.py` does the same for thousands at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from frontdesk.domain.model import Channel
from frontdesk.domain.rules import Choice, Rules
from frontdesk.domain.skills import Need, lacking, needs_after, next_ring_ms


class Verdict(StrEnum):
    """Why an agent does not take an interaction; false, as it is empty, when the agent does.

    In this order: first what does not pass by itself, as that is what someone who asks can mend.
    """

    ABLE = ""
    NOT_ASKED_FOR = "notTheOneAskedFor"
    NOT_SERVED = "workTypeNotServed"
    SKILL_MISSING = "skillMissing"
    SKILL_TOO_LOW = "skillTooLow"
    RESERVED = "reservedForLastAgent"
    DECLINED = "declined"
    NOT_READY = "notReady"
    AT_CAPACITY = "atCapacity"


# These pass with the agent's next change of state.
PASSING = frozenset({Verdict.ABLE, Verdict.NOT_READY, Verdict.AT_CAPACITY})


class Waiting(Struct, frozen=True, kw_only=True):
    """An interaction that waits for an agent.

    `queued_ms` is when it came into this queue. `priority` is its own one; None is that of the rules. `last_agent`
    served this contact before, "" for none. `passed_over`: who declined it or let its offer time out, and when, in ms.
    `for_agent`: it was transferred to this user, and nobody else is asked.
    """

    interaction_id: int
    org_id: str
    work_type_id: str
    queued_ms: int
    rules: Rules = Rules()
    priority: int | None = None
    channel: Channel = Channel.CHAT
    last_agent: str = ""
    passed_over: Mapping[str, int] = {}
    for_agent: str = ""


class Agent(Struct, frozen=True, kw_only=True):
    """A signed-in agent, as routing sees it.

    `skills` are names with levels (1 to 10). `capacity` and `load` count by channel; an offer that rings is load
    already. `idle_since_ms`: when it last took or finished an interaction, or became ready, whichever was last.
    """

    user_id: str
    org_id: str
    work_type_ids: frozenset[str]
    skills: Mapping[str, int] = {}
    capacity: Mapping[Channel, int] = {}
    load: Mapping[Channel, int] = {}
    ready: bool = False
    idle_since_ms: int = 0

    def room(self, channel: Channel) -> int:
        """How much more it may take on `channel`."""
        return self.capacity.get(channel, 0) - self.load.get(channel, 0)


class Demand(Struct, frozen=True):
    """What is asked of an agent, and whom to choose among those who meet it.

    Interactions that demand the same differ only in their place and in who passed them over.

    `only`: this user alone. `work_type_id` "": whatever the user serves, as it was asked for by name.
    """

    work_type_id: str
    channel: Channel
    load: int
    choice: Choice
    needs: tuple[Need, ...] = ()
    only: str = ""


Place = tuple[int, int]
Preference = tuple[float, float, str]


def place(waiting: Waiting) -> Place:
    """The place in the queue; the lower goes first.

    A level of priority is worth so much waiting time, so the place never changes and no queue is sorted again. And who
    comes later than priority x ageing can't overtake: nobody is overtaken without end.
    """
    rules = waiting.rules
    priority = rules.priority if waiting.priority is None else waiting.priority
    return waiting.queued_ms - priority * rules.ageing_seconds * 1000, waiting.interaction_id


def demand(waiting: Waiting, now_ms: int, *, reserved: bool = False) -> Demand:
    """What `waiting` asks of an agent now. `reserved`: its last agent comes first (`is_reserved`)."""
    rules = waiting.rules
    if waiting.for_agent:
        # Whoever transfers to a person has chosen: skills and work types are not asked for again.
        return Demand("", waiting.channel, rules.load, rules.choice, (), waiting.for_agent)
    needs = needs_after(rules.rings, _waited(waiting, now_ms))
    only = waiting.last_agent if reserved else ""
    return Demand(waiting.work_type_id, waiting.channel, rules.load, rules.choice, needs, only)


def _waited(waiting: Waiting, now_ms: int) -> int:
    # Another node's clock may be ahead: less than no waiting would be before the first ring, where nothing is needed.
    return max(0, now_ms - waiting.queued_ms)


def unfit(demand: Demand, agent: Agent) -> Verdict:
    """Why `agent` does not meet `demand`; Verdict.ABLE when it does."""
    lasting = _lasting(demand, agent)
    if lasting:
        return lasting
    if not agent.ready:
        return Verdict.NOT_READY
    return Verdict.ABLE if agent.room(demand.channel) >= demand.load else Verdict.AT_CAPACITY


def _lasting(demand: Demand, agent: Agent) -> Verdict:
    if demand.work_type_id:
        if demand.work_type_id not in agent.work_type_ids:
            return Verdict.NOT_SERVED
        lack = lacking(demand.needs, agent.skills)
        if lack is not None:
            return Verdict.SKILL_TOO_LOW if lack.skill in agent.skills else Verdict.SKILL_MISSING
    if demand.only and demand.only != agent.user_id:
        return Verdict.RESERVED if demand.work_type_id else Verdict.NOT_ASKED_FOR
    return Verdict.ABLE


def has_passed_over(waiting: Waiting, user_id: str, now_ms: int) -> bool:
    """Whether this user let it pass, and others have their chance still."""
    passed_ms = waiting.passed_over.get(user_id)
    return passed_ms is not None and now_ms < passed_ms + waiting.rules.ask_again_seconds * 1000


def consider(waiting: Waiting, agent: Agent, now_ms: int, *, reserved: bool = False) -> Verdict:
    """Why `agent` does not take `waiting` now; Verdict.ABLE when it does."""
    return judge(waiting, demand(waiting, now_ms, reserved=reserved), agent, now_ms)


def judge(waiting: Waiting, demanded: Demand, agent: Agent, now_ms: int) -> Verdict:
    """The same, of what it demands now: for who asks about many agents."""
    verdict = unfit(demanded, agent)
    if agent.user_id in waiting.passed_over and verdict in PASSING and has_passed_over(waiting, agent.user_id, now_ms):
        return Verdict.DECLINED
    return verdict


def is_reserved(waiting: Waiting, last_agent: Agent | None, now_ms: int) -> bool:
    """Whether only its last agent is taken now. `last_agent`: as signed in, None when it is not.

    Not for an agent that could not take it anyway: that would be waiting for nothing.
    """
    if last_agent is None or now_ms >= reserved_until_ms(waiting):
        return False
    return consider(waiting, last_agent, now_ms) in PASSING


def reserved_until_ms(waiting: Waiting) -> int:
    """Until when its last agent comes first; when it was queued, if there is none, or that one let it pass."""
    if waiting.for_agent or not waiting.last_agent or waiting.last_agent in waiting.passed_over:
        return waiting.queued_ms
    return waiting.queued_ms + waiting.rules.last_agent_seconds * 1000


def next_change_ms(waiting: Waiting, now_ms: int) -> int | None:
    """When time alone changes who may take it: a ring, the end of a reservation or of having passed it over."""
    again_ms = waiting.rules.ask_again_seconds * 1000
    later = [passed_ms + again_ms for user_id, passed_ms in waiting.passed_over.items() if _asked(waiting, user_id)]
    if reserved_until_ms(waiting) > waiting.queued_ms:
        later.append(reserved_until_ms(waiting))
    ring_ms = None if waiting.for_agent else next_ring_ms(waiting.rules.rings, _waited(waiting, now_ms))
    if ring_ms is not None:
        later.append(waiting.queued_ms + ring_ms)
    return min((ms for ms in later if ms > now_ms), default=None)


def _asked(waiting: Waiting, user_id: str) -> bool:
    return waiting.for_agent in ("", user_id)


def preference(demand: Demand, agent: Agent) -> Preference:
    """Among the agents who meet `demand` the one with the lowest of this is taken first.

    By the work type's choice: the longest idle, or the smallest share of capacity in use; each decides what the other
    leaves equal, so that a burst within one millisecond is spread. Then the user id: every node would choose the same.
    """
    share = agent.load.get(demand.channel, 0) / max(1, agent.capacity.get(demand.channel, 0))
    if demand.choice is Choice.LEAST_LOADED:
        return share, agent.idle_since_ms, agent.user_id
    return agent.idle_since_ms, share, agent.user_id
