"""Contacts whose node is known: where their session is at home, and over which node they ask."""

from collections.abc import Iterator
from contextlib import contextmanager

from frontdesk.server import App
from tests.cluster.weather import Weather
from tests.streaming.reading import numbers, texts
from tests.support.client import Client, Held, path_of
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

HOME, FIRST, SECOND = 0, 1, 2
"""The node that sessions are at home on here, and the two others."""


def over(client: Client, port: int) -> Client:
    """The same contact, over another node."""
    other = Client(port)
    other.credentials = client.credentials
    return other


@contextmanager
def at_home(server: Running, number: int = HOME) -> Iterator[Client]:
    """A contact in a chat with the echo, at home on a node, who has read the opening events (numbers 1 and 2)."""
    with Client(server.ports[number]) as made:
        made.token()
        made.session()
        made.connect("1")
        assert numbers(made.poll()) == [1, 2]
        yield made


@contextmanager
def asking(server: Running, *, over_node: int = FIRST) -> Iterator[Client]:
    """Such a contact, who asks over another node from now on."""
    with at_home(server) as made, over(made, server.ports[over_node]) as other:
        yield other


def begun(client: Client, text: str, **headers: str) -> Held:
    """A text that was sent and is not answered yet, on a connection of its own."""
    sent = {**client.credentials, "content-type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = b'{"text": "%b"}' % text.encode()
    request = request_bytes("POST", path_of("messaging/sendText"), sent, body)
    return Held(Wire(client.port), request, own=True)


def fall_silent(server: Running, weather: Weather, number: int = HOME) -> App:
    """Let a node end without a word, as by kill -9."""
    app = server.silence(number)
    weather.mute.add(app.context.node)
    return app


def heard(server: Running, client: Client, number: int = SECOND) -> list[str]:
    """All texts on the contact's stream so far, in order, as another node tells them."""
    server.stored()
    with over(client, server.ports[number]) as other:
        return texts(other.poll(after=2))
