"""What operators type, read and written again."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain import notation
from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import Dated, Span, Stretch
from frontdesk.domain.rules import Detour, Instead
from frontdesk.domain.skills import Need, Ring

MINUTES = st.integers(0, 1439)
SKILLS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
STRETCHES = st.builds(Stretch, MINUTES, st.integers(0, 1440))
NEEDS = st.lists(st.builds(Need, SKILLS, st.integers(1, 10)), max_size=4).map(tuple)


@given(st.sets(st.builds(Span, st.integers(0, 6), MINUTES, st.integers(0, 1440))))
def test_spans_are_read_as_they_were_written(spans: set[Span]) -> None:
    """Whatever days are written together, the same spans come out."""
    read = [span for text in notation.written_spans(list(spans)) for span in notation.spans(text)]
    assert len(read) == len(spans)
    assert set(read) == spans


@given(st.dates(), st.lists(STRETCHES, max_size=3).map(tuple))
def test_a_date_is_read_as_it_was_written(date: object, spans: tuple[Stretch, ...]) -> None:
    """With its spans, or none for a holiday."""
    dated = Dated(str(date), spans)
    assert notation.dated(notation.written_dated(dated)) == dated


@given(st.lists(st.builds(Ring, st.integers(1, 86_400), NEEDS), max_size=4, unique_by=lambda ring: ring.after_seconds))
def test_rings_are_read_as_they_were_written(later: list[Ring]) -> None:
    """In the order of their seconds, whatever order they were typed in."""
    read = notation.rings(["a=3", "b"], map(notation.written_ring, later))
    assert read == (Ring(0, (Need("a", 3), Need("b", 1))), *sorted(later, key=lambda ring: ring.after_seconds))


@pytest.mark.parametrize(
    "way",
    [
        Detour(),
        Detour(Instead.MESSAGE, "", "Closed"),
        Detour(Instead.CALLBACK, "32"),
        Detour(Instead.SCRIPT, "concierge"),
        Detour(Instead.WORK_TYPE, "79", "One moment"),
    ],
    ids=str,
)
def test_a_detour_is_read_as_it_was_written(way: Detour) -> None:
    """Each of its kinds has a word."""
    assert notation.detour(notation.written_detour(way), way.text) == way


def test_days_are_written_together() -> None:
    """As people say it."""
    spans = [*notation.spans("mon-fri 09:00-17:00"), *notation.spans("sat 22:00-06:00")]
    assert notation.written_spans(spans) == ["mon-fri 09:00-17:00", "sat 22:00-06:00"]


def test_days_go_round_the_end_of_the_week() -> None:
    """From Friday to Monday are four days."""
    assert [span.day for span in notation.spans("FRI-mon 9:00-24:00")] == [4, 5, 6, 0]


def test_no_skills_are_no_rings() -> None:
    """Nothing typed is nothing asked for."""
    assert notation.rings([], []) == ()


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (notation.spans, "", "invalidSpan"),
        (notation.spans, "monday 09:00-17:00", "invalidSpan"),
        (notation.spans, "mon 9-17", "invalidSpan"),
        (notation.spans, "mon-fry 09:00-17:00", "invalidSpan"),
        (notation.spans, "mon 24:00-17:00", "invalidSpan"),
        (notation.spans, "mon 09:60-17:00", "invalidSpan"),
        (notation.spans, "mon 09:00-24:01", "invalidSpan"),
        (notation.dated, "2026-12-24 noon", "invalidSpan"),
        (notation.needs, "spanish=", "invalidSkill"),
        (notation.needs, "=8", "invalidSkill"),
        (notation.needs, "spanish=high", "invalidSkill"),
        (notation.needs, "spanish=-1", "invalidSkill"),
        (lambda text: notation.rings([], [text]), "spanish=5", "invalidRings"),
        (lambda text: notation.rings([], [text]), "-1:spanish=5", "invalidRings"),
        (lambda text: notation.detour(text, ""), "callback", "invalidDetour"),
        (lambda text: notation.detour(text, ""), "callback:", "invalidDetour"),
        (lambda text: notation.detour(text, ""), "message:now", "invalidDetour"),
        (lambda text: notation.detour(text, ""), "fax:32", "invalidDetour"),
    ],
    # Not by the lambdas' addresses: each run would call the test otherwise.
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_can_not_be_read_is_refused_with_an_example(read: Callable[[str], object], text: str, reason: str) -> None:
    """The sentence shows how it is written."""
    with pytest.raises(Invalid, match=" like ") as refused:
        read(text)
    assert refused.value.reason == reason


@given(st.text(), st.sampled_from([notation.spans, notation.dated, notation.needs, lambda t: notation.detour(t, "")]))
def test_whatever_is_typed_is_read_or_refused(text: str, read: Callable[[str], object]) -> None:
    """Nothing else is raised."""
    with suppress(Invalid):
        read(text)
