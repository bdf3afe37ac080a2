"""Agents among three nodes: who asks over which of them, and how one of them dies."""

import json
from typing import Any

from tests.agents.soundness import arrived, as_stored, sound_in_memory
from tests.cluster.weather import Weather
from tests.support.client import ORG, Client, Json
from tests.support.desk import Desk, token
from tests.support.server import Running

HOME, ALIVE, OTHER = 0, 1, 2
"""The node with the switchboard, the one that everybody asks over, and the one that contacts begin at."""


class At(Desk):
    """An agent who asks over one node."""

    def __init__(self, server: Running, user_id: str, port: int) -> None:
        Client.__init__(self, port)
        self.user_id = user_id
        found = server.app.context.directory.user(ORG, user_id)
        assert found is not None
        self.credentials = {"authorization": f"Bearer {token(server, found)}"}

    def open(self, **fields: Any) -> Json:
        """A streaming session; returns its snapshot. Whoever is ready already may be offered something right behind."""
        answer = self.post("streaming/session", fields or None)
        assert answer.status == 200, answer
        self.credentials["via-client-sessionid"] = answer.json()["sessionId"]
        first, *_ = self.poll()
        said: Json = json.loads(first["payload"])
        return said


def kill(nodes: Running, weather: Weather, number: int = HOME) -> None:
    """It ends without a word; the others find out."""
    app = nodes.silence(number)
    weather.mute.add(app.context.node)
    nodes.outlast()


def all_is_sound(nodes: Running) -> None:
    """Once everything arrived and is durable; see tests/agents/soundness.py."""
    nodes.until(lambda: arrived(nodes.apps, ORG))
    nodes.stored()
    nodes.call(sound_in_memory, nodes.apps, ORG)
    as_stored(nodes.apps, ORG, nodes.rows)
