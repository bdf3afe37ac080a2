"""A head that came before is not read again; whatever may have changed since is looked at all the same."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.domain.model import Session
from frontdesk.http.asgi import Unknown
from frontdesk.http.bodies import BODY_MAX
from frontdesk.http.heads import HEADS_MAX, SIZE_MAX, Heads
from frontdesk.http.wire import Again, Request
from tests.lane.corpus import ALL, BASE, HEALTH, POLL, SAY, TEXT, post, request
from tests.lane.peer import BROKEN, Pair, Peer, Said, agree, same_for_all, slow_disk, with_credentials
from tests.streaming.reading import texts
from tests.support.client import SESSION, Client
from tests.support.server import Running, running
from tests.support.wire import Answer, Wire

OTHER = b'{"text":"Something longer"}'


def text(body: bytes, contact: Client, *headers: str) -> bytes:
    """A sendText of the contact."""
    return with_credentials(post("messaging/sendText", body, *headers), contact)


def known(server: Running) -> Heads:
    """What the server remembers."""
    return server.app.dispatcher.heads


@contextmanager
def deaf(server: Running, data: bytes) -> Iterator[Peer]:
    """A connection on which `data` was answered, and that can read nothing any more."""
    with Peer(server) as peer:
        peer.send(data)
        peer.settle()
        protocol = peer.protocol()
        parser = protocol._parser  # noqa: SLF001
        server.call(setattr, protocol, "_parser", None)
        yield peer
        if peer.protocol() is not None:
            server.call(setattr, protocol, "_parser", parser)


def statuses(peer: Peer) -> list[bytes]:
    """Of everything that was answered so far."""
    return re.findall(rb"HTTP/1\.1 (\d+) ", peer.settle().data)


# ---- what is known


def test_a_text_with_a_known_head_is_not_read(server: Running, contact: Client) -> None:
    """Whatever its length; without a parser it is stored and answered as ever."""
    with deaf(server, text(SAY, contact)) as peer:
        peer.send(text(OTHER, contact))
        assert statuses(peer) == [b"202", b"202"]
        # A head that did not come before finds nobody who reads it.
        peer.send(text(OTHER, contact, "X-Other: 1"))
        peer.taken()
        assert statuses(peer) == [b"202", b"202"]
    said: list[str] = []
    while len(said) < 2:
        said += texts(contact.poll())
    assert said == ["Hello", "Something longer"]


def test_a_length_of_the_whole_is_not_one_of_the_body(server: Running, contact: Client) -> None:
    """Taken for whole with one byte of its body, the rest of that would be read as a request of somebody else."""
    data = text(SAY, contact)
    with Peer(server) as peer:
        peer.send(data)
        assert statuses(peer) == [b"202"]
        head = data[: data.index(b"{")].replace(b"Content-Length: %d" % len(SAY), b"Content-Length: 999")
        length = len(head) + 2
        peer.send(head.replace(b"Content-Length: 999", b"Content-Length: %d" % length) + b"x")
        assert statuses(peer) == [b"202"]


def test_a_head_is_known_on_every_connection(server: Running, contact: Client) -> None:
    """Behind a proxy a contact's requests come over many."""
    with Wire(server.port) as wire:
        wire.send(text(SAY, contact))
        assert wire.receive().status == 202
    with deaf(server, HEALTH) as peer:
        peer.send(text(OTHER, contact))
        assert statuses(peer) == [b"200", b"202"]


def test_a_known_poll_is_held_and_answered_on_another_connection(server: Running, contact: Client) -> None:
    """What was sent on the first counts as delivered, as its every byte arrived."""
    contact.poll()
    poll = with_credentials(POLL, contact)
    contact.say("one")
    with Wire(server.port) as wire:
        wire.send(poll)
        assert texts(wire.receive().json()["events"]) == ["one"]
        with deaf(server, HEALTH) as peer:
            peer.send(poll)
            server.held()
            contact.say("two")
            assert b"two" in peer.settle().data


@pytest.mark.parametrize("name", ["content-length", "Content-Length"])
def test_how_the_length_is_written(server: Running, contact: Client, name: str) -> None:
    """As browsers write it, and as proxies do."""
    first, second = (text(body, contact).replace(b"Content-Length", name.encode()) for body in (SAY, OTHER))
    with deaf(server, first) as peer:
        peer.send(second)
        assert statuses(peer) == [b"202", b"202"]


