"""How operators write spans, skills, rings and detours on a command line, and how lists show them.

mon-fri 09:00-17:00      2026-12-24 09:00-12:00      spanish=8,sales      60:spanish=5      callback:32
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import DAY_MINUTES, Dated, Span, Stretch
from frontdesk.domain.rules import Detour, Instead
from frontdesk.domain.skills import LEVEL_MIN, Need, Ring

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?\s+(\S+)")
_TIMES = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", re.ASCII)
_MINUTES = 60
# What comes before the colon of a detour, and what it means.
_INSTEAD = {"callback": Instead.CALLBACK, "script": Instead.SCRIPT, "worktype": Instead.WORK_TYPE}


def spans(text: str) -> list[Span]:
    """Weekly spans of "mon-fri 09:00-17:00"; "fri-mon" goes round the end of the week. Raises Invalid."""
    found = _WEEKLY.fullmatch(text.strip().lower())
    if found is None or found[1] not in DAYS or (found[2] or found[1]) not in DAYS:
        raise Invalid("invalidSpan", f'Write "{text}" like "mon-fri 09:00-17:00" or "sat 22:00-06:00".', scope="spans")
    first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
    when = stretch(found[3])
    days = [(first + i) % len(DAYS) for i in range((last - first) % len(DAYS) + 1)]
    return [Span(day, when.opens_minute, when.closes_minute) for day in days]


def dated(text: str) -> Dated:
    """A date with its own spans: "2026-12-24 09:00-12:00", or "2026-12-25" for a holiday. Raises Invalid."""
    date, *times = text.split() or ("",)
    return Dated(date, tuple(map(stretch, times)))


def stretch(text: str) -> Stretch:
    """Two times of day as in "09:00-17:00"; "00:00-24:00" is all day. Raises Invalid."""
    found = _TIMES.fullmatch(text)
    numbers = [int(n) for n in found.groups()] if found else [0, _MINUTES, 0, 0]
    opens, closes = (hour * _MINUTES + minute for hour, minute in (numbers[:2], numbers[2:]))
    if max(numbers[1], numbers[3]) >= _MINUTES or opens >= DAY_MINUTES or closes > DAY_MINUTES:
        raise Invalid("invalidSpan", f'Write "{text}" like 09:00-17:00.', scope="spans")
    return Stretch(opens, closes)


def needs(text: str) -> tuple[Need, ...]:
    """Skills with their levels: "spanish=8,sales". Raises Invalid."""
    return tuple(_need(part.strip()) for part in text.split(",") if part.strip())


def _need(text: str) -> Need:
    skill, equals, level = text.partition("=")
    if not skill or (equals and not (level.isascii() and level.isdigit() and len(level) <= len("10"))):
        raise Invalid("invalidSkill", f'Write "{text}" like spanish=8, with a level from 1 to 10.', scope="skills")
    return Need(skill, int(level) if level else LEVEL_MIN)


def rings(skills: Iterable[str], relaxed: Iterable[str]) -> tuple[Ring, ...]:
    """Rings of what is needed at first, and of "60:spanish=5" or "180:" for later. Raises Invalid."""
    first = Ring(0, tuple(need for text in skills for need in needs(text)))
    later = sorted((_ring(text) for text in relaxed), key=lambda ring: ring.after_seconds)
    return (first, *later) if first.needs or later else ()


def _ring(text: str) -> Ring:
    seconds, colon, rest = text.partition(":")
    if not colon or not (seconds.isascii() and seconds.isdigit() and len(seconds) <= len("86400")):
        raise Invalid("invalidRings", f'Write "{text}" like 60:spanish=5, or 180: for anybody.', scope="rings")
    return Ring(int(seconds), needs(rest))


def detour(text: str, said: str) -> Detour:
    """Where "callback:32", "script:concierge", "worktype:79", "message" or "wait" leads; the contact is told `said`.

    Raises Invalid.
    """
    word, colon, target = text.partition(":")
    if not colon and word in (Instead.WAIT, Instead.MESSAGE):
        return Detour(Instead(word), "", said)
    if word not in _INSTEAD or not target:
        raise Invalid(
            "invalidDetour", f'Write "{text}" like callback:32, script:concierge, worktype:79, message or wait.'
        )
    return Detour(_INSTEAD[word], target, said)


# ---- as lists show them


def written_spans(found: Sequence[Span]) -> list[str]:
    """Each span as it would be typed; days that follow each other and open alike together."""
    runs: list[list[Span]] = []
    for span in sorted(found, key=lambda s: (s.opens_minute, s.closes_minute, s.day)):
        last = runs[-1][-1] if runs else None
        alike = last is not None and (last.opens_minute, last.closes_minute) == (span.opens_minute, span.closes_minute)
        if alike and last is not None and last.day + 1 == span.day:
            runs[-1].append(span)
        else:
            runs.append([span])
    return [_written(run) for run in sorted(runs, key=lambda run: (run[0].day, run[0].opens_minute))]


def _written(run: Sequence[Span]) -> str:
    days = DAYS[run[0].day] + (f"-{DAYS[run[-1].day]}" if len(run) > 1 else "")
    return f"{days} {_times(run[0])}"


def written_dated(found: Dated) -> str:
    """A date as it would be typed."""
    return " ".join((found.date, *map(_times, found.spans)))


def _times(when: Span | Stretch) -> str:
    return f"{_clock(when.opens_minute)}-{_clock(when.closes_minute)}"


def _clock(minute: int) -> str:
    return f"{minute // _MINUTES:02d}:{minute % _MINUTES:02d}"


def written_needs(found: Sequence[Need]) -> str:
    """Skills as they would be typed."""
    return ",".join(f"{need.skill}={need.level}" for need in found)


def written_ring(ring: Ring) -> str:
    """A ring as it would be typed."""
    return f"{ring.after_seconds}:{written_needs(ring.needs)}"


def written_detour(way: Detour) -> str:
    """A detour as it would be typed, without what the contact is told."""
    word = next((word for word, instead in _INSTEAD.items() if instead is way.instead), way.instead.value)
    return f"{word}:{way.target}" if way.target else word
