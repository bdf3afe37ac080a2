from collections.abc import Callable, Iterator
from functools import partial

import pytest

from frontdesk.streaming.feed import TAIL_MAX
from tests.streaming.reading import NOTHING, Alone, numbers, texts
from tests.support.client import EVENTS, SESSION, Client, kinds, payloads
from tests.support.cluster import one_node
from tests.support.server import Running, running
from tests.support.wire import Answer

DEAD = "Invalid or expired session"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One for all of these: on three nodes a start takes ten times as long as a test."""
    with running() as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_left(server: Running) -> Iterator[None]:
    """Each test counts held polls from nought."""
    yield
    server.held(0)


# ---- holding


def test_a_poll_is_held_fifteen_seconds_and_then_answered_empty(server: Running, contact: Client) -> None:
    """Document, "Long Polling"; not before."""
    held = Alone(contact)
    server.held()
    server.advance(14.9)
    assert server.polls == 1
    server.advance(0.1)
    assert held.answer().json() == NOTHING


def test_each_poll_is_held_for_its_own_fifteen_seconds(server: Running, contact: Client) -> None:
    """All holds of a session share one timer: a later one must not be let go when an earlier one would have been."""
    first = Alone(contact)
    server.held()
    server.advance(10)
    contact.say("ends the first")
    assert texts(first.events()) == ["ends the first"]
    second = Alone(contact)
    server.held()
    server.advance(14.9)
    assert server.polls == 1
    server.advance(0.1)
    assert second.answer().json() == NOTHING


def test_what_is_there_is_answered_at_once(server: Running) -> None:
    """The clock stands still: nothing waits for it."""
    with server.contact() as contact:
        contact.connect("1")
        assert kinds(contact.poll()) == ["Connected", "ParticipantJoined"]


def test_what_comes_wakes_the_held_poll(server: Running, contact: Client) -> None:
    """The clock stands still here, too."""
    held = Alone(contact)
    server.held()
    contact.say("hello")
    assert texts(held.events()) == ["hello"]
    assert server.polls == 0


# ---- how many


@pytest.mark.parametrize("most", [1, 2, 7, 99, 100])
def test_an_answer_carries_at_most_what_was_asked_for(contact: Client, most: int) -> None:
    """The rest comes with the next poll, in order; older ones than memory keeps come from the log."""
    said = [str(i) for i in range(110)]
    for text in said:
        contact.say(text)
    heard: list[str] = []
    while len(heard) < len(said):
        events = contact.poll(most)
        assert len(events) == min(most, len(said) - len(heard))
        heard += texts(events)
    assert heard == said


def test_one_event_is_the_default(contact: Client) -> None:
    """Document: maxEvents=1."""
    contact.say("one")
    contact.say("two")
    events = contact.ask("GET", EVENTS).json()["events"]
    assert texts(events) == ["one"]


@pytest.mark.parametrize("most", ["0", "101", "-1", "x", "", "1.0", "%D9%A3", "9" * 30])
def test_other_numbers_of_events_are_refused(server: Running, contact: Client, most: str) -> None:
    """And the poll that is held goes on."""
    held = Alone(contact)
    server.held()
    answer = contact.ask("GET", f"{EVENTS}?maxEvents={most}")
    assert (answer.status, answer.reason in {"invalidNumber", "invalidMaxEvents", "invalidQuery"}) == (400, True)
    contact.say("still here")
    assert texts(held.events()) == ["still here"]


# ---- two polls


def test_a_newer_poll_ends_the_older_one_empty(server: Running, contact: Client) -> None:
    """So that no event can overtake another on a second connection."""
    older = Alone(contact)
    server.held()
    newer = Alone(contact)
    assert older.answer().json() == NOTHING
    server.held()
    contact.say("to the newer")
    assert texts(newer.events()) == ["to the newer"]


@one_node("polls of one client over several nodes can overtake each other on their way to its home")
def test_polls_that_end_each_other_keep_the_order(server: Running, contact: Client) -> None:
    """Every event once and in order, over whichever poll it came."""
    said, heard = [str(i) for i in range(30)], list[str]()
    previous = Alone(contact, 1)
    server.held()
    for text in said:
        newer = Alone(contact, 1)
        contact.say(text)
        heard += texts(previous.events())
        previous = newer
    last = Alone(contact, 100)
    heard += texts(previous.events())
    while len(heard) < len(said):
        heard += texts(last.events())
        last = Alone(contact, 100)
    assert heard == said
    last.wire.close()


# ---- broken connections


def break_before_reading(server: Running, contact: Client) -> None:
    """A poll is answered, and its connection breaks before a byte of it is read."""
    before = server.delivered
    poll = Alone(contact)
    server.until(lambda: server.delivered > before)
    poll.wire.reset()


def test_an_answer_whose_connection_broke_is_sent_again(server: Running, contact: Client) -> None:
    """With the same ids and numbers, as often as it takes, and what came meanwhile behind it."""
    contact.say("one")
    before = server.redelivered
    for _ in range(5):
        break_before_reading(server, contact)
    contact.say("two")
    events = contact.poll()
    assert (texts(events), numbers(events)) == (["one", "two"], [3, 4])
    assert contact.poll(after=2) == events
    assert server.redelivered >= before + 5


def test_a_client_that_went_before_the_answer_misses_nothing(server: Running, contact: Client) -> None:
    """Its poll was held when its connection closed, in either way."""
    for close in ("close", "reset"):
        held = Alone(contact)
        server.held()
        getattr(held.wire, close)()
        server.held(0)
        contact.say(close)
        assert texts(contact.poll()) == [close]


def test_a_client_with_a_new_connection_for_each_poll_gets_nothing_twice(server: Running, contact: Client) -> None:
    """It reads each answer whole and closes; browsers and curl do."""
    before = server.redelivered
    for i in range(30):
        contact.say(str(i))
        events = Alone(contact).events()
        assert (texts(events), numbers(events)) == ([str(i)], [i + 3])
    assert server.redelivered == before


# ---- the client's own word


def test_unacknowledged_events_come_again_until_they_are_acknowledged(server: Running) -> None:
    """Contract, requireAcknowledgement; acknowledging is also possible by asking for what follows."""
    with server.contact(requireAcknowledgement=True) as contact:
        contact.connect("1")
        first = contact.poll()
        assert numbers(first) == [1, 2]
        assert contact.poll() == first
        contact.done("streaming/acknowledge/webClient", {"sequenceNumber": 1})
        assert numbers(contact.poll()) == [2]
        contact.say("hello")
        assert numbers(contact.poll(after=2)) == [3]
        assert numbers(contact.poll()) == [3]
        contact.done("streaming/acknowledge/webClient", {"sequenceNumber": 3})
        held = Alone(contact)
        server.held()
        server.advance(15)
        assert held.answer().json() == NOTHING


def test_acknowledging_is_possible_without_having_asked_for_it(server: Running, contact: Client) -> None:
    """Then a broken connection repeats only what is above; an older acknowledgement takes nothing back."""
    contact.say("one")
    contact.say("two")
    break_before_reading(server, contact)
    contact.done("streaming/acknowledge/webClient", {"sequenceNumber": 3})
    contact.done("streaming/acknowledge/webClient", {"sequenceNumber": 1})
    assert texts(contact.poll()) == ["two"]


@pytest.mark.parametrize("number", [3, 10**17])
def test_what_was_never_sent_can_not_be_acknowledged(contact: Client, number: int) -> None:
    """By neither way; the mistake would skip events."""
    acknowledged = contact.post("streaming/acknowledge/webClient", {"sequenceNumber": number})
    asked = contact.ask("GET", f"{EVENTS}?afterSequenceNumber={number}")
    for answer in (acknowledged, asked):
        assert (answer.status, answer.reason) == (400, "unknownSequenceNumber")


def test_a_client_may_ask_for_any_number_again(contact: Client) -> None:
    """Even what it acknowledged, and even what memory has dropped: the log has all of it."""
    count = TAIL_MAX + 20
    for i in range(count):
        contact.say(str(i))
    heard = contact.poll(100)
    contact.done("streaming/acknowledge/webClient", {"sequenceNumber": count + 2})
    assert contact.poll(100, after=2) == heard
    assert numbers(contact.poll(100, after=0)) == list(range(1, min(100, count + 2) + 1))
    assert numbers(contact.poll(1, after=50)) == [51]


def test_polls_without_a_number_go_on_after_the_last_answer(contact: Client) -> None:
    """Also after a look back."""
    for i in range(5):
        contact.say(str(i))
    contact.poll()
    assert numbers(contact.poll(2, after=3)) == [4, 5]
    assert numbers(contact.poll(2)) == [6, 7]


def test_last_event_id_says_the_same_as_the_number(contact: Client) -> None:
    """For clients that switch between streams and polls; the query's number has the last word."""
    for i in range(3):
        contact.say(str(i))
    path = f"{EVENTS}?maxEvents=100"
    assert numbers(contact.ask("GET", path, last_event_id="4").json()["events"]) == [5]
    assert numbers(contact.ask("GET", f"{path}&afterSequenceNumber=3", last_event_id="4").json()["events"]) == [4, 5]
    assert contact.ask("GET", path, last_event_id="4-x").reason == "invalidNumber"


