"""Hours of operation: weekly spans in a zone's wall time, and dates on which others apply.

A clock on the wall decides: it is open whenever that clock shows a time inside a span. So where a clock change
repeats an hour, a span in it is open twice; where it leaves one out, a span in it never opens.

`zoneinfo` reads a zone's file at its first use and remembers it; nothing else here leaves memory.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

from frontdesk.domain.errors import Invalid

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
DAY_MS = DAY_MINUTES * 60_000
# Days: a year and a bit, so that a place that opens on one date a year is still found.
LOOK_AHEAD_DAYS = 400
# Entries: more is a slip of an import, and each is looked at when somebody connects.
SPANS_MAX = 100
DATED_MAX = 400
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Folders and files of the zone database that are no zones of people: with leap seconds, or "wherever this machine is".
_NOT_ZONES = re.compile(r"(posix|right)/|(localtime|posixrules|Factory)$")


class Stretch(Struct, frozen=True, rename="camel"):
    """Open from `opens_minute` (0 to 1439 after midnight) to `closes_minute` (0 to 1440), that one excluded.

    Closing at or before the opening means on the next day: 1320 to 360 is from 22:00 to 06:00, and 0 to 0 all day.
    """

    opens_minute: int
    closes_minute: int


class Span(Struct, frozen=True, rename="camel"):
    """A stretch of every week. `day` is the one it opens on, 0 for Monday to 6 for Sunday."""

    day: int
    opens_minute: int
    closes_minute: int


class Dated(Struct, frozen=True, rename="camel"):
    """A date ("YYYY-MM-DD") on which these stretches open instead of its weekday's; none for a holiday.

    What opened the evening before still closes at its time.
    """

    date: str
    spans: tuple[Stretch, ...] = ()


class Hours(Struct, frozen=True, rename="camel"):
    """When an organization's work type is open. `zone` is a name of the IANA database, as "Europe/Berlin"."""

    hours_id: str
    org_id: str
    name: str
    zone: str
    spans: tuple[Span, ...] = ()
    dated: tuple[Dated, ...] = ()


def is_open(hours: Hours, now_ms: int) -> bool:
    """Whether the wall clock shows a time inside a span."""
    wall = _wall(hours, now_ms)
    minute = wall.hour * 60 + wall.minute
    today = any(s.opens_minute <= minute < _ends(s) for s in _opening_on(hours, wall.date()))
    return today or any(minute + DAY_MINUTES < _ends(s) for s in _opening_on(hours, wall.date() - dt.timedelta(days=1)))


def next_opening(hours: Hours, now_ms: int) -> int | None:
    """The first millisecond from `now_ms` on at which it is open: `now_ms` itself while it is.

    None when it does not open within 400 days.
    """
    for day in range(LOOK_AHEAD_DAYS):
        begins_ms = now_ms + day * DAY_MS
        found = [ms for ms in _moments(hours, begins_ms) if is_open(hours, ms)]
        if found:
            return min(found)
    return None


def check_hours(hours: Hours) -> Hours:
    """The same hours. Raises Invalid when the zone is unknown, or spans or dates make no sense."""
    if not _is_zone(hours.zone):
        raise Invalid("unknownZone", "Send a zone of the IANA database, such as Europe/Berlin.", scope="zone")
    if len(hours.spans) > SPANS_MAX or len(hours.dated) > DATED_MAX:
        raise Invalid("tooManySpans", f"Send at most {SPANS_MAX} weekly spans and {DATED_MAX} dates.", scope="spans")
    for span in hours.spans:
        if not 0 <= span.day <= 6:  # noqa: PLR2004 - the days of a week
            raise Invalid("invalidDay", "Send a day from 0 (Monday) to 6 (Sunday).", scope="spans")
        _check_minutes(span, "spans")
    _check_apart([(s.day * DAY_MINUTES + s.opens_minute, s.day * DAY_MINUTES + _ends(s)) for s in hours.spans])
    _check_dates(hours.dated)
    return hours


