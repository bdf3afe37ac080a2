import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import DAY_MINUTES, Dated, Hours, Span, Stretch, check_hours, is_open, next_opening

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def hours(*spans: Span, zone: str = "Europe/Berlin", dated: tuple[Dated, ...] = ()) -> Hours:
    """Hours with these spans and dates."""
    return Hours("h1", "viademo", "Office", zone, spans, dated)


def at(written: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    """The moment at which that zone's clock shows "YYYY-MM-DD hh:mm"; `fold` 1: when it does so again."""
    wall = dt.datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(wall.timestamp()) * 1000


OFFICE = hours(*(Span(day, 9 * 60, 17 * 60) for day in range(5)))
# A Monday.
MONDAY = "2026-03-23"


def test_a_span_is_open_from_its_first_minute_to_before_its_last() -> None:
    """09:00 to 17:00: 09:00 is open, 17:00 is not."""
    shown = {time: is_open(OFFICE, at(f"{MONDAY} {time}")) for time in ("08:59", "09:00", "16:59", "17:00")}
    assert shown == {"08:59": False, "09:00": True, "16:59": True, "17:00": False}


def test_a_weekend_has_no_spans() -> None:
    """From Friday evening the next opening is on Monday morning."""
    assert next_opening(OFFICE, at("2026-03-20 17:00")) == at(f"{MONDAY} 09:00")


def test_while_open_the_next_opening_is_now() -> None:
    """To the millisecond that was asked for."""
    now_ms = at(f"{MONDAY} 10:00") + 123
    assert next_opening(OFFICE, now_ms) == now_ms


def test_an_overnight_span_ends_on_the_next_day() -> None:
    """Monday 22:00 to 06:00 covers Tuesday 05:59, and not Monday 05:59."""
    night = hours(Span(0, 22 * 60, 6 * 60))
    assert is_open(night, at("2026-03-24 05:59"))
    assert not is_open(night, at("2026-03-24 06:00"))
    assert not is_open(night, at(f"{MONDAY} 05:59"))


def test_a_span_from_sunday_ends_on_monday() -> None:
    """The week is a circle."""
    assert is_open(hours(Span(6, 23 * 60, 60)), at(f"{MONDAY} 00:59"))


def test_closing_at_the_minute_of_opening_is_all_day() -> None:
    """And 0 to 1440 is the same."""
    for closes in (0, DAY_MINUTES):
        always = hours(*(Span(day, 0, closes) for day in range(7)))
        assert is_open(check_hours(always), at(f"{MONDAY} 00:00"))
        assert is_open(always, at(f"{MONDAY} 23:59"))


def test_a_pause_lies_between_two_spans() -> None:
    """Several a day."""
    pause = hours(Span(0, 8 * 60, 12 * 60), Span(0, 13 * 60, 17 * 60))
    assert next_opening(pause, at(f"{MONDAY} 12:00")) == at(f"{MONDAY} 13:00")


def test_a_holiday_replaces_its_weekday() -> None:
    """Nothing opens on it; what opened the evening before still closes at its time."""
    night = hours(*(Span(day, 22 * 60, 6 * 60) for day in range(7)), dated=(Dated("2026-03-24"),))
    assert is_open(night, at("2026-03-24 05:00"))
    assert not is_open(night, at("2026-03-24 23:00"))
    assert next_opening(night, at("2026-03-24 06:00")) == at("2026-03-25 22:00")


def test_a_date_may_have_spans_of_its_own() -> None:
    """Christmas Eve: in the morning only."""
    eve = hours(*OFFICE.spans, dated=(Dated("2026-12-24", (Stretch(9 * 60, 12 * 60),)),))
    assert is_open(eve, at("2026-12-24 11:59"))
    assert not is_open(eve, at("2026-12-24 12:00"))


def test_what_never_opens_has_no_next_opening() -> None:
    """And is not looked for without end."""
    assert next_opening(hours(), at(f"{MONDAY} 09:00")) is None
    far = hours(dated=(Dated("2027-03-24", (Stretch(540, 600),)),))
    assert next_opening(far, at(f"{MONDAY} 09:00")) == at("2027-03-24 09:00")


def test_a_span_inside_a_left_out_hour_never_opens_that_day() -> None:
    """Berlin, 2026-03-29: 02:00 to 03:00 does not happen; the next one is a week later."""
    early = hours(Span(6, 135, 165))
    assert next_opening(early, at("2026-03-29 00:00")) == at("2026-04-05 02:15")


def test_a_span_that_a_clock_change_jumps_into_opens_with_it() -> None:
    """02:30 to 05:00 on the day that leaves out 02:00 to 03:00 opens at 03:00."""
    assert next_opening(hours(Span(6, 150, 300)), at("2026-03-29 00:00")) == at("2026-03-29 03:00")


def test_a_span_in_a_repeated_hour_opens_twice() -> None:
    """Berlin, 2026-10-25: 02:00 to 03:00 comes twice, and the clock on the wall decides."""
    early = hours(Span(6, 135, 150))
    first, second = at("2026-10-25 02:15"), at("2026-10-25 02:15", fold=1)
    assert second - first == HOUR_MS
    assert next_opening(early, at("2026-10-25 00:00")) == first
    assert next_opening(early, first + 15 * MINUTE_MS) == second


# Zone and days with a clock change: an hour, half an hour (Lord Howe), at midnight (Havana), a whole day left out
# (Apia); and one zone that has none.
CHANGES = (
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/Havana", "2025-03-09"),
    ("America/Havana", "2025-11-02"),
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Kolkata", "2026-03-29"),
)
MINUTES = st.integers(0, DAY_MINUTES // 15 - 1).map(lambda quarter: 15 * quarter)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Hours, int]:
    """Any spans, overlapping too, around a change of the clock; and the UTC midnight before it."""
    zone, day = draw(st.sampled_from(CHANGES))
    spans = draw(st.lists(st.builds(Span, st.integers(0, 6), MINUTES, MINUTES), max_size=5))
    dates = st.sampled_from([str(dt.date.fromisoformat(day) + dt.timedelta(days=n)) for n in (-1, 0, 1)])
    stretches = st.lists(st.builds(Stretch, MINUTES, MINUTES), max_size=2).map(tuple)
    dated = draw(st.lists(st.builds(Dated, dates, stretches), max_size=2, unique_by=lambda one: one.date))
    begins_ms = round(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1000 - 12 * HOUR_MS
    return hours(*spans, zone=zone, dated=tuple(dated)), begins_ms


def shown_open(calendar: Hours, ms: int) -> bool:
    """The oracle: lay out every minute of each date that could matter, and look the wall clock up in it."""
    wall = dt.datetime.fromtimestamp(ms / 1000, ZoneInfo(calendar.zone)).replace(tzinfo=None)
    for date in (wall.date(), wall.date() - dt.timedelta(days=1)):
        named = [one.spans for one in calendar.dated if one.date == str(date)]
        found = named[0] if named else [span for span in calendar.spans if span.day == date.weekday()]
        for span in found:
            opens = dt.datetime.combine(date, dt.time()) + dt.timedelta(minutes=span.opens_minute)
            length = (span.closes_minute - span.opens_minute) % DAY_MINUTES or DAY_MINUTES
            if opens <= wall < opens + dt.timedelta(minutes=length):
                return True
    return False


@given(calendars())
@settings(max_examples=60, deadline=None)
def test_every_minute_around_a_clock_change_is_as_the_oracle_says(made: tuple[Hours, int]) -> None:
    """Two days, minute by minute: open or not, and when it opens next."""
    calendar, begins_ms = made
    minutes = [begins_ms + n * MINUTE_MS for n in range(2 * DAY_MINUTES)]
    opened = [shown_open(calendar, ms) for ms in minutes]
    assert [is_open(calendar, ms) for ms in minutes] == opened
    following: int | None = None
    for ms, is_so in zip(reversed(minutes), reversed(opened), strict=True):
        following = ms if is_so else following
        if following is not None and ms % (15 * MINUTE_MS) == 0:
            assert next_opening(calendar, ms) == following


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (hours(zone="Europe/Atlantis"), "unknownZone"),
        (hours(zone=""), "unknownZone"),
        (hours(zone="../etc/passwd"), "unknownZone"),
        (hours(zone="Europe"), "unknownZone"),
        (hours(zone="localtime"), "unknownZone"),
        (hours(zone="right/Europe/Berlin"), "unknownZone"),
        (hours(zone="x" * 5000), "unknownZone"),
        (hours(zone="\0"), "unknownZone"),
        (hours(Span(7, 0, 60)), "invalidDay"),
        (hours(Span(0, DAY_MINUTES, 60)), "invalidMinute"),
        (hours(Span(0, -1, 60)), "invalidMinute"),
        (hours(Span(0, 0, DAY_MINUTES + 1)), "invalidMinute"),
        (hours(Span(0, 0, 61), Span(0, 60, 90)), "overlappingSpans"),
        (hours(Span(0, 1320, 360), Span(1, 300, 400)), "overlappingSpans"),
        (hours(Span(6, 1320, 360), Span(0, 300, 400)), "overlappingSpans"),
        (hours(*([Span(0, 0, 1)] * 101)), "tooManySpans"),
        (hours(dated=(Dated("2026-02-29"),)), "invalidDate"),
        (hours(dated=(Dated("20260228"),)), "invalidDate"),
        (hours(dated=(Dated("2026-02-28"), Dated("2026-02-28"))), "repeatedDate"),
        (hours(dated=(Dated("2026-02-28", (Stretch(0, 1441),)),)), "invalidMinute"),
        (hours(dated=(Dated("2026-02-28", (Stretch(0, 61), Stretch(60, 90))),)), "overlappingSpans"),
    ],
)
def test_hours_that_make_no_sense_are_refused(wrong: Hours, reason: str) -> None:
    """Each with its reason."""
    with pytest.raises(Invalid) as refused:
        check_hours(wrong)
    assert refused.value.reason == reason


def test_spans_that_touch_do_not_overlap() -> None:
    """Also over midnight, and from Sunday into Monday."""
    touching = hours(Span(0, 360, 720), Span(0, 720, 0), Span(6, 1320, 360))
    assert check_hours(touching) is touching
