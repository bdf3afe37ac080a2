"""Words between nodes may be lost, repeated, late: it costs delay, and nothing else."""

import pytest

from frontdesk.http.polls import STREAM_BUFFER_MAX
from frontdesk.http.words import Ask, Caught, Fate, Opened, Piece, Reply, WhatBecame
from tests.cluster.contacts import HOME, SECOND, asking, at_home, begun, heard, over
from tests.cluster.weather import Weather
from tests.streaming.reading import NOTHING, numbers, texts
from tests.streaming.test_sse import Stream
from tests.support.server import Running


@pytest.mark.parametrize("kind", [Ask, Reply])
def test_what_was_lost_is_said_again_and_done_once(server: Running, weather: Weather, kind: type) -> None:
    """After a second, without a key: the home knows the request by its number."""
    with asking(server) as contact:
        weather.lose(kind)
        under_way = begun(contact, "hello")
        server.until(lambda: weather.lost == 1)
        server.advance(1)
        assert under_way.answer().status == 202
        assert heard(server, contact) == ["hello"]


def test_a_text_whose_client_went_is_done_once(server: Running, weather: Weather) -> None:
    """Browsers send a last word and close; the answer that nobody hears is asked for again all the same."""
    with asking(server) as contact:
        weather.lose(Ask)
        under_way = begun(contact, "goodbye")
        server.until(lambda: weather.lost == 1)
        under_way.wire.close()
        weather.lose(Reply)
        server.advance(1)
        server.until(lambda: weather.lost == 2)
        server.advance(1)
        assert heard(server, contact) == ["goodbye"]


def test_repeated_words_change_nothing(server: Running, weather: Weather) -> None:
    """A chat over all nodes in turn, with every word said twice."""
    weather.repeat()
    with at_home(server) as contact:
        said = [str(number) for number in range(12)]
        got: list[str] = []
        for number, text in enumerate(said):
            with over(contact, server.ports[number % 3]) as one, over(contact, server.ports[(number + 1) % 3]) as other:
                one.say(text)
                got += texts(other.poll())
        assert got == said
        assert heard(server, contact) == said


def test_polls_over_all_nodes_in_turn_get_nothing_twice(server: Running) -> None:
    """What became of an answer is asked of the node that wrote it, whichever was asked since."""
    with at_home(server) as contact:
        for number in range(9):
            with over(contact, server.ports[number % 3]) as one, over(contact, server.ports[(number + 1) % 3]) as other:
                one.say(str(number))
                assert numbers(other.poll()) == [number + 3]
        assert server.redelivered == 0


def test_a_refused_poll_does_not_make_forget_what_arrived(server: Running) -> None:
    """It carried nothing, and its fate says nothing about the events of the one before."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        contact.say("one")
        assert texts(contact.poll()) == ["one"]
        for client in (contact, other):
            assert client.ask("GET", "streaming/events/webClient?maxEvents=0").status == 400
        contact.say("two")
        assert texts(other.poll()) == ["two"]
        assert server.redelivered == 0


@pytest.mark.parametrize("kind", [WhatBecame, Fate])
def test_a_lost_question_for_an_answers_fate_is_asked_again(server: Running, weather: Weather, kind: type) -> None:
    """The poll that waits for it is a moment late, and gets nothing twice."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        contact.say("one")
        assert texts(contact.poll()) == ["one"]
        contact.say("two")
        weather.lose(kind)
        held = other.hold(wire=other.polls)
        server.until(lambda: weather.lost == 1)
        server.advance(0.1)
        assert texts(held.events()) == ["two"]
        assert server.redelivered == 0


def test_an_answer_that_did_not_arrive_comes_again_over_another_node(server: Running) -> None:
    """Its connection broke at the node that passed it on: that one knows, and the home believes it."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        poll = contact.hold()
        server.held()
        poll.wire.reset()
        server.held(0)
        contact.say("one")
        assert texts(other.poll()) == ["one"]


def test_a_late_question_does_not_end_the_poll_that_came_after_it(server: Running, weather: Weather) -> None:
    """It is answered empty, as an older poll is."""
    with asking(server) as contact:
        weather.keep(Ask)
        older = contact.hold()
        server.until(lambda: weather.late == 1)
        newer = contact.hold()
        server.until(lambda: weather.late == 2)
        server.call(weather.release_newest)
        server.held()
        server.call(weather.release)
        assert older.answer().json() == NOTHING
        assert server.polls == 1
        contact.say("to the newer")
        assert texts(newer.events()) == ["to the newer"]


# ---- streams


def test_a_repeated_piece_is_not_shown_twice(server: Running, weather: Weather) -> None:
    """And does not end the stream."""
    weather.repeat()
    with asking(server) as contact, Stream(contact) as stream:
        for number in range(5):
            contact.say(str(number))
            assert numbers(stream.events(1)) == [number + 3]


@pytest.mark.parametrize("kind", [Piece, Opened])
def test_a_stream_of_which_something_was_lost_ends_and_its_client_comes_back(
    server: Running, weather: Weather, kind: type
) -> None:
    """A browser does so by itself, with the number it saw last; nothing is missing then."""
    with asking(server) as contact:
        if kind is Opened:
            weather.lose(Opened)
        with Stream(contact) as stream:
            if kind is Piece:
                contact.say("one")
                assert texts(stream.events(1)) == ["one"]
                weather.lose(Piece)
            contact.say("two")
            contact.say("three")
            server.until(lambda: weather.lost == 1)
            assert stream.events(9) == []
        with Stream(contact, last_event_id="3" if kind is Piece else "2") as again:
            assert texts(again.events(2)) == ["two", "three"]


def test_a_stream_whose_client_left_is_left_by_its_home(server: Running) -> None:
    """And the next poll, over another node, knows at once what it showed."""
    with asking(server) as contact, over(contact, server.ports[SECOND]) as other:
        with Stream(contact) as stream:
            contact.say("one")
            assert texts(stream.events(1)) == ["one"]
        server.held(0)
        contact.say("two")
        assert texts(other.poll()) == ["two"]
        assert server.redelivered == 0


def test_a_poll_ends_a_stream_over_another_node(server: Running) -> None:
    """A newer reader ends the older, wherever each of them is."""
    with asking(server) as contact, over(contact, server.ports[HOME]) as other, Stream(contact) as stream:
        contact.say("one")
        assert texts(stream.events(1)) == ["one"]
        held = other.hold()
        assert stream.events(1) == []
        # A moment later its node sees that all has arrived.
        server.advance(0.05)
        contact.say("two")
        assert texts(held.events()) == ["two"]
        assert server.redelivered == 0


def test_words_that_say_how_much_a_reader_took_may_be_lost(server: Running, weather: Weather) -> None:
    """That all has arrived says so as well: a stream of many times the buffer never stops."""
    weather.lose(Caught, 1000)
    text = "x" * 2000
    with asking(server) as contact, Stream(contact) as stream:
        for number in range(2 * STREAM_BUFFER_MAX // len(text)):
            contact.say(text)
            assert numbers(stream.events(1)) == [number + 3]
            server.advance(0.05)
        assert weather.lost
