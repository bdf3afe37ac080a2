import random
from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.domain.explaining import NAMED_MAX, SENTENCES, Explanation, WaitsFor
from frontdesk.domain.lines import LINES_KEPT
from frontdesk.domain.matching import STALE_MAX, Match, Matcher
from frontdesk.domain.model import Channel
from frontdesk.domain.routing import Agent, Verdict, Waiting, consider, is_reserved, place
from frontdesk.domain.rules import Choice, Rules
from frontdesk.domain.skills import Need, Ring

NOW_MS = 1_767_225_600_000
PLAIN = Rules()


def waiting(interaction_id: int, work_type_id: str = "79", *, rules: Rules = PLAIN, **fields: object) -> Waiting:
    """A chat that came with the number of its interaction, in ms."""
    known = {"interaction_id": interaction_id, "org_id": "viademo", "work_type_id": work_type_id, "rules": rules}
    return Waiting(**{"queued_ms": NOW_MS + interaction_id, **known, **fields})  # type: ignore[arg-type]


def agent(user_id: str, *work_type_ids: str, capacity: int = 1, **fields: object) -> Agent:
    """Ready, for work type 79 unless others are named."""
    made = Agent(
        user_id=user_id,
        org_id="viademo",
        work_type_ids=frozenset(work_type_ids or {"79"}),
        capacity={Channel.CHAT: capacity},
        ready=True,
    )
    return msgspec.structs.replace(made, **fields)


def matcher(*known: Waiting | Agent) -> Matcher:
    """One that knows these; nothing is matched yet."""
    made = Matcher("viademo")
    for one in known:
        if isinstance(one, Agent):
            made.agent(one, NOW_MS)
        else:
            made.join(one, NOW_MS)
    return made


def pairs(found: list[Match]) -> list[tuple[int, str]]:
    """Who got whom."""
    return [(match.interaction_id, match.user_id) for match in found]


def explained(made: Matcher, interaction_id: int, now_ms: int = NOW_MS) -> Explanation:
    """Why it waits."""
    explanation = made.explain(interaction_id, now_ms)
    assert explanation is not None
    return explanation


SPANISH = Rules(rings=(Ring(0, (Need("spanish", 5),)), Ring(60)))


def test_the_first_in_place_gets_the_agent() -> None:
    """Over all work types that the agent serves."""
    made = matcher(waiting(3, "80"), waiting(1, "81"), waiting(2, "79"), agent("ada", "79", "80"))
    assert pairs(made.matches(NOW_MS)) == [(2, "ada")]
    assert made.matches(NOW_MS) == []
    assert len(made) == 2


def test_an_agent_is_filled_up_to_its_capacity() -> None:
    """And not beyond, until it is told that there is room again."""
    made = matcher(*(waiting(n) for n in range(1, 6)), agent("ada", capacity=2))
    assert pairs(made.matches(NOW_MS)) == [(1, "ada"), (2, "ada")]
    made.agent(agent("ada", capacity=2, load={Channel.CHAT: 1}), NOW_MS)
    assert pairs(made.matches(NOW_MS)) == [(3, "ada")]


def test_those_who_come_together_are_spread() -> None:
    """A match makes an agent the one who was idle last."""
    made = matcher(*(waiting(n) for n in range(1, 5)), agent("ada", capacity=9), agent("bob", capacity=9))
    assert pairs(made.matches(NOW_MS)) == [(1, "ada"), (2, "bob"), (3, "ada"), (4, "bob")]


def test_a_heavy_interaction_takes_more_room() -> None:
    """Load 2 does not go into what is left of 1."""
    heavy = Rules(load=2)
    made = matcher(waiting(1, rules=heavy), waiting(2, rules=heavy), agent("ada", capacity=3))
    assert pairs(made.matches(NOW_MS)) == [(1, "ada")]
    assert explained(made, 2).waits_for is WaitsFor.ROOM


