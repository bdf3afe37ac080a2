import json
import socket
from collections.abc import Iterator
from typing import Self

import pytest

from frontdesk.http.polls import STREAM_BUFFER_MAX
from tests.streaming.reading import Alone, again, numbers, texts
from tests.support.client import EVENTS, SESSION, Client, Json, kinds, path_of
from tests.support.cluster import one_node
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes


class Stream:
    """A stream of server-sent events on a connection of its own, read frame by frame."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.wire = Wire(client.port)
        sent = {
            **client.credentials,
            "accept": "text/event-stream",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        self.wire.send(request_bytes("GET", path_of(EVENTS), sent))
        self.status, self.headers = self.wire.receive_head()
        self._text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def frames(self) -> Iterator[str]:
        """Blocks between empty lines, as they come; ends with the stream."""
        while True:
            while "\n\n" in self._text:
                frame, _, self._text = self._text.partition("\n\n")
                yield frame
            piece = self.wire.receive_chunk()
            if not piece:
                return
            self._text += piece.decode()

    def events(self, count: int) -> list[Json]:
        """The next so many events, read as a browser does; each event's id is its number."""
        found: list[Json] = []
        for frame in self.frames():
            fields = dict(line.split(": ", 1) for line in frame.split("\n") if not line.startswith(":"))
            if "data" not in fields:
                continue
            event = json.loads(fields["data"])
            assert fields.get("id") == (str(event["sequenceNumber"]) if "sequenceNumber" in event else None)
            found.append(event)
            if len(found) == count:
                break
        return found


def test_a_stream_begins_with_what_is_there_and_goes_on_as_it_comes(server: Running) -> None:
    """The same envelopes as a poll's, one a frame, and the wait before a new connection up front."""
    with server.contact() as contact:
        contact.connect("1")
        with Stream(contact) as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert stream.headers["cache-control"] == "no-store"
            assert next(stream.frames()) == "retry: 1000"
            assert kinds(stream.events(2)) == ["Connected", "ParticipantJoined"]
            contact.say("hello\nworld \u2028")
            [event] = stream.events(1)
            assert (texts([event]), numbers([event])) == (["hello\nworld \u2028"], [3])
            assert contact.poll(after=0)[2] == event


def test_a_silent_stream_shows_every_fifteen_seconds_that_it_lives(server: Running, contact: Client) -> None:
    """A comment: proxies close what is silent, and browsers ignore it."""
    with Stream(contact) as stream:
        server.held()
        frames = stream.frames()
        assert next(frames) == "retry: 1000"
        for _ in range(3):
            server.advance(15)
            assert next(frames) == ": still here"


@pytest.mark.parametrize("last", ["0", "2", "4"])
def test_a_stream_resumes_after_the_last_event_id(contact: Client, last: str) -> None:
    """What a browser sends when it connects again."""
    for i in range(4):
        contact.say(str(i))
    with Stream(contact, last_event_id=last) as stream:
        assert numbers(stream.events(6 - int(last))) == list(range(int(last) + 1, 7))


def test_a_broken_stream_loses_nothing(server: Running, contact: Client) -> None:
    """Without a word of the client, too: what did not arrive for certain comes again with the same number."""
    with Stream(contact) as stream:
        server.held()
        contact.say("one")
        assert texts(stream.events(1)) == ["one"]
        before = server.delivered
        contact.say("two")
        server.until(lambda: server.delivered > before)
        stream.wire.reset()
    server.held(0)
    assert "two" in texts(contact.poll())


def test_a_stream_and_a_poll_end_each_other(server: Running, contact: Client) -> None:
    """The newer one is the client's; the older ends, so that no event can overtake another."""
    stream = Stream(contact)
    server.held()
    poll = Alone(contact)
    assert [f for f in stream.frames() if not f.startswith("retry")] == []
    stream.wire.close()
    contact.say("to the poll")
    assert texts(poll.events()) == ["to the poll"]
    poll = Alone(contact)
    server.held()
    with Stream(contact) as stream:
        assert poll.events() == []
        contact.say("to the stream")
        assert texts(stream.events(1)) == ["to the stream"]


@one_node("the buffer is that of the process that has the connection")
def test_a_slow_reader_costs_a_bounded_buffer_and_gets_everything(server: Running, contact: Client) -> None:
    """While it does not read, its events stay in the log; when it does, they come, in order."""
    said = [f"{i} " + "x" * 1990 for i in range(200)]
    with Stream(contact) as stream:
        server.held()
        feed = server.app.hub._feeds[contact.session_id]  # noqa: SLF001 - memory can't be seen from outside
        transport = feed.carrier._transport  # type: ignore[union-attr]  # noqa: SLF001 - as above
        server.call(transport.get_extra_info("socket").setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        stream.wire._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # noqa: SLF001 - a small machine
        for text in said:
            contact.say(text)
        waiting = server.call(transport.get_write_buffer_size)
        assert 0 < waiting < 4 * STREAM_BUFFER_MAX
        assert server.delivered < len(said)
        assert texts(stream.events(len(said))) == said


def test_a_stream_keeps_its_session_alive(server: Running, contact: Client) -> None:
    """As long as it is open; then the inactivity delay begins."""
    with Stream(contact):
        server.held()
        for _ in range(20):
            server.advance(10)
    server.held(0)
    server.advance(59)
    with again(contact) as fresh:
        assert fresh.ask("GET", f"{EVENTS}?maxEvents=0").status == 400
        server.advance(2)
        assert fresh.ask("GET", EVENTS).status == 401


def test_ending_the_session_ends_the_stream(server: Running, contact: Client) -> None:
    """A whole chunked body, not a cut connection."""
    with Stream(contact) as stream:
        server.held()
        assert contact.ask("DELETE", SESSION).status == 204
        assert list(stream.frames()) == ["retry: 1000"]


def test_composing_passes_through_a_stream_without_an_id(server: Running) -> None:
    """So that Last-Event-ID never points to something that is not stored."""
    with server.contact() as contact, Stream(contact) as stream:
        server.held()
        contact.connect("100")
        events = stream.events(3)
        assert sorted(kinds(events)) == ["Connected", "Notification", "ParticipantJoined"]
        assert sorted(numbers(events), key=str) == [1, 2, None]
