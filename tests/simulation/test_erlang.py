from statistics import mean, stdev

import pytest

from frontdesk.domain.model import Channel
from frontdesk.domain.routing import Agent
from frontdesk.domain.rules import Choice, Rules
from tests.simulation.day import Day, Kind

HANDLE_S = 240.0
BATCHES = 20
# Standard errors. The seeds are fixed, so a run either holds or not; four say that a rule is wrong, not the dice.
ERRORS = 4


def erlang_c(agents: int, offered: float) -> float:
    """The probability of having to wait for one of `agents`, `offered` erlangs (Erlang 1917, by way of Erlang B)."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return agents * blocked / (agents - offered * (1 - blocked))


def plain(count: int, capacity: int) -> list[Agent]:
    """Agents who are all alike, and always ready."""
    return [
        Agent(
            user_id=f"a{n:03}",
            org_id="viademo",
            work_type_ids=frozenset({"79"}),
            capacity={Channel.CHAT: capacity},
            ready=True,
        )
        for n in range(count)
    ]


def batches(values: list[float]) -> tuple[float, float]:
    """The mean and its standard error by batch means: waits that follow each other are not independent.

    The first batch is left out, as the day began with empty queues.
    """
    size = len(values) // (BATCHES + 1)
    means = [mean(values[n * size : (n + 1) * size]) for n in range(1, BATCHES + 1)]
    return mean(means), stdev(means) / BATCHES**0.5


@pytest.mark.parametrize(
    ("agents", "capacity", "busy", "hours", "choice"),
    [
        (1, 1, 0.6, 1600, Choice.LONGEST_IDLE),
        (10, 1, 0.8, 500, Choice.LONGEST_IDLE),
        (10, 2, 0.85, 250, Choice.LEAST_LOADED),
    ],
)
def test_the_plain_case_agrees_with_erlang_c(
    agents: int, capacity: int, busy: float, hours: float, choice: Choice
) -> None:
    """M/M/c: the share of those who wait and the mean wait are those of the formula, within the run's own error.

    An agent with room for two counts as two servers; whom the choice takes can't matter.
    """
    servers = agents * capacity
    offered = busy * servers
    kind = Kind("79", Rules(choice=choice), every_s=HANDLE_S / offered, handle_s=HANDLE_S)
    tally = Day(7, [kind], plain(agents, capacity)).run(hours)
    waits = [wait_ms / 1000 for _, wait_ms in sorted(tally.waits)]
    must_wait = erlang_c(servers, offered)
    mean_wait_s = must_wait * HANDLE_S / (servers - offered)

    share, share_error = batches([float(wait > 0) for wait in waits])
    wait_s, wait_error = batches(waits)
    assert abs(share - must_wait) < ERRORS * share_error
    assert abs(wait_s - mean_wait_s) < ERRORS * wait_error
    # The errors are small enough for this to mean something.
    assert share_error < 0.05 * must_wait
    assert wait_error < 0.12 * mean_wait_s


def test_erlang_c_is_as_in_the_tables() -> None:
    """10 agents with 8 erlangs: 0.409; a single one waits as often as it is busy."""
    assert erlang_c(10, 8) == pytest.approx(0.409, abs=0.0005)
    assert erlang_c(1, 0.6) == pytest.approx(0.6)
