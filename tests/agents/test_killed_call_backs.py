"""A server that dies between any two commits: each callback is made or called off once, whoever was at it."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.domain.assignments import Stage
from frontdesk.domain.model import Contact
from tests.agents.house import CHAT, SALES, Agent, House, copy_to
from tests.support.client import ORG
from tests.support.cluster import sqlite_only
from tests.support.server import FakeClock

pytestmark = sqlite_only("nodes that take over are in test_call_backs_over_nodes.py")

Moment = tuple[str, Path, int]


def _book(house: House, seconds: int, work_type_id: str = CHAT) -> int:
    """A callback; returns its number."""
    due_ms = house.clock.now_ms() + seconds * 1000
    booked = house.app.messaging.schedule_call_back
    assert house.act(booked, house.contact().session, work_type_id, Contact("Ada"), "112", due_ms) == ""
    ((number,),) = house.rows("SELECT max(interaction_id) FROM call_backs")
    return int(number)


def _cancel(house: House, number: int) -> None:
    house.loop.run_until_complete(house.app.admin.run("callback.cancel", {"org_id": ORG, "call_back_id": str(number)}))


def _steps(house: House) -> Iterator[str]:
    """All that becomes of callbacks, with a name for each point."""
    handling, transferring, later = house.app.handling, house.app.transferring, house.app.rescheduling
    ann, bob = house.agent("ann"), house.agent("bob")
    for agent in (ann, bob):
        agent.at_work()
    yield "booked"
    one = _book(house, 10)
    two = _book(house, 10)
    yield "due"
    house.advance(11)
    yield "declined"
    assert ann.does(handling.reject, one, "") == ""
    yield "one is called off as it rings"
    _cancel(house, two)
    yield "offered again"
    house.advance(6)
    yield "accepted"
    assert ann.does(handling.accept, one) == ""
    yield "handed on"
    assert ann.does(transferring.to_work_type, one, SALES) == ""
    yield "accepted by the next"
    assert bob.does(handling.accept, one) == ""
    yield "put off"
    assert bob.does(later.reschedule, one, house.clock.now_ms() + 60_000) == ""
    yield "due again"
    house.advance(61)
    yield "accepted again"
    assert bob.does(handling.accept, one) == ""
    yield "made"
    assert bob.does(handling.disconnect, one) == ""
    yield "wrapped up"
    assert bob.does(house.app.wrapping.dispose, one, "", "") == ""
    three = _book(house, 600)
    yield "called off before its time"
    _cancel(house, three)
    yield "its agent is lost"
    _book(house, 1)
    house.advance(2)
    (held,) = house.app.boards.of(ORG).of_user("ann")
    assert ann.does(handling.accept, held.interaction_id) == ""
    ann.close()
    house.advance(61)
    yield "the end"


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[Moment]:
    """What was on the disk after each commit, where that was, and when."""
    folder, found, point = tmp_path_factory.mktemp("killed"), list[Moment](), [""]
    with House(folder / "whole", FakeClock()) as house:

        def stored(db: sqlite3.Connection) -> None:
            found.append((point[0], copy_to(db, folder / str(len(found))), house.clock.now_ms()))

        house.on_stored = stored
        for name in _steps(house):
            house.sound()
            point[0] = name
        house.on_stored = lambda db: None
    return found


def test_every_callback_is_made_once_after_a_kill_between_any_two_commits(moments: list[Moment]) -> None:
    """Those of the moment are due at their time, are offered to one agent at a time, and come to their end."""
    assert len(moments) > 30
    for number, (point, data, now_ms) in enumerate(moments):
        try:
            _goes_on(data, now_ms)
        except BaseException as error:
            error.add_note(f"killed after commit {number}, at: {point}")
            raise


def _goes_on(data: Path, now_ms: int) -> None:
    with House(data, FakeClock(now_ms)) as house:
        house.advance(1)
        house.sound()
        _to_the_end(house)
        house.sound()
        assert {state for (state,) in house.rows("SELECT state FROM call_backs")} <= {"done", "cancelled"}
        for (number,) in house.rows("SELECT interaction_id FROM call_backs WHERE state = 'done'"):
            assert _count(house, number, "due") == 1 + _count(house, number, "rescheduled")


def _to_the_end(house: House) -> None:
    """Everybody comes back to work and makes the calls, until none is left."""
    people = [house.agent(user_id) for user_id in ("ann", "bob", "cat")]
    for agent in people:
        agent.at_work()
    board = house.app.boards.of(ORG)
    for _ in range(120):
        house.sound()
        held = [(agent, a) for agent in people for a in board.of_user(agent.user.user_id)]
        for agent, assignment in held:
            _do_next(house, agent, assignment.interaction_id, assignment.stage)
        if not house.rows("SELECT 1 FROM call_backs WHERE state NOT IN ('done', 'cancelled')") and not board.live():
            break
        house.advance(6)


def _do_next(house: House, agent: Agent, interaction_id: int, stage: Stage) -> None:
    handling = house.app.handling
    if stage is Stage.OFFERED:
        assert agent.does(handling.accept, interaction_id) == ""
    elif stage is Stage.WRAP:
        assert agent.does(house.app.wrapping.dispose, interaction_id, "", "") == ""
    else:
        assert agent.does(handling.disconnect, interaction_id) == ""


def _count(house: House, number: int, decision: str) -> int:
    """How often that was decided about it."""
    rows = house.rows(f"SELECT payload FROM entries WHERE interaction_id = {number} AND kind = 'routing.Decision'")  # noqa: S608 - ours
    return sum(json.loads(payload)["decision"] == decision for (payload,) in rows)
