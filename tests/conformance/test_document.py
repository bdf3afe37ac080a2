"""The public document's own requests, with only host, organization, key and ids replaced: curl, and Node's fetch."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from frontdesk.streaming.hub import Hub
from tests.support.client import KEY, ORG, Client, kinds, payloads
from tests.support.server import FakeClock, Running, running
from tests.support.wire import PATIENCE_SECONDS

BEFORE_THE_SAMPLES_CALLBACK_MS = 1_510_506_000_000
"""12 November 2017, 17:00 UTC: the sample wants to be called at 18:00."""

CONTACT_DATA = [{"contactDataKey": "UserDefined1", "contactDataValue": "1234-5678-9999"}]
CONNECT = {
    "workTypeId": 32,
    "contactName": "Joe Bloggs",
    "contactEmail": "Joe.Bloggs@somewhere.com",
    "contactDataCollection": CONTACT_DATA,
}
CALL_BACK = {
    "workTypeId": 32,
    "contactName": "Joe Bloggs",
    "digits": "555 1234",
    "callBackTime": "2017-11-12T18:00:00.000Z",
    "delayStartDuration": 30,
    "contactDataCollection": CONTACT_DATA,
}
CHAT: list[tuple[str, dict[str, Any] | None]] = [
    ("connect", CONNECT),
    ("sendText", {"text": "Hello World!"}),
    ("pushUrl", {"url": "https://www.bing.com/#"}),
    ("dial", {"digits": "555 1234"}),
    ("notification", {"state": "composing", "expiresAfterSeconds": 10}),
    ("disconnect", None),
]
"""A whole chat in the document's samples, in an order that makes sense."""


@pytest.fixture
def server() -> Iterator[Running]:
    """A server in the days of the document."""
    with running(clock=FakeClock(BEFORE_THE_SAMPLES_CALLBACK_MS)) as server:
        yield server


@pytest.fixture
def contact(server: Running) -> Iterator[Client]:
    """Who makes the requests."""
    with server.contact() as contact:
        yield contact


def _headers(contact: Client, body: object) -> dict[str, str]:
    """The document's header set. Its sample for disconnect has no body and no Content-Type."""
    kind = {} if body is None else {"Content-Type": "application/json"}
    return {
        **kind,
        "Accept": "application/json",
        "x-api-key": KEY,
        "via-client-sessionid": contact.session_id,
        "Authorization": contact.credentials["authorization"],
    }


def _url(server: Running, operation: str) -> str:
    return f"{server.url}/via/v2/organizations/{ORG}/messaging/{operation}"


def _seen_after_the_chat(contact: Client) -> None:
    events = [event for event in contact.poll() if "sequenceNumber" in event]
    assert kinds(events) == ["Connected", "Disconnected"]
    assert payloads(events)[0]["contactName"] == "Joe Bloggs"


# ---- curl


