"""Contacts that talk over real sockets to a server that may die at any moment, and remember what it promised."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

WITHIN_SECONDS = 60
"""A bound for waiting on what must come, far above what a slow machine needs."""


class Plug:
    """Pulled at a random step of the load; a step is a text answered or an event received."""

    def __init__(self, pull: Callable[[], None], rng: random.Random) -> None:
        self._pull = pull
        self._remaining = rng.randrange(1, 250)

    @contextmanager
    def broken_connections_expected(self) -> Iterator[None]:
        """Leave quietly when a connection breaks, provided that the plug was pulled."""
        try:
            yield
        except httpx.TransportError:
            if self._remaining > 0:
                raise

    def step(self) -> None:
        """One step of the load was seen."""
        self._remaining -= 1
        if self._remaining == 0:
            self._pull()


@dataclass
class Contact:
    """A client that repeats its unanswered requests with the same key, and follows the numbers of its stream.

    A plain contact asks for events without naming a number, as the public document's own sample does.
    """

    name: str
    plain: bool
    session_id: str = ""
    connected: bool = False
    interaction_id: str = ""
    sent: int = 0
    accepted: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    echoes: list[str] = field(default_factory=list)

    def texts(self) -> list[str]:
        """What was promised to be stored."""
        return [self.text(number) for number in range(1, self.accepted + 1)]

    def text(self, number: int) -> str:
        """The contact's text with this number."""
        return f"{self.name} says {number}"

    async def talk(self, http: httpx.AsyncClient, plug: Plug) -> None:
        """Open what is not open yet; then send and follow until the server is gone."""
        with plug.broken_connections_expected():
            await self._open(http)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(http, plug))
                tasks.create_task(self._follow(http, plug))

    async def catch_up(self, http: httpx.AsyncClient) -> None:
        """Repeat the last text and poll until every accepted one was echoed."""
        await self._open(http)
        await self._send_text(http, max(self.sent, 1))
        while len(self.echoes) < self.accepted:
            await self._poll(http)

    async def _open(self, http: httpx.AsyncClient) -> None:
        if not self.session_id:
            answer = await http.post("streaming/session/webClient", json={"inactivityDelay": 3600})
            assert answer.status_code == 200, answer.text
            self.session_id = answer.json()["sessionId"]
        if not self.connected:
            await self._post(http, "connect", {"workTypeId": "1", "contactName": self.name}, key="connect")
            self.connected = True

    async def _send(self, http: httpx.AsyncClient, plug: Plug) -> None:
        """Begin with the last text again: whether the dead server had taken it is unknown, and must not matter."""
        number = max(self.sent, 1)
        with plug.broken_connections_expected():
            while True:
                await self._send_text(http, number)
                plug.step()
                number += 1

    async def _send_text(self, http: httpx.AsyncClient, number: int) -> None:
        self.sent = number
        await self._post(http, "sendText", {"text": self.text(number)}, key=f"text {number}")
        self.accepted = number

    async def _post(self, http: httpx.AsyncClient, operation: str, body: dict[str, str], *, key: str) -> None:
        headers = {"via-client-sessionid": self.session_id, "Idempotency-Key": f"{self.name} {key}"}
        answer = await http.post(f"messaging/{operation}", json=body, headers=headers)
        assert answer.status_code == 202, f"{operation}: {answer.status_code} {answer.text}"

    async def _follow(self, http: httpx.AsyncClient, plug: Plug) -> None:
        with plug.broken_connections_expected():
            while True:
                for _ in range(await self._poll(http)):
                    plug.step()

    async def _poll(self, http: httpx.AsyncClient) -> int:
        """Take what the server has for us; returns how many events were new."""
        known = len(self.events)
        query = {"maxEvents": 100} if self.plain else {"maxEvents": 100, "afterSequenceNumber": len(self.events)}
        headers = {"via-client-sessionid": self.session_id}
        answer = await http.get("streaming/events/webClient", params=query, headers=headers)
        assert answer.status_code == 200, f"poll: {answer.status_code} {answer.text}"
        for event in answer.json()["events"]:
            if "sequenceNumber" in event:
                self._see(event)
        return len(self.events) - known

    def _see(self, event: dict[str, Any]) -> None:
        """Take the next event; one that comes again must be the same in every byte."""
        number = event["sequenceNumber"]
        assert number <= len(self.events) + 1, f"{self.name} missed events {len(self.events) + 1} to {number - 1}"
        if number == len(self.events) + 1:
            self.events.append(event)
            self._read(event["kind"], json.loads(event["payload"]))
        assert self.events[number - 1] == event, f"{self.name} was given two different events {number}"

    def _read(self, kind: str, payload: dict[str, Any]) -> None:
        self.interaction_id = self.interaction_id or payload["interactionId"]
        assert payload["interactionId"] == self.interaction_id, f"{self.name} was connected twice"
        if kind == "messaging.Text" and payload["entityType"] != "Contact":
            self.echoes.append(payload["text"])


@asynccontextmanager
async def client(facts: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the demo's organization, with a web token of its own."""
    base = f"{facts['url']}/via/v2/organizations/{facts['orgId']}"
    async with httpx.AsyncClient(base_url=base, headers={"x-api-key": facts["apiKey"]}, timeout=WITHIN_SECONDS) as http:
        answer = await http.post("webToken")
        http.headers["Authorization"] = f"Bearer {answer.json()['tokenId']}"
        yield http
