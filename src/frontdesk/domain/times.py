"""Instants as the API writes them: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from frontdesk.domain.errors import Invalid

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UTC_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]00:00)")


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=64)
def rfc3339(ms: int) -> str:
    """`ms` since the epoch as RFC 3339 with milliseconds and Z (RFC 3339, 5.6)."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


def parse_utc(text: str, scope: str) -> int:
    """Milliseconds since the epoch of a UTC instant in ISO 8601 (document, ScheduleCallback).

    Raises Invalid when `text` is not a date-time, or its zone is not UTC.
    """
    if not _UTC_INSTANT.fullmatch(text):
        raise Invalid("invalidTime", "Send the time in UTC as YYYY-MM-DDThh:mm:ss.sssZ.", scope=scope)
    try:
        # Python 3.11 reads at most microseconds: cut what is finer.
        moment = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    except ValueError as error:
        raise Invalid("invalidTime", f"This is no calendar time: {error}.", scope=scope) from None
    # Whole milliseconds: a float of seconds would come out one too low now and then.
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)