def test_who_lacks_the_skill_is_taken_once_it_is_relaxed() -> None:
    """At the moment that `next_change_ms` told, with nothing else happening."""
    made = matcher(waiting(1, rules=SPANISH), agent("ada"))
    assert made.matches(NOW_MS) == []
    change_ms = made.next_change_ms()
    assert change_ms == NOW_MS + 1 + 60_000
    assert made.matches(change_ms - 1) == []
    assert pairs(made.matches(change_ms)) == [(1, "ada")]
    assert made.next_change_ms() is None


def test_a_decline_goes_to_the_next_agent_and_back_after_a_while() -> None:
    """Others have their chance first; when there are none, the same agent is asked again."""
    made = matcher(waiting(1), agent("ada"))
    made.matches(NOW_MS)
    made.agent(agent("ada"), NOW_MS)
    made.join(waiting(1, passed_over={"ada": NOW_MS}), NOW_MS)
    assert made.matches(NOW_MS) == []
    assert explained(made, 1).waits_for is WaitsFor.ASKING_AGAIN
    assert pairs(made.matches(NOW_MS + 60_000)) == [(1, "ada")]


def test_who_never_passed_it_over_is_preferred() -> None:
    """Even when who did may be asked again, and was idle for longer."""
    made = matcher(agent("ada"), agent("bob", idle_since_ms=5))
    made.join(waiting(1, passed_over={"ada": NOW_MS - 999_999}), NOW_MS)
    assert pairs(made.matches(NOW_MS)) == [(1, "bob")]


def test_those_behind_who_was_passed_over_are_not_held_up() -> None:
    """The agent gets the next one."""
    made = matcher(waiting(1, passed_over={"ada": NOW_MS}), waiting(2), agent("ada"))
    assert pairs(made.matches(NOW_MS)) == [(2, "ada")]


def test_the_last_agent_is_waited_for_while_signed_in() -> None:
    """When that one signs out, others are asked at once."""
    sticky = Rules(last_agent_seconds=30)
    made = matcher(agent("ada", ready=False), agent("bob"), waiting(1, rules=sticky, last_agent="ada"))
    assert made.matches(NOW_MS) == []
    assert explained(made, 1).waits_for is WaitsFor.LAST_AGENT
    made.gone("ada", NOW_MS)
    assert pairs(made.matches(NOW_MS)) == [(1, "bob")]


def test_the_last_agent_who_comes_back_in_time_gets_it() -> None:
    """It signs in while the contact waits: others are not asked any more."""
    sticky = Rules(last_agent_seconds=30)
    made = matcher(waiting(1, rules=sticky, last_agent="ada"))
    made.agent(agent("ada", ready=False), NOW_MS)
    made.agent(agent("bob"), NOW_MS)
    assert made.matches(NOW_MS) == []
    made.agent(agent("ada"), NOW_MS)
    assert pairs(made.matches(NOW_MS)) == [(1, "ada")]


def test_the_last_agent_is_waited_for_no_longer_than_said() -> None:
    """30 seconds after it was queued."""
    made = matcher(agent("ada", ready=False), agent("bob"))
    made.join(waiting(1, rules=Rules(last_agent_seconds=30), last_agent="ada"), NOW_MS)
    assert made.matches(NOW_MS + 30_000) == []
    assert pairs(made.matches(NOW_MS + 30_001)) == [(1, "bob")]


def test_a_transfer_to_a_person_waits_for_that_person() -> None:
    """At its place among what that person serves."""
    made = matcher(waiting(2, "90", for_agent="ada"), waiting(1), waiting(3), agent("bob"))
    assert pairs(made.matches(NOW_MS)) == [(1, "bob")]
    assert explained(made, 2).waits_for is WaitsFor.AGENT_ASKED_FOR
    made.agent(agent("ada", capacity=2), NOW_MS)
    assert pairs(made.matches(NOW_MS)) == [(2, "ada"), (3, "ada")]


def test_positions_count_within_a_channel() -> None:
    """A contact in a chat is not told of callbacks before them, and both wait."""
    made = matcher(waiting(1, channel=Channel.CALLBACK), waiting(2), waiting(3, channel=Channel.CALLBACK))
    assert [made.position(n) for n in (1, 2, 3)] == [1, 1, 2]
    assert (made.lengths(), made.lengths(Channel.CALLBACK), len(made)) == ({"79": 1}, {"79": 2}, 3)
    made.leave(1)
    assert [made.position(n) for n in (1, 2, 3)] == [0, 1, 1]


