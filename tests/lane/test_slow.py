"""Slow and endless clients: each is bounded in time and bytes, and none of them for being merely slow."""

import json
import socket

import pytest

from frontdesk.http.carriers import unacknowledged
from frontdesk.http.lane import IDLE_ROUNDS, ROUND_MS
from frontdesk.http.reading import DROP_MAX, HEAD_MAX
from tests.lane.corpus import HEALTH, POLL, nowhere, request
from tests.lane.peer import Peer, Said, transport_of, with_credentials
from tests.support.client import Client
from tests.support.server import Running

ROUND = ROUND_MS / 1000
BUFFER_MAX = 2 * 1024 * 1024
"""What may wait for a reader that reads nothing: one read's worth of requests, answered; far from without end."""


def refusal(said: Said) -> tuple[int, str, bool]:
    """Status and reason of the last answer, and whether the connection ended."""
    head, _, body = said.data[said.data.rindex(b"HTTP/1.1 4") :].partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\naccess-control-allow-origin: *" in head
    return int(head.split()[1]), json.loads(body)["errors"][0]["reason"], said.ended


def quiet(peer: Peer) -> None:
    """All that was sent is read, and nothing came back."""
    peer.taken()
    assert peer.settle() == Said(b"", ended=False)


@pytest.mark.parametrize("piece", [1000, HEAD_MAX * 4])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("what", ["target", "one header", "many headers"])
def test_head_too_large(server: Running, what: str, piece: int, whole: bool) -> None:  # noqa: FBT001
    """Refused with the reason, in one piece or many, complete or not; then the connection ends."""
    size = HEAD_MAX + 1000
    head = {
        "target": request("GET /" + "a" * size),
        "one header": request("GET /healthz", "X-A: " + "a" * size),
        "many headers": request("GET /healthz", *(f"X-{i}: {i:050}" for i in range(size // 50))),
    }[what]
    data = head if whole else head[:-2]
    with Peer(server) as peer:
        for start in range(0, len(data), piece):
            peer.send(data[start : start + piece])
            peer.taken()
        assert refusal(peer.rest()) == (400, "headTooLarge", True)


def test_head_of_the_largest_size(server: Running) -> None:
    """32 KiB is enough for everyone, and granted."""
    with Peer(server) as peer:
        peer.send(request("GET /healthz", "X-A: " + "a" * (HEAD_MAX - 100)))
        assert peer.settle().data.startswith(b"HTTP/1.1 200")


def test_endless_body_is_cut_off(server: Running) -> None:
    """A little is read and dropped, so that the refusal can be read; no more."""
    with Peer(server) as peer:
        peer.send(nowhere("Content-Length: 1000000000"))
        for _ in range(DROP_MAX // 65536 + 2):
            peer.send(b"a" * 65536)
            peer.taken()
        assert refusal(peer.rest()) == (400, "bodyTooLarge", True)


def test_endless_trailer_is_cut_off(server: Running) -> None:
    """The end of a chunked body is no place to hide from the limit."""
    with Peer(server) as peer:
        peer.send(nowhere("Transfer-Encoding: chunked") + b"0\r\nX-A: ")
        for _ in range(DROP_MAX // 65536 + 2):
            peer.send(b"a" * 65536)
            peer.taken()
        assert refusal(peer.rest()) == (400, "bodyTooLarge", True)


@pytest.mark.parametrize(
    "part", [b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: h\r\n", nowhere("Content-Length: 9") + b"a"]
)
def test_stalled_request_is_refused(server: Running, part: bytes) -> None:
    """After one whole round without an end of it."""
    with Peer(server) as peer:
        peer.send(part)
        quiet(peer)
        server.advance(ROUND)
        quiet(peer)
        server.advance(ROUND)
        assert refusal(peer.rest()) == (429, "requestTimeout", True)


def test_drop_by_drop_is_no_progress(server: Running) -> None:
    """A byte now and then does not keep a request alive."""
    with Peer(server) as peer:
        for drop in (HEALTH[:1], HEALTH[1:2]):
            peer.send(drop)
            quiet(peer)
            server.advance(ROUND)
        assert refusal(peer.rest()) == (429, "requestTimeout", True)


def test_a_request_that_has_just_begun_is_waited_for(server: Running) -> None:
    """A look that comes in the middle of a request on an old connection is no reason to refuse it."""
    with Peer(server) as peer:
        peer.send(HEALTH)
        peer.settle()
        for _ in range(2):
            server.advance(ROUND)
        peer.send(HEALTH[:20])
        peer.taken()
        server.advance(ROUND)
        peer.send(HEALTH[20:])
        assert peer.settle().data.count(b"HTTP/1.1 200") == 2


def test_idle_connection_is_closed_later_than_proxies_do(server: Running) -> None:
    """Silently, and not before a proxy's usual minute is over."""
    with Peer(server) as peer:
        for _ in range(3):
            server.advance(ROUND)
        quiet(peer)
        assert IDLE_ROUNDS * ROUND > 60
        server.advance(ROUND)
        assert peer.rest() == Said(b"", ended=True)


def test_held_poll_is_not_idle(server: Running, contact: Client) -> None:
    """Rounds do not end it; only its hold does."""
    contact.poll()
    with Peer(server) as peer:
        peer.send(with_credentials(POLL, contact))
        server.held()
        peer.taken()
        server.call(lambda: [peer.protocol()._look(0) for _ in range(9)])  # noqa: SLF001
        server.advance(15)
        assert peer.settle().data.endswith(b'{"totalItems":0,"events":[]}')


def test_what_waits_for_a_reader_that_reads_nothing_is_bounded(server: Running) -> None:
    """Neither answers nor requests pile up, and a few looks later the connection is gone."""
    with Peer(server, receive_buffer=4096) as peer:
        peer.flood()
        transport = transport_of(peer.protocol())
        assert 0 < server.call(transport.get_write_buffer_size) < BUFFER_MAX
        for _ in range(4):
            server.advance(ROUND)
        server.until(lambda: peer.protocol() is None)


def test_a_reader_that_reads_slowly_is_kept(server: Running) -> None:
    """A byte count that falls is progress; in the end all answers are there."""
    with Peer(server, receive_buffer=4096) as peer:
        peer.flood()
        for _ in range(6):
            before = server.call(_waiting, peer)
            for _ in range(64):
                peer.socket.recv(65536)
            server.until(lambda before=before: _waiting(peer) != before)  # type: ignore[misc]
            server.advance(ROUND)
        assert peer.protocol() is not None


def test_the_last_answer_is_waited_for_while_it_is_read(server: Running) -> None:
    """A parted connection is not cut off in the middle of what it still says."""
    with server.client() as client:
        # From the second time on it is there at once.
        assert client.ask("GET", "/openapi.json").status == 200
    with Peer(server, receive_buffer=4096) as peer:
        sock = transport_of(peer.protocol()).get_extra_info("socket")
        server.call(sock.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.send(request("GET /openapi.json", "Connection: close"))
        peer.taken()
        server.advance(ROUND)
        assert server.call(_waiting, peer) > 0
        head, _, body = peer.rest().data.partition(b"\r\n\r\n")
        assert f"\r\ncontent-length: {len(body)}\r\n".encode() in head


def _waiting(peer: Peer) -> int:
    return unacknowledged(transport_of(peer.protocol()))