def _curl(*arguments: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of what curl got."""
    command = ["curl", "--silent", "--show-error", "--include", "--noproxy", "*", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    head, _, body = done.stdout.partition("\n\n")
    status, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body


def _curl_post(server: Running, contact: Client, operation: str, body: object) -> tuple[int, dict[str, str], str]:
    headers = [part for item in _headers(contact, body).items() for part in ("-H", "{}: {}".format(*item))]
    data = [] if body is None else ["-d", json.dumps(body)]
    return _curl("-X", "POST", _url(server, operation), *headers, *data)


def test_chat_by_curl(server: Running, contact: Client) -> None:
    """Each of the document's requests is accepted, with an empty body and the header that browsers need."""
    for operation, body in CHAT:
        status, headers, answer = _curl_post(server, contact, operation, body)
        assert (status, answer) == (202, ""), operation
        assert headers["access-control-allow-origin"] == "*"
    _seen_after_the_chat(contact)


@pytest.mark.parametrize("kept", ["callBackTime", "delayStartDuration"])
def test_call_back_by_curl(server: Running, contact: Client, kept: str) -> None:
    """The sample names both times, which the document's own text forbids; with either one it is right."""
    status, _, refused = _curl_post(server, contact, "scheduleCallBack", CALL_BACK)
    assert (status, json.loads(refused)["errors"][0]["reason"]) == (400, "exactlyOneTime")
    other = {"callBackTime", "delayStartDuration"} - {kept}
    body = {name: value for name, value in CALL_BACK.items() if name not in other}
    assert _curl_post(server, contact, "scheduleCallBack", body)[0] == 202
    expected = {"callBackTime": "2017-11-12T18:00:00.000Z", "delayStartDuration": "2017-11-12T17:30:00.000Z"}
    assert payloads(contact.poll())[0]["callBackTime"] == expected[kept]


def test_sample_of_curl_without_a_body(server: Running, contact: Client) -> None:
    """The document's curl samples leave the body to the reader: sent as they stand they are refused with a reason."""
    status, _, refused = _curl_post(server, contact, "connect", None)
    assert status == 400
    assert json.loads(refused)["code"] == 400


# ---- Node


NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs Node 18 or newer, for its fetch")

# The document's sample reads the answer as JSON; a 202 has no body, so its text is read instead.
POST = """
const [url, headers, body] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const options = { method: "POST", headers: headers };
if (body !== null) options.body = JSON.stringify(body);
fetch(url, options)
  .then((res) => res.text().then((text) => ({ status: res.status, text: text })))
  .then((answer) => console.log(JSON.stringify(answer)));
"""


def _node_post(server: Running, contact: Client, operation: str, body: object) -> Any:
    given = json.dumps([_url(server, operation), _headers(contact, body), body])
    command = [str(NODE), "-e", POST]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    return json.loads(done.stdout)


@needs_node
def test_chat_by_fetch(server: Running, contact: Client) -> None:
    """The same by Node's fetch, which adds headers of its own."""
    for operation, body in CHAT:
        assert _node_post(server, contact, operation, body) == {"status": 202, "text": ""}, operation
    _seen_after_the_chat(contact)


# The steps of the document with fetch, and its polling loop: poll again after every answer, wait after a body whose
# code is 429 or 500, and take anything else for the end of the session. It waits for a line where the document
# waits five seconds.
LOOP = Path(__file__).with_name("polling_loop.js")


class Loop:
    """The document's client at work. It prints what it sees, line by line."""

    def __init__(self, server: Running, work_type: str) -> None:
        command = [str(NODE), str(LOOP), server.url, ORG, KEY, work_type]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def sees(self) -> Any:
        """The next thing that it saw."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def tell(self, line: str) -> None:
        """Have it say something, or go on after a wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def until(self, kind: str) -> Any:
        """The next event of this kind."""
        while True:
            seen = self.sees()
            if seen.get("kind") == f"messaging.{kind}":
                return seen


@needs_node
def test_polling_loop_of_the_document(server: Running) -> None:
    """A whole talk with the concierge: it is polled event by event, and ends with the documented 401."""
    with Loop(server, "100") as loop:
        assert loop.until("Notification")["state"] == "composing"
        server.advance(1)
        assert "Ryan Tucker" in loop.until("Text")["text"]
        server.held()
        server.advance(15)
        loop.tell("goodbye")
        loop.until("Notification")
        server.advance(1)
        assert loop.until("Text")["text"].startswith("Goodbye")
        assert loop.until("Disconnected")["reason"] == "system"
        server.held()
        server.wait(_end_every_session(server))
        assert loop.sees() == {"end": 401, "message": "Invalid or expired session"}


async def _end_every_session(server: Running) -> None:
    for app in server.apps:
        for session in list(app.context.floor.sessions.values()):
            app.sessions.expire(session)


@needs_node
def test_polling_loop_survives_limits_and_faults() -> None:
    """Too many polls, a fault, a restart under way: the loop waits, goes on, and misses nothing."""
    with running(polls_per_session=3) as server, Loop(server, "1") as loop:
        assert loop.until("ParticipantJoined")["entityName"] == "Echo"
        loop.tell("one")
        assert loop.until("Text")["text"] == "one"
        assert loop.sees() == {"wait": 429}
        server.advance(20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Hub, "poll", None)
            loop.tell("two")
            assert loop.sees() == {"wait": 500}
        server.advance(20)
        server.stopping(1)
        loop.tell("")
        assert loop.sees() == {"wait": 500}
        server.stopping(0)
        loop.tell("")
        assert loop.until("Text")["text"] == "two"