def test_positions_count_within_a_work_type() -> None:
    """By place; and change when somebody leaves."""
    made = matcher(waiting(1), waiting(2, "80"), waiting(3), waiting(4, rules=Rules(priority=1)))
    assert [made.position(n) for n in (1, 2, 3, 4, 5)] == [2, 1, 3, 1, 0]
    assert made.queue("79") == [4, 1, 3]
    made.leave(1)
    assert made.position(3) == 2
    assert made.lengths() == {"79": 2, "80": 1}
    assert 1 not in made


def test_a_line_of_rules_that_changed_does_not_stay_for_ever() -> None:
    """Memory is bounded by those who wait, and some."""
    made = matcher()
    for n in range(2 * LINES_KEPT):
        made.join(waiting(1, rules=Rules(load=n + 1)), NOW_MS)
    made.leave(1)
    assert len(made._lines._lines) <= LINES_KEPT + 1  # noqa: SLF001 - a leak is seen only inside


def test_who_left_does_not_stay_in_the_heap_of_changes() -> None:
    """A day of contacts who are served long before their next ring; those who wait keep theirs."""
    made = matcher(waiting(0, rules=SPANISH))
    for number in range(1, 5 * STALE_MAX):
        made.join(waiting(number, rules=SPANISH), NOW_MS + number)
        made.leave(number)
    assert len(made._due) <= STALE_MAX + 2  # noqa: SLF001 - a leak is seen only inside
    assert made.next_change_ms() == NOW_MS + 60_000


def test_everyone_signed_in_is_explained() -> None:
    """Counted by reason; the nearest to a match are named, and at most twenty."""
    made = matcher(
        waiting(1, rules=SPANISH),
        agent("full", skills={"spanish": 9}, load={Channel.CHAT: 1}),
        agent("away", skills={"spanish": 9}, ready=False),
        agent("weak", skills={"spanish": 4}),
        *(agent(f"other{n:02}", "80") for n in range(30)),
    )
    why = explained(made, 1, NOW_MS + 5)
    assert why.counts == {"atCapacity": 1, "notReady": 1, "skillTooLow": 1, "workTypeNotServed": 30}
    assert [one.user_id for one in why.agents[:4]] == ["full", "away", "weak", "other00"]
    assert (len(why.agents), why.waits_for, why.position) == (NAMED_MAX, WaitsFor.ROOM, 1)
    assert why.changes_ms == NOW_MS + 1 + 60_000
    assert made.explain(2, NOW_MS) is None


def test_a_match_may_carry_why() -> None:
    """As it was the moment before: the chosen one stands first among the able."""
    made = matcher(agent("ada", idle_since_ms=2), agent("bob", idle_since_ms=1), waiting(1))
    (match,) = made.matches(NOW_MS, explained=True)
    assert match.explanation is not None
    assert match.explanation.waits_for is WaitsFor.NOTHING
    assert [(one.user_id, one.reason) for one in match.explanation.agents] == [("bob", ""), ("ada", "")]
    assert match.explanation.counts == {"able": 2}


def test_nobody_there_is_explained_too() -> None:
    """No one signed in, none with the skill, none ready: each its word, and each word its sentence."""
    made = matcher(waiting(1, rules=SPANISH))
    assert explained(made, 1).waits_for is WaitsFor.SIGN_IN
    made.agent(agent("ada", ready=False), NOW_MS)
    assert explained(made, 1).waits_for is WaitsFor.SKILLS
    made.agent(agent("ada", ready=False, skills={"spanish": 5}), NOW_MS)
    assert explained(made, 1).waits_for is WaitsFor.READY_AGENT
    assert set(SENTENCES) == set(WaitsFor)


