"""When a cursor that moved is written, and what of its session is."""

from frontdesk.streaming.cursors import CURSOR_FLUSH_MS
from tests.support.client import Client
from tests.support.server import Running


def written(server: Running, contact: Client) -> int:
    """The cursor as it is stored."""
    server.stored()
    [(cursor,)] = server.rows(f"SELECT cursor FROM sessions WHERE session_id = '{contact.session_id}'")  # noqa: S608 - ours
    return int(cursor)


def read(contact: Client, text: str) -> int:
    """Let the contact hear something and poll again; returns the number of the event that so counts as delivered."""
    contact.say(text)
    number = contact.poll()[-1]["sequenceNumber"]
    contact.say("and more")
    contact.poll()
    return int(number)


def test_each_is_written_within_half_a_second_of_its_move(server: Running, contact: Client) -> None:
    """However many move: one that moved later is not written earlier, and waits no longer."""
    with server.contact() as other:
        other.connect("1")
        other.poll()
        first = read(contact, "one")
        server.advance(0.3)
        second = read(other, "two")
        server.advance((CURSOR_FLUSH_MS - 300) / 1000)
        assert written(server, contact) >= first
        assert written(server, other) < second
        server.advance(0.3)
        assert written(server, other) >= second


def test_one_that_moves_after_all_were_written_is_written_too(server: Running, contact: Client) -> None:
    """The clock is set again."""
    for text in ("one", "two", "three"):
        number = read(contact, text)
        server.advance(CURSOR_FLUSH_MS / 1000)
        assert written(server, contact) >= number


def test_a_session_that_ended_is_not_written_again(server: Running, contact: Client) -> None:
    """It was written whole when it ended; what it had reached goes with that."""
    number = read(contact, "one")
    contact.ask("DELETE", "streaming/session/webClient")
    assert written(server, contact) >= number
    server.advance(CURSOR_FLUSH_MS / 1000)
    assert written(server, contact) >= number
