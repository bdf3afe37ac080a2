import pytest

from frontdesk.domain.errors import Invalid
from frontdesk.domain.sessions import check_number, is_spent, open_session, take_over, touch
from tests.domain.builders import NOW_MS, chat, session


def test_a_session_lives_sixty_seconds_unless_asked_otherwise() -> None:
    """Document: the default; the deadline counts from the moment it was made."""
    made = open_session("s1", "viademo", NOW_MS)
    assert (made.inactivity_delay, made.deadline_ms) == (60, NOW_MS + 60_000)


@pytest.mark.parametrize("delay", [15, 16, 3600])
def test_an_inactivity_delay_within_bounds(delay: int) -> None:
    """Contract: 15 to 3600 seconds."""
    assert open_session("s1", "viademo", NOW_MS, inactivity_delay=delay).deadline_ms == NOW_MS + delay * 1000


@pytest.mark.parametrize("delay", [-1, 0, 14, 3601, 10**18])
def test_an_inactivity_delay_out_of_bounds_is_refused(delay: int) -> None:
    """Zero is no way to ask for the default."""
    with pytest.raises(Invalid) as refused:
        open_session("s1", "viademo", NOW_MS, inactivity_delay=delay)
    assert (refused.value.reason, refused.value.scope) == ("invalidInactivityDelay", "inactivityDelay")


def test_a_touch_begins_the_delay_anew() -> None:
    """Counted from the touch, not added to what was left."""
    made = session()
    touch(made, NOW_MS + 59_999)
    assert made.deadline_ms == NOW_MS + 119_999


def test_taking_over_goes_on_with_numbers_cursor_and_conversation() -> None:
    """The old session keeps nothing, and the grace ends: the contact is here."""
    talk = chat(grace_until_ms=NOW_MS + 5)
    old, new = session("old", stream_seq=9, cursor=4, interaction=talk), session("new")
    take_over(new, old)
    assert (new.stream_seq, new.cursor, new.interaction) == (9, 4, talk)
    assert old.interaction is None
    assert (talk.session_id, talk.grace_until_ms) == ("new", 0)


def test_taking_over_what_holds_no_conversation() -> None:
    """The numbers go on all the same: the last events may be unread."""
    old, new = session("old", stream_seq=9, cursor=4), session("new")
    take_over(new, old)
    assert (new.stream_seq, new.cursor, new.interaction) == (9, 4, None)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_numbers_that_were_given_out_can_be_acknowledged(number: int) -> None:
    """Zero is "nothing yet"."""
    check_number(number, 5)


@pytest.mark.parametrize("number", [-1, 6, 10**17])
def test_numbers_of_the_future_are_refused(number: int) -> None:
    """A client that claims them would skip events."""
    with pytest.raises(Invalid) as refused:
        check_number(number, 5)
    assert (refused.value.reason, refused.value.scope) == ("unknownSequenceNumber", "sequenceNumber")


@pytest.mark.parametrize(
    ("disposed", "cursor", "spent"), [(True, 5, True), (True, 4, False), (False, 5, False), (False, 0, False)]
)
def test_polling_is_over_once_the_last_event_arrived(*, disposed: bool, cursor: int, spent: bool) -> None:
    """Disconnected is sent again until it arrived, then the session refuses polls."""
    assert is_spent(session(disposed=disposed, stream_seq=5, cursor=cursor)) is spent
