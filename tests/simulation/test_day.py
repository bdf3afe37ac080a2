import random
from statistics import mean

from frontdesk.domain.model import Channel
from frontdesk.domain.routing import Agent
from frontdesk.domain.rules import Choice, Rules
from frontdesk.domain.skills import Need, Ring
from tests.simulation.day import HOUR, MINUTE, NOW_MS, Day, Kind, Tally

AGENTS, WORK_TYPES, HOURS = 200, 20, 12
LANGUAGES = ("german", "english", "spanish", "french")
# 200 agents with room for two chats each, at most 85 % busy.
HANDLE_S, BUSY = 600.0, 0.85


def rings(chance: random.Random) -> tuple[Ring, ...]:
    """Half of the work types ask for a language, and relax that."""
    if chance.random() < 0.5:
        return ()
    language = chance.choice(LANGUAGES)
    return Ring(0, (Need(language, 7),)), Ring(60, (Need(language, 4),)), Ring(240)


def kinds(chance: random.Random) -> list[Kind]:
    """Twenty work types, all different."""
    every_s = HANDLE_S * WORK_TYPES / (AGENTS * 2 * BUSY)
    return [
        Kind(
            str(100 + n),
            Rules(
                rings=rings(chance),
                priority=chance.choice((0, 0, 0, 2, 5)),
                choice=chance.choice(list(Choice)),
                ask_again_seconds=60,
            ),
            every_s=every_s,
            handle_s=HANDLE_S,
            patience_s=900,
        )
        for n in range(WORK_TYPES)
    ]


def agents(chance: random.Random) -> list[Agent]:
    """Each serves a few work types and speaks a language or two."""
    return [
        Agent(
            user_id=f"a{n:03}",
            org_id="viademo",
            work_type_ids=frozenset(str(100 + chance.randrange(WORK_TYPES)) for _ in range(chance.randint(2, 5))),
            skills={language: chance.randint(1, 10) for language in chance.sample(LANGUAGES, chance.randint(1, 2))},
            capacity={Channel.CHAT: 2},
            ready=True,
        )
        for n in range(AGENTS)
    ]


def breaks(day: Day, chance: random.Random) -> None:
    """Everybody has three, and nobody else knows when."""
    for user_id in day.agents:
        for _ in range(3):
            begins_ms = NOW_MS + chance.randrange(HOURS * HOUR)
            day.at(begins_ms, lambda user_id=user_id: day.change(user_id, ready=False))  # type: ignore[misc]
            day.at(begins_ms + 20 * MINUTE, lambda user_id=user_id: day.change(user_id, ready=True))  # type: ignore[misc]


def simulated(seed: int) -> tuple[Day, Tally]:
    """The day that follows from this seed, looked at by the oracle every quarter of an hour."""
    chance = random.Random(seed)
    day = Day(seed, kinds(chance), agents(chance), declines=0.02)
    breaks(day, chance)
    for quarter in range(1, 4 * HOURS):
        day.at(NOW_MS + quarter * 15 * MINUTE + 1, day.check)
    return day, day.run(HOURS)


def test_a_day_with_200_agents_and_20_work_types() -> None:
    """Each rule holds at every match, everybody is served or gave up, and the ranges told come true.

    Day itself asserts that nobody is matched twice, overtaken without a reason or beyond an agent's capacity.
    """
    day, tally = simulated(5)
    assert not day.waiting
    assert len(day.matcher) == 0
    assert all(agent.load[Channel.CHAT] == 0 for agent in day.agents.values() if agent.load)
    contacts = len(tally.waits) + tally.abandoned
    assert contacts > 20_000
    assert tally.checked == 4 * HOURS - 1
    assert tally.declined > 200
    # Nobody starves: the last ring is reached after four minutes, and the lowest priority is overtaken for five.
    assert max(wait_ms for _, wait_ms in tally.waits) < 15 * MINUTE
    assert len(tally.ranges) > 500
    assert mean(tally.ranges) > 0.6


def test_a_day_is_the_same_each_time() -> None:
    """From one seed: what a test finds can be found again."""
    chance = random.Random(3)
    known, staff = kinds(chance), agents(chance)[:60]
    first, second = (Day(3, known, staff, declines=0.1).run(0.5) for _ in range(2))
    assert first == second