def test_nobody_starves_while_others_keep_coming() -> None:
    """One agent, always more urgent arrivals: a patient one is overtaken for priority x ageing, and not longer."""
    urgent, patient = Rules(priority=10, ageing_seconds=60), Rules()
    made = matcher(waiting(0, rules=patient))
    for minute in range(60):
        now_ms = NOW_MS + minute * 60_000
        made.join(waiting(minute + 1, rules=urgent, queued_ms=now_ms), now_ms)
        made.agent(agent("ada"), now_ms)
        taken = pairs(made.matches(now_ms))
        assert len(taken) == 1
        if taken == [(0, "ada")]:
            assert minute == 10
            return
    raise AssertionError("the patient one starved")


# ---------------------------------------------------------------- against a slow oracle


def slow_matches(known: dict[int, Waiting], agents: dict[str, Agent], now_ms: int) -> list[tuple[int, str]]:
    """The rule as it is told to people: by place, each gets the preferred one of the agents who are able."""
    found, agents = list[tuple[int, str]](), dict(agents)
    for one in sorted(known.values(), key=place):
        reserved = is_reserved(one, agents.get(one.last_agent), now_ms)
        able = [each for each in agents.values() if not consider(one, each, now_ms, reserved=reserved)]
        if able:
            best = min(able, key=lambda each: slow_preference(one, each))
            found.append((one.interaction_id, best.user_id))
            load = {**best.load, one.channel: best.load.get(one.channel, 0) + one.rules.load}
            agents[best.user_id] = msgspec.structs.replace(best, load=load, idle_since_ms=now_ms)
    return found


def slow_preference(one: Waiting, each: Agent) -> tuple[bool, float, float, str]:
    """Who passed it over comes last; then the choice; then the name."""
    share = each.load.get(one.channel, 0) / each.capacity[one.channel]
    passed = each.user_id in one.passed_over
    if one.rules.choice is Choice.LEAST_LOADED:
        return passed, share, each.idle_since_ms, each.user_id
    return passed, each.idle_since_ms, share, each.user_id


USERS = ("ada", "bob", "eve", "joe")
WORK_TYPES = ("79", "80")
RINGS = (
    (),
    (),
    (Ring(0, (Need("x", 2),)), Ring(2)),
    (Ring(0, (Need("x", 3), Need("y", 1))), Ring(1, (Need("x", 1),)), Ring(4, (Need("y", 1),))),
)


