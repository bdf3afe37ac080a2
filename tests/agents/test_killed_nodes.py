"""One of three nodes is killed while many conversations are each at another point: nothing is lost, nothing doubled."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from frontdesk.domain.assignments import Assignment, Stage
from frontdesk.domain.model import Channel, Entry, WorkType
from frontdesk.ports import Done, Record
from tests.agents.over_nodes import ALIVE, HOME, OTHER, At, all_is_sound, kill
from tests.cluster.weather import Weather
from tests.support.client import ORG, Client, Held, Json, path_of, payloads
from tests.support.cluster import sqlite_only
from tests.support.desk import rules, store, user
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

pytestmark = sqlite_only("it has three nodes of its own, the same ones wherever the others run")
_ACCEPTED, _ASIDE = ("connect", "accept"), ("connect", "accept", "consult", "bob accepts")
POINTS = {
    "offer": ("connect",),
    "accept": _ACCEPTED,
    "reject": ("connect", "reject"),
    "hold": (*_ACCEPTED, "hold"),
    "retrieve": (*_ACCEPTED, "hold", "retrieve"),
    "text": (*_ACCEPTED, "text"),
    "transfer to a work type": (*_ACCEPTED, "to work type"),
    "transfer to a user": (*_ACCEPTED, "to user"),
    "consult": (*_ACCEPTED, "consult"),
    "consult accepted": _ASIDE,
    "conference": (*_ASIDE, "conference"),
    "consult cancelled": (*_ASIDE, "cancel"),
    "transfer out of a conference": (*_ASIDE, "conference", "to work type"),
    "warm transfer": (*_ASIDE, "to user"),
    "disconnect": (*_ACCEPTED, "disconnect"),
    "dispose": (*_ACCEPTED, "disconnect", "dispose"),
    "the contact leaves": (*_ACCEPTED, "leave"),
}
"""What is done in each of the conversations; the last act is the point."""


@dataclass
class Talk:
    """One conversation, with two agents and two queues of its own."""

    server: Running
    stack: ExitStack
    point: str
    number: int
    interaction_id: str = ""
    said: list[str] = field(default_factory=list)
    ann: At = field(init=False)
    bob: At = field(init=False)
    ada: Client = field(init=False)

    def begin(self) -> None:
        """Everyone is there."""
        made_ms = self.server.clock.now_ms()
        for name in (self.queue, self.second):
            store(self.server, WorkType(ORG, name, name, (Channel.CHAT,), made_ms))
            rules(self.server, name, wrap_seconds=600, offer_seconds=120, ask_again_seconds=1)
        user(self.server, f"ann{self.number}", self.queue)
        user(self.server, f"bob{self.number}", self.second)
        port = self.server.ports[ALIVE]
        self.ann, self.bob = (self.stack.enter_context(At(self.server, u, port)) for u in self.users)
        for desk in (self.ann, self.bob):
            desk.at_work(inactivityDelay=600)
        first = self.stack.enter_context(Client(self.server.ports[OTHER]))
        first.token()
        first.session(inactivityDelay=600)
        self.ada = self.stack.enter_context(Client(port))
        self.ada.credentials = first.credentials

    @property
    def users(self) -> tuple[str, str]:
        """The two."""
        return f"ann{self.number}", f"bob{self.number}"

    @property
    def queue(self) -> str:
        """Where it begins."""
        return f"first{self.number}"

    @property
    def second(self) -> str:
        """Where it may go."""
        return f"second{self.number}"

    def request(self, act: str) -> tuple[Client, str, Any]:
        """What is asked for by an act: who asks, for what, with which body."""
        work = f"engagementCenter/interactions/{self.interaction_id}"
        ann, bob = self.users
        asked: dict[str, tuple[Client, str, Any]] = {
            "connect": (self.ada, "messaging/connect", {"workTypeId": self.queue, "contactName": self.name}),
            "accept": (self.ann, f"{work}/accept", {}),
            "reject": (self.ann, f"{work}/reject", {}),
            "hold": (self.ann, f"{work}/hold", {}),
            "retrieve": (self.ann, f"{work}/retrieve", {}),
            "cancel": (self.ann, f"{work}/cancel", {}),
            "text": (self.ann, f"messaging/users/{ann}/sendText", self._text("before")),
            "to work type": (self.ann, f"{work}/transfer", {"transferType": "workType", "workTypeId": self.second}),
            "to user": (self.ann, f"{work}/transfer", {"transferType": "user", "userId": bob}),
            "consult": (self.ann, f"{work}/consult", {"consultType": "user", "userId": bob}),
            "bob accepts": (self.bob, f"{work}/accept", {}),
            "conference": (self.ann, f"{work}/conference", {}),
            "disconnect": (self.ann, f"{work}/disconnect", {}),
            "dispose": (self.ann, f"{work}/dispose", {}),
            "leave": (self.ada, "messaging/disconnect", {}),
        }
        return asked[act]

    def _text(self, text: str) -> Json:
        return {"interactionId": self.interaction_id, "text": text}

    @property
    def name(self) -> str:
        """Its contact's."""
        return f"contact {self.number}"

    def do(self, act: str) -> None:
        """It is accepted, and what follows from it has happened."""
        client, operation, body = self.request(act)
        client.done(operation, body)
        if act == "text":
            self.said.append("before")
        if act == "connect":
            self.known()
        if act in ("connect", "to work type") or (act == "to user" and self.point == "transfer to a user"):
            self.server.until(partial(self.is_offered, act != "connect"))

    def known(self) -> None:
        """Learn the number of its interaction."""
        found = self.server.rows(f"SELECT interaction_id FROM interactions WHERE contact LIKE '%{self.name}\"%'")  # noqa: S608 - ours
        ((number,),) = found
        self.interaction_id = str(number)

    def is_offered(self, to_bob: bool) -> bool:  # noqa: FBT001 - one of two people
        """Whether it rings at an agent's."""
        user_id = self.users[to_bob]
        held = [a for app in self.server.apps for a in app.boards.of(ORG).of_user(user_id)]
        return [a.stage for a in held] == [Stage.OFFERED]

    def begun(self, act: str) -> Held:
        """An act that was sent and is not answered."""
        client, operation, body = self.request(act)
        sent = {**client.credentials, "content-type": "application/json"}
        data = json.dumps(body).encode()
        return Held(Wire(client.port), request_bytes("POST", path_of(operation), sent, data), own=True)

    # ---- afterwards

    def goes_on(self) -> None:
        """Both agents come back; whoever has it, or is offered it, says a last word, and the contact hears all once."""
        desks = [self.stack.enter_context(At(self.server, u, self.server.ports[0])) for u in self.users]
        holds = [self._shown(desk) for desk in desks]
        owners = [d for d, shown in zip(desks, holds, strict=True) if shown and shown["part"] == "owner"]
        assert len(owners) <= 1
        if owners and holds[desks.index(owners[0])]["stage"] == "wrap":
            owners[0].act("dispose", self.interaction_id)
            self.heard(ends=True)
            return
        if not self.is_open():
            self.heard(ends=True)
            return
        owner = owners[0] if owners else self._taken_by(desks)
        owner.send(self.interaction_id, "after")
        self.said.append("after")
        self.heard(ends=False)

    def is_open(self) -> bool:
        """Whether the conversation goes on, as the store knows."""
        open_ones = self.server.rows("SELECT interaction_id FROM interactions WHERE closed_ms = 0")
        return (int(self.interaction_id),) in open_ones

    def _shown(self, desk: At) -> Json:
        """What a new screen shows of the conversation, which must be as it is; then its agent takes work again."""
        snapshot = desk.open()
        shown: list[Json] = snapshot.get("interactions", [])
        held = desk.state()["interactions"]
        assert [(i["interactionId"], i["stage"]) for i in shown] == [(i["interactionId"], i["stage"]) for i in held]
        desk.status("connect")
        desk.status("ready")
        return shown[0] if shown and shown[0]["stage"] != "offered" else {}

    def _taken_by(self, desks: Sequence[At]) -> At:
        """The agent to whom it is offered; a moment later, if they let it pass before."""
        self.server.advance(2)
        self.server.until(lambda: self.is_offered(to_bob=False) or self.is_offered(to_bob=True))
        found = desks[self.server.call(self.is_offered, True)]  # noqa: FBT003 - one of two people
        found.act("accept", self.interaction_id)
        return found

    def heard(self, *, ends: bool) -> None:
        """The contact was told everything once and in order, and all texts that were accepted."""
        with Client(self.server.ports[0]) as ada:
            ada.credentials = self.ada.credentials
            events = [e for e in ada.poll(after=0) if "sequenceNumber" in e]
        assert [e["sequenceNumber"] for e in events] == list(range(1, len(events) + 1))
        said = [p["text"] for p in payloads(events) if p["kind"] == "messaging.Text"]
        assert said == self.said
        assert (events[-1]["kind"] == "messaging.Disconnected") == ends


