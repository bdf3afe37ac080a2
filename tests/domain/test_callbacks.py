import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from frontdesk.domain import interactions
from frontdesk.domain.callbacks import book, call_time, come_due, due_time, following, known_from, put_off
from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import Hours, Span
from frontdesk.domain.limits import CALL_BACK_MINUTES_MAX, CALL_BACK_TRIES_MAX
from frontdesk.domain.model import (
    CallBack,
    Channel,
    Contact,
    ContactDatum,
    EndReason,
    EntityType,
    Interaction,
    State,
)
from frontdesk.domain.times import rfc3339
from tests.domain.builders import NOW_MS, session, work_type

HOUR_MS = 3600 * 1000
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


def _booked() -> tuple[CallBack, Interaction]:
    call_back, interaction, _ = book(1, session(), Contact("Ada"), work_type("32"), "112", 60_000, 0)
    return call_back, interaction


def test_the_record_follows_its_interaction() -> None:
    """Due, taken, put off and due again, transferred, made; the fence rises with each change of owner."""
    call_back, interaction = _booked()
    come_due(interaction, call_back)
    assert (interaction.queued_ms, interaction.fence) == (60_000, 1)
    seen = [following(interaction, call_back).state]
    interactions.take(interaction, None, "ann", "Ann", 70_000)
    seen.append(following(interaction, call_back).state)
    call_back = put_off(interaction, call_back, 90_000)
    assert (call_back.state, call_back.due_ms, call_back.tries, interaction.owner) == ("scheduled", 90_000, 1, "")
    come_due(interaction, call_back)
    interactions.take(interaction, None, "ann", "Ann", 91_000)
    interactions.hand_back(interaction, None, "Ann", 92_000, work_type_id="33")
    assert following(interaction, call_back).work_type_id == "33"
    seen.append(following(interaction, call_back).state)
    interactions.close(interaction, None, EndReason.AGENT, EntityType.AGENT, 93_000)
    seen.append(following(interaction, call_back).state)
    assert seen == ["queued", "active", "queued", "done"]
    assert interaction.fence == 7


def test_who_was_never_reached_is_not_put_off_for_ever() -> None:
    """The last try changes nothing."""
    call_back, interaction = _booked()
    come_due(interaction, call_back)
    often = replace(call_back, tries=CALL_BACK_TRIES_MAX)
    with pytest.raises(Invalid) as refused:
        put_off(interaction, often, 90_000)
    assert (refused.value.reason, interaction.state) == ("tooManyTries", State.QUEUED)


def test_what_is_called_off_is_cancelled() -> None:
    """Whoever did it; only an agent makes a call."""
    call_back, interaction = _booked()
    interactions.close(interaction, None, EndReason.CLOSED, EntityType.SYSTEM, 10)
    assert following(interaction, call_back).state == "cancelled"


def test_calls_are_made_while_it_is_open() -> None:
    """Now, at the next opening, or, where there is none, tomorrow perhaps."""
    monday_ms = 1_767_571_200_000
    nine = monday_ms + 9 * HOUR_MS
    hours = Hours("h", "o", "H", "UTC", (Span(0, 9 * 60, 17 * 60),))
    assert call_time(None, 5) == 5
    assert [call_time(hours, nine + ms) - nine for ms in (-HOUR_MS, 0, 8 * HOUR_MS)] == [0, 0, 7 * 24 * HOUR_MS]
    assert call_time(Hours("h", "o", "H", "UTC"), nine) == nine + 24 * HOUR_MS


def test_an_address_of_the_chat_beside_it_is_known() -> None:
    """The one given with the callback, if any, counts."""
    _, chat = _booked()
    chat.contact = Contact("Ada", "ada@example.com")
    assert known_from(Contact("A"), chat) == Contact("A", "ada@example.com")
    assert known_from(Contact("A", "a@example.com"), chat).email == "a@example.com"
    assert known_from(Contact("A"), None) == Contact("A")
