"""Answers are sent together at the end of a round, and until then nobody takes them for sent."""

import asyncio

import pytest

from frontdesk.http.lane import Lane
from frontdesk.http.outbox import WAITING_MAX, Outbox
from tests.lane.corpus import HEALTH
from tests.lane.peer import CHUNK, FIONREAD, Peer, queued, with_credentials
from tests.lane.test_endings import STREAM
from tests.support.client import Client
from tests.support.server import Running


class Line:
    """A connection that notes what is sent."""

    def __init__(self, sent: list[int], number: int = 0) -> None:
        self.sent = sent
        self.number = number

    def send(self) -> None:
        """See outbox.Sender."""
        self.sent.append(self.number)

    def abort(self) -> None:
        """See outbox.Sender."""
        self.sent.append(-self.number)


def test_sent_in_order_at_the_end_of_the_round() -> None:
    """Nothing goes out while others are worked for; then everything, the oldest first."""

    async def work() -> tuple[list[int], list[int]]:
        sent: list[int] = []
        outbox = Outbox()
        for number in range(5):
            outbox.put(Line(sent, number))
        before = list(sent)
        await asyncio.sleep(0)
        return before, sent

    assert asyncio.run(work()) == ([], [0, 1, 2, 3, 4])


def test_many_do_not_wait_for_the_last() -> None:
    """A large batch goes out in parts."""

    async def work() -> tuple[int, int]:
        sent: list[int] = []
        outbox = Outbox()
        for _ in range(WAITING_MAX + 1):
            outbox.put(Line(sent))
        before = len(sent)
        await asyncio.sleep(0)
        return before, len(sent)

    assert asyncio.run(work()) == (WAITING_MAX, WAITING_MAX + 1)


def test_one_that_fails_leaves_the_others() -> None:
    """What a connection does wrong is its own affair, and ends it."""

    class Wrong(Line):
        def send(self) -> None:
            raise RuntimeError("cannot write")

    async def work() -> list[int]:
        sent: list[int] = []
        outbox = Outbox()
        for line in (Line(sent, 1), Wrong(sent, 2), Line(sent, 3)):
            outbox.put(line)
        await asyncio.sleep(0)
        return sent

    assert asyncio.run(work()) == [1, -2, 3]


def test_an_answer_that_can_not_be_written_ends_the_connection(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left open, the connection would have it wait until it gives up."""
    with Peer(server) as peer:
        protocol = peer.protocol()
        with monkeypatch.context() as broken:
            broken.setattr(Lane, "send", lambda lane: 1 // 0)
            peer.send(HEALTH)
            assert peer.rest().data == b""
        assert server.call(protocol.delivered) is False


def test_unknown_until_it_is_sent(server: Running) -> None:
    """A poll that comes over another connection in this very round must not take the answer for delivered."""
    with Peer(server) as peer:
        protocol = peer.protocol()

        def ask() -> tuple[bool | None, int]:
            protocol.data_received(HEALTH)
            return protocol.delivered(), queued(peer.socket, FIONREAD)

        assert server.call(ask) == (None, 0)
        assert peer.settle().data.startswith(b"HTTP/1.1 200")
        assert server.call(protocol.delivered) is True


def test_not_delivered_when_it_could_not_be_sent(server: Running) -> None:
    """The connection broke between the answer and the end of the round."""
    with Peer(server) as peer:
        protocol = peer.protocol()

        def ask() -> None:
            protocol.data_received(HEALTH)
            protocol._transport.abort()  # noqa: SLF001

        server.call(ask)
        server.until(lambda: protocol._transport is None)  # noqa: SLF001
        assert server.call(protocol.delivered) is False


def test_answers_of_one_connection_stay_in_order(server: Running) -> None:
    """Several in one round, the last of which ends the connection."""
    with Peer(server) as peer:
        protocol = peer.protocol()
        last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

        def ask() -> None:
            for data in (HEALTH, b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", last):
                protocol.data_received(data)

        server.call(ask)
        said = peer.rest()
        assert [part[:3] for part in said.data.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]
        assert said.ended


def test_a_second_answer_sends_the_first(server: Running) -> None:
    """Else nobody would notice that a client that pipelines does not read."""
    with Peer(server) as peer:
        protocol = peer.protocol()

        def ask() -> list[int]:
            came = []
            for _ in range(2):
                protocol.data_received(HEALTH)
                came.append(queued(peer.socket, FIONREAD))
            return came

        before, after = server.call(ask)
        assert before == 0 < after


def test_a_stream_comes_behind_the_answer_before_it(server: Running, contact: Client) -> None:
    """What is written past the outbox would overtake."""
    with Peer(server) as peer:
        protocol = peer.protocol()

        def ask() -> None:
            protocol.data_received(HEALTH)
            protocol.data_received(with_credentials(STREAM, contact))

        server.call(ask)
        server.held()
        said = peer.socket.recv(CHUNK)
        assert said.index(b"content-length") < said.index(b"transfer-encoding")


def test_continue_comes_behind_the_answer_before_it(server: Running) -> None:
    """A client would take it for the end of the request before."""
    with Peer(server) as peer:
        protocol = peer.protocol()
        wish = b"POST /nowhere HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

        def ask() -> None:
            protocol.data_received(HEALTH)
            protocol.data_received(wish)
            protocol.data_received(b"{}")

        server.call(ask)
        said = peer.settle().data
        assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"100", b"404"]
