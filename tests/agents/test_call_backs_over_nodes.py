"""Among nodes, callbacks are at home where the agents are: when that node dies, the next goes on with each of them."""

from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from frontdesk.domain.model import CallBack
from frontdesk.ports import Done, Record
from tests.agents.over_nodes import ALIVE, HOME, OTHER, At, all_is_sound, kill
from tests.cluster.weather import Weather
from tests.support.client import Client
from tests.support.cluster import sqlite_only
from tests.support.desk import rules, user
from tests.support.server import Running

pytestmark = sqlite_only("it has three nodes of its own, the same ones wherever the others run")
BOTH = "32"


@pytest.fixture
def server(nodes: Running) -> Running:
    """Three nodes whose organization calls people back."""
    rules(nodes, BOTH, wrap_seconds=600, offer_seconds=120, ask_again_seconds=1)
    return nodes


def desk(server: Running, stack: ExitStack, name: str) -> At:
    """An agent who is ready, and asks over a node that stays."""
    user(server, name, BOTH)
    made = stack.enter_context(At(server, name, server.ports[ALIVE]))
    made.at_work(inactivityDelay=600)
    return made


def book(server: Running, name: str, minutes: int = 0) -> None:
    """A callback, over a node that has no agents."""
    with Client(server.ports[OTHER]) as contact:
        contact.token()
        contact.session(inactivityDelay=60)
        wish = {"workTypeId": BOTH, "contactName": name, "digits": "112", "delayStartDuration": minutes}
        contact.done("messaging/scheduleCallBack", wish)


def states(server: Running) -> list[str]:
    """Of all callbacks, the first booked first."""
    return [state for (state,) in server.rows("SELECT state FROM call_backs ORDER BY interaction_id")]


def test_a_node_killed_at_each_point_makes_no_call_twice_and_forgets_none(
    server: Running, weather: Weather, stack: ExitStack
) -> None:
    """Ahead, waiting, ringing, in conversation, in wrap-up."""
    people = [desk(server, stack, name) for name in ("ann", "bob", "cat")]
    for name in ("over", "active", "rings", "waits"):
        book(server, name)
        server.advance(1)
    book(server, "ahead", minutes=1)
    calls = [agent.hear("engagementCenter.CallBackOffered")["interaction"]["interactionId"] for agent in people]
    people[0].act("accept", calls[0])
    people[0].act("disconnect", calls[0])
    people[1].act("accept", calls[1])
    kill(server, weather)
    all_is_sound(server)
    assert states(server) == ["done", "active", "queued", "queued", "scheduled"]
    for agent in people:
        agent.open(inactivityDelay=600)
    held = [[i["stage"] for i in agent.state()["interactions"]] for agent in people]
    assert held[:2] == [["wrap"], ["active"]]
    people[1].act("disconnect", calls[1])
    for agent, number in zip(people[:2], calls, strict=False):
        agent.act("dispose", number)
    server.advance(60)
    for agent in people:
        agent.status("ready")
    all_is_sound(server)
    made = _make_all(server, people)
    assert len(made) == len(set(made)) == 3
    assert states(server) == ["done"] * 5
    all_is_sound(server)


def test_what_a_node_did_not_store_is_due_at_the_next(server: Running, weather: Weather, stack: ExitStack) -> None:
    """It had decided and told nobody: the next one finds it scheduled, and makes it due."""
    ann = desk(server, stack, "ann")
    cut = _cut(server)
    book(server, "Ada")
    server.advance(1)
    server.until(lambda: cut)
    assert states(server) == ["scheduled"]
    kill(server, weather)
    all_is_sound(server)
    ann.open(inactivityDelay=600)
    server.advance(1)
    all_is_sound(server)
    assert len(_make_all(server, [ann])) == 1
    assert states(server) == ["done"]


def test_one_booked_for_soon_is_offered_though_the_word_of_it_is_lost(
    server: Running, weather: Weather, stack: ExitStack
) -> None:
    """Within a minute, as the agents' node looks by then."""
    ann = desk(server, stack, "ann")
    told = server.apps[OTHER].call_backs.tell
    server.apps[OTHER].call_backs.tell = lambda org_id, due_ms: None
    book(server, "lost")
    server.apps[OTHER].call_backs.tell = told
    server.advance(60)
    server.advance(1)
    assert ann.hear("engagementCenter.CallBackOffered")["interaction"]["contactName"] == "lost"


def _make_all(server: Running, people: Sequence[At]) -> list[str]:
    """Everybody calls whom they are offered, until none is left."""
    made: list[str] = []
    for _ in range(20):
        for agent in people:
            for held in agent.state()["interactions"]:
                number = held["interactionId"]
                if held["stage"] == "offered":
                    agent.act("accept", number)
                agent.act("disconnect", number)
                agent.act("dispose", number)
                made.append(number)
        if set(states(server)) == {"done"}:
            break
        server.advance(2)
    return made


def _cut(server: Running) -> list[Sequence[Record]]:
    """Let nothing about callbacks that their home decides reach the database any more; returns what did not."""
    dropped: list[Sequence[Record]] = []
    store, whole = server.apps[HOME].store, server.apps[HOME].store.commit

    def commit(records: Sequence[Record], done: Done) -> None:
        if any(isinstance(record, CallBack) for record in records):
            dropped.append(records)
        else:
            whole(records, done)

    def cut() -> None:
        store.commit = commit  # type: ignore[method-assign] # the seam of this test

    server.call(cut)
    return dropped
