"""Bodies that no client of good will sends: each is refused as documented, and none is a fault."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.client import SESSION, Client, path_of
from tests.support.server import Running
from tests.support.wire import Wire

LIMIT = 64 * 1024
TEXT = b'{"text": "x"}'
GOOD: dict[str, dict[str, Any]] = {
    "messaging/connect": {
        "workTypeId": "79",
        "contactName": "Ada",
        "contactEmail": "ada@example.com",
        "contactDataCollection": [{"contactDataKey": "k", "contactDataValue": "v"}],
    },
    "messaging/sendText": {"text": "Hello World!"},
    "messaging/pushUrl": {"url": "https://www.example.com/"},
    "messaging/dial": {"digits": "555 1234"},
    "messaging/notification": {"state": "composing", "expiresAfterSeconds": 10},
    "messaging/scheduleCallBack": {
        "workTypeId": 32,
        "contactName": "Ada",
        "digits": "555 1234",
        "callBackTime": "2027-01-01T00:00:00Z",
        "delayStartDuration": 30,
    },
    SESSION: {"inactivityDelay": 60, "requireAcknowledgement": True, "resumeSessionId": "x"},
    "streaming/acknowledge/webClient": {"sequenceNumber": 1},
}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "invalidJson"),
        (b" ", "invalidJson"),
        (b"{", "invalidJson"),
        (b"text", "invalidJson"),
        (b"{'text': 'x'}", "invalidJson"),
        (TEXT + TEXT, "invalidJson"),
        (b"\xef\xbb\xbf" + TEXT, "invalidJson"),
        (b'{"text": "\n"}', "invalidJson"),
        (b'{"text": NaN}', "invalidJson"),
        (b'{"text": "\\ud800"}', "invalidJson"),
        (b'{"text": "\\udc00\\ud800"}', "invalidJson"),
        (b"null", "invalidType"),
        (b"5", "invalidType"),
        (b'"text"', "invalidType"),
        (b"[]", "invalidType"),
        (b'[{"text": "x"}]', "invalidType"),
        (b'{"text": 1e400}', "invalidType"),
        (b'{"text": "\xff"}', "notUtf8"),
        (b'{"text": "x", "unknown": "\xff"}', "notUtf8"),
        ('{"text": "é"}'.encode("latin-1"), "notUtf8"),
        ('{"text": "x"}'.encode("utf-16"), "notUtf8"),
        (b'{"text": "\xed\xa0\x80"}', "notUtf8"),
        (b"[" * 30_000, "invalidType"),
        (b'{"text": ' * 7_000, "invalidType"),
        (b'{"text": "x", "unknown": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "tooDeep"),
        (b'{"text": "x", "unknown": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "tooDeep"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
def test_body_that_is_no_json_object_of_the_right_form(chat: Client, body: bytes, reason: str) -> None:
    """The answer is 400 with a reason that says what is wrong with the body; the connection goes on."""
    answer = chat.post("messaging/sendText", body)
    assert answer.status == 400
    assert answer.reason == reason
    chat.say("still here")


@pytest.mark.parametrize("operation", GOOD)
def test_unknown_fields_are_ignored(contact: Client, operation: str) -> None:
    """Clients may send more than we know, of any form: newer ones do."""
    if operation in ("messaging/sendText", "messaging/pushUrl", "messaging/dial", "messaging/notification"):
        contact.connect()
    body = {**GOOD[operation], "extra": [{"a": None}], "kind": 5, "\0": "\0"}
    body.pop("delayStartDuration", None)
    if operation == "streaming/acknowledge/webClient":
        body["sequenceNumber"] = 0
    assert contact.post(operation, body).status in (200, 202)


def test_last_of_repeated_fields_counts(chat: Client) -> None:
    """As everywhere in JSON practice; what matters is that both checks see the same one."""
    assert chat.post("messaging/sendText", b'{"text": "", "text": "x"}').status == 202
    assert chat.post("messaging/sendText", b'{"text": "x", "text": ""}').reason == "invalidText"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=utf-8", "nonsense"])
def test_content_type_is_not_asked_for(chat: Client, content_type: str | None) -> None:
    """The document's disconnect sends none, and a browser may send text/plain: a body is judged by what it is."""
    assert chat.post("messaging/sendText", {"text": "x"}, content_type=content_type).status == 202


def _padded(size: int) -> bytes:
    body = b'{"text": "x", "padding": "' + b"x" * size
    return body[: size - 2] + b'"}'


