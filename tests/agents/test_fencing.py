"""Script, agents and contact never write over each other: what comes too late is refused, and says why."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from frontdesk.domain.model import State
from frontdesk.domain.rules import Detour, Instead
from tests.agents.house import CHAT, SALES, House
from tests.agents.test_shift import contact, desk
from tests.support.client import Held, kinds, path_of, payloads
from tests.support.cluster import one_node, sqlite_only
from tests.support.desk import Desk, rules, user
from tests.support.server import Running
from tests.support.wire import Answer, Wire, request_bytes


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A server without sockets."""
    with House(tmp_path / "data") as made:
        yield made


def said(answer: Answer) -> tuple[int, str]:
    """The status and the reason of a refusal."""
    return answer.status, answer.json()["errors"][0]["reason"]


LATE: dict[str, dict[str, Any] | None] = {
    "messaging/users/ann/sendText": {"text": "Wait!"},
    "messaging/users/ann/pushUrl": {"url": "https://example.com/"},
    "messaging/users/ann/notification": {"state": "composing", "expiresAfterSeconds": 5},
    "messaging/users/ann/note": {"text": "A note."},
    "hold": None,
    "retrieve": None,
    "activate": None,
    "disconnect": None,
    "dispose": {},
    "conference": None,
    "cancel": None,
    "accept": {},
    "reject": {},
    "consult": {"consultType": "user", "userId": "bob"},
    "transfer": {"transferType": "workType", "workTypeId": "79"},
}


