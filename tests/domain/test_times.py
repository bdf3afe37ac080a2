import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.errors import Invalid
from frontdesk.domain.times import parse_utc, rfc3339

YEAR_9999_MS = 253_402_300_799_999


def test_an_instant_reads_as_the_document_writes_it() -> None:
    """Milliseconds and Z, as in the document's creationTime."""
    assert rfc3339(482_196_050_525) == "1985-04-12T23:20:50.525Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


@given(st.integers(0, YEAR_9999_MS))
def test_what_is_written_reads_back(ms: int) -> None:
    """Writing and parsing are each other's inverse, to the millisecond."""
    assert parse_utc(rfc3339(ms), "callBackTime") == ms


@given(st.integers(0, YEAR_9999_MS))
def test_writing_agrees_with_the_standard_library(ms: int) -> None:
    """The cached seconds of one instant must not leak into another."""
    expected = dt.datetime.fromtimestamp(ms // 1000, dt.UTC).isoformat().removesuffix("+00:00")
    assert rfc3339(ms) == f"{expected}.{ms % 1000:03d}Z"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2030-01-02T03:04:05Z", 1_893_553_445_000),
        ("2030-01-02t03:04:05z", 1_893_553_445_000),
        ("2030-01-02T03:04:05+00:00", 1_893_553_445_000),
        ("2030-01-02T03:04:05-00:00", 1_893_553_445_000),
        ("2030-01-02T03:04:05.1Z", 1_893_553_445_100),
        ("2030-01-02T03:04:05.123456789Z", 1_893_553_445_123),
        ("2028-02-29T00:00:00Z", 1_835_395_200_000),
    ],
)
def test_utc_in_every_accepted_spelling(text: str, ms: int) -> None:
    """ISO 8601 in UTC: letters of either case, zero offset, up to nine digits of fraction."""
    assert parse_utc(text, "callBackTime") == ms


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "2030-01-02", "2030-01-02 03:04:05Z", "2030-01-02T03:04:05", "2030-01-02T03:04:05+01:00",
        "2030-13-02T03:04:05Z", "2030-02-30T03:04:05Z", "2030-01-02T24:00:01Z", "2030-01-02T03:04:61Z",
        "2030-01-02T03:04:05.Z", "2030-01-02T03:04:05.1234567890Z", " 2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z\n",
        "0000-01-01T00:00:00Z", "٢٠٣٠-01-02T03:04:05Z", "1893553445000",
    ],
)  # fmt: skip
def test_what_is_no_utc_instant_is_refused(text: str) -> None:
    """Local times, other zones, impossible dates and look-alike digits are named as the wrong field."""
    with pytest.raises(Invalid) as refused:
        parse_utc(text, "callBackTime")
    assert (refused.value.reason, refused.value.scope) == ("invalidTime", "callBackTime")


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_a_refusal(text: str) -> None:
    """Nothing a client sends raises anything else."""
    with contextlib.suppress(Invalid):
        assert rfc3339(parse_utc(text, "callBackTime"))
