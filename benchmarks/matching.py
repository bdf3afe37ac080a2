"""How long it takes to find a match: `python -m benchmarks.matching`.

500 agents and 5,000 waiting over 20 work types. The 4,000 who came first need a skill that only those busy have, so
whoever becomes ready is not to be held up by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

from msgspec.structs import replace

from frontdesk.domain.matching import Matcher
from frontdesk.domain.model import Channel
from frontdesk.domain.routing import Agent, Waiting
from frontdesk.domain.rules import Rules
from frontdesk.domain.skills import Need, Ring

AGENTS, WAITING, RARE = 500, 5000, 4000
WORK_TYPES, SERVED = 20, 5
ROUNDS, TIMES = 5, 200
NOW_MS = 1_767_225_600_000
RELAXED = Rules(rings=(Ring(0, (Need("rare", 8),)), Ring(3600, (Need("rare", 4),)), Ring(7200)))
PLAIN = Rules()


def agent(number: int, *, ready: bool = False, skills: dict[str, int] | None = None) -> Agent:
    """One of the 500; serves five work types."""
    return Agent(
        user_id=f"a{number:03}",
        org_id="bench",
        work_type_ids=frozenset(str((number + n) % WORK_TYPES) for n in range(SERVED)),
        skills={} if skills is None else skills,
        capacity={Channel.CHAT: 1},
        ready=ready,
    )


def waiting(number: int) -> Waiting:
    """One of the 5,000; the first 4,000 need what is rare."""
    rules = RELAXED if number < RARE else PLAIN
    return Waiting(
        interaction_id=number,
        org_id="bench",
        work_type_id=str(number % WORK_TYPES),
        queued_ms=NOW_MS + number,
        rules=rules,
    )


def full(*, ready: bool = False) -> Matcher:
    """Everybody waits, and nobody can be matched. `ready`: 250 of the agents are ready, without work types of use."""
    matcher = Matcher("bench")
    for number in range(AGENTS):
        made = agent(number)
        useless = ready and number % 2
        matcher.agent(replace(made, work_type_ids=frozenset(("other",)), ready=True) if useless else made, NOW_MS)
    for number in range(WAITING):
        matcher.join(waiting(number), NOW_MS)
    assert matcher.matches(NOW_MS) == []
    return matcher


def ready_one_by_one(*, explained: bool) -> Iterator[float]:
    """An agent becomes ready, and gets somebody: from the news to the match, in seconds."""
    matcher = full(ready=True)
    for number in range(0, 2 * TIMES, 2):
        begun = perf_counter()
        matcher.agent(agent(number, ready=True), NOW_MS)
        found = matcher.matches(NOW_MS, explained=explained)
        yield perf_counter() - begun
        assert len(found) == 1
        assert found[0].interaction_id >= RARE


def joining(*, explained: bool) -> Iterator[float]:
    """Somebody joins while all agents are ready and the 4,000 wait on."""
    matcher = Matcher("bench")
    for number in range(RARE):
        matcher.join(waiting(number), NOW_MS)
    for number in range(AGENTS):
        matcher.agent(agent(number, ready=True), NOW_MS)
    for number in range(RARE, RARE + TIMES):
        begun = perf_counter()
        matcher.join(waiting(number), NOW_MS)
        found = matcher.matches(NOW_MS, explained=explained)
        yield perf_counter() - begun
        assert len(found) == 1


def all_at_once(*, explained: bool) -> Iterator[float]:
    """All 500 become ready within one look, as after a restart: seconds for each match."""
    matcher = full()
    begun = perf_counter()
    for number in range(AGENTS):
        matcher.agent(agent(number, ready=True), NOW_MS)
    found = matcher.matches(NOW_MS, explained=explained)
    yield (perf_counter() - begun) / len(found)
    assert len(found) == AGENTS


def rebuilt(*, explained: bool) -> Iterator[float]:
    """Everything is made again from the store: seconds in all."""
    begun = perf_counter()
    full()
    yield perf_counter() - begun


Measured = Callable[..., Iterator[float]]
MEASURES: tuple[tuple[str, Measured, bool], ...] = (
    ("an agent becomes ready", ready_one_by_one, False),
    ("… with its explanation", ready_one_by_one, True),
    ("a contact joins, 500 ready", joining, False),
    ("… with its explanation", joining, True),
    ("500 ready at once, each match", all_at_once, False),
    ("rebuilding all 5,500 (whole)", rebuilt, False),
)


def main() -> None:
    """Print µs, the median of five rounds, each the median of its times; and the slowest time of all."""
    print(f"{AGENTS} agents, {WAITING:,} waiting, {RARE:,} of them for a skill that nobody ready has")
    for name, measure, explained in MEASURES:
        rounds = [list(measure(explained=explained)) for _ in range(ROUNDS)]
        middle = median(median(times) for times in rounds)
        slowest = max(max(times) for times in rounds)
        print(f"{name:<32} {middle * 1e6:>10,.0f} µs   slowest {slowest * 1e6:>10,.0f} µs")


if __name__ == "__main__":
    main()
