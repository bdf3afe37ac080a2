"""What was answered 202 is there after the server was killed or the power was cut: once, and in order."""

import asyncio
import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from frontdesk.engines.logs import broken_logs
from tests.crash import answers_too_early
from tests.crash.contacts import WITHIN_SECONDS, Contact, Plug, client
from tests.support.powercut import PowerCut
from tests.support.server import DEMO, Process

ROUNDS = 20


class Server(Process):
    """The demo with the work type that echoes, and without limits."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(data, command=(*DEMO, "--bench"), environment=environment)

    def starts(self) -> bool:
        """Whether it comes to serve; it is gone afterwards."""
        try:
            self.restart()
        except AssertionError:
            return False
        finally:
            self.kill()
        return True


class BrokenServer(Server):
    """The same, but it answers before the commit."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(data, environment)
        python, _, _, *arguments = self._command
        self._command = (python, answers_too_early.__file__, *arguments)


@dataclass(frozen=True)
class Crash:
    """What a crash takes beside the process: nothing after a kill, all that was not synced after a power cut."""

    arm: Callable[[], Mapping[str, str]] = dict
    strike: Callable[[], None] = lambda: None


def newcomers(count: int, known: int) -> list[Contact]:
    """Contacts that the server has not seen; every second one is plain."""
    return [Contact(f"contact {n}", plain=n % 2 == 0) for n in range(known, known + count)]


async def talk(server: Process, contacts: Sequence[Contact], plug: Plug) -> None:
    """All contacts talk at once, until the server is gone."""
    async with asyncio.timeout(WITHIN_SECONDS), client(server.facts) as http, asyncio.TaskGroup() as tasks:
        for contact in contacts:
            tasks.create_task(contact.talk(http, plug))


async def catch_up(server: Process, contacts: Sequence[Contact]) -> None:
    """Every contact polls until it has all its echoes."""
    async with asyncio.timeout(WITHIN_SECONDS), client(server.facts) as http, asyncio.TaskGroup() as tasks:
        for contact in contacts:
            tasks.create_task(contact.catch_up(http))


def survive(data: Path, rng: random.Random, crash: Crash) -> None:
    """End the server in the middle of load again and again; then hold its log against what the contacts know."""
    contacts = newcomers(5, 0)
    for _ in range(ROUNDS):
        contacts += newcomers(1, len(contacts))
        with Server(data, crash.arm()) as server:
            asyncio.run(talk(server, contacts, Plug(server.kill, rng)))
        crash.strike()
    with Server(data, crash.arm()) as server:
        asyncio.run(catch_up(server, contacts))
    crash.strike()

    check_streams(contacts)
    check_log(data, contacts)


def check_streams(contacts: Sequence[Contact]) -> None:
    """Each accepted text came back once, in order."""
    for contact in contacts:
        assert contact.echoes == contact.texts()


def check_log(data: Path, contacts: Sequence[Contact]) -> None:
    """Each log is linked without a gap, and holds each accepted text once, in order, and the events as shown."""
    with closing(sqlite3.connect(data / "frontdesk.db")) as db:
        assert broken_logs(db) == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM interactions").fetchone() == (len(contacts),)
        for contact in contacts:
            check_interaction(db, contact)


def check_interaction(db: sqlite3.Connection, contact: Contact) -> None:
    """The same for one contact's only interaction."""
    query = "SELECT seq, stream_seq, author, kind, payload FROM entries WHERE interaction_id = ? ORDER BY seq"
    entries = db.execute(query, (int(contact.interaction_id),)).fetchall()
    said = ("Contact", "messaging.Text")
    texts = [json.loads(payload)["text"] for *_, author, kind, payload in entries if (author, kind) == said]
    shown = [(stream_seq, payload) for _, stream_seq, *_, payload in entries if stream_seq]

    assert [seq for seq, *_ in entries] == list(range(1, len(entries) + 1))
    assert texts == contact.texts()
    assert shown == [(event["sequenceNumber"], event["payload"]) for event in contact.events]


def lost_texts(data: Path, contacts: Sequence[Contact]) -> list[str]:
    """Accepted texts that are not in the database, read without the server."""
    with closing(sqlite3.connect(data / "frontdesk.db")) as db:
        payloads = db.execute("SELECT payload FROM entries WHERE author = 'Contact' AND kind = 'messaging.Text'")
        stored = {json.loads(payload)["text"] for (payload,) in payloads}
    return [text for contact in contacts for text in contact.texts() if text not in stored]


def lost_in_one_crash(data: Path, kind: type[Server], crash: Crash) -> list[str]:
    """Load the server once, end it in the middle, and look for what it had promised."""
    contacts = newcomers(8, 0)
    with kind(data, crash.arm()) as server:
        asyncio.run(talk(server, contacts, Plug(server.kill, random.Random(9))))
    crash.strike()
    return lost_texts(data, contacts)


@pytest.mark.timeout(300)
def test_killed_in_the_middle_of_load(tmp_path: Path) -> None:
    """SIGKILL, twenty times: contacts repeat what was not answered, go on polling, and nothing is lost or doubled."""
    survive(tmp_path / "data", random.Random(9), Crash())


@pytest.mark.timeout(300)
def test_power_cut_in_the_middle_of_load(power: PowerCut) -> None:
    """The same when only what was synced is left, or, by turns, any part of the rest as well."""
    rng = random.Random(9)
    torn = itertools.cycle([None, rng])

    survive(power.data, rng, Crash(power.arm, lambda: power.strike(next(torn))))


@pytest.mark.timeout(300)
def test_power_cut_at_every_sync_of_the_first_start(power: PowerCut) -> None:
    """Wherever the first start was broken off, the next one serves a contact."""
    for at_sync in itertools.count(1):
        shutil.rmtree(power.data, ignore_errors=True)
        served = Server(power.data, power.arm(at_sync=at_sync)).starts()
        power.strike(random.Random(at_sync))
        with Server(power.data) as server:
            asyncio.run(catch_up(server, newcomers(1, 0)))
        if served:
            break

    assert at_sync > 1


@pytest.mark.parametrize(("kind", "loses"), [(BrokenServer, True), (Server, False)], ids=["too-early", "real"])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power-cut"])
def test_an_answer_before_the_commit_is_found_out(
    power: PowerCut, kind: type[Server], *, cut: bool, loses: bool
) -> None:
    """The control: one crash of the same load shows the loss when the promise is broken, and none when it is kept."""
    crash = Crash(power.arm, power.strike) if cut else Crash()

    assert bool(lost_in_one_crash(power.data, kind, crash)) is loses
