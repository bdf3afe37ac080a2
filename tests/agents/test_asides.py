"""Consults and conferences: who is asked, who is in it, and how each side hears that it is over."""

from contextlib import ExitStack

import pytest

from tests.support.client import Client, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running


@pytest.fixture
def ann(server: Running, stack: ExitStack) -> Desk:
    """The one who asks."""
    return desk(server, stack, "ann", "79")


@pytest.fixture
def bob(server: Running, stack: ExitStack) -> Desk:
    """The one who is asked."""
    return desk(server, stack, "bob", "32")


@pytest.fixture
def ada(server: Running, stack: ExitStack, ann: Desk) -> Client:
    """The contact, once Ann is there.

    Among nodes both would begin the switchboard at one time, and one wait a moment of a clock that stands.
    """
    made = stack.enter_context(server.contact(inactivityDelay=600))
    made.connect("79")
    return made


def desk(server: Running, stack: ExitStack, name: str, work_type: str) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, name, work_type)))
    made.at_work(inactivityDelay=3600)
    return made


def asked(ann: Desk, bob: Desk) -> str:
    """Ann takes the chat, and it rings at Bob's."""
    interaction_id = ann.take()
    ann.act("consult", interaction_id, {"consultType": "user", "userId": "bob"})
    assert bob.offered() == interaction_id
    return interaction_id


@pytest.mark.usefixtures("ada")
def test_a_consult_that_is_cancelled_while_it_rings_is_withdrawn(ann: Desk, bob: Desk) -> None:
    """Who was asked sees the offer go, as any; who asked, that it is over."""
    interaction_id = asked(ann, bob)
    ann.act("cancel", interaction_id)
    gone = bob.hear("engagementCenter.OfferWithdrawn")
    assert (gone["interactionId"], gone["reason"]) == (interaction_id, "cancelled")
    ended = ann.hear("engagementCenter.ConsultEnded")
    assert (ended["withUserId"], ended["reason"]) == ("bob", "cancelled")
    assert bob.state()["interactions"] == []


@pytest.mark.usefixtures("ada")
def test_a_consult_that_is_declined_ends_for_who_asked(ann: Desk, bob: Desk) -> None:
    """And the one who declined hears so once, and stays ready."""
    interaction_id = asked(ann, bob)
    bob.act("reject", interaction_id)
    assert ann.hear("engagementCenter.ConsultEnded")["reason"] == "declined"
    assert bob.hear("engagementCenter.OfferWithdrawn")["reason"] == "declined"
    bob.status("ready")
    assert bob.poll(1)[0]["kind"] == "engagementCenter.Ready"


@pytest.mark.usefixtures("ada")
def test_a_consult_that_nobody_answers_makes_the_one_asked_not_ready(server: Running, ann: Desk, bob: Desk) -> None:
    """As with every offer; the contact stays with who asked."""
    rules(server, offer_seconds=20)
    interaction_id = asked(ann, bob)
    server.advance(21)
    assert ann.hear("engagementCenter.ConsultEnded")["reason"] == "noAnswer"
    assert bob.hear("engagementCenter.NotReady")["reasonId"] == "noAnswer"
    assert [i["interactionId"] for i in ann.state()["interactions"]] == [interaction_id]


@pytest.mark.usefixtures("ada")
def test_after_a_reload_both_see_who_else_is_in_it(ann: Desk, bob: Desk) -> None:
    """A desk that was closed in the midst of a consult shows it again, on either side."""
    interaction_id = asked(ann, bob)
    (ringing,) = ann.open()["interactions"]
    assert ringing["others"] == [{"userId": "bob", "name": "Bob", "part": "consult", "stage": "offered"}]
    bob.act("accept", interaction_id)
    ann.act("conference", interaction_id)
    (shown,) = ann.open()["interactions"]
    assert shown["others"] == [{"userId": "bob", "name": "Bob", "part": "conference", "stage": "active"}]
    (shown,) = bob.open()["interactions"]
    assert shown["others"] == [{"userId": "ann", "name": "Ann", "part": "owner", "stage": "active"}]


def test_a_contact_who_leaves_ends_it_for_everyone(ann: Desk, bob: Desk, ada: Client) -> None:
    """The owner wraps up; the others have nothing to finish."""
    interaction_id = asked(ann, bob)
    bob.act("accept", interaction_id)
    ada.disconnect()
    assert ann.hear("engagementCenter.Wrap")["reason"] == "contact"
    assert bob.hear("engagementCenter.Disposed")["reason"] == "left"
    assert bob.state()["interactions"] == []


@pytest.mark.usefixtures("ada")
def test_nobody_is_asked_twice_nor_asks_themselves(server: Running, stack: ExitStack, ann: Desk, bob: Desk) -> None:
    """Refused with what is wrong."""
    interaction_id = asked(ann, bob)
    consult = f"engagementCenter/interactions/{interaction_id}/consult"
    for name, reason in (("bob", "alreadyThere"), ("ann", "alreadyThere"), ("nobody", "unknownUser")):
        answer = ann.post(consult, {"consultType": "user", "userId": name})
        assert answer.json()["errors"][0]["reason"] == reason
    stack.enter_context(Desk(server, user(server, "eve")))
    answer = ann.post(consult, {"consultType": "user", "userId": "eve"})
    assert (answer.status, answer.json()["errors"][0]["reason"]) == (400, "userNotConnected")
    answer = ann.post(consult, {"consultType": "workType", "workTypeId": "79"})
    assert (answer.status, answer.json()["errors"][0]["reason"]) == (400, "nobodyReady")


def test_a_contact_sees_all_go_whom_they_heard_when_it_is_handed_on(ann: Desk, bob: Desk, ada: Client) -> None:
    """Also who was brought in, and is out of it with the owner; that one hears whom they were with."""
    interaction_id = asked(ann, bob)
    bob.act("accept", interaction_id)
    ann.act("conference", interaction_id)
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": "79"})
    gone = [p["entityName"] for p in payloads(ada.until("Transferred")) if p["kind"] == "messaging.ParticipantLeft"]
    assert gone == ["Bob", "Ann"]
    ended = bob.hear("engagementCenter.ConsultEnded")
    assert (ended["withUserId"], ended["reason"]) == ("ann", "transferred")


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("verb", ["notReady", "disconnect"])
def test_who_takes_no_more_work_sees_a_consult_go_once(ann: Desk, bob: Desk, verb: str) -> None:
    """And who asked hears that they are not ready."""
    asked(ann, bob)
    bob.status(verb)
    assert ann.hear("engagementCenter.ConsultEnded")["reason"] == "notReady"
    bob.status("connect")
    told = bob.poll()
    assert [p["reason"] for p in payloads(told) if p["kind"] == "engagementCenter.OfferWithdrawn"] == ["notReady"]


@pytest.mark.usefixtures("ada")
def test_a_consult_rings_no_longer_than_the_conversation_lasts(ann: Desk, bob: Desk) -> None:
    """Its agent ended it: nobody is told that the contact left."""
    interaction_id = asked(ann, bob)
    ann.act("disconnect", interaction_id)
    assert bob.hear("engagementCenter.OfferWithdrawn")["reason"] == "cancelled"