# ---- passing events


def test_composing_is_seen_once_and_never_stored(server: Running) -> None:
    """It has neither id nor number, and a broken connection does not bring it back."""
    with server.contact() as contact:
        contact.connect("100")
        typing = contact.until("Notification")[-1]
        assert "sequenceNumber" not in typing
        assert "id" not in typing
        assert numbers(contact.poll(after=0)) == [1, 2]
        rows = server.rows("SELECT kind FROM entries")
        assert ("messaging.Notification",) not in rows


def test_composing_that_nobody_fetched_ends_with_the_text(server: Running) -> None:
    """Shown after the text it announced, it would never end."""
    with server.contact() as contact:
        contact.connect("100")
        server.stored()
        server.advance(1)
        server.stored()
        assert kinds(contact.poll()) == ["Connected", "ParticipantJoined", "Text"]


def test_an_old_position_is_not_shown_and_the_newest_replaces_it(server: Running) -> None:
    """Whoever sleeps for a minute and looks again must not read a minute old news as new."""
    with server.contact() as first, server.contact(inactivityDelay=600) as second:
        first.connect("79")
        second.connect("79")
        # Among nodes it is on its way to the queue's node, and stands nowhere until it is there.
        server.until(lambda: _is_told_something(server, second))
        first.disconnect()
        server.advance(1)
        assert [p["position"] for p in positions(second)] == [1]
        with server.contact(inactivityDelay=600) as third:
            third.connect("79")
            # Told from now on, its position would be a new one.
            server.until(lambda: _is_told_something(server, third))
            server.advance(61)
            assert kinds(third.poll()) == ["Connected"]


