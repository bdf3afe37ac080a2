import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.events import Wait
from frontdesk.domain.waits import REMEMBERED_MS, SAMPLES_MIN, WIDE_SECONDS, WIDE_TIMES, Waits

NOW_MS = 1_767_225_600_000


def regular(waits: Waits, count: int, pace_ms: int = 60_000, begin_ms: int = NOW_MS, position: int = 1) -> int:
    """So many are answered, one by one, each after `pace_ms` for each place. Returns the time after."""
    for number in range(count):
        waits.estimate(number, position, begin_ms)
        begin_ms += position * pace_ms
        waits.answered(number, begin_ms)
    return begin_ms


def test_nothing_is_told_before_enough_is_known() -> None:
    """Ten strays from a known pace, then ten predictions judged: until then a contact hears no range."""
    waits = Waits()
    now_ms = NOW_MS
    for _ in range(2 * SAMPLES_MIN):
        assert waits.estimate(99, 1, now_ms) is None
        waits.left(99)
        now_ms = regular(waits, 1, 1000, now_ms)
    now_ms = regular(waits, 1, 1000, now_ms)
    assert waits.estimate(99, 1, now_ms) == Wait(1, 1)


def test_a_regular_queue_is_told_as_it_is() -> None:
    """One a minute: place 5 waits five minutes."""
    waits = Waits()
    now_ms = regular(waits, 22, position=4)
    assert waits.estimate(99, 5, now_ms) == Wait(300, 300)
    assert waits.coverage(5) == 1.0


def test_a_place_far_behind_the_known_ones_is_not_told() -> None:
    """Who was next all the time says little about place 40."""
    waits = Waits()
    now_ms = regular(waits, 40)
    assert waits.estimate(98, 1, now_ms) == Wait(60, 60)
    assert waits.estimate(99, 40, now_ms) is None


def test_far_behind_chance_is_never_ruled_out() -> None:
    """Waits at place 16 overlap: even were they all alike, a range is told, as random gaps would make it."""
    waits = Waits()
    now_ms = regular(waits, 22, 10_000, position=16)
    wait = waits.estimate(99, 16, now_ms)
    assert wait is not None
    assert wait.low < 100
    assert wait.high > 220


def test_a_contact_teaches_again_at_each_halving_of_its_place() -> None:
    """So places near the front are known soon, though everybody joined at the back."""
    waits, now_ms = Waits(), NOW_MS
    for number in range(25):
        for place in (4, 3, 2, 1):
            waits.estimate(number, place, now_ms)
            now_ms += 1000
        waits.answered(number, now_ms)
    assert [waits.estimate(99, place, now_ms) for place in (4, 2, 1)] == [Wait(4, 4), Wait(2, 2), Wait(1, 1)]


def test_a_pace_of_long_ago_is_forgotten() -> None:
    """After two hours of silence nothing is told."""
    waits = Waits()
    now_ms = regular(waits, 40)
    assert waits.estimate(98, 1, now_ms - 20 * 60_000 + REMEMBERED_MS) is not None
    assert waits.estimate(99, 1, now_ms + REMEMBERED_MS + 1) is None


def test_who_gave_up_teaches_nothing() -> None:
    """How long they would have waited nobody knows."""
    waits = Waits()
    for number in range(100):
        waits.estimate(number, 1, NOW_MS)
        waits.left(number)
    waits.answered(0, NOW_MS + 1)
    assert waits.coverage(1) is None
    assert waits.estimate(100, 1, NOW_MS) is None


def test_a_range_too_wide_to_help_is_not_told() -> None:
    """A second or five minutes, at random; and every prediction comes true."""
    waits, chance, now_ms = Waits(), random.Random(5), NOW_MS
    for _ in range(100):
        now_ms = regular(waits, 1, chance.choice((1_000, 300_000)), now_ms)
    coverage = waits.coverage(1)
    assert coverage is not None
    assert coverage > 0.9
    assert waits.estimate(100, 1, now_ms) is None


