"""Many requests sent before the first is answered: each answer in its turn, whatever the ones before wait for."""

import json
from collections.abc import Iterator

import pytest

from frontdesk.http.lane import PIPELINE_MAX
from tests.lane.corpus import HEALTH, POLL, SAY, TEXT, post, request
from tests.lane.peer import Peer, slow_disk, with_credentials
from tests.streaming.reading import texts
from tests.support.client import EVENTS, Client, path_of
from tests.support.server import Running
from tests.support.wire import Answer, Gone, Wire

NOTHING = request("GET /nothing")


def receive(wire: Wire, count: int) -> list[Answer]:
    """The next so many answers."""
    return [wire.receive() for _ in range(count)]


@pytest.fixture
def chat(server: Running) -> Iterator[Client]:
    """A contact that waits for an agent."""
    with server.contact() as made:
        made.connect()
        yield made


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (TEXT, 202),
        (post("messaging/notification", b'{"state":"composing","expiresAfterSeconds":5}'), 202),
        (
            request(
                "GET " + path_of(EVENTS) + "?maxEvents=5&afterSequenceNumber=0", *POLL.decode().split("\r\n")[2:-2]
            ),
            200,
        ),
        (NOTHING, 404),
    ],
    ids=["commits", "answered at once", "polls", "refusals"],
)
def test_two_thousand_in_one_write(server: Running, chat: Client, one: bytes, status: int) -> None:
    """Neither stack nor order suffers, whether an answer is there at once or waits for the disk."""
    with Wire(server.port) as wire:
        # The first one waits for the disk, and so all others for it.
        wire.send(with_credentials(TEXT + one * 2000, chat) + HEALTH)
        assert wire.receive().status == 202
        assert {answer.status for answer in receive(wire, 2000)} == {status}
        assert wire.receive().status == 200


def test_a_held_poll_holds_up_what_is_behind_it(server: Running, contact: Client) -> None:
    """And nothing before it."""
    contact.poll()
    with Wire(server.port) as wire:
        wire.send(HEALTH + with_credentials(POLL + NOTHING + TEXT, contact) + HEALTH)
        assert wire.receive().status == 200
        server.held()
        contact.say("now")
        first, *rest = receive(wire, 4)
        assert texts(first.json()["events"]) == ["now"]
        assert [answer.status for answer in rest] == [404, 202, 200]


def test_texts_of_a_pipeline_keep_their_order(server: Running, chat: Client) -> None:
    """As they were sent, though they are stored in batches."""
    said = [str(i) for i in range(300)]
    with Wire(server.port) as wire:
        wire.send(
            b"".join(with_credentials(post("messaging/sendText", json.dumps({"text": t}).encode()), chat) for t in said)
        )
        assert {answer.status for answer in receive(wire, 300)} == {202}
    found = [
        text
        for (text,) in server.rows(
            "SELECT json_extract(payload, '$.text') FROM entries WHERE kind = 'messaging.Text' ORDER BY seq"
        )
    ]
    assert found == said


def test_too_many_are_refused_and_those_before_answered(server: Running, contact: Client) -> None:
    """What waits on one connection is bounded."""
    contact.poll()
    with Wire(server.port) as wire:
        wire.send(with_credentials(POLL, contact))
        server.held()
        # While the loop sends, it does not read: they come in one piece, and reading can't be stopped in between.
        server.call(wire.send, b"GET / HTTP/1.1\r\n\r\n" * (PIPELINE_MAX + 10))
        contact.say("now")
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.ends()


def test_broken_bytes_behind_a_commit(server: Running, chat: Client) -> None:
    """What was accepted is said to be; the connection ends with it."""
    with slow_disk(server), Peer(server) as peer:
        peer.send(with_credentials(TEXT, chat) + b"\0\0\0\r\n\r\n")
        peer.taken()
        assert peer.protocol() is not None
    with Wire(server.port) as wire:
        wire.send(with_credentials(TEXT, chat) + b"\0\0\0\r\n\r\n")
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (202, "close")
        assert wire.ends()


def test_stop_with_a_pipeline_behind_a_commit(server: Running, chat: Client) -> None:
    """The commit is answered, what waits behind it is not carried out, and the connection ends."""
    with Wire(server.port) as wire:
        with slow_disk(server):
            wire.send(with_credentials(TEXT * 3, chat))
            server.until(lambda: server.app.store.writer.pending > 0)
            server.loop.call_soon_threadsafe(server.app.stop)
            server.until(lambda: server.app.dispatcher.stopping)
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (202, "close")
        with pytest.raises(Gone):
            wire.receive()
    stored = [
        text
        for (text,) in server.rows("SELECT json_extract(payload, '$.text') FROM entries WHERE kind = 'messaging.Text'")
    ]
    assert stored == [json.loads(SAY)["text"]]
