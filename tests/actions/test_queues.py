from contextlib import ExitStack
from pathlib import Path

import pytest

from frontdesk.actions import positions
from tests.actions.talking import again
from tests.support.client import Client, payloads
from tests.support.server import FakeClock, Running, running


class Waiting(Client):
    """A contact in a queue."""

    def positions(self) -> list[int]:
        """What it is told next."""
        told: list[int] = []
        while not told:
            told = [p["position"] for p in payloads(self.poll()) if p["kind"] == "messaging.QueueStatus"]
        return told


def wait(server: Running, stack: ExitStack, work_type: str = "79") -> Waiting:
    """A contact comes into the queue."""
    made = stack.enter_context(Waiting(server.port))
    made.token()
    made.session(inactivityDelay=600)
    made.connect(work_type)
    return made


def _pass(server: Running, seconds: float) -> None:
    """Let time pass, and what is due by then happen once."""

    def move() -> None:
        server.clock.move(seconds)
        server.app.timers.advance(server.clock.now_ms())

    server.call(move)


def test_everyone_learns_their_position_on_coming(server: Running) -> None:
    """Counted for each work type alone; 1 is next."""
    with ExitStack() as stack:
        for position in (1, 2, 3):
            assert wait(server, stack).positions() == [position]
        assert wait(server, stack, "32").positions() == [1]
        assert server.app.positions.waiting() == {("viademo", "79"): 3, ("viademo", "32"): 1}


def test_those_behind_a_leaver_move_up_at_the_next_round(server: Running) -> None:
    """Once a second, in one go however many left; those in front hear nothing, as nothing changed."""
    with ExitStack() as stack:
        people = [wait(server, stack) for _ in range(6)]
        for position, one in enumerate(people, 1):
            assert one.positions() == [position]
        people[1].disconnect()
        people[3].disconnect()
        first = people[0].hold()
        others = [people[i].hold() for i in (2, 4, 5)]
        server.until(lambda: server.app.hub.held == 4)
        server.advance(0.9)
        assert server.app.hub.held == 4
        server.advance(0.1)
        assert [payloads(held.events())[0]["position"] for held in others] == [2, 3, 4]
        assert server.app.hub.held == 1
        server.advance(14)
        assert first.events() == []


def test_a_long_queue_is_told_a_part_at_a_time(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a round of thousands holds up nobody; each hears where they stand when it is their turn."""
    monkeypatch.setattr(positions, "AT_ONCE", 2)
    with ExitStack() as stack:
        people = [wait(server, stack) for _ in range(6)]
        for one in people:
            one.positions()
        people[0].disconnect()
        held = [one.hold() for one in people[1:]]
        server.until(lambda: server.app.hub.held == 5)
        # Else the server's own tick tells the next part while this looks at the first.
        monkeypatch.setattr(server.app, "tick", lambda: None)
        _pass(server, 1)
        assert server.app.hub.held == 3
        people[1].disconnect()
        _pass(server, 0.05)
        assert [payloads(held[i].events())[0]["position"] for i in (0, 1, 2, 3)] == [1, 2, 2, 3]
        _pass(server, 0.05)
        assert payloads(held[4].events())[0]["position"] == 4


def test_a_round_that_changes_nothing_tells_nobody(server: Running) -> None:
    """The last in line went: everyone else stands where they stood."""
    with ExitStack() as stack:
        people = [wait(server, stack) for _ in range(3)]
        for one in people:
            one.positions()
        people[2].disconnect()
        held = [one.hold() for one in people[:2]]
        server.until(lambda: server.app.hub.held == 2)
        server.advance(5)
        assert server.app.hub.held == 2
        server.advance(10)
        assert [one.events() for one in held] == [[], []]


def test_leaving_for_good_in_any_way_lets_the_next_move_up(server: Running) -> None:
    """A session that expired keeps its place for the grace, and not longer."""
    with ExitStack() as stack:
        gone, behind = wait(server, stack), wait(server, stack)
        assert (gone.positions(), behind.positions()) == ([1], [2])
        assert gone.ask("DELETE", "streaming/session/webClient").status == 204
        held = behind.hold()
        server.held()
        server.advance(14)
        assert server.app.hub.held == 1
        server.advance(1)
        assert held.events() == []
        server.advance(106)
        server.stored()
        with Waiting(server.port) as fresh:
            fresh.credentials = behind.credentials
            server.advance(1)
            assert fresh.positions() == [1]


@pytest.mark.parametrize("count", [5])
def test_the_line_stands_in_its_order_after_a_restart(tmp_path: Path, count: int) -> None:
    """Everyone is told anew, as positions are not stored."""
    clock = FakeClock()
    with ExitStack() as stack:
        with running(tmp_path / "data", clock=clock) as server:
            people = [wait(server, stack) for _ in range(count)]
            people[0].disconnect()
            server.stored()
        with running(tmp_path / "data", clock=clock) as server:
            for position, one in enumerate(people[1:], 1):
                with again(one, server) as back:
                    told = [p for p in payloads(back.poll()) if p["kind"] == "messaging.QueueStatus"]
                    assert [p["position"] for p in told] == [position]