def _ends(span: Stretch | Span) -> int:
    """The closing in minutes after midnight of the day it opens: above 1440 when it is on the next one."""
    return span.closes_minute + (DAY_MINUTES if span.closes_minute <= span.opens_minute else 0)


def _check_dates(dated: tuple[Dated, ...]) -> None:
    for one in dated:
        if _date(one.date) is None:
            raise Invalid("invalidDate", "Send each date as YYYY-MM-DD, and one of the calendar.", scope="dated")
        for stretch in one.spans:
            _check_minutes(stretch, "dated")
        _check_apart([(s.opens_minute, _ends(s)) for s in one.spans], around=None)
    if len({one.date for one in dated}) < len(dated):
        raise Invalid("repeatedDate", "Name each date once, with all its spans.", scope="dated")


def _check_minutes(stretch: Stretch | Span, scope: str) -> None:
    if not (0 <= stretch.opens_minute < DAY_MINUTES and 0 <= stretch.closes_minute <= DAY_MINUTES):
        raise Invalid(
            "invalidMinute",
            "Send opensMinute from 0 to 1439 and closesMinute from 0 to 1440, counted from midnight.",
            scope=scope,
        )


def _check_apart(spans: list[tuple[int, int]], around: int | None = WEEK_MINUTES) -> None:
    """Raises Invalid when two overlap. `around`: the last may reach past this minute, to where the first begins."""
    spans = sorted(spans)
    if around is not None and spans:
        spans.append((spans[0][0] + around, 0))
    if any(begins < ended for (_, ended), (begins, _) in pairwise(spans)):
        raise Invalid("overlappingSpans", "Two spans overlap; send one span for the whole time.", scope="spans")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        # Which of them depends on what the name happens to meet in the database's folders.
        return False
    return _NOT_ZONES.match(name) is None


def _date(text: str) -> dt.date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _wall(hours: Hours, ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms // 1000, ZoneInfo(hours.zone))


def _opening_on(hours: Hours, date: dt.date) -> Iterable[Stretch | Span]:
    if hours.dated:
        written = date.isoformat()
        for one in hours.dated:
            if one.date == written:
                return one.spans
    weekday = date.weekday()
    return [span for span in hours.spans if span.day == weekday]


def _moments(hours: Hours, begins_ms: int) -> Iterator[int]:
    """Every moment of the 24 hours from `begins_ms` at which it may come to be open.

    That is the first one, each opening by the wall clock (twice where an hour is repeated), and a change of the clock,
    which may jump into the middle of a span.
    """
    ends_ms = begins_ms + DAY_MS
    yield begins_ms
    first, last = _wall(hours, begins_ms), _wall(hours, ends_ms)
    if first.utcoffset() != last.utcoffset():
        yield _clock_change(hours, begins_ms, ends_ms)
    date = first.date() - dt.timedelta(days=1)
    while date <= last.date():
        midnight = dt.datetime.combine(date, dt.time(), ZoneInfo(hours.zone))
        for stretch in _opening_on(hours, date):
            opens = midnight + dt.timedelta(minutes=stretch.opens_minute)
            yield from (ms for ms in _instants(opens) if begins_ms <= ms < ends_ms)
        date += dt.timedelta(days=1)


def _instants(wall: dt.datetime) -> Iterator[int]:
    """When the clock shows this: once, twice, or (around a left-out hour) moments near it that are looked at anyway."""
    for fold in (0, 1):
        yield round(wall.replace(fold=fold).timestamp()) * 1000


def _clock_change(hours: Hours, before_ms: int, after_ms: int) -> int:
    """The first whole second with the later offset, in ms. One day has one change at most."""
    before, after = before_ms // 1000, after_ms // 1000
    offset = _wall(hours, before * 1000).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if _wall(hours, middle * 1000).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after * 1000
