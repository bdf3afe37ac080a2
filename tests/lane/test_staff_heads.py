"""Agents' requests whose head came before are not read again; whatever may have changed is looked at each time."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from frontdesk.domain.people import User
from tests.lane.peer import Peer
from tests.lane.test_heads import deaf, known, statuses
from tests.support.client import path_of
from tests.support.desk import Desk, store, user
from tests.support.server import Running, running
from tests.support.wire import Wire, request_bytes

TEXT = "messaging/users/{userId}/sendText"
BODIES = {
    TEXT: '{"interactionId":"%s","text":"Hello"}',
    "messaging/users/{userId}/pushUrl": '{"interactionId":"%s","url":"https://example.org/"}',
    "messaging/users/{userId}/notification": '{"interactionId":"%s","state":"composing","expiresAfterSeconds":3}',
    "messaging/users/{userId}/read": '{"interactionId":"%s","messageId":"1"}',
}


@pytest.fixture
def server() -> Iterator[Running]:
    """A server of its own: what is known is counted."""
    with running() as made:
        yield made


@contextmanager
def at_work(server: Running) -> Iterator[tuple[Desk, User, str]]:
    """An agent in a chat."""
    ann = user(server, "ann")
    with Desk(server, ann) as desk, server.contact(inactivityDelay=3600) as contact:
        desk.at_work(inactivityDelay=3600)
        contact.connect("79")
        yield desk, ann, desk.take()


def data(desk: Desk, interaction_id: str, operation: str = TEXT, **more: str) -> bytes:
    """A request of the agent."""
    sent = {**desk.credentials, "content-type": "application/json", **more}
    path = path_of(operation.replace("{userId}", desk.user_id))
    return request_bytes("POST", path, sent, (BODIES[operation] % interaction_id).encode())


def reason(server: Running, asked: bytes) -> str:
    """Why it is refused, "" when it is not."""
    with Wire(server.port) as wire:
        wire.send(asked)
        answer = wire.receive()
        return "" if answer.status == 202 else answer.reason


def test_every_operation_of_agents_whose_heads_are_known(server: Running) -> None:
    """Each is carried out again without being read."""
    table = server.app.dispatcher._router._gaps  # noqa: SLF001 - the table says which they are
    routes = [route for same in table.values() for _, methods in same for route in methods.values()]
    assert {route.path for route in routes if route.repeats_head} == set(BODIES)
    with at_work(server) as (desk, _, interaction_id):
        for operation in BODIES:
            asked = data(desk, interaction_id, operation)
            with deaf(server, asked) as peer:
                peer.send(asked)
                assert (operation, statuses(peer)) == (operation, [b"202", b"202"])


def test_who_was_disabled_is_out_at_once(server: Running) -> None:
    """The directory changed: the token is looked at anew."""
    with at_work(server) as (desk, ann, interaction_id):
        asked = data(desk, interaction_id)
        assert reason(server, asked) == ""
        store(server, msgspec.structs.replace(ann, disabled_ms=server.clock.now_ms()))
        assert reason(server, asked) == "invalidToken"


def test_a_token_ends_in_time(server: Running) -> None:
    """Looked at with each request."""
    with at_work(server) as (desk, _, interaction_id):
        asked = data(desk, interaction_id)
        assert reason(server, asked) == ""
        server.advance(24 * 3600 + 1)
        assert reason(server, asked) == "expiredToken"


def test_the_head_of_one_agent_does_nothing_for_another(server: Running) -> None:
    """The path says for whom, and the token who asks."""
    with at_work(server) as (desk, _, interaction_id):
        assert reason(server, data(desk, interaction_id)) == ""
        with Desk(server, user(server, "bob")) as bob:
            assert reason(server, data(bob, interaction_id)) == "notYours"
            bob.user_id = "ann"
            assert reason(server, data(bob, interaction_id)) == "notYours"


def test_what_is_known_of_an_agent_is_bounded(server: Running) -> None:
    """Four heads, the newest."""
    with at_work(server) as (desk, _, interaction_id):
        polls = len(known(server))
        for number in range(9):
            assert reason(server, data(desk, interaction_id, **{"x-number": str(number)})) == ""
        assert len(known(server)) == polls + 4


def test_a_wrong_body_behind_a_known_head_is_refused(server: Running) -> None:
    """As it is when the head is new."""
    with at_work(server) as (desk, _, interaction_id):
        good = data(desk, interaction_id)
        assert reason(server, good) == ""
        bad = good.replace(b"Hello", b"Hell\xff")
        assert reason(server, bad) == "notUtf8"
        with Peer(server) as peer:
            peer.send(good)
            assert statuses(peer) == [b"202"]
