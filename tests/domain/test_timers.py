from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.timers import WIDTH, Timers


def test_nothing_is_called_early_and_all_at_the_first_moment_not_before() -> None:
    """Due times round up to the width, never down."""
    timers, called = Timers(), list[int]()
    timers.at(1001, called.append)
    timers.advance(1001)
    timers.advance(1049)
    assert called == []
    timers.advance(1050)
    assert called == [1050]
    timers.advance(9999)
    assert called == [1050], "a call is made once"


def test_a_due_time_on_the_grid_is_exact() -> None:
    """15 s after a whole slot is 15 s."""
    timers, called = Timers(), list[int]()
    timers.at(15_000, called.append)
    timers.advance(14_999)
    assert called == []
    timers.advance(15_000)
    assert called == [15_000]


def test_calls_come_in_order_of_time_then_of_asking() -> None:
    """However late the clock looks."""
    timers, order = Timers(), list[str]()

    def note(name: str) -> Callable[[int], None]:
        return lambda now: order.append(name)

    for due_ms, name in ((300, "c"), (100, "a"), (200, "b1"), (190, "b2"), (100, "a2")):
        timers.at(due_ms, note(name))
    timers.advance(10_000)
    assert order == ["a", "a2", "b1", "b2", "c"]


def test_a_callback_that_asks_for_the_past_runs_at_the_next_advance() -> None:
    """Never in the same one: a callback that always asks again would hold the loop for ever."""
    timers, count = Timers(), list[int]()

    def again(now_ms: int) -> None:
        count.append(now_ms)
        timers.at(now_ms - 1000, again)

    timers.at(50, again)
    timers.advance(100)
    assert count == [100]
    timers.advance(100)
    assert count == [100, 100]


def test_a_callback_may_ask_for_a_slot_that_is_being_run() -> None:
    """The slot was taken off before its calls are made: nothing is skipped, nothing is called twice."""
    timers, order = Timers(), list[str]()

    def first(now_ms: int) -> None:
        order.append("first")
        timers.at(100, lambda now: order.append("third"))

    timers.at(100, first)
    timers.at(100, lambda now: order.append("second"))
    timers.advance(100)
    timers.advance(100)
    assert order == ["first", "second", "third"]


def test_clear_forgets_everything() -> None:
    """And the queue can be used again."""
    timers, called = Timers(), list[int]()
    timers.at(100, called.append)
    timers.clear()
    timers.advance(1000)
    assert (called, len(timers)) == ([], 0)
    timers.at(1100, called.append)
    timers.advance(1100)
    assert called == [1100]


STEPS = st.lists(st.tuples(st.sampled_from(["ask", "advance"]), st.integers(0, 1000)), max_size=80)


@given(STEPS)
def test_against_a_naive_model(steps: list[tuple[str, int]]) -> None:
    """A sorted list does the same: (slot, order of asking), everything up to now."""
    timers, called = Timers(), list[int]()
    model, expected, now_ms = list[tuple[int, int]](), list[int](), 0
    for name, (what, amount) in enumerate(steps):
        if what == "ask":
            due_ms = now_ms + amount
            timers.at(due_ms, lambda now, name=name: called.append(name))  # type: ignore[misc]
            model.append((-(-due_ms // WIDTH) * WIDTH, name))
        else:
            now_ms += amount
            timers.advance(now_ms)
            model.sort()
            expected += [name for due, name in model if due <= now_ms]
            model = [(due, name) for due, name in model if due > now_ms]
        assert called == expected
        assert len(timers) == len(model)
