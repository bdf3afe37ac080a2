"""Reading answers of polls."""

import json
from collections.abc import Iterable

from tests.support.client import Client, Json
from tests.support.wire import Answer, Wire

NOTHING = {"totalItems": 0, "events": []}


def numbers(events: Iterable[Json]) -> list[int | None]:
    """The sequence numbers of some events; None for those without."""
    return [event.get("sequenceNumber") for event in events]


def texts(events: Iterable[Json]) -> list[str]:
    """What is said in some events."""
    said = (json.loads(event["payload"]) for event in events if event["kind"] == "messaging.Text")
    return [str(payload["text"]) for payload in said]


class Alone:
    """A poll on a connection of its own, which is closed once the answer was read."""

    def __init__(self, client: Client, most: int = 100, *, after: int | None = None) -> None:
        self.wire = Wire(client.port)
        self._held = client.hold(most, after=after, wire=self.wire)

    def answer(self) -> Answer:
        """Wait for the answer."""
        with self.wire:
            return self._held.answer()

    def events(self) -> list[Json]:
        """Wait for the answer, which must be 200."""
        with self.wire:
            return self._held.events()


def again(client: Client, port: int = 0) -> Client:
    """The same contact over new connections: idle ones were closed, or the server is another."""
    other = Client(port or client.port)
    other.credentials = client.credentials
    return other
