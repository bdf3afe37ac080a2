"""Idempotency-Key: a POST that is repeated answers as the first time, and nothing happens twice."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.streaming.reading import texts
from tests.support.client import SESSION, Client, Held, kinds, path_of
from tests.support.server import Running, running
from tests.support.wire import Wire, request_bytes

TABLES = ("sessions", "interactions", "entries", "call_backs", "repeats")
IN_CHAT = {
    "messaging/sendText": ({"text": "once"}, {"text": "twice"}),
    "messaging/pushUrl": ({"url": "https://example.com/1"}, {"url": "https://example.com/2"}),
    "messaging/dial": ({"digits": "555 1234"}, {"digits": "555 1235"}),
    "messaging/notification": (
        {"state": "composing", "expiresAfterSeconds": 10},
        {"state": "composing", "expiresAfterSeconds": 11},
    ),
    "streaming/acknowledge/webClient": ({"sequenceNumber": 1}, {"sequenceNumber": 0}),
}
BEFORE_CHAT = {
    "messaging/connect": ({"workTypeId": 79, "contactName": "Ada"}, {"workTypeId": 79, "contactName": "Eve"}),
    "messaging/scheduleCallBack": (
        {"workTypeId": 32, "contactName": "Ada", "digits": "555 1234", "delayStartDuration": 30},
        {"workTypeId": 32, "contactName": "Ada", "digits": "555 1234", "delayStartDuration": 31},
    ),
    SESSION: ({"inactivityDelay": 60}, {"inactivityDelay": 61}),
    "webToken": ({}, {"other": 1}),
}
OPERATIONS = {**IN_CHAT, **BEFORE_CHAT}


def _stored(server: Running) -> dict[str, int]:
    server.stored()
    return {table: server.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}  # noqa: S608


def _ready(contact: Client, operation: str) -> None:
    if operation in IN_CHAT:
        contact.connect()


@pytest.fixture(scope="module", params=["looked up in the store", "known to be new"])
def aged(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A server whose clock stands: sessions are as old as it is, or younger."""
    with running() as server:
        if request.param == "known to be new":
            server.advance(1)
        yield server


@pytest.mark.parametrize("operation", OPERATIONS)
def test_repeat_answers_alike_and_does_nothing_twice(aged: Running, operation: str) -> None:
    """Every POST of the API: the same status, the same body, and not a row more."""
    body, other = OPERATIONS[operation]
    # Tokens are made before there is a session: their keys are those of all who have the API key.
    with aged.contact() as contact:
        _ready(contact, operation)
        first = contact.post(operation, body, idempotency_key=operation)
        assert first.status in (200, 202)
        stored = _stored(aged)
        for _ in range(2):
            again = contact.post(operation, body, idempotency_key=operation)
            assert (again.status, again.body) == (first.status, first.body)
        assert _stored(aged) == stored
        reused = contact.post(operation, other, idempotency_key=operation)
        assert (reused.status, reused.reason) == (400, "idempotencyKeyReused")
        assert _stored(aged) == stored
        assert contact.post(operation, other if operation != "messaging/connect" else body).status in (200, 202, 400)


def test_disconnect_may_be_repeated_after_the_end(chat: Client) -> None:
    """The first one closed the chat; without the key the repeat would be told that nothing is open."""
    for _ in range(2):
        assert chat.post("messaging/disconnect", idempotency_key="bye").status == 202
    assert chat.post("messaging/disconnect", idempotency_key="bye again").reason == "noOpenInteraction"
    assert kinds(chat.poll()).count("Disconnected") == 1


@pytest.mark.parametrize(
    "operation", ["messaging/sendText", "messaging/connect", "messaging/scheduleCallBack", SESSION]
)
def test_duplicates_at_the_same_time_share_one_outcome(server: Running, contact: Client, operation: str) -> None:
    """Eight at once, before any of them is durable: all get the one answer, one takes effect."""
    _ready(contact, operation)
    before = _stored(server)
    headers = {**contact.credentials, "Idempotency-Key": f"at once {operation}"}
    request = request_bytes("POST", path_of(operation), headers, json.dumps(OPERATIONS[operation][0]).encode())
    wires = [Wire(server.port) for _ in range(8)]
    for wire in wires:
        wire.send(request)
    answers = [wire.receive() for wire in wires]
    for wire in wires:
        wire.close()
    assert {answer.status for answer in answers} <= {200, 202}
    assert len({answer.body for answer in answers}) == 1
    after = _stored(server)
    assert after["repeats"] == before["repeats"] + 1
    assert sum(after.values()) - sum(before.values()) <= 4
    one = {"messaging/sendText": "entries", "messaging/connect": "interactions", SESSION: "sessions"}
    table = one.get(operation, "call_backs")
    assert after[table] == before[table] + 1


