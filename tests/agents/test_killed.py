"""A server that dies between any two commits: each conversation has one owner afterwards, or its place in the queue."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from frontdesk.domain.assignments import Stage
from frontdesk.domain.model import State
from tests.agents.house import CHAT, SALES, Agent, House, Stream, Visitor, copy_to
from tests.support.cluster import sqlite_only
from tests.support.server import FakeClock

pytestmark = sqlite_only("the same on three nodes is in test_killed_nodes.py")


@dataclass
class Moment:
    """What is on the disk after a commit, when that was, and what clients had been promised and shown by then."""

    point: str
    data: Path
    now_ms: int
    promised: list[tuple[int, str]]
    streams: list[Stream]
    seen: list[int]


@dataclass
class Shift:
    """All that agents and contacts do, with a name for each point, so that a failure says where it was."""

    house: House
    people: list[Visitor] = field(default_factory=list)
    point: str = ""

    def played(self) -> None:
        """Play it, and hold it to the rules after each step."""
        for name in self._steps():
            self.house.sound()
            self.point = name

    def _contact(self, work_type: str = CHAT) -> Visitor:
        visitor = self.house.contact()
        self.people.append(visitor)
        assert visitor.connects(work_type) == ""
        return visitor

    def _steps(self) -> Iterator[str]:
        house = self.house
        ann, bob = house.agent("ann"), house.agent("bob")
        for agent in (ann, bob):
            agent.at_work()
        yield from self._offers(ann)
        yield from self._transfers(ann, bob)
        yield from self._asides(ann, bob)
        yield from self._ends(ann, bob)
        yield from self._losses(ann, bob)

    def _offers(self, ann: Agent) -> Iterator[str]:
        handling = self.house.app.handling
        yield "connect, offered"
        ada = self._contact()
        one = ada.interaction_id
        yield "reject"
        assert ann.does(handling.reject, one, "") == ""
        yield "offered again"
        self.house.advance(6)
        yield "time-out"
        self.house.advance(21)
        yield "ready once more"
        ann.at_work()
        self.house.advance(6)
        yield "accept"
        assert ann.does(handling.accept, one) == ""
        yield "texts"
        assert ann.says(one, "Hello, I am Ann.") == ""
        assert ada.says("Hello, Ann.") == ""
        yield "hold"
        assert ann.does(handling.hold, one) == ""
        yield "retrieve"
        assert ann.does(handling.retrieve, one) == ""

    def _transfers(self, ann: Agent, bob: Agent) -> Iterator[str]:
        handling, transferring = self.house.app.handling, self.house.app.transferring
        one = self.people[0].interaction_id
        yield "transfer to a work type"
        assert ann.does(transferring.to_work_type, one, SALES) == ""
        yield "accept after a transfer"
        assert bob.does(handling.accept, one) == ""
        assert bob.says(one, "Bob here.") == ""
        yield "transfer to a user"
        assert bob.does(transferring.to_user, one, "ann") == ""
        yield "accept from a user"
        assert ann.does(handling.accept, one) == ""

    def _asides(self, ann: Agent, bob: Agent) -> Iterator[str]:
        handling, transferring = self.house.app.handling, self.house.app.transferring
        one = self.people[0].interaction_id
        yield "consult asked"
        assert ann.does(transferring.consult, one, "bob") == ""
        yield "consult declined"
        assert bob.does(handling.reject, one, "") == ""
        yield "consult asked again"
        assert ann.does(transferring.consult, one, "bob") == ""
        yield "consult accepted"
        assert bob.does(handling.accept, one) == ""
        yield "consult cancelled"
        assert ann.does(transferring.cancel, one) == ""
        assert ann.does(transferring.consult, one, "bob") == ""
        assert bob.does(handling.accept, one) == ""
        yield "conference"
        assert ann.does(transferring.conference, one) == ""
        yield "warm transfer"
        assert ann.does(transferring.to_user, one, "bob") == ""
        assert bob.says(one, "All mine.") == ""

    def _ends(self, ann: Agent, bob: Agent) -> Iterator[str]:
        handling = self.house.app.handling
        one = self.people[0].interaction_id
        yield "disconnect"
        assert bob.does(handling.disconnect, one) == ""
        yield "dispose"
        assert bob.does(self.house.app.wrapping.dispose, one, "", "") == ""
        bea = self._contact()
        two = bea.interaction_id
        assert ann.does(handling.accept, two) == ""
        yield "the contact leaves"
        assert bea.leaves() == ""
        yield "wrap-up runs out"
        self.house.advance(31)
        cay = self._contact()
        yield "the contact leaves an offer"
        assert cay.leaves() == ""

    def _losses(self, ann: Agent, bob: Agent) -> Iterator[str]:
        handling, transferring, agents = self.house.app.handling, self.house.app.transferring, self.house.app.agents
        dee, eve = self._contact(), self._contact()
        three = dee.interaction_id
        assert ann.does(handling.accept, three) == ""
        assert ann.does(transferring.consult, three, "bob") == ""
        assert bob.does(handling.accept, three) == ""
        assert ann.does(transferring.conference, three) == ""
        yield "one of a conference is lost"
        bob.close()
        self.house.advance(61)
        yield "an agent is lost, with one in hand and one that rings"
        ann.at_work()
        assert eve.interaction_id
        ann.close()
        self.house.advance(61)
        yield "taken by the next"
        cat = self.house.agent("cat")
        cat.at_work()
        assert cat.does(handling.accept, three) == ""
        yield "transfer to one who is not ready, and goes home"
        ann.at_work()
        assert self.house.act(agents.not_ready, ann.user, "", "") == ""
        assert cat.does(transferring.to_user, three, "ann") == ""
        assert self.house.act(agents.disconnect, ann.user) == ""
        yield "the contact's session ends and does not come back"
        fay = self._contact(SALES)
        self.house.run(lambda: self.house.app.sessions.end(fay.session, lambda error: None))
        self.house.advance(121)
        yield "the end"


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[Moment]:
    """What was on the disk after each commit of a shift."""
    folder, found = tmp_path_factory.mktemp("killed"), list[Moment]()
    with House(folder / "whole", FakeClock()) as house:
        shift = Shift(house)

        def stored(db: sqlite3.Connection) -> None:
            streams = [visitor.stream for visitor in shift.people]
            seen = [len(stream.events) for stream in streams]
            data = copy_to(db, folder / str(len(found)))
            found.append(Moment(shift.point, data, house.clock.now_ms(), list(house.promised), streams, seen))

        house.on_stored = stored
        shift.played()
        house.on_stored = lambda db: None
    return found


def test_every_conversation_has_one_owner_or_its_place_after_a_kill_between_any_two_commits(
    moments: list[Moment],
) -> None:
    """And all is said that was promised, once and in order; whoever comes back to work can bring it to its end."""
    assert len(moments) > 60
    for number, moment in enumerate(moments):
        try:
            _goes_on(moment)
        except BaseException as error:
            error.add_note(f"killed after commit {number}, at: {moment.point}")
            raise


def _goes_on(moment: Moment) -> None:
    with House(moment.data, FakeClock(moment.now_ms)) as house:
        house.sound()
        for interaction_id, text in moment.promised:
            assert house.log(interaction_id).count(text) == 1
        visitors = [_back(house, s, n) for s, n in zip(moment.streams, moment.seen, strict=True)]
        _to_the_end(house)
        house.sound()
        for visitor in visitors:
            if visitor is not None:
                _was_told_all_once(house, visitor.stream)


def _back(house: House, stream: Stream, seen: int) -> Visitor | None:
    if stream.session.session_id not in house.app.context.floor.sessions:
        return None
    return house.back(Stream(house, stream.session, stream.events[:seen]))


def _to_the_end(house: House) -> None:
    """Everybody comes back to work and takes what there is, until nobody waits and nothing is left to do."""
    people = [house.agent(user_id) for user_id in ("ann", "bob", "cat")]
    for agent in people:
        agent.at_work()
    board = house.app.boards.of("viademo")
    for _ in range(20):
        house.sound()
        held = [(agent, a) for agent in people for a in board.of_user(agent.user.user_id)]
        if not held and not len(board.matcher):
            break
        for agent, assignment in held:
            _do_next(house, agent, assignment.interaction_id, assignment.stage)
        house.advance(6)
    assert not [i for i in house.app.context.floor.interactions.values() if i.state is not State.CLOSED]
    assert not board.live()


def _do_next(house: House, agent: Agent, interaction_id: int, stage: Stage) -> None:
    handling = house.app.handling
    if stage is Stage.OFFERED:
        agent.does(handling.accept, interaction_id)
    elif stage is Stage.WRAP:
        agent.does(house.app.wrapping.dispose, interaction_id, "", "")
    else:
        agent.does(handling.disconnect, interaction_id)


def _was_told_all_once(house: House, stream: Stream) -> None:
    numbers = [event["sequenceNumber"] for event in stream.events]
    assert numbers == list(range(1, len(numbers) + 1))
    if numbers:
        assert stream.events[-1]["kind"] == "messaging.Disconnected"
