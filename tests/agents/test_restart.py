"""What was, is read anew: after a failure of the store, or a restart, with agents at work."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from frontdesk.domain.model import State
from frontdesk.domain.rules import Detour, Instead
from tests.agents.house import CHAT, SALES, House
from tests.agents.test_shift import contact, desk
from tests.http.test_storage_failure import broken_disk
from tests.support.client import kinds, payloads
from tests.support.cluster import sqlite_only
from tests.support.server import Running

pytestmark = sqlite_only("its own disk is broken; nodes are killed in test_killed_nodes.py")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A server without sockets."""
    with House(tmp_path / "data") as made:
        yield made


# ---- the disk fails


def test_an_offer_that_could_not_be_accepted_is_offered_again(server: Running, stack: ExitStack) -> None:
    """The agent is told to repeat, their screen begins anew with a snapshot, and nothing is lost or doubled."""
    ann, ada = desk(server, stack), contact(server, stack)
    interaction_id = ann.offered()
    held = ann.hold(wire=ann.polls)
    server.held()
    with broken_disk(server, "assignments"):
        refused = ann.post(f"engagementCenter/interactions/{interaction_id}/accept")
        assert (refused.status, refused.reason) == (500, "storageFailed")
    assert held.answer().status == 500
    over = ann.ask("GET", "streaming/events")
    assert (over.status, over.json()["message"]) == (400, "Invalid or expired session")
    assert ann.open()["state"] == "ready"
    assert ann.take() == interaction_id
    ada.say("Are you there?")
    ann.send(interaction_id, "Here I am.")
    events = [e for e in ada.until("Text") if "sequenceNumber" in e]
    assert kinds(events) == ["Connected", "ParticipantJoined", "Text"]


def test_a_conversation_goes_on_after_the_disk_was_full(server: Running, stack: ExitStack) -> None:
    """What was refused is not there, what was accepted is, and each side hears the other again."""
    ann, ada = desk(server, stack), contact(server, stack)
    interaction_id = ann.take()
    ann.send(interaction_id, "one")
    text = {"interactionId": interaction_id, "text": "lost"}
    with broken_disk(server):
        assert ann.post("messaging/users/ann/sendText", text).status == 500
    (shown,) = ann.open()["interactions"]
    assert (shown["interactionId"], shown["stage"]) == (interaction_id, "active")
    ann.send(interaction_id, "two")
    ada.say("three")
    assert ann.hear("messaging.Text", lambda said: said["text"] == "three")
    texts = [p["text"] for p in payloads(ada.poll(after=0)) if p["kind"] == "messaging.Text"]
    assert texts == ["one", "two"]


# ---- what timers remember


def test_an_offer_of_before_does_not_run_out_over_what_came_after(house: House) -> None:
    """It was read anew and accepted since: its old lease must not make the agent not ready, or offer it to another."""
    ann, cat = house.agent("ann"), house.agent("cat")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    house.advance(10)
    house.run(house.app.recover)
    ann.open()
    cat.at_work()
    interaction_id = ada.interaction_id
    assert ann.does(house.app.handling.accept, interaction_id) == ""
    house.advance(15)
    house.sound()
    assert house.app.boards.of("viademo").status("ann").state.value == "ready"
    assert house.rows("SELECT user_id FROM assignments WHERE ended_ms = 0") == [("ann",)]


def test_a_grace_of_before_does_not_end_the_work_of_who_came_back(house: House) -> None:
    """The agent was away when all was read anew, and returned."""
    ann = house.agent("ann")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    ann.does(house.app.handling.accept, ada.interaction_id)
    ann.close()
    house.advance(1)
    house.run(house.app.recover)
    ann.open()
    house.advance(61)
    house.sound()
    assert house.app.context.floor.interactions[ada.interaction_id].owner == "ann"


def test_the_grace_begins_anew_with_the_server(house: House) -> None:
    """It was away for an hour: no fault of an agent whose browser lost it a moment before."""
    ann = house.agent("ann")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    ann.does(house.app.handling.accept, ada.interaction_id)
    ann.close()
    house.clock.move(3600)
    house.restart()
    house.advance(30)
    ann.open()
    house.advance(61)
    assert house.app.context.floor.interactions[ada.interaction_id].owner == "ann"


