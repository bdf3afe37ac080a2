"""Agents and contacts do anything at any time, and the server restarts between: the rules hold after each step."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, sampled_from

from frontdesk.domain.assignments import Part, Stage
from frontdesk.domain.model import State
from tests.agents.house import CHAT, PEOPLE, SALES, Agent, House, Visitor
from tests.support.client import ORG
from tests.support.cluster import sqlite_only

pytestmark = sqlite_only("it restarts one process")
WHO, WHAT = sampled_from(sorted(PEOPLE)), integers(0, 5)
CONTACTS_MAX = 6


class Floor(RuleBasedStateMachine):
    """Whatever is refused is refused with a reason, and changes nothing that matters."""

    @initialize()
    def opened(self) -> None:
        """An empty server."""
        self._folder = tempfile.TemporaryDirectory(prefix="frontdesk-")
        self.house = House(Path(self._folder.name) / "data").__enter__()
        self.agents: dict[str, Agent] = {user_id: self.house.agent(user_id) for user_id in PEOPLE}
        self.contacts: list[Visitor] = []
        for agent in self.agents.values():
            agent.at_work()

    def teardown(self) -> None:
        """Close it."""
        self.house.__exit__()
        self._folder.cleanup()

    @invariant()
    def sound(self) -> None:
        """See tests/agents/soundness.py."""
        self.house.sound()

    # ---- contacts

    @rule(work_type=sampled_from((CHAT, SALES)))
    def connects(self, work_type: str) -> None:
        """Another contact, until there are enough."""
        if len(self.contacts) < CONTACTS_MAX:
            visitor = self.house.contact()
            self.contacts.append(visitor)
            assert visitor.connects(work_type) == ""

    @rule(number=WHAT)
    def leaves(self, number: int) -> None:
        """A contact ends the chat."""
        open_ones = [v for v in self.contacts if v.session.interaction is not None]
        if open_ones:
            gone = open_ones[number % len(open_ones)]
            assert gone.leaves() == ""
            self.contacts.remove(gone)

    # ---- agents

    @rule(who=WHO, verb=sampled_from(("ready", "not_ready", "disconnect", "open", "close")))
    def status(self, who: str, verb: str) -> None:
        """An agent comes, goes, is ready or not, has a screen or none."""
        agent, act = self.agents[who], self.house.app.agents
        if verb == "ready":
            agent.at_work()
        elif verb == "not_ready":
            self.house.act(act.not_ready, agent.user, "", "")
        elif verb == "disconnect":
            self.house.act(act.disconnect, agent.user)
        elif verb == "close":
            agent.close()
        elif agent.screen is None:
            agent.open()

    @rule(who=WHO, number=WHAT, verb=sampled_from(("accept", "reject", "hold", "retrieve", "disconnect", "dispose")))
    def handles(self, who: str, number: int, verb: str) -> None:
        """An agent does something with one of the conversations, whether it is theirs or not."""
        handling = self.house.app.handling
        acts: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
            "accept": (handling.accept, ()),
            "reject": (handling.reject, ("",)),
            "hold": (handling.hold, ()),
            "retrieve": (handling.retrieve, ()),
            "disconnect": (handling.disconnect, ()),
            "dispose": (self.house.app.wrapping.dispose, ("", "")),
        }
        act, arguments = acts[verb]
        self._do(who, number, act, *arguments)

    @rule(who=WHO, number=WHAT, verb=sampled_from(("queue", "user", "consult", "conference", "cancel")), to=WHO)
    def hands_on(self, who: str, number: int, verb: str, to: str) -> None:
        """An agent hands one of the conversations on, or brings another in."""
        transferring = self.house.app.transferring
        if verb == "queue":
            self._do(who, number, transferring.to_work_type, SALES)
        elif verb == "user" and self._has_room(to):
            self._do(who, number, transferring.to_user, to)
        elif verb == "consult":
            self._do(who, number, transferring.consult, to)
        elif verb == "conference":
            self._do(who, number, transferring.conference)
        elif verb == "cancel":
            self._do(who, number, transferring.cancel)

    def _has_room(self, user_id: str) -> bool:
        """Who was consulted chose to take a chat over, whatever they hold: capacity is no bound there."""
        board = self.house.app.boards.of(ORG)
        held = [a for a in board.of_user(user_id) if a.part is Part.OWNER]
        return len(held) < 2

    def _do(self, who: str, number: int, act: Callable[..., None], *arguments: str) -> None:
        board = self.house.app.boards.of(ORG)
        theirs = [a.interaction_id for a in board.of_user(who)]
        known = theirs or [a.interaction_id for a in board.live()]
        if known:
            outcome = self.agents[who].does(act, known[number % len(known)], *arguments)
            assert outcome not in ("failed", "unanswered")

    # ---- time, and the server

    @rule(seconds=sampled_from((1, 6, 21, 31, 61)))
    def waits(self, seconds: int) -> None:
        """Offers run out, wrap-ups end, graces are over."""
        self.house.advance(seconds)

    @rule(killed=booleans())
    def restarts(self, killed: bool) -> None:  # noqa: FBT001 - one of the two ways to lose all memory
        """It restarts, or reads everything anew as after a failure of its disk; contacts go on, agents open again."""
        if killed:
            self.house.restart()
        else:
            self.house.run(self.house.app.recover)
        for agent in self.agents.values():
            agent.screen = None
        self.contacts = [
            self.house.back(v.stream)
            for v in self.contacts
            if v.stream.session.session_id in self.house.app.context.floor.sessions
        ]

    @rule()
    def everyone_comes_back(self) -> None:
        """And is ready: nobody who waits is forgotten."""
        for agent in self.agents.values():
            agent.at_work()
        self.house.advance(6)
        board = self.house.app.boards.of(ORG)
        for interaction in self.house.app.context.floor.interactions.values():
            known = interaction.interaction_id in board.matcher or board.of_interaction(interaction.interaction_id)
            assert known
            assert interaction.state in (State.QUEUED, State.ACTIVE)
        assert all(a.stage is not Stage.WRAP or a.due_ms for a in board.live())


def test_the_rules_hold_whatever_is_done_in_whatever_order() -> None:
    """Three agents, six contacts, and restarts at any time."""
    chosen = settings(
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Floor, settings=chosen)