def test_the_length_may_stand_anywhere(server: Running, contact: Client) -> None:
    """Chrome's is the third header."""

    def early(body: bytes) -> bytes:
        head = f"POST {BASE}messaging/sendText", f"Content-Length: {len(body)}", ALL
        return with_credentials(request(*head) + body, contact)

    with deaf(server, text(SAY, contact)) as late, deaf(server, early(SAY)) as peer:
        peer.send(early(OTHER))
        late.send(text(OTHER, contact))
        assert statuses(peer) == statuses(late) == [b"202", b"202"]


BODIES = {
    "streaming/acknowledge/webClient": b'{"sequenceNumber":1}',
    "messaging/sendText": SAY,
    "messaging/notification": b'{"state":"composing","expiresAfterSeconds":5}',
    "messaging/read": b'{"messageId":"1"}',
    "messaging/preview": b'{"text":"Hel"}',
}


def test_every_operation_whose_heads_are_known(server: Running, contact: Client) -> None:
    """Each is carried out again with nothing but its session and its body."""
    table = server.app.dispatcher._router._paths  # noqa: SLF001 - the table says which they are
    flagged = {path for path, methods in table.items() for route in methods.values() if route.repeats_head}
    assert flagged == set(BODIES)
    contact.poll()
    for operation, body in BODIES.items():
        data = with_credentials(post(operation, body), contact)
        with deaf(server, data) as peer:
            peer.send(data)
            assert (operation, statuses(peer)) == (operation, [b"202", b"202"])


# ---- what ends it


def refused(server: Running, contact: Client, reason: str) -> Answer:
    """A text with a known head, which is refused now."""
    with Wire(server.port) as wire:
        wire.send(text(OTHER, contact))
        answer = wire.receive()
        assert answer.reason == reason
        return answer


def spoken(server: Running, **fields: Any) -> Client:
    """A contact whose texts' head is known."""
    contact = server.contact(**fields)
    contact.connect("1")
    with Wire(server.port) as wire:
        wire.send(text(SAY, contact))
        assert wire.receive().status == 202
    assert len(known(server)) == 1
    return contact


def test_an_expired_token(server: Running) -> None:
    """Looked at with each request."""
    with spoken(server, inactivityDelay=3600) as contact:
        server.advance(1800)
        contact.poll()
        server.advance(1801)
        refused(server, contact, "expiredToken")


def test_a_revoked_key(server: Running) -> None:
    """What was concluded from an older directory is concluded anew."""
    with spoken(server) as contact:
        (key,) = server.admin("apikey.list", org_id="viademo")
        server.admin("apikey.revoke", key_id=key["keyId"])
        refused(server, contact, "invalidApiKey")


def test_other_origins(server: Running) -> None:
    """The headers of an answer are those of the organization as it is now."""
    with spoken(server) as contact, Wire(server.port) as wire:
        server.admin("org.origins", org_id="viademo", origins=["https://shop.example.com"])
        wire.send(text(OTHER, contact))
        answer = wire.receive()
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (202, "https://shop.example.com")


def test_an_ended_session(server: Running) -> None:
    """Its heads are forgotten with it."""
    with spoken(server) as contact:
        assert contact.ask("DELETE", SESSION).status == 204
        assert len(known(server)) == 0
        refused(server, contact, "invalidSession")


def test_an_expired_session(server: Running) -> None:
    """As one that its client ended."""
    with spoken(server) as contact:
        server.advance(61)
        assert len(known(server)) == 0
        refused(server, contact, "invalidSession")


def test_a_session_that_another_resumed(server: Running) -> None:
    """The conversation goes on there; what still comes here is refused."""
    with spoken(server) as contact, server.client() as other:
        other.credentials["authorization"] = contact.credentials["authorization"]
        other.session(resumeSessionId=contact.session_id)
        assert len(known(server)) == 0
        refused(server, contact, "invalidSession")


def test_a_session_that_went_to_another_node(server: Running) -> None:
    """Whoever lost the race of forgetting still sees that it is at home elsewhere."""
    with spoken(server) as contact:
        session = server.app.context.floor.sessions[contact.session_id]
        with deaf(server, HEALTH) as peer:
            server.call(setattr, session, "node", "another")
            peer.send(text(OTHER, contact))
            peer.taken()
            assert statuses(peer) == [b"200"]
        server.call(server.app.context.streams.give_away, session)
        assert len(known(server)) == 0


def test_memory_that_is_read_anew(server: Running) -> None:
    """After a fault of the disk nothing of before holds."""
    with spoken(server) as contact, Wire(server.port) as wire:
        server.recover()
        assert len(known(server)) == 0
        wire.send(text(OTHER, contact))
        assert wire.receive().status == 202