class Floor:
    """Contacts come and go, agents change, offers are declined or end, time passes: at random, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made = Matcher("viademo")
        self.known: dict[int, Waiting] = {}
        self.agents: dict[str, Agent] = {}
        self.held: dict[int, tuple[Waiting, str]] = {}
        self.now_ms = NOW_MS
        self.number = 0

    def step(self) -> None:
        """Something happens; mostly the matcher is asked at once, and must say what the oracle says."""
        steps = (self.join, self.join, self.join, self.leave, self.change, self.finish, self.finish, self.sign_out)
        self.random.choice((*steps, self.wait, self.wait))()
        if self.random.random() < 0.7:
            self.match()
        self.look()

    def join(self) -> None:
        """A contact comes; some were transferred to a person, some had an agent before."""
        chance, self.number = self.random, self.number + 1
        rules = Rules(
            rings=chance.choice(RINGS),
            priority=chance.choice((0, 0, 1, 2)),
            ageing_seconds=2,
            choice=chance.choice(list(Choice)),
            last_agent_seconds=chance.choice((0, 1, 3, 8)),
            ask_again_seconds=chance.choice((0, 1, 5)),
            load=chance.choice((1, 1, 2)),
        )
        self.known[self.number] = waiting(
            self.number,
            chance.choice(WORK_TYPES),
            rules=rules,
            queued_ms=self.now_ms,
            last_agent=chance.choice((*USERS, "")),
            for_agent=chance.choice((*USERS, *([""] * 20))),
            channel=chance.choice(list(Channel)),
        )
        self.made.join(self.known[self.number], self.now_ms)

    def leave(self) -> None:
        """A contact gives up."""
        if self.known:
            interaction_id = self.random.choice(list(self.known))
            del self.known[interaction_id]
            self.made.leave(interaction_id)

    def change(self) -> None:
        """An agent signs in, or is other than before; what it holds stays."""
        chance, user_id = self.random, self.random.choice(USERS)
        before = self.agents.get(user_id)
        changed = Agent(
            user_id=user_id,
            org_id="viademo",
            work_type_ids=frozenset(work_type for work_type in WORK_TYPES if chance.random() < 0.7),
            skills={skill: chance.randint(1, 3) for skill in "xy" if chance.random() < 0.6},
            capacity={channel: chance.randint(0, 3) for channel in Channel},
            load={} if before is None else before.load,
            ready=chance.random() < 0.7,
            idle_since_ms=self.now_ms,
        )
        self.tell(changed)

    def sign_out(self) -> None:
        """An agent goes; what it held is nobody's."""
        if self.agents and self.random.random() < 0.4:
            user_id = self.random.choice(list(self.agents))
            del self.agents[user_id]
            self.held = {number: pair for number, pair in self.held.items() if pair[1] != user_id}
            self.made.gone(user_id, self.now_ms)

    def finish(self) -> None:
        """An interaction ends, or its offer is declined and it waits again."""
        if self.held:
            one, user_id = self.held.pop(self.random.choice(list(self.held)))
            before = self.agents[user_id]
            load = {**before.load, one.channel: before.load[one.channel] - one.rules.load}
            self.tell(msgspec.structs.replace(before, load=load, idle_since_ms=self.now_ms))
            if self.random.random() < 0.4:
                again = msgspec.structs.replace(one, passed_over={**one.passed_over, user_id: self.now_ms})
                self.known[one.interaction_id] = again
                self.made.join(again, self.now_ms)

    def wait(self) -> None:
        """Time passes."""
        self.now_ms += self.random.choice((1, 500, 1000, 2000, 6000))

    def match(self) -> None:
        """Exactly what the oracle says, in its order; nobody twice, nobody beyond capacity."""
        expected = slow_matches(self.known, self.agents, self.now_ms)
        assert pairs(self.made.matches(self.now_ms)) == expected
        for interaction_id, user_id in expected:
            one = self.known.pop(interaction_id)
            before = self.agents[user_id]
            load = {**before.load, one.channel: before.load.get(one.channel, 0) + one.rules.load}
            assert load[one.channel] <= before.capacity[one.channel]
            self.agents[user_id] = msgspec.structs.replace(before, load=load, idle_since_ms=self.now_ms)
            self.held[interaction_id] = one, user_id

    def look(self) -> None:
        """Queues are in order, nobody is forgotten, and an explanation counts each agent once, as the rules say."""
        assert len(self.made) == len(self.known)
        for work_type_id in WORK_TYPES:
            for channel in Channel:
                theirs = [o for o in self.known.values() if (o.work_type_id, o.channel) == (work_type_id, channel)]
                queue = [one.interaction_id for one in sorted(theirs, key=place)]
                assert self.made.queue(work_type_id, channel) == queue
        for one in list(self.known.values())[:1]:
            why = explained(self.made, one.interaction_id, self.now_ms)
            reserved = is_reserved(one, self.agents.get(one.last_agent), self.now_ms)
            verdicts = [consider(one, each, self.now_ms, reserved=reserved) for each in self.agents.values()]
            assert why.counts == Counter(verdict.value or "able" for verdict in verdicts)
            assert (why.waits_for is WaitsFor.NOTHING) == (Verdict.ABLE in verdicts)

    def tell(self, agent: Agent) -> None:
        """The agent is as given."""
        self.agents[agent.user_id] = agent
        self.made.agent(agent, self.now_ms)


@given(seed=st.integers(0, 1_000_000), steps=st.integers(100, 400))
@settings(max_examples=60, deadline=None)
def test_the_matcher_is_as_the_slow_oracle(seed: int, steps: int) -> None:
    """Whatever happens in whatever order: what it says is what a pass over everybody says."""
    floor = Floor(seed)
    for _ in range(steps):
        floor.step()
