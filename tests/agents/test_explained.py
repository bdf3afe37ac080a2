"""Why an interaction went where it went, and what it waits for: every step is on record, with its reason."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from frontdesk.domain.rules import Detour, Instead
from tests.agents.house import CHAT, House
from tests.support.client import ORG, Client, Json, payloads
from tests.support.cluster import sqlite_only
from tests.support.desk import Desk, rules, user
from tests.support.server import Running


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A server without sockets."""
    with House(tmp_path / "data") as made:
        yield made


@pytest.fixture
def boss(server: Running, stack: ExitStack) -> Desk:
    """Someone who may ask about every interaction."""
    return stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]


def desk(server: Running, stack: ExitStack, name: str, *work_types: str) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, name, *work_types)))
    made.at_work(inactivityDelay=3600)
    return made


def contact(server: Running, stack: ExitStack, work_type: str = "79") -> Client:
    """A contact who waits for an agent."""
    made = stack.enter_context(server.contact(inactivityDelay=600))
    made.connect(work_type)
    return made


def record(boss: Desk, interaction_id: str) -> Json:
    """All that is told of its routing."""
    answer = boss.ask("GET", f"engagementCenter/interactions/{interaction_id}/routing")
    assert answer.status == 200, answer
    said: Json = answer.json()
    return said


def steps(boss: Desk, interaction_id: str) -> list[tuple[str, ...]]:
    """Its decisions: what, whose, why, and to whom."""
    found = record(boss, interaction_id)["decisions"]
    return [tuple(d[k] for k in ("decision", "userId", "reason", "toUserId")) for d in found]


def test_each_step_is_on_record_with_its_reason(server: Running, stack: ExitStack, boss: Desk) -> None:
    """Declined, unanswered, withdrawn, taken, handed on to a person: who it was, and why."""
    server.admin("reason.create", org_id=ORG, item_id="busy", use="decline")
    rules(server, ask_again_seconds=5, offer_seconds=20)
    contact(server, stack)
    ann = desk(server, stack, "ann")
    interaction_id = ann.offered()
    ann.act("reject", interaction_id, {"reasonId": "busy"})
    server.advance(6)
    assert ann.offered() == interaction_id
    server.advance(21)
    ann.hear("engagementCenter.AcceptCallTimeout")
    ann.status("ready")
    server.advance(6)
    assert ann.offered() == interaction_id
    ann.status("notReady")
    ann.status("ready")
    ann.take()
    bob = desk(server, stack, "bob")
    ann.act("transfer", interaction_id, {"transferType": "user", "userId": "bob"})
    assert bob.offered() == interaction_id
    assert steps(boss, interaction_id) == [
        ("offered", "ann", "", ""),
        ("declined", "ann", "busy", ""),
        ("offered", "ann", "", ""),
        ("timedOut", "ann", "noAnswer", ""),
        ("offered", "ann", "", ""),
        ("withdrawn", "ann", "notReady", ""),
        ("offered", "ann", "", ""),
        ("accepted", "ann", "", ""),
        ("transferred", "ann", "", "bob"),
        ("offered", "bob", "", ""),
    ]


def test_a_long_conversation_hides_no_decision(
    server: Running, stack: ExitStack, boss: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is read to the end, whatever stands between two decisions."""
    monkeypatch.setattr("frontdesk.http.records.LOG_MAX", 3)
    ann = desk(server, stack, "ann")
    contact(server, stack)
    interaction_id = ann.take()
    for number in range(7):
        ann.send(interaction_id, str(number))
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": "32"})
    record = boss.ask("GET", f"engagementCenter/interactions/{interaction_id}/routing").json()
    assert [d["decision"] for d in record["decisions"]] == ["offered", "accepted", "transferred"]


def test_while_it_rings_it_waits_for_an_answer(server: Running, stack: ExitStack, boss: Desk) -> None:
    """Whoever asks sees at whose desk it rings, and until when."""
    ann = desk(server, stack, "ann")
    contact(server, stack)
    interaction_id = ann.offered()
    now = record(boss, interaction_id)["now"]
    assert (now["waitsFor"], now["agents"]) == ("answer", [{"userId": "ann", "reason": ""}])
    assert now["changesMs"] == now["timeMs"] + 20_000
    assert now["interactionId"] == interaction_id


@pytest.mark.parametrize(
    ("changes", "seconds", "reason"),
    [
        ({"overflow_waiting": 1}, 0, "tooManyWaiting"),
        ({"overflow_seconds": 30}, 31, "waitedTooLong"),
    ],
)
def test_why_a_contact_was_sent_elsewhere_is_on_record(
    server: Running, stack: ExitStack, boss: Desk, changes: dict[str, Any], seconds: int, reason: str
) -> None:
    """And what they were given instead."""
    rules(server, overflow=Detour(Instead.MESSAGE, "", "Please come back later."), **changes)
    # Among nodes the second may be there first, or, of the same moment, have the lower number.
    contact(server, stack).until("QueueStatus")
    server.advance(1)
    ada = contact(server, stack)
    server.advance(seconds)
    said = payloads(ada.until("Disconnected"))
    assert [p["text"] for p in said if p["kind"] == "messaging.Text"] == ["Please come back later."]
    (step,) = record(boss, said[0]["interactionId"])["decisions"]
    assert (step["decision"], step["reason"], step["instead"], step["workTypeId"]) == (
        "detour",
        reason,
        "message",
        "79",
    )


def test_what_is_handed_to_a_work_type_goes_to_others_first(server: Running, stack: ExitStack, boss: Desk) -> None:
    """Not straight back to the agent who wanted to be rid of it, and to nobody else able; after a while to them too."""
    rules(server, ask_again_seconds=60)
    ann = desk(server, stack, "ann")
    contact(server, stack)
    interaction_id = ann.take()
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": "79"})
    ann.hear("engagementCenter.Transferred")
    assert record(boss, interaction_id)["now"]["agents"] == [{"userId": "ann", "reason": "declined"}]
    server.advance(61)
    assert ann.offered() == interaction_id


@sqlite_only("restarts one process")
def test_a_restart_does_not_forget_who_handed_it_on(house: House) -> None:
    """The contact must not bounce back to them because of it."""
    house.rules(CHAT, ask_again_seconds=60)
    ann = house.agent("ann")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    assert ann.does(house.app.handling.accept, ada.interaction_id) == ""
    assert ann.does(house.app.transferring.to_work_type, ada.interaction_id, CHAT) == ""
    house.restart()
    house.agent("ann").at_work()
    assert not house.app.boards.of(ORG).live()
    house.advance(61)
    assert [a.user_id for a in house.app.boards.of(ORG).live()] == ["ann"]
