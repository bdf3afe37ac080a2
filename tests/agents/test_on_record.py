"""What a program does for agents is on record: who has which work, and how it ended; not each word."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from frontdesk.domain.people import Bearer
from frontdesk.domain.scopes import DESK
from tests.agents.test_shift import contact
from tests.support.client import ORG, Client
from tests.support.desk import HOUR_MS, Desk, Program, rules, store, user
from tests.support.server import Running


class Robot(Desk):
    """A program that works for one user."""

    def __init__(self, server: Running, user_id: str) -> None:
        Client.__init__(self, *server.ports)
        self.user_id = user_id
        self.credentials = {"authorization": f"Bearer {_token(server)}"}

    def begin(self) -> None:
        """A session that shows the user's work, and the user ready."""
        answer = self.post("streaming/session")
        self.credentials["via-client-sessionid"] = answer.json()["sessionId"]
        self.status("connect")
        self.status("ready")


def _token(server: Running) -> str:
    now_ms = server.clock.now_ms()
    store(server, Program(org_id=ORG, client_id="robot", name="Robot", scopes=(DESK,), created_ms=now_ms, digest="x"))
    bearer = Bearer(
        org_id=ORG, user_id="", client_id="robot", scopes=frozenset({DESK}), family="test", issued_ms=now_ms,
        expires_ms=now_ms + HOUR_MS,
    )  # fmt: skip
    return server.call(server.app.access.issue, bearer)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def robot(server: Running, stack: ExitStack) -> Robot:
    """The program, at work for Ann."""
    user(server, "ann")
    made = stack.enter_context(Robot(server, "ann"))
    made.begin()
    return made


def recorded(server: Running) -> list[tuple[Any, ...]]:
    """Who did what to what for whom, the oldest first."""
    entries = reversed(server.admin("audit.list", org_id=ORG))
    return [(e["actor"], e["act"], e["subject"], e["detail"].get("userId", "")) for e in entries]


def test_what_a_program_does_for_an_agent_is_on_record(server: Running, stack: ExitStack, robot: Robot) -> None:
    """From coming to work to going home; a line for each change of who has the work, and none for what is said."""
    rules(server, wrap_seconds=30)
    contact(server, stack)
    interaction_id = robot.take()
    robot.send(interaction_id, "Hello")
    robot.done("messaging/users/ann/note", {"interactionId": interaction_id, "text": "A note"})
    for verb in ("activate", "hold", "retrieve", "disconnect", "dispose"):
        robot.act(verb, interaction_id)
    robot.status("notReady")
    robot.status("disconnect")
    robots = [(act, subject, whose) for actor, act, subject, whose in recorded(server) if actor == "client robot"]
    assert robots == [
        ("agent.connect", "ann", ""),
        ("agent.ready", "ann", ""),
        ("interaction.accept", interaction_id, "ann"),
        ("interaction.disconnect", interaction_id, "ann"),
        ("interaction.dispose", interaction_id, "ann"),
        ("agent.notReady", "ann", ""),
        ("agent.disconnect", "ann", ""),
    ]


def test_what_is_refused_is_not_on_record(server: Running, stack: ExitStack, robot: Robot) -> None:
    """Nothing was done."""
    contact(server, stack)
    interaction_id = robot.offered()
    before = recorded(server)
    assert robot.post(f"engagementCenter/interactions/{interaction_id}/dispose").reason == "notInWrap"
    assert robot.post("engagementCenter/users/ann/connect", {"maximum": -1}).reason == "invalidMaximum"
    assert recorded(server) == before


def test_a_program_is_not_taken_for_somebody_who_forces(robot: Robot) -> None:
    """It is the user's own hand, though on record."""
    robot.status("notReady")
    assert "reasonId" not in robot.hear("engagementCenter.NotReady")


def test_what_agents_do_themselves_is_in_no_audit_log(server: Running, stack: ExitStack) -> None:
    """Their work is their own; the conversation's log tells of it."""
    ann = stack.enter_context(Desk(server, user(server, "ann")))
    ann.at_work()
    contact(server, stack)
    ann.act("disconnect", ann.take())
    assert {actor for actor, *_ in recorded(server)} == {"operator"}
