"""Scripts made for tests, and reading what they said."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import Effect, Input, Outcome, Say
from frontdesk.scripts import BUILT_IN
from tests.support.client import Client, Json
from tests.support.server import Running

Step = Callable[[str, Input], Outcome]


@dataclass(frozen=True)
class Scripted:
    """A script by a function of state and input."""

    name: str
    answer: Step

    @property
    def title(self) -> str:
        """See domain.scripts.Script."""
        return self.name.title()

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """See domain.scripts.Script."""
        return self.answer(state, happened)


def install(monkeypatch: pytest.MonkeyPatch, name: str, answer: Step) -> None:
    """Let servers know a script."""
    monkeypatch.setitem(BUILT_IN, name, Scripted(name, answer))


def serve(server: Running, name: str) -> None:
    """A work type of the script's name that begins with it."""
    server.admin("worktype.create", org_id="viademo", work_type_id=name, channels=["chat"], script=name)


def on_text(*effects: Effect, state: str = "", composing_ms: int = 0) -> Step:
    """Answers every text in the same way, and nothing else."""
    return lambda _, happened: (
        Outcome(effects, state, composing_ms) if happened.kind == "messaging.Text" else Outcome(state=state)
    )


def slow_echo(state: str, happened: Input) -> Outcome:
    """Says every text back after a second, with how many it has heard."""
    if happened.kind != "messaging.Text":
        return Outcome(state="0")
    count = str(int(state) + 1)
    return Outcome((Say(f"{count}: {happened.body}"),), count, 1000)


def log(server: Running) -> list[tuple[str, str]]:
    """Every entry of the only interaction: kind without its prefix, and what it says, if anything."""
    server.stored()
    rows = server.rows("SELECT kind, payload FROM entries ORDER BY seq")
    return [(kind.removeprefix("messaging."), said(json.loads(payload))) for kind, payload in rows]


def said(payload: Json) -> str:
    """The words of an event."""
    return str(payload.get("text") or payload.get("reason") or payload.get("workTypeId") or "")


def answers(server: Running) -> list[str]:
    """What the script said, in the order of the log."""
    server.stored()
    rows = server.rows(
        "SELECT payload FROM entries WHERE kind = 'messaging.Text' AND author = 'System' ORDER BY entry_id"
    )
    return [said(json.loads(payload)) for (payload,) in rows]


def answers_until(server: Running, count: int) -> list[str]:
    """Move the clock on until the script has said so much, and then a little further: all that it said.

    A restart reads the log beside the loop, so nobody can say at which moment a turn begins.
    """
    steps = 0
    while len(answers(server)) < count:
        server.advance(0.1)
        steps += 1
        assert steps < 500, "the script is silent"
    server.advance(5)
    return answers(server)


def idle(server: Running) -> None:
    """Wait until no turn is under way, nor looked for in the log."""
    server.until(lambda: not server.app.scripts._busy)  # noqa: SLF001 - can't be seen from outside


def again(client: Client, server: Running) -> Client:
    """The same contact, over new connections to another run of the server."""
    other = Client(server.port)
    other.credentials = client.credentials
    return other