def _is_told_something(server: Running, contact: Client) -> bool:
    """Whether something that is not stored waits for its next poll."""
    feeds = [app.hub._feeds.get(contact.session_id) for app in server.apps]  # noqa: SLF001 - a poll would take it
    return any(feed is not None and feed.passing for feed in feeds)


def positions(contact: Client) -> list[dict[str, int]]:
    """The queue positions of one poll."""
    return [p for p in payloads(contact.poll()) if p["kind"] == "messaging.QueueStatus"]


# ---- the end


def test_ending_a_session_refuses_its_held_poll_and_all_that_follow(server: Running, contact: Client) -> None:
    """204, then 401 with the documented message."""
    held = Alone(contact)
    server.held()
    assert contact.ask("DELETE", SESSION).status == 204
    refused: list[Callable[[], Answer]] = [
        held.answer,
        partial(contact.ask, "GET", EVENTS),
        partial(contact.ask, "DELETE", SESSION),
        partial(contact.post, "messaging/sendText", {"text": "x"}),
    ]
    for ask in refused:
        answer = ask()
        assert (answer.status, answer.json()["message"]) == (401, DEAD)


def test_after_goodbye_polls_are_refused_once_the_last_event_arrived(server: Running, contact: Client) -> None:
    """Not before: an answer that broke brings Disconnected again."""
    contact.disconnect()
    break_before_reading(server, contact)
    assert kinds(contact.poll()) == ["Disconnected"]
    answer = contact.ask("GET", EVENTS)
    assert (answer.status, answer.json()["message"]) == (401, DEAD)


def test_a_new_chat_makes_the_session_good_again(contact: Client) -> None:
    """Contract, "connect twice": after it closed, a new interaction on the same session; numbers go on."""
    contact.disconnect()
    contact.connect("1", "Ada again")
    events = contact.poll()
    assert kinds(events) == ["Disconnected", "Connected", "ParticipantJoined"]
    assert numbers(events) == [3, 4, 5]