def test_body_of_64_kib_is_taken_and_one_byte_more_refused(chat: Client) -> None:
    """The limit stands at the edge, and the connection outlives the refusal."""
    assert chat.post("messaging/sendText", _padded(LIMIT)).status == 202
    refused = chat.post("messaging/sendText", _padded(LIMIT + 1))
    assert (refused.status, refused.reason) == (400, "bodyTooLarge")
    assert chat.post("messaging/sendText", _padded(LIMIT * 10)).reason == "bodyTooLarge"
    chat.say("still here")


def _chunked(client: Client, body: bytes, size: int) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in client.credentials.items())
    start = f"POST {path_of('messaging/sendText')} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{head}\r\n"
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return start.encode() + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 202), (LIMIT + 1, 400)])
def test_chunked_body_has_the_same_limit(chat: Client, size: int, status: int) -> None:
    """A body without a Content-Length is counted as it comes."""
    chat.wire.send(_chunked(chat, _padded(size), 1000))
    assert chat.wire.receive().status == status
    chat.say("still here")


def test_body_that_comes_byte_by_byte(server: Running, chat: Client) -> None:
    """Where packets end means nothing."""
    with Wire(server.port) as wire:
        for byte in _chunked(chat, b'{"text": "slow"}', 3):
            wire.send(bytes([byte]))
        assert wire.receive().status == 202


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\nnonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nx-api-key: a\0b\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_as_documented(server: Running, data: bytes) -> None:
    """Even then the answer is an ErrorResponse that a browser may read; the connection ends."""
    with Wire(server.port) as wire:
        wire.send(data)
        answer = wire.receive()
        assert (answer.status, answer.reason) == (400, "invalidHttp")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert wire.ends()


# ---- generated

# Lone surrogates too: JSON can write them, UTF-8 can't.
any_character = st.characters(exclude_categories=())
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(any_character),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
generated = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """An operation with a good body in which something was replaced, added or left out; or with any JSON at all."""
    operation = draw(st.sampled_from(sorted(GOOD)))
    if draw(st.integers(0, 4)) == 0:
        return operation, _encode(draw(json_values))
    body = dict(GOOD[operation])
    for field in draw(st.lists(st.sampled_from(sorted(body)), min_size=1, max_size=2)):
        if draw(st.booleans()):
            body[field] = draw(json_values)
        else:
            body.pop(field, None)
    return operation, _encode(body)


def _encode(value: object) -> bytes:
    return json.dumps(value).encode()


@generated
@given(damaged())
def test_no_json_makes_a_fault(chat: Client, request_: tuple[str, bytes]) -> None:
    """Whatever JSON comes, the answer is a documented one, and refusals have the documented body."""
    operation, body = request_
    answer = chat.post(operation, body)
    assert answer.status in (200, 202, 400, 404), (operation, body, answer)
    if answer.status >= 400:
        assert set(answer.json()) == {"code", "message", "errors"}
        assert answer.json()["code"] == answer.status


@generated
@given(st.sampled_from(sorted(GOOD)), st.binary(max_size=200))
def test_no_bytes_make_a_fault(chat: Client, operation: str, body: bytes) -> None:
    """The same for bytes that are no JSON; a session needs no body."""
    answer = chat.post(operation, body)
    assert answer.status == (200 if operation == SESSION and not body else 400), (operation, body, answer)


@generated
@given(st.sampled_from(["x-api-key", "authorization", "via-client-sessionid", "idempotency-key"]), st.text(max_size=50))
def test_no_header_makes_a_fault(chat: Client, header: str, value: str) -> None:
    """Headers hold any character of Latin-1 but controls; none of them breaks a check."""
    printable = "".join(c for c in value if c.isprintable()).encode("latin-1", "replace").decode("latin-1")
    sent = {**chat.credentials, header: ("Bearer " if header == "authorization" else "") + printable}
    answer = chat.wire.ask("POST", path_of("messaging/sendText"), sent, TEXT)
    assert answer.status in (202, 400, 401), (header, printable, answer)


@generated
@given(st.binary(max_size=60))
def test_no_path_makes_a_fault(chat: Client, raw: bytes) -> None:
    """Any path below an organization or beside it is found or it is not."""
    visible = bytes(b for b in raw if 0x21 <= b <= 0x7E and b not in b"#?").decode()
    for path in (f"/{visible}", path_of(visible), path_of("messaging/sendText", visible)):
        answer = chat.wire.ask("POST", path, chat.credentials, TEXT)
        assert answer.status in (202, 400, 401, 404, 405), (path, answer)
