import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.callbacks import book, due_time
from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import CALL_BACK_MINUTES_MAX
from frontdesk.domain.model import Channel, Contact, ContactDatum, EntityType, State
from frontdesk.domain.times import rfc3339
from tests.domain.builders import NOW_MS, session, work_type

REACH_MS = CALL_BACK_MINUTES_MAX * 60_000


def refused(time: str | None, minutes: int | None) -> tuple[str, str]:
    """Reason and scope of the refusal."""
    with pytest.raises(Invalid) as refusal:
        due_time(time, minutes, NOW_MS)
    return refusal.value.reason, refusal.value.scope


@pytest.mark.parametrize("minutes", [0, 1, 60, CALL_BACK_MINUTES_MAX])
def test_a_delay_counts_from_now(minutes: int) -> None:
    """Whole minutes, 0 for at once, at most two years."""
    assert due_time(None, minutes, NOW_MS) == NOW_MS + minutes * 60_000


@pytest.mark.parametrize("ahead_ms", [1, 1000, 86_400_000, REACH_MS])
def test_a_time_is_taken_to_the_millisecond(ahead_ms: int) -> None:
    """Anything ahead, up to two years."""
    assert due_time(rfc3339(NOW_MS + ahead_ms), None, NOW_MS) == NOW_MS + ahead_ms


@pytest.mark.parametrize(("time", "minutes"), [(None, None), ("2030-01-02T03:04:05Z", 5), ("", 0), ("nonsense", 5)])
def test_exactly_one_of_the_two_is_needed(time: str | None, minutes: int | None) -> None:
    """Document, ScheduleCallback; decided before either is looked at."""
    assert refused(time, minutes) == ("exactlyOneTime", "callBackTime")


@pytest.mark.parametrize("behind_ms", [0, 1, 86_400_000])
def test_a_time_that_is_over_is_refused(behind_ms: int) -> None:
    """Now is over already."""
    assert refused(rfc3339(NOW_MS - behind_ms), None) == ("timeInThePast", "callBackTime")


def test_what_is_no_time_or_no_delay_is_refused() -> None:
    """Each names its own field."""
    assert refused("tomorrow", None) == ("invalidTime", "callBackTime")
    assert refused(None, -1) == ("invalidDelay", "delayStartDuration")


@pytest.mark.parametrize("minutes", [CALL_BACK_MINUTES_MAX + 1, 10**15])
def test_more_than_two_years_ahead_is_a_slip_of_the_finger(minutes: int) -> None:
    """Also a number that no calendar holds."""
    assert refused(None, minutes) == ("timeTooFar", "delayStartDuration")
    assert refused("9999-12-31T23:59:59Z", None) == ("timeTooFar", "callBackTime")


@given(st.integers(-(10**18), 10**18))
def test_any_delay_is_ahead_or_refused(minutes: int) -> None:
    """Nothing else comes of it."""
    try:
        due_ms = due_time(None, minutes, NOW_MS)
    except Invalid:
        return
    assert NOW_MS <= due_ms <= NOW_MS + REACH_MS


def test_a_booking_is_a_callback_an_interaction_and_an_entry() -> None:
    """All three under one number, with the contact as introduced and the digits as sent."""
    stream = session()
    ada = Contact("Ada", "ada@example.com", (ContactDatum("plan", "gold"),))
    due_ms = NOW_MS + 90_000
    takes = work_type("32", channels=(Channel.CALLBACK,))
    call_back, interaction, entry = book(9, stream, ada, takes, "555 1234", due_ms, NOW_MS)
    assert (call_back.call_back_id, call_back.interaction_id, interaction.interaction_id) == ("9", 9, 9)
    assert (call_back.contact, call_back.digits, call_back.due_ms, call_back.state) == (
        ada,
        "555 1234",
        due_ms,
        "scheduled",
    )
    assert (interaction.channel, interaction.state, interaction.session_id) == (Channel.CALLBACK, State.SCHEDULED, "s1")
    assert (entry.session, entry.author, entry.interaction) == (stream, EntityType.SYSTEM, interaction)
    assert json.loads(entry.payload) == {
        "kind": "messaging.CallBackScheduled",
        "interactionId": "9",
        "callBackId": "9",
        "callBackTime": "2026-01-01T00:01:30.000Z",
        "digits": "555 1234",
    }
    assert stream.interaction is None, "a callback needs no chat, and is none"