def test_who_handed_a_conversation_on_can_do_nothing_more_in_it(server: Running, stack: ExitStack) -> None:
    """Each act of the previous owner is refused, and the next one has it undisturbed."""
    ann, bob = desk(server, stack, "ann", "79"), desk(server, stack, "bob", "32")
    ada = contact(server, stack)
    number = ann.take()
    ann.act("transfer", number, {"transferType": "workType", "workTypeId": "32"})
    assert bob.take() == number
    for operation, body in LATE.items():
        answer = late(ann, operation, number, body)
        assert said(answer) == (404, "notYours"), operation
        assert answer.json()["errors"][0]["message"]
    bob.send(number, "Only me.")
    texts = [p["text"] for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"]
    assert texts == ["Only me."]


def late(ann: Desk, operation: str, number: str, body: dict[str, Any] | None) -> Answer:
    """An act on what is not theirs any more."""
    if operation.startswith("messaging/"):
        return ann.post(operation, {**(body or {}), "interactionId": number})
    return ann.post(f"engagementCenter/interactions/{number}/{operation}", body)


def test_of_two_devices_that_accept_at_one_time_one_does(server: Running, stack: ExitStack) -> None:
    """The other is told that it is not offered any more, and sees the conversation all the same."""
    made = user(server, "ann")
    one, two = stack.enter_context(Desk(server, made)), stack.enter_context(Desk(server, made))
    one.at_work()
    two.open()
    contact(server, stack)
    number = one.offered()
    under_way = [begun(device, f"engagementCenter/interactions/{number}/accept") for device in (one, two)]
    answers = [held.answer() for held in under_way]
    assert sorted(answer.status for answer in answers) == [202, 400]
    (refused,) = [answer for answer in answers if answer.status == 400]
    assert said(refused) == (400, "notOffered")
    assert "You have this interaction already" in refused.json()["message"]
    for device in (one, two):
        assert device.hear("engagementCenter.Active")["interaction"]["interactionId"] == number
    assert [i["stage"] for i in one.state()["interactions"]] == ["active"]


def begun(client: Desk, operation: str) -> Held:
    """A request that was sent and is not answered yet, on a connection of its own."""
    return Held(Wire(client.port), request_bytes("POST", path_of(operation), client.credentials), own=True)


def test_an_offer_that_ran_out_can_not_be_accepted(server: Running, stack: ExitStack) -> None:
    """It may be another's by now."""
    ann = desk(server, stack)
    contact(server, stack)
    number = ann.offered()
    server.advance(21)
    ann.hear("engagementCenter.AcceptCallTimeout")
    assert said(ann.post(f"engagementCenter/interactions/{number}/accept")) == (404, "notYours")


def test_a_conversation_is_disposed_of_once(server: Running, stack: ExitStack) -> None:
    """The second time there is nothing left to finish."""
    rules(server, wrap_seconds=600)
    ann = desk(server, stack)
    contact(server, stack)
    number = ann.take()
    assert said(ann.post(f"engagementCenter/interactions/{number}/dispose")) == (400, "notInWrap")
    ann.act("disconnect", number)
    ann.act("dispose", number)
    assert said(ann.post(f"engagementCenter/interactions/{number}/dispose")) == (404, "notYours")


@pytest.mark.parametrize("verb", ["transfer", "hold", "consult", "disconnect"])
def test_a_conversation_whose_contact_left_can_only_be_finished(server: Running, stack: ExitStack, verb: str) -> None:
    """It is not brought to another agent, who would find nobody there."""
    rules(server, wrap_seconds=600)
    ann = desk(server, stack)
    desk(server, stack, "bob", "32")
    ada = contact(server, stack)
    number = ann.take()
    ada.disconnect()
    ann.hear("engagementCenter.Wrap")
    assert said(late(ann, verb, number, LATE[verb])) == (400, "conversationOver")
    assert ann.state()["interactions"][0]["stage"] == "wrap"


@one_node("the script's pause is let pass by one clock")
def test_a_script_says_nothing_after_it_handed_off(server: Running, stack: ExitStack) -> None:
    """What the contact said meanwhile is the agent's to answer."""
    ada = stack.enter_context(server.contact(inactivityDelay=600))
    ada.connect("100")
    server.advance(3)
    ada.until("Text")
    ada.say("an agent please")
    ada.say("hello")
    server.advance(3)
    heard = ada.until("Transferred")
    ann = desk(server, stack)
    number = ann.take()
    for _ in range(3):
        server.advance(3)
    ann.send(number, "Hello, this is Ann.")
    heard = ada.until("Text")
    texts = [p["entityName"] for p in payloads(heard) if p["kind"] == "messaging.Text"]
    assert texts == ["Ann"]
    assert "ParticipantLeft" not in kinds(heard)


# ---- at one time


@sqlite_only("it calls two acts in one step of the loop")
@pytest.mark.parametrize("contact_first", [False, True])
def test_a_contact_who_leaves_while_handed_on_is_gone(house: House, contact_first: bool) -> None:  # noqa: FBT001 - the order of two
    """Neither a queue nor the queue's detour opens the conversation again."""
    ann, bob = house.agent("ann"), house.agent("bob")
    for agent in (ann, bob):
        agent.at_work()
    house.rules(SALES, overflow_waiting=1, overflow=Detour(Instead.WORK_TYPE, CHAT))
    ada = house.contact()
    ada.connects()
    number = ada.interaction_id
    ann.does(house.app.handling.accept, number)
    session, refused = ada.session, []

    def leaves() -> None:
        house.app.messaging.disconnect(session, lambda error: None)

    def hands_on() -> None:
        try:
            house.app.transferring.to_work_type(ann.user, number, SALES, lambda error: None)
        except Exception as error:  # noqa: BLE001 - looked at below
            refused.append(error)

    def both() -> None:
        for act in (leaves, hands_on) if contact_first else (hands_on, leaves):
            act()

    house.run(both)
    house.sound()
    assert number not in house.app.context.floor.interactions
    assert len(refused) == contact_first
    assert house.rows("SELECT state FROM interactions") == [(State.CLOSED.value,)]
    assert ada.stream.events[-1]["kind"] == "messaging.Disconnected"


@sqlite_only("it calls two acts in one step of the loop")
def test_an_offer_is_accepted_or_left_by_its_contact(house: House) -> None:
    """Whichever comes first holds: the agent of a contact who just left has the wrap-up, and nothing else."""
    ann = house.agent("ann")
    ann.at_work()
    ada = house.contact()
    ada.connects()
    number, session = ada.interaction_id, ada.session

    def both() -> None:
        house.app.handling.accept(ann.user, number, lambda error: None)
        house.app.messaging.disconnect(session, lambda error: None)

    house.run(both)
    house.sound()
    assert [a.stage.value for a in house.app.boards.of("viademo").live()] == ["wrap"]