# ---- who waits


def test_who_was_transferred_to_one_who_went_home_is_anybodys(house: House) -> None:
    """Also when the server restarts between: nobody waits for someone who does not come."""
    ann, cat = house.agent("ann"), house.agent("cat")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    ann.does(house.app.handling.accept, ada.interaction_id)
    cat.at_work()
    house.act(house.app.agents.not_ready, cat.user, "", "")
    assert ann.does(house.app.transferring.to_user, ada.interaction_id, "cat") == ""
    house.advance(1)
    assert not house.app.boards.of("viademo").live()
    house.act(house.app.agents.disconnect, cat.user)
    assert [a.user_id for a in house.app.boards.of("viademo").live()] == ["ann"]


def test_a_script_that_took_over_from_the_queue_speaks_after_a_restart(house: House) -> None:
    """It had not spoken yet when the server died: the contact would wait for its first word for ever."""
    house.rules(CHAT, overflow_seconds=5, overflow=Detour(Instead.SCRIPT, "concierge"))
    ada = house.contact()
    ada.connects()
    house.advance(6)
    interaction_id = ada.interaction_id
    assert house.app.context.floor.interactions[interaction_id].state is State.SCRIPTED
    assert house.log(interaction_id) == []
    house.restart()
    house.advance(10)
    assert ["I am the concierge" in text for text in house.log(interaction_id)] == [True]
    house.sound()


# ---- screens


def test_a_screen_opened_while_another_accepts_follows_the_conversation(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was reading a transcript when the offer was taken, and must hear what is said from then on, once."""
    ann = house.agent("ann")
    ann.at_work()
    first, second = house.contact(), house.contact()
    first.connects()
    ann.does(house.app.handling.accept, first.interaction_id)
    second.connects()
    one, other = ann.screen, house.agent("ann")
    number = second.interaction_id

    asked: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patch:
        patch.setattr(house.app.store, "log", lambda *arguments: asked.append(arguments))
        other.open()
    ann.does(house.app.handling.accept, number)
    house.run(lambda: house.app.store.log(*asked[0]))
    second.says("Hello?")
    assert one is not None
    assert other.screen is not None
    for screen in (one, other.screen):
        assert [said["text"] for said in screen.said("messaging.Text")] == ["Hello?"]


def test_what_was_handed_on_while_its_transcript_was_read_does_not_come_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk was told that it is gone: to be shown all of it after that would leave it there for ever."""
    ann = house.agent("ann")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    number = ada.interaction_id
    asked: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patch:
        patch.setattr(house.app.store, "log", lambda *arguments: asked.append(arguments))
        assert ann.does(house.app.handling.accept, number) == ""
    assert ann.does(house.app.transferring.to_work_type, number, SALES) == ""
    house.run(lambda: house.app.store.log(*asked[0]))
    assert ann.screen is not None
    assert ann.screen.said("engagementCenter.Transferred")
    assert ann.screen.said("engagementCenter.Active") == []


def test_a_warm_transfer_counts_for_who_was_idle_longest(house: House) -> None:
    """Who has just taken a contact over is not the one who waited longest for the next."""
    ann, cat = house.agent("ann"), house.agent("cat")
    for agent in (ann, cat):
        agent.at_work()
        house.advance(1)
    ada = house.contact()
    ada.connects()
    assert ann.does(house.app.handling.accept, ada.interaction_id) == ""
    house.advance(1)
    assert ann.does(house.app.transferring.consult, ada.interaction_id, "cat") == ""
    assert cat.does(house.app.handling.accept, ada.interaction_id) == ""
    assert ann.does(house.app.transferring.to_user, ada.interaction_id, "cat") == ""
    bea = house.contact()
    bea.connects()
    assert [a.interaction_id for a in house.app.boards.of("viademo").of_user("ann")] == [bea.interaction_id]
    house.sound()
