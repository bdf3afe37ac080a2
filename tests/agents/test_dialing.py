"""A contact asks to be called: the agent sees it and answers, and both stand in the record."""

import json
from contextlib import ExitStack

import pytest

from tests.support.client import Client, Held, Json, path_of, payloads
from tests.support.desk import Desk, user
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

NUMBER = "+44 20 7946 0018"


@pytest.fixture
def ada(server: Running, stack: ExitStack) -> Client:
    """A contact who waits."""
    made = stack.enter_context(server.contact(inactivityDelay=600))
    made.connect("79")
    return made


@pytest.fixture
def ann(server: Running, stack: ExitStack) -> Desk:
    """An agent who is ready."""
    return desk(server, stack, "ann")


def desk(server: Running, stack: ExitStack, name: str) -> Desk:
    """Someone who is ready."""
    made = stack.enter_context(Desk(server, user(server, name)))
    made.at_work(inactivityDelay=3600)
    return made


def asked(ann: Desk, ada: Client) -> Json:
    """In conversation, Ada asks for a call; what the agent is shown of that, ready to be answered."""
    interaction_id = ann.take()
    ada.done("messaging/dial", {"digits": NUMBER})
    request = ann.hear("messaging.DialRequest")
    assert request["digits"] == NUMBER
    return {"interactionId": interaction_id, "messageId": request["messageId"], "answer": "accepted"}


def refused(who: Desk, answer: Json) -> tuple[int, str]:
    """The refusal of an answer."""
    got = who.post(f"messaging/users/{who.user_id}/answerDial", answer)
    return got.status, got.json()["errors"][0]["reason"]


def begun(who: Desk, answer: Json) -> Held:
    """An answer that was sent, over a connection of its own, and of which nothing was heard yet."""
    path = path_of(f"messaging/users/{who.user_id}/answerDial")
    sent = {**who.credentials, "content-type": "application/json"}
    return Held(Wire(who.port), request_bytes("POST", path, sent, json.dumps(answer).encode()), own=True)


@pytest.mark.parametrize("answer", ["accepted", "declined"])
def test_a_request_to_be_called_is_answered(
    server: Running, stack: ExitStack, ann: Desk, ada: Client, answer: str
) -> None:
    """The contact and the agent hear it, and a supervisor reads it in the recording: who, which number, what."""
    wanted = asked(ann, ada)
    ann.done("messaging/users/ann/answerDial", {**wanted, "answer": answer, "entityName": "Support"})
    told = payloads(ada.until("DialAnswered"))[-1]
    assert (told["requestId"], told["answer"], told["digits"]) == (wanted["messageId"], answer, NUMBER)
    assert (told["entityName"], told["entityType"]) == ("Support", "Agent")
    assert ann.hear("messaging.DialAnswered") == told
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    entries = boss.ask("GET", f"quality/recordings/{wanted['interactionId']}").json()["entries"]
    kept = [json.loads(e["payload"]) for e in entries if e["kind"].startswith("messaging.Dial")]
    assert [k["kind"] for k in kept] == ["messaging.DialRequest", "messaging.DialAnswered"]
    assert kept[1] == told


def test_a_request_made_while_waiting_is_answered_by_who_takes_it(ann: Desk, ada: Client) -> None:
    """It is in the transcript that the agent gets."""
    ada.done("messaging/dial", {"digits": NUMBER})
    ann.act("accept", ann.offered())
    shown = ann.hear("engagementCenter.Active")["interaction"]
    (line,) = [entry for entry in shown["transcript"] if entry["kind"] == "messaging.DialRequest"]
    request_id = json.loads(line["payload"])["messageId"]
    wanted = {"interactionId": shown["interactionId"], "messageId": request_id, "answer": "declined"}
    ann.done("messaging/users/ann/answerDial", wanted)
    assert payloads(ada.until("DialAnswered"))[-1]["answer"] == "declined"


def test_a_request_is_answered_once(server: Running, ann: Desk, ada: Client) -> None:
    """Also when everything was read anew between; another request has its own answer."""
    wanted = asked(ann, ada)
    ann.done("messaging/users/ann/answerDial", wanted)
    assert refused(ann, {**wanted, "answer": "declined"}) == (400, "alreadyAnswered")
    server.recover()
    ann.open()
    assert refused(ann, wanted) == (400, "alreadyAnswered")
    ada.done("messaging/dial", {"digits": NUMBER})
    second = ann.hear("messaging.DialRequest")["messageId"]
    ann.done("messaging/users/ann/answerDial", {**wanted, "messageId": second})


def test_of_two_answers_at_one_time_one_counts(ann: Desk, ada: Client) -> None:
    """Two agents in one conference, or one with two devices: the contact hears one word."""
    wanted = asked(ann, ada)
    answers = [begun(ann, {**wanted, "answer": answer}) for answer in ("accepted", "declined")]
    assert sorted(a.status for a in (held.answer() for held in answers)) == [202, 400]
    ann.send(wanted["interactionId"], "That was it.")
    said = [p["kind"] for p in payloads(ada.until("Text"))]
    assert said.count("messaging.DialAnswered") == 1


def test_what_was_not_asked_is_not_answered(server: Running, stack: ExitStack, ann: Desk, ada: Client) -> None:
    """Nor by somebody else, nor with another word."""
    wanted = asked(ann, ada)
    bob = desk(server, stack, "bob")
    assert refused(ann, {**wanted, "messageId": "12345"}) == (404, "unknownDialRequest")
    assert refused(ann, {**wanted, "messageId": "x"}) == (400, "invalidMessageId")
    assert refused(ann, {**wanted, "answer": "maybe"}) == (400, "invalidAnswer")
    assert refused(bob, wanted) == (404, "notYours")
    ann.act("disconnect", wanted["interactionId"])
    assert refused(ann, wanted) == (400, "conversationOver")
