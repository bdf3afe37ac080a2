"""A server that is killed or stopped, and started again on its data."""

from pathlib import Path
from threading import Thread

import pytest

from tests.streaming.reading import NOTHING, Alone, again, numbers, texts
from tests.support.client import EVENTS
from tests.support.cluster import sqlite_only
from tests.support.server import DEMO, FakeClock, Process, running
from tests.support.wire import Gone, Wire

BENCH = (*DEMO, "--bench")


@sqlite_only("a server in a process of its own is the demo on SQLite")
def test_a_killed_server_goes_on_with_every_session(tmp_path: Path) -> None:
    """A client in the middle of a poll asks again and misses nothing; its token and its chat are still good."""
    with Process(tmp_path / "data", command=BENCH) as process:
        contact = process.contact()
        contact.connect("1")
        for i in range(5):
            contact.say(str(i))
        assert numbers(contact.poll(4)) == [1, 2, 3, 4]
        held = Alone(contact, after=7)
        process.kill()
        with pytest.raises((Gone, ConnectionError)):
            held.answer()
        contact.__exit__()
        process.restart()
        with again(contact, process.port) as contact:
            assert numbers(contact.poll(after=4)) == [5, 6, 7]
            contact.say("after")
            events = contact.poll(after=7)
            assert (texts(events), numbers(events)) == (["after"], [8])


@sqlite_only("a server in a process of its own is the demo on SQLite")
def test_a_plain_client_sees_at_most_its_last_events_again(tmp_path: Path) -> None:
    """With the same ids and numbers, and nothing is missing behind them."""
    with Process(tmp_path / "data", command=BENCH) as process:
        contact = process.contact()
        contact.connect("1")
        contact.say("one")
        seen = contact.until("Text")
        process.kill()
        contact.__exit__()
        process.restart()
        with again(contact, process.port) as contact:
            contact.say("two")
            events = [*seen, *contact.until("Text")]
            while texts(events)[-1] != "two":
                events += contact.poll()
            by_number = {event["sequenceNumber"]: event for event in events}
            assert sorted(by_number) == [1, 2, 3, 4]
            assert all(event == by_number[event["sequenceNumber"]] for event in events)


@sqlite_only("a server in a process of its own is the demo on SQLite")
def test_a_stop_answers_held_polls_empty_and_keeps_everything(tmp_path: Path) -> None:
    """SIGTERM, exit status 0; whoever asks meanwhile is told to come again."""
    with Process(tmp_path / "data", command=BENCH) as process:
        contact = process.contact()
        contact.connect("1")
        contact.say("kept")
        contact.until("Text")
        held = [Alone(contact, after=3)]
        others = [process.contact() for _ in range(5)]
        held += [Alone(other) for other in others]
        _wait_held(process.port, len(held))
        stopping = Thread(target=process.stop)
        stopping.start()
        for poll in held:
            assert poll.answer().json() == NOTHING
        for client in (contact, *others):
            client.__exit__()
        stopping.join()
        process.restart()
        with again(contact, process.port) as contact:
            assert texts(contact.poll(after=2)) == ["kept"]


def _wait_held(port: int, count: int) -> None:
    """Until the server's metrics show so many held polls."""
    with Wire(port) as wire:
        while f'frontdesk_sessions{{kind="held"}} {count}' not in _held(wire):
            pass


def _held(wire: Wire) -> str:
    return wire.ask("GET", "/metrics").body.decode()


def test_what_the_client_acknowledged_is_not_sent_again_after_a_stop(tmp_path: Path) -> None:
    """Cursors are written at the latest when the server stops."""
    clock = FakeClock()
    with running(tmp_path / "data", clock=clock) as server, server.contact() as contact:
        contact.connect("1")
        for i in range(5):
            contact.say(str(i))
        contact.poll()
        contact.done("streaming/acknowledge/webClient", {"sequenceNumber": 6})
    with running(tmp_path / "data", clock=clock) as server, again(contact, server.port) as contact:
        assert numbers(contact.poll()) == [7]


def test_sessions_and_graces_go_on_counting_after_a_restart(tmp_path: Path) -> None:
    """A restart touches the living; what waited for its contact still ends at its time."""
    clock = FakeClock()
    with running(tmp_path / "data", clock=clock) as server, server.contact() as gone, server.contact() as contact:
        gone.connect("1")
        assert gone.ask("DELETE", "streaming/session/webClient").status == 204
        contact.connect("1")
        server.advance(50)
    with running(tmp_path / "data", clock=clock) as server, again(contact, server.port) as contact:
        server.advance(59)
        assert len(contact.poll(after=0)) == 2
        server.advance(12)
        server.stored()
        assert server.rows("SELECT closed_reason FROM interactions ORDER BY closed_reason") == [("",), ("inactivity",)]
        server.advance(60)
        assert contact.ask("GET", EVENTS).status == 401