def _talks(server: Running, stack: ExitStack) -> list[Talk]:
    """All conversations, just before their point."""
    talks = [Talk(server, stack, point, number) for number, point in enumerate(POINTS)]
    for talk in talks:
        talk.begin()
        for act in POINTS[talk.point][:-1]:
            talk.do(act)
    return talks


@pytest.mark.parametrize("killed", [HOME, OTHER])
def test_a_node_killed_after_each_point_loses_and_doubles_nothing(
    nodes: Running, weather: Weather, stack: ExitStack, killed: int
) -> None:
    """What was accepted is so, at another node."""
    talks = _talks(nodes, stack)
    for talk in talks:
        talk.do(POINTS[talk.point][-1])
    kill(nodes, weather, killed)
    all_is_sound(nodes)
    for talk in talks:
        talk.goes_on()
    all_is_sound(nodes)


def test_a_node_killed_before_it_stored_each_point_leaves_all_as_it_was(
    nodes: Running, weather: Weather, stack: ExitStack
) -> None:
    """Whoever asked is told to come again, and can."""
    talks = _talks(nodes, stack)
    cut = _cut(nodes)
    under_way = [talk.begun(POINTS[talk.point][-1]) for talk in talks]
    nodes.until(lambda: len(cut) >= len(talks))
    kill(nodes, weather)
    answers = [held.answer() for held in under_way]
    assert {a.status for a in answers} <= {202, 500}
    assert [a.status for a in answers].count(202) == 1, "only the connect, which was stored at another node"
    for talk in talks:
        talk.known()
    all_is_sound(nodes)
    for talk in talks:
        talk.goes_on()
    all_is_sound(nodes)