def test_predictions_that_keep_failing_are_not_told() -> None:
    """A steady queue becomes slower with each answer: the range is narrow enough, and has been too low all the time."""
    waits, pace_ms = Waits(), 5000.0
    now_ms = regular(waits, 12, 5000)
    for number in range(20):
        pace_ms += 1500 * 1.1**number
        now_ms = regular(waits, 1, int(pace_ms), now_ms)
    coverage = waits.coverage(1)
    assert coverage is not None
    assert coverage < 0.6
    assert waits.estimate(100, 1, now_ms) is None


class Line:
    """A queue at which all agents are busy: one is taken after each random gap, one comes after each random gap."""

    def __init__(self, seed: int, length: int) -> None:
        self.chance, self.waits, self.now_ms = random.Random(seed), Waits(), NOW_MS
        self.queue: deque[int] = deque()
        self.told: dict[int, tuple[Wait, int]] = {}
        self.outcomes: list[bool] = []
        self.number = 0
        self.length = length

    def gap(self, mean_s: float) -> int:
        """Milliseconds, exponentially distributed."""
        return round(self.chance.expovariate(1 / mean_s) * 1000)

    def come(self) -> None:
        """One more waits; it hears its range."""
        self.number += 1
        self.queue.append(self.number)
        wait = self.waits.estimate(self.number, len(self.queue), self.now_ms)
        if wait is not None:
            self.told[self.number] = wait, self.now_ms

    def go(self) -> None:
        """The first is answered; the others hear their new ranges."""
        first = self.queue.popleft()
        self.waits.answered(first, self.now_ms)
        if first in self.told:
            wait, since_ms = self.told.pop(first)
            self.outcomes.append(wait.low <= (self.now_ms - since_ms) / 1000 <= wait.high)
        for place, number in enumerate(self.queue):
            self.waits.estimate(number, place + 1, self.now_ms)

    def run(self, count: int, pace_s: float, drift: float = 1.0) -> None:
        """`count` are answered; the queue is filled up at random around its length; the pace drifts."""
        for _ in range(count):
            while len(self.queue) < self.chance.randint(1, 2 * self.length):
                self.come()
            self.now_ms += self.gap(pace_s)
            pace_s *= drift
            self.go()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("length", [3, 40])
@pytest.mark.parametrize("drift", [1.0, 1.0007, 0.9993])
def test_most_waits_are_in_the_range_that_was_told(seed: int, length: int, drift: float) -> None:
    """Random gaps, steady or twice as long (or short) after a thousand: most ranges are told, and over 70 % hold.

    Meant are 80 %; a pace that drifts is followed late, by the waits of those who were answered last.
    """
    line = Line(seed, length)
    line.run(1000, 20, drift)
    assert len(line.outcomes) > 500
    assert sum(line.outcomes) / len(line.outcomes) > 0.7


HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["estimate", "answered", "left"]), st.integers(0, 8), st.integers(-3, 300)), max_size=200
)


@given(HAPPENINGS, st.integers(0, 200_000))
def test_a_range_is_never_negative_inverted_or_wide(happenings: list[tuple[str, int, int]], step_ms: int) -> None:
    """In whatever order things are told: odd positions, answers to nobody, time that stands still."""
    waits, now_ms = Waits(), NOW_MS
    regular(waits, 25, step_ms, NOW_MS)
    for what, number, position in happenings:
        if what == "estimate":
            wait = waits.estimate(number, position, now_ms)
            if wait is not None:
                assert 0 <= wait.low <= wait.high <= WIDE_TIMES * wait.low + WIDE_SECONDS
        elif what == "answered":
            waits.answered(number, now_ms)
        else:
            waits.left(number)
        now_ms += step_ms
        coverage = waits.coverage(position)
        assert coverage is None or 0 <= coverage <= 1
