from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.limits import Rate, gcra

RATES = st.builds(Rate, count=st.integers(1, 20), seconds=st.sampled_from([0.5, 1.0, 10.0, 60.0]))
# In eighths of a second, so that the test's own sums are exact.
GAPS = st.lists(st.integers(0, 80).map(lambda eighths: eighths / 8), max_size=120)


def admitted(rate: Rate, gaps: list[float]) -> list[float]:
    """The moments at which calls with these gaps between them were let through."""
    now, theoretical, let_through = 1000.0, 0.0, []
    for gap in gaps:
        now += gap
        theoretical, wait = gcra(rate, theoretical, now)
        if not wait:
            let_through.append(now)
    return let_through


@given(RATES)
def test_the_whole_count_is_allowed_at_once_and_not_one_more(rate: Rate) -> None:
    """A burst of `count` passes; the next call of the same instant waits."""
    assert len(admitted(rate, [0.0] * (rate.count + 1))) == rate.count


@given(RATES, GAPS)
def test_never_twice_the_count_in_a_window(rate: Rate, gaps: list[float]) -> None:
    """GCRA: a window holds the burst and what the rate gives meanwhile, so fewer than twice `count`, whatever comes."""
    moments = admitted(rate, gaps)
    for i, start in enumerate(moments):
        within = sum(1 for m in moments[i:] if m < start + rate.seconds)
        assert within < 2 * rate.count + 1e-6


@given(RATES, GAPS)
def test_never_more_than_the_rate_and_one_burst(rate: Rate, gaps: list[float]) -> None:
    """Over any span of time at most `count` and what the rate gives in that span."""
    moments = admitted(rate, gaps)
    for i, start in enumerate(moments):
        for j, end in enumerate(moments[i:], start=1):
            assert j <= rate.count + (end - start) * rate.count / rate.seconds + 1e-6


@given(RATES, GAPS)
def test_whoever_waits_as_told_is_let_through(rate: Rate, gaps: list[float]) -> None:
    """The wait is never too short, and never longer than one interval."""
    now, theoretical = 1000.0, 0.0
    for gap in gaps:
        now += gap
        stored, wait = gcra(rate, theoretical, now)
        if wait:
            assert stored == theoretical, "a refused call must not count"
            assert wait <= rate.seconds / rate.count + 1e-6
            stored, again = gcra(rate, theoretical, now + wait)
            assert again == 0.0
        else:
            theoretical = stored


def test_a_spent_allowance_comes_back_whole() -> None:
    """After `seconds` of silence the caller may again make `count` calls at once."""
    rate = Rate(5, 10.0)
    assert len(admitted(rate, [0.0] * 6 + [10.0] + [0.0] * 5)) == 10