def test_a_server_that_stops(server: Running) -> None:
    """A known head is told to come again like any other."""
    with spoken(server) as contact:
        server.stopping(now=True)
        refused(server, contact, "shuttingDown")
        server.stopping(now=False)


def test_the_rate_of_a_session() -> None:
    """Counted with each request."""
    with running(lane=True, messages_per_session=3) as server, spoken(server) as contact:
        with Wire(server.port) as wire:
            wire.send(text(OTHER, contact))
            assert wire.receive().status == 202
        assert refused(server, contact, "tooManyMessages").headers["retry-after"]


def test_the_use_of_a_key(server: Running) -> None:
    """Counted with each request."""
    with spoken(server) as contact, Wire(server.port) as wire:
        wire.send(text(OTHER, contact))
        wire.receive()
        server.advance(1)
        server.stored()
    counts = {row["endpoint"]: row["count"] for row in server.admin("apikey.usage", org_id="viademo")}
    assert counts["POST messaging/sendText"] == 2


# ---- what is never known

KEY = "Idempotency-Key: 1"
UNKNOWN = {
    "a key to repeat with": post("messaging/sendText", SAY, KEY),
    "a wish before the body": post("messaging/sendText", SAY, "Expect: something"),
    "another protocol": post("messaging/sendText", SAY, "Upgrade: h2c"),
    "the last on its connection": post("messaging/sendText", SAY, "Connection: close"),
    "no length": post("messaging/sendText", b"").replace(b"Content-Length: 0\r\n", b""),
    "a length of nothing": post("messaging/sendText", b""),
    "a length written oddly": post("messaging/sendText", SAY).replace(b"Content-Length", b"CONTENT-LENGTH"),
    "a length with a zero in front": post("messaging/sendText", SAY).replace(b"Length: ", b"Length: 0"),
    "a line in front": b"\r\n" + TEXT,
    "a long head": post("messaging/sendText", SAY, "X-Long: " + "a" * SIZE_MAX),
    "a refused one": post("messaging/sendText", b'{"text":""}'),
    "what happens once": post("messaging/disconnect", b""),
    "two in one piece": TEXT * 2,
    "chunks": request(f"POST {BASE}messaging/sendText", ALL, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "a poll with a number": POLL.replace(b"maxEvents=1", b"afterSequenceNumber=0"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_never_known(server: Running, contact: Client, name: str) -> None:
    """Each is read every time."""
    with Peer(server) as peer:
        peer.send(with_credentials(UNKNOWN[name], contact))
        peer.settle()
        assert len(known(server)) == 0


def test_a_request_in_pieces_is_never_known(server: Running, contact: Client) -> None:
    """Nobody has seen it whole."""
    with Peer(server) as peer:
        for piece in (text(SAY, contact)[:100], text(SAY, contact)[100:]):
            peer.send(piece)
            peer.taken()
        assert statuses(peer) == [b"202"]
        assert len(known(server)) == 0


def test_what_is_known_of_a_session_is_bounded(server: Running, contact: Client) -> None:
    """A client that writes a new head each time pushes out its own, and no others."""
    with spoken(server) as other, Wire(server.port) as wire:
        for number in range(3 * HEADS_MAX):
            wire.send(text(SAY, contact, f"X-Number: {number}"))
            assert wire.receive().status == 202
        assert len(known(server)) == HEADS_MAX + 1
        with deaf(server, HEALTH) as peer:
            peer.send(text(SAY, other))
            assert statuses(peer) == [b"200", b"202"]


def test_a_request_that_ends_its_session_leaves_nothing() -> None:
    """Remembered after it was forgotten, it would stay forever."""
    heads = Heads()
    session = Session(session_id="s", org_id="o", inactivity_delay=60, created_ms=0, ended_ms=1)
    asked = Request("POST", "/", b"", {b"content-length": b"16"}, SAY, "", Unknown())
    asked.again = Again(session.session_id, session, (), lambda body, carrier, now_ms: None)
    data = request("POST /", body=SAY)
    heads.keep(data, asked)
    assert len(heads) == 0
    session.ended_ms = 0
    heads.keep(data, asked)
    assert len(heads) == 1
    heads.forget("s")
    heads.forget("s")
    assert len(heads) == 0


# ---- what looks like it


def test_a_known_head_with_surplus_is_read(server: Running, contact: Client) -> None:
    """Two texts in one piece are two texts."""
    with Peer(server) as peer:
        peer.send(text(SAY, contact))
        peer.settle()
        peer.send(text(SAY, contact) + text(OTHER, contact))
        assert statuses(peer) == [b"202"] * 3


def test_known_heads_in_a_pipeline_keep_their_order(server: Running, contact: Client) -> None:
    """What comes while an answer is due waits for its turn."""
    with Peer(server) as peer:
        peer.send(text(SAY, contact))
        peer.settle()
        with slow_disk(server):
            for body in (b'{"text":"1"}', b'{"text":"2"}', b'{"text":"3"}'):
                peer.send(text(body, contact))
                server.until(lambda: server.app.store.writer.pending > 0)
        assert statuses(peer) == [b"202"] * 4
    said: list[str] = []
    while len(said) < 4:
        said += texts(contact.poll())
    assert said == ["Hello", "1", "2", "3"]


def test_a_body_that_looks_like_a_known_poll_is_a_body(server: Running, contact: Client) -> None:
    """Its head came in a piece of its own, and said how long it is."""
    contact.poll()
    poll = with_credentials(POLL, contact)
    with Peer(server) as peer:
        peer.send(poll)
        server.held()
        contact.say("now")
        assert statuses(peer) == [b"200"]
        peer.send(with_credentials(post("messaging/sendText", poll), contact)[: -len(poll)])
        peer.taken()
        peer.send(poll)
        assert statuses(peer) == [b"200", b"400"]
        assert server.polls == 0


def behind(server: Running, sent: list[bytes]) -> Said:
    """What is said to requests that come one by one behind a text whose head is then known."""
    with server.contact() as client:
        client.connect()
        with Peer(server) as peer:
            peer.send(with_credentials(TEXT, client))
            said = first = peer.settle()
            for each in sent:
                peer.send(with_credentials(each, client))
                peer.taken()
                said = peer.settle()
        # Out of the queue, so that the next one has the same place in it.
        client.post("messaging/disconnect")
    return same_for_all(Said(said.data[len(first.data) :], said.ended))


LENGTHS = {
    "twice": b"Content-Length: 27\r\nContent-Length: 27",
    "twice, one of nothing": b"Content-Length: 27\r\nContent-Length: 0",
    "twice, written in two ways": b"Content-Length: 27\r\ncontent-length: 27",
    "too short": b"Content-Length: 26",
    "too long": b"Content-Length: 28",
    "with a sign": b"Content-Length: +27",
    "empty": b"Content-Length: ",
    "none": b"X-None: 0",
    "and chunks": b"Content-Length: 27\r\nTransfer-Encoding: chunked",
    "too large": b"Content-Length: %d" % (BODY_MAX + 1),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_that_are_not_true(pair: Pair, name: str) -> None:
    """Behind a known head they are what they are behind any: the lane says what plain ASGI says."""
    body = OTHER if name != "too large" else b'{"text":"' + b"a" * (BODY_MAX - 10) + b'"}'
    spoilt = TEXT.replace(b"Content-Length: %d" % len(SAY), LENGTHS[name])[: -len(SAY)] + body
    assert agree(behind(pair.lane, [spoilt]), behind(pair.asgi, [spoilt]))


ROUNDS = settings(
    max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
values = st.one_of(st.text(max_size=30), st.integers(), st.none(), st.lists(st.text(max_size=3), max_size=3))
bodies = st.one_of(
    st.dictionaries(st.sampled_from(["text", "x"]), values, max_size=2).map(lambda fields: json.dumps(fields).encode()),
    st.binary(max_size=20),
)


@ROUNDS
@given(several=st.lists(bodies, min_size=1, max_size=3))
def test_any_body_behind_a_known_head(pair: Pair, several: list[bytes]) -> None:
    """Taken or refused alike, though plain ASGI reads every head."""
    sent = [post("messaging/sendText", body) for body in several]
    assert behind(pair.lane, sent) == behind(pair.asgi, sent)


@ROUNDS
@given(at=st.integers(0, 300), put=st.binary(max_size=3), drop=st.integers(0, 3))
def test_any_spoilt_head(pair: Pair, at: int, put: bytes, drop: int) -> None:
    """A known request with a few bytes more, less or other is no longer known."""
    sent = [TEXT[:at] + put + TEXT[at + drop :], HEALTH]
    lane, asgi = behind(pair.lane, sent), behind(pair.asgi, sent)
    # What is broken behind a text that is still to be stored ends the lane's connection with that text's answer.
    assert agree(lane, asgi) or (lane.ended and asgi.ended and BROKEN in asgi.data)