@pytest.mark.parametrize("operation", ["messaging/sendText", "messaging/scheduleCallBack"])
def test_client_that_went_before_its_answer_repeats(server: Running, contact: Client, operation: str) -> None:
    """The connection broke and nobody knows whether the request was heard: the repeat makes it once in any case."""
    _ready(contact, operation)
    before = _stored(server)
    body = OPERATIONS[operation][0]
    headers = {**contact.credentials, "Idempotency-Key": f"gone {operation}"}
    request = request_bytes("POST", path_of(operation), headers, json.dumps(body).encode())
    for length in (len(request) // 2, len(request) - 1, len(request), len(request)):
        wire = Wire(server.port)
        wire.send(request[:length])
        wire.reset()
    assert contact.post(operation, body, idempotency_key=f"gone {operation}").status == 202
    after = _stored(server)
    assert after["repeats"] == before["repeats"] + 1
    assert after["entries"] == before["entries"] + 1


def test_pipelined_duplicates_share_one_outcome(server: Running, chat: Client) -> None:
    """The same on one connection, in one packet."""
    headers = {**chat.credentials, "Idempotency-Key": "piped"}
    before = _stored(server)
    chat.wire.send(request_bytes("POST", path_of("messaging/sendText"), headers, b'{"text": "x"}') * 5)
    assert [chat.wire.receive().status for _ in range(5)] == [202] * 5
    assert _stored(server)["entries"] == before["entries"] + 1


@pytest.mark.parametrize("operation", ["messaging/sendText", "messaging/connect", "messaging/scheduleCallBack"])
def test_repeat_after_a_restart(tmp_path: Path, operation: str) -> None:
    """The key was stored with what it did: another process answers alike, and refuses another body."""
    body, other = OPERATIONS[operation]
    with running(tmp_path) as server, server.contact(inactivityDelay=3600) as contact:
        _ready(contact, operation)
        assert contact.post(operation, body, idempotency_key="1").status == 202
        stored, clock = _stored(server), server.clock
    with running(tmp_path, clock=clock) as server, server.client() as again:
        again.credentials = contact.credentials
        assert again.post(operation, body, idempotency_key="1").status == 202
        assert again.post(operation, other, idempotency_key="1").reason == "idempotencyKeyReused"
        assert _stored(server) == stored


def test_session_is_created_once_even_over_a_restart(tmp_path: Path) -> None:
    """A client that never saw the answer asks again and gets the session that it has already."""
    with running(tmp_path) as server, server.client() as client:
        token = client.token()
        made = client.post(SESSION, {"inactivityDelay": 3600}, idempotency_key="mine").json()
        clock = server.clock
    with running(tmp_path, clock=clock) as server, server.client() as client:
        client.credentials["authorization"] = f"Bearer {token}"
        assert client.post(SESSION, {"inactivityDelay": 3600}, idempotency_key="mine").json() == made
        client.credentials["via-client-sessionid"] = made["sessionId"]
        client.connect()


@pytest.fixture(params=[0, 1])
def own(request: pytest.FixtureRequest) -> Iterator[tuple[Running, Client]]:
    """A server of its own, and a contact; its session is as old as the server, or younger."""
    with running() as server:
        server.advance(request.param)
        with server.contact() as contact:
            yield server, contact


def test_a_key_that_is_looked_up_while_all_is_read_anew(
    own: tuple[Running, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known of the conversation before counts no entries any more: two would get one number."""
    server, contact = own
    contact.connect("1")
    contact.poll()
    server.recover()
    waiting: list[Callable[[None], None]] = []
    for app in server.apps:
        monkeypatch.setattr(app.store, "find_repeat", lambda scope, key, found: waiting.append(found))
    request = request_bytes(
        "POST", path_of("messaging/sendText"),
        {**contact.credentials, "content-type": "application/json", "idempotency-key": "1"}, b'{"text": "one"}',
    )  # fmt: skip
    held = Held(Wire(server.port), request, own=True)
    server.until(lambda: waiting)
    server.recover()
    server.call(waiting.pop(), None)
    assert held.answer().status == 202
    contact.say("two")
    server.stored()
    numbers = [seq for (seq,) in server.rows("SELECT seq FROM entries ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert texts(contact.poll(after=2)) == ["one", "two"]


def test_refused_request_is_not_remembered(contact: Client) -> None:
    """Nothing happened, so the same request may succeed later under the same key."""
    assert contact.post("messaging/sendText", {"text": "x"}, idempotency_key="k").status == 404
    contact.connect()
    assert contact.post("messaging/sendText", {"text": "x"}, idempotency_key="k").status == 202


def test_key_of_one_session_is_free_for_another(server: Running, chat: Client) -> None:
    """Clients choose keys without knowing of each other."""
    before = _stored(server)
    chat.say("mine", idempotency_key="1")
    with server.contact() as other:
        other.connect()
        other.say("also mine", idempotency_key="1")
    assert _stored(server)["repeats"] == before["repeats"] + 2


def test_key_is_bound_to_its_operation(chat: Client) -> None:
    """The same body to another operation is another request."""
    body = {"text": "x", "url": "https://example.com"}
    assert chat.post("messaging/sendText", body, idempotency_key="1").status == 202
    assert chat.post("messaging/pushUrl", body, idempotency_key="1").reason == "idempotencyKeyReused"


@pytest.mark.parametrize(
    ("key", "status"), [("k", 202), ("k" * 200, 202), ("ümläut", 202), ("k" * 201, 400), ("", 400)]
)
def test_length_of_keys(chat: Client, key: str, status: int) -> None:
    """1 to 200 characters."""
    answer = chat.post("messaging/sendText", {"text": "x"}, idempotency_key=key)
    assert answer.status == status
    assert answer.reason in ("", "invalidIdempotencyKey")


def test_key_is_forgotten_after_a_day() -> None:
    """Up to 24 hours the same session, then a new one; and its row is swept."""
    with running() as server, server.client() as client:

        def create() -> str:
            client.token()
            return str(client.post(SESSION, idempotency_key="daily").json()["sessionId"])

        first = create()
        server.advance(24 * 3600 - 1)
        assert create() == first
        server.advance(1)
        assert create() != first
        server.advance(25 * 3600)
        server.stored()
        assert server.rows("SELECT count(*) FROM repeats") == [(0,)]
