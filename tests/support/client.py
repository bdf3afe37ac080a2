"""A contact's client in a few lines: the verbs of the public API, each one request."""

import json
from collections.abc import Iterator
from typing import Any, Self

from tests.support import furnished
from tests.support.cluster import Spread, any_of
from tests.support.wire import Answer, Wire, request_bytes

ORG, KEY = furnished.ORG, furnished.KEY
EVENTS = "streaming/events/webClient"
SESSION = "streaming/session/webClient"

Json = dict[str, Any]


def path_of(operation: str, org: str = ORG) -> str:
    """The path of an operation; what begins with "/" is a path already."""
    return operation if operation.startswith("/") else f"/via/v2/organizations/{org}/{operation}"


def kinds(events: list[Json]) -> list[str]:
    """The kinds of some events without their common prefix: "Text", "Disconnected"."""
    return [event["kind"].removeprefix("messaging.") for event in events]


def payloads(events: list[Json]) -> list[Json]:
    """What the events say."""
    return [json.loads(event["payload"]) for event in events]


class Held:
    """A poll that was sent and is not answered yet. A connection of its own is closed after the answer."""

    def __init__(self, wire: Wire, request: bytes, *, own: bool) -> None:
        self.wire = wire
        self._own = own
        wire.send(request)

    def answer(self) -> Answer:
        """Wait for the answer."""
        answer = self.wire.receive()
        if self._own:
            self.wire.close()
        return answer

    def events(self) -> list[Json]:
        """Wait for the answer, which must be 200."""
        return _events_of(self.answer())


class Client:
    """One contact. `credentials` are sent with every request, as far as they are known.

    Polls go over a connection of their own, so that one can be held while the other is used: as in a browser. Given the
    ports of several nodes, it sends each request to one of them at random, and all its polls over one connection.
    """

    def __init__(self, *ports: int, org: str = ORG, key: str = KEY) -> None:
        self._ports = ports
        self.org = org
        self.credentials: dict[str, str] = {"x-api-key": key}
        self.wire = Wire(ports[0]) if len(ports) == 1 else Spread(ports)
        self._polls: Wire | None = None

    def __enter__(self) -> Self:
        """Use as a context; it closes the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()
        if self._polls is not None:
            self._polls.close()

    @property
    def port(self) -> int:
        """Where a connection can be had: at any node, each time."""
        return any_of(self._ports)

    @property
    def polls(self) -> Wire:
        """The connection that carries the polls."""
        self._polls = self._polls or Wire(self.port)
        return self._polls

    @property
    def session_id(self) -> str:
        """The streaming session in use."""
        return self.credentials["via-client-sessionid"]

    # ---- any request

    def ask(self, method: str, operation: str, body: Any = None, **headers: str | None) -> Answer:
        """One request. A body that is not bytes goes as JSON; a header set to None is left out.

        Header names come as keywords, with "_" for "-": `idempotency_key="1"`.
        """
        sent = {**self.credentials, **{name.replace("_", "-"): value for name, value in headers.items()}}
        kept = {name: value for name, value in sent.items() if value is not None}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            kept.setdefault("content-type", "application/json")
        return self.wire.ask(method, path_of(operation, self.org), kept, data)

    def post(self, operation: str, body: Any = None, **headers: str | None) -> Answer:
        """One POST."""
        return self.ask("POST", operation, body, **headers)

    def done(self, operation: str, body: Any = None, **headers: str | None) -> None:
        """One POST that must be accepted."""
        answer = self.post(operation, body, **headers)
        assert answer.status == 202, f"{operation}: {answer}"

    # ---- the documented steps

    def token(self) -> str:
        """Get a web token and use it from now on."""
        answer = self.post("webToken")
        assert answer.status == 200, answer
        token = str(answer.json()["tokenId"])
        self.credentials["authorization"] = f"Bearer {token}"
        return token

    def session(self, **fields: Any) -> Json:
        """Open a streaming session and use it from now on."""
        answer = self.post(SESSION, fields or None)
        assert answer.status == 200, answer
        made: Json = answer.json()
        self.credentials["via-client-sessionid"] = made["sessionId"]
        return made

    def connect(self, work_type: str = "79", name: str = "Ada", **fields: Any) -> None:
        """Open a chat."""
        self.done("messaging/connect", {"workTypeId": work_type, "contactName": name, **fields})

    def say(self, text: str, **headers: str | None) -> None:
        """Send a text that must be accepted."""
        self.done("messaging/sendText", {"text": text}, **headers)

    def disconnect(self) -> None:
        """End the chat."""
        self.done("messaging/disconnect")

    # ---- events

    def poll(self, most: int = 100, *, after: int | None = None) -> list[Json]:
        """One poll, which must be answered 200; it waits for events up to the hold of the server's clock."""
        return self.hold(most, after=after, wire=self.polls).events()

    def hold(self, most: int = 100, *, after: int | None = None, wire: Wire | None = None, **headers: str) -> Held:
        """Send a poll and go on: over `wire` (`polls` goes on where the last poll was), else over a new connection."""
        sent = {**self.credentials, **{name.replace("_", "-"): value for name, value in headers.items()}}
        query = f"?maxEvents={most}" + ("" if after is None else f"&afterSequenceNumber={after}")
        request = request_bytes("GET", path_of(EVENTS + query, self.org), sent)
        return Held(wire or Wire(self.port), request, own=wire is None)

    def until(self, kind: str, most: int = 100) -> list[Json]:
        """Poll until an event of this kind has come; returns all that came, in order."""
        events: list[Json] = []
        while kind not in kinds(events):
            events += self.poll(most)
        return events

    def follow(self) -> Iterator[Json]:
        """Event by event, for as long as the caller wants more."""
        while True:
            yield from self.poll(1)


def _events_of(answer: Answer) -> list[Json]:
    assert answer.status == 200, answer
    body = answer.json()
    assert body["totalItems"] == len(body["events"])
    return list(body["events"])
