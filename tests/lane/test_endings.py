"""How connections end: by the client, by the network, by the server's stop; and what is known of answers then."""

import gc
import json
import socket
from typing import Any

import pytest

from frontdesk.http.lane import Lane
from tests.lane.corpus import HEALTH, POLL, TEXT, request
from tests.lane.peer import Peer, Said, slow_disk, with_credentials
from tests.streaming.reading import texts
from tests.support.client import EVENTS, Client, path_of
from tests.support.server import Running
from tests.support.wire import Wire

STREAM = request("GET " + path_of(EVENTS), "Accept: text/event-stream", *POLL.decode().split("\r\n")[2:-2])


def hold(server: Running, contact: Client, data: bytes = POLL) -> Peer:
    """A connection with a held poll or an open stream, everything before it read."""
    contact.poll()
    peer = Peer(server)
    peer.send(with_credentials(data, contact))
    server.held()
    peer.taken()
    return peer


@pytest.mark.parametrize("data", [POLL, STREAM], ids=["poll", "stream"])
@pytest.mark.parametrize("way", ["closed", "broken", "half closed"])
def test_held_connection_ends(server: Running, contact: Client, data: bytes, way: str) -> None:
    """Nobody waits any more: what comes goes to the next poll. A client that says nothing more is gone, too."""
    with hold(server, contact, data) as peer:
        if way == "half closed":
            peer.socket.shutdown(socket.SHUT_WR)
        elif way == "closed":
            peer.socket.close()
        else:
            peer.reset()
        server.held(0)
        contact.say("later")
        assert texts(contact.poll()) == ["later"]


@pytest.mark.parametrize("broken", [True, False])
def test_connection_ends_before_its_commit(server: Running, contact: Client, broken: bool) -> None:  # noqa: FBT001
    """The text is stored and delivered once; only its answer is lost."""
    contact.poll()
    with slow_disk(server), Peer(server) as peer:
        peer.send(with_credentials(TEXT, contact))
        server.until(lambda: server.app.store.writer.pending > 0)
        protocol = peer.protocol()
        peer.reset() if broken else peer.socket.close()
        server.until(lambda: protocol._transport is None)  # noqa: SLF001
    assert texts(contact.poll()) == ["Hello"]
    assert contact.ask("GET", "/healthz").status == 200


def test_keep_alive_after_refusals(server: Running, contact: Client) -> None:
    """A refused request costs no connection, whatever was wrong with it, as long as it was HTTP."""
    wrong = ["GET /nothing", "PUT /healthz", "POST /via/v2/organizations/none/webToken", "GET " + path_of(EVENTS)]
    with Wire(server.port) as wire:
        for line in wrong * 3:
            wire.send(request(line, body=b"{"))
            assert wire.receive().status in {400, 401, 404, 405}
        wire.send(with_credentials(TEXT, contact))
        assert wire.receive().status == 202


def test_stop_answers_what_is_under_way(server: Running, contact: Client) -> None:
    """Held polls are answered empty, streams end whole, commits become 202, idle connections close."""
    with server.contact() as other, server.contact() as third:
        other.connect("1")
        third.connect()
        with hold(server, contact) as poll, Peer(server) as stream, Peer(server) as idle, Peer(server) as commit:
            stream.send(with_credentials(STREAM, other))
            idle.send(HEALTH)
            idle.settle()
            server.held(2)
            with slow_disk(server):
                commit.send(with_credentials(TEXT, third))
                server.until(lambda: server.app.store.writer.pending > 0)
                server.loop.call_soon_threadsafe(server.app.stop)
                assert poll.rest().data.endswith(b'{"totalItems":0,"events":[]}')
                assert stream.rest().data.endswith(b"\r\n0\r\n\r\n")
                assert idle.rest().ended
            assert commit.rest().data.startswith(b"HTTP/1.1 202")


def test_held_poll_keeps_no_head(server: Running, contact: Client) -> None:
    """Two thirds of a held poll's memory would be the headers that asked for it."""
    mark = "a-header-that-nobody-needs"
    data = POLL.replace(b"\r\n\r\n", b"\r\nX-Mark: " + mark.encode() + b"\r\n\r\n")
    # A byte more or less: a poll that comes in two pieces is not remembered as a whole either.
    cut = len(data) // 2
    contact.poll()
    with Peer(server) as peer:
        whole = with_credentials(data, contact)
        for piece in (whole[:cut], whole[cut:]):
            peer.send(piece)
            peer.taken()
        server.held()
        assert not server.call(_reachable, peer.protocol(), mark.encode())


def _reachable(protocol: Lane, mark: bytes) -> list[Any]:
    """Whether anything held by the connection itself, its poll included, contains the mark."""
    poll = protocol._pending  # noqa: SLF001
    near = [*gc.get_referents(protocol), *gc.get_referents(poll)]
    near += [each for found in near if isinstance(found, (dict, list, tuple)) for each in gc.get_referents(found)]
    return [found for found in near if isinstance(found, (bytes, bytearray)) and mark in found]


def test_delivered_and_read(server: Running) -> None:
    """The client's machine took every byte, and the client closed after it had read them."""
    with Peer(server) as peer:
        protocol = peer.protocol()
        peer.send(HEALTH)
        assert peer.settle().data.startswith(b"HTTP/1.1 200")
        assert server.call(protocol.delivered) is True
        peer.socket.close()
        server.until(lambda: protocol._transport is None)  # noqa: SLF001
        assert server.call(protocol.delivered) is True


def test_not_delivered_when_the_client_broke_off(server: Running) -> None:
    """What lay unread in its machine went with the connection."""
    with Peer(server) as peer:
        protocol = peer.protocol()
        peer.send(HEALTH)
        peer.taken()
        peer.reset()
        server.until(lambda: protocol._transport is None)  # noqa: SLF001
        assert server.call(protocol.delivered) is False


def test_unknown_while_bytes_are_under_way(server: Running) -> None:
    """A reader whose window is full has not got everything; broken off then, it never will."""
    with Peer(server, receive_buffer=4096) as peer:
        protocol = peer.protocol()
        peer.flood()
        assert server.call(protocol.delivered) is None
        peer.reset()
        server.until(lambda: protocol._transport is None)  # noqa: SLF001
        assert server.call(protocol.delivered) is False


def test_end_of_input_after_an_answer(server: Running) -> None:
    """A client that closes its side gets its answer, then the server's end."""
    with Peer(server) as peer:
        peer.send(HEALTH)
        peer.settle()
        peer.socket.shutdown(socket.SHUT_WR)
        said = peer.rest()
        assert json.loads(said.data.partition(b"\r\n\r\n")[2])["status"] == "ok"
        assert said == Said(said.data, ended=True)
