import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.lockout import (
    ADDRESS,
    FIRST_MS,
    LOGIN,
    LONGEST_MS,
    NONE,
    Patience,
    Tries,
    one_less,
    one_more,
    wait_ms,
)
from frontdesk.domain.lockout import left as not_forgotten

START_MS = 1_767_225_600_000
DAY_MS = 24 * 3600 * 1000
PATIENCES = st.builds(Patience, free=st.integers(1, 30), forget_ms=st.integers(1000, 3_600_000))
# How long somebody waits before each try, in milliseconds.
GAPS = st.lists(st.integers(0, 2 * LONGEST_MS), max_size=80)


def looked_at(patience: Patience, gaps: list[int]) -> list[int]:
    """The moments of those wrong tries, with such gaps between them, that were looked at."""
    now_ms, tries, moments = START_MS, NONE, []
    for gap in gaps:
        now_ms += gap
        if not wait_ms(tries, patience, now_ms):
            tries = one_more(tries, patience, now_ms)
            moments.append(now_ms)
    return moments


def eager(patience: Patience, span_ms: int) -> list[int]:
    """The moments of the tries of somebody who tries again as soon as they may."""
    now_ms, tries, moments = START_MS, NONE, []
    while now_ms <= START_MS + span_ms:
        moments.append(now_ms)
        tries = one_more(tries, patience, now_ms)
        now_ms += max(wait_ms(tries, patience, now_ms), 1)
    return moments


@given(PATIENCES, st.integers(0, 100))
def test_the_first_tries_wait_for_nothing(patience: Patience, gap_ms: int) -> None:
    """As many as are free, however quick; the next one waits a second."""
    tries, now_ms = NONE, START_MS
    for _ in range(patience.free):
        assert wait_ms(tries, patience, now_ms) == 0
        now_ms += gap_ms * patience.forget_ms // 100_000
        tries = one_more(tries, patience, now_ms)
    assert wait_ms(tries, patience, now_ms) == FIRST_MS


def test_each_further_wait_is_twice_as_long_up_to_the_longest() -> None:
    """Of a login that is tried as fast as it may be."""
    tries, now_ms, waits = NONE, START_MS, []
    for _ in range(LOGIN.free + 12):
        now_ms += wait_ms(tries, LOGIN, now_ms)
        tries = one_more(tries, LOGIN, now_ms)
        waits.append(wait_ms(tries, LOGIN, now_ms) // 1000)
    assert waits[:14] == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    # By now they waited so long that some of the tries are forgotten.
    assert set(waits[14:]) == {512, 900}


@given(PATIENCES, GAPS)
def test_a_refused_try_changes_nothing(patience: Patience, gaps: list[int]) -> None:
    """Whoever is told to wait and waits that long is looked at, whatever they tried meanwhile."""
    tries, now_ms = NONE, START_MS
    for gap in gaps:
        now_ms += gap
        wait = wait_ms(tries, patience, now_ms)
        if not wait:
            tries = one_more(tries, patience, now_ms)
    assert wait_ms(tries, patience, now_ms + wait_ms(tries, patience, now_ms)) == 0


@given(PATIENCES, GAPS)
def test_no_wait_is_longer_than_the_longest(patience: Patience, gaps: list[int]) -> None:
    """Nobody is locked out for ever."""
    tries, now_ms = NONE, START_MS
    for gap in gaps:
        now_ms += gap
        tries = one_more(tries, patience, now_ms)
        assert 0 <= wait_ms(tries, patience, now_ms) <= LONGEST_MS


@given(PATIENCES, GAPS)
def test_no_span_has_more_tries_than_are_free_and_forgotten_in_it(patience: Patience, gaps: list[int]) -> None:
    """Beyond the free ones each has waited: the longest wait, or what was forgotten meanwhile."""
    moments = looked_at(patience, gaps)
    # Ten doublings lead from the first wait to the longest.
    for i, start in enumerate(moments):
        within = sum(1 for m in moments[i:] if m < start + LONGEST_MS)
        assert within <= patience.free + 11 + LONGEST_MS / patience.forget_ms + 1


@pytest.mark.parametrize("days", [1, 3])
def test_guessing_for_days_gets_a_hundred_tries_of_a_login_a_day(days: int) -> None:
    """Beside those that the waits begin with."""
    assert len(eager(LOGIN, days * DAY_MS)) <= 96 * days + LOGIN.free + 12


def test_an_office_with_a_slip_every_two_minutes_never_waits() -> None:
    """All of it is behind one address."""
    assert len(looked_at(ADDRESS, [120_000] * 500)) == 500


@given(PATIENCES, GAPS)
def test_everything_is_forgotten_in_time(patience: Patience, gaps: list[int]) -> None:
    """As many steps of forgetting as there were tries."""
    tries, now_ms = NONE, START_MS
    for gap in gaps:
        now_ms += gap
        tries = one_more(tries, patience, now_ms)
    assert not_forgotten(tries, patience, now_ms + len(gaps) * patience.forget_ms) == 0


def test_a_clock_that_was_put_back_forgets_nothing() -> None:
    """Nor does it make the count larger."""
    assert not_forgotten(Tries(3, START_MS), LOGIN, START_MS - DAY_MS) == 3


@given(PATIENCES, GAPS)
def test_a_right_try_is_taken_back(patience: Patience, gaps: list[int]) -> None:
    """It was counted before it was looked at, and leaves what there was."""
    tries, now_ms = NONE, START_MS
    for gap in gaps:
        now_ms += gap
        tries = one_more(tries, patience, now_ms)
    before = not_forgotten(tries, patience, now_ms)
    assert abs(one_less(one_more(tries, patience, now_ms)).count - before) < 1e-6