def test_a_conversation_given_to_a_node_in_the_moment_it_was_shut_out_is_found(
    nodes: Running, stack: ExitStack
) -> None:
    """The giver had not heard of its end: the new home of the agents takes it, and they go on."""
    talk = Talk(nodes, stack, "hold", 0)
    talk.begin()
    for act in _ACCEPTED:
        talk.do(act)
    home = nodes.apps[HOME]
    floor, session_id = home.context.floor, talk.ada.credentials["via-client-sessionid"]
    nodes.call(home.hub.give_away, floor.sessions[session_id])
    nodes.call(floor.give_away, floor.sessions[session_id])
    nodes.rows(f"UPDATE sessions SET node = 'gone' WHERE session_id = '{session_id}'")  # noqa: S608 - ours
    assert home.together is not None
    nodes.wait(home.together.cluster.take_handed())
    all_is_sound(nodes)
    talk.ann.send(talk.interaction_id, "Found you.")
    talk.said.append("Found you.")
    talk.heard(ends=False)


def test_a_conversation_that_comes_back_to_who_gave_it_away_is_taken(nodes: Running, stack: ExitStack) -> None:
    """As after its next home died: the contact's first node gets it, and gives it to the agents' home once more."""
    talk = Talk(nodes, stack, "hold", 0)
    talk.begin()
    for act in _ACCEPTED:
        talk.do(act)
    home, sessions = nodes.apps[HOME], nodes.apps[HOME].context.floor.sessions
    session_id = talk.ada.credentials["via-client-sessionid"]
    before = sessions[session_id]
    nodes.call(home.homes._give, before, nodes.apps[OTHER].context.node)  # noqa: SLF001 - no death is needed
    nodes.until(lambda: sessions.get(session_id) not in (None, before))
    talk.ann.send(talk.interaction_id, "Here we are.")
    talk.said.append("Here we are.")
    talk.heard(ends=False)


def test_a_text_of_an_agent_waits_for_a_conversation_that_is_on_its_way(nodes: Running, stack: ExitStack) -> None:
    """The agents' new home knows who has it, and it is still elsewhere: refused for good, the agent would drop it."""
    talk = Talk(nodes, stack, "hold", 0)
    talk.begin()
    for act in _ACCEPTED:
        talk.do(act)
    home = nodes.apps[HOME]
    floor, session_id = home.context.floor, talk.ada.credentials["via-client-sessionid"]
    nodes.call(home.hub.give_away, floor.sessions[session_id])
    nodes.call(floor.give_away, floor.sessions[session_id])
    work = f"engagementCenter/interactions/{talk.interaction_id}"
    text = {"interactionId": talk.interaction_id, "text": "Are you there?"}
    for operation, body in ((f"messaging/users/{talk.ann.user_id}/sendText", text), (f"{work}/hold", {})):
        refused = talk.ann.post(operation, body)
        assert (refused.status, refused.reason) == (500, "homeAway")
    assert home.together is not None
    nodes.wait(home.together.cluster.take_handed())
    talk.ann.send(talk.interaction_id, "Are you there?")
    talk.said.append("Are you there?")
    talk.heard(ends=False)


def _cut(server: Running) -> list[Sequence[Record]]:
    """Let nothing that the switchboard's node decides reach the database any more; returns what did not."""
    dropped: list[Sequence[Record]] = []
    store, whole = server.apps[HOME].store, server.apps[HOME].store.commit

    def commit(records: Sequence[Record], done: Done) -> None:
        if any(isinstance(record, Assignment | Entry) for record in records):
            dropped.append(records)
        elif not records:
            whole(records, done)

    def cut() -> None:
        store.commit = commit  # type: ignore[method-assign] # the seam of this test

    server.call(cut)
    return dropped
