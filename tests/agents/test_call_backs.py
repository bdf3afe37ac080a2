"""A callback that was booked is kept: at its time an agent is offered it, and calls."""

import datetime as dt
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from frontdesk.actions.call_backs import PIECE
from frontdesk.domain.catalog import Kind
from frontdesk.domain.errors import Refusal
from frontdesk.domain.hours import Hours, Span
from frontdesk.domain.limits import CALL_BACK_TRIES_MAX
from frontdesk.domain.people import Item
from frontdesk.domain.rules import Detour, Instead
from frontdesk.domain.times import rfc3339
from tests.support.client import ORG, Client, Json, kinds, payloads
from tests.support.cluster import one_node
from tests.support.desk import Desk, rules, store, user
from tests.support.server import Running

# The demo's work type that takes both channels.
BOTH = "32"
NUMBER = "+44 20 7946 0018"
MINUTE = 60
WISH = {"workTypeId": BOTH, "contactName": "Ada", "digits": NUMBER}
TOPIC = [{"contactDataKey": "topic", "contactDataValue": "bill"}]


def desk(server: Running, stack: ExitStack, name: str, *work_types: str, **fields: Any) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, name, *(work_types or (BOTH,)), **fields)))
    made.at_work(inactivityDelay=3600)
    return made


def book(server: Running, stack: ExitStack, minutes: int = 30, **fields: Any) -> Client:
    """A contact who wants to be called."""
    ada = stack.enter_context(server.contact(inactivityDelay=60))
    ada.done("messaging/scheduleCallBack", {**WISH, "delayStartDuration": minutes, **fields})
    return ada


def pass_time(server: Running, minutes: int) -> None:
    """Minute by minute, as it does."""
    for _ in range(minutes):
        server.advance(MINUTE)


def called(ann: Desk) -> Json:
    """The next callback that is offered."""
    said: Json = ann.hear("engagementCenter.CallBackOffered")["interaction"]
    return said


def listed(server: Running) -> list[tuple[str, str]]:
    """States and times, as operators see them."""
    return [(c["state"], c["callBackTime"]) for c in server.admin("callback.list", org_id=ORG)]


def test_it_is_offered_at_its_time_and_made(server: Running, stack: ExitStack) -> None:
    """The agent sees whom to call, and when that was promised; the contact's session is long gone."""
    due = rfc3339(server.clock.now_ms() + 30 * MINUTE * 1000)
    book(server, stack, contactDataCollection=TOPIC)
    pass_time(server, 29)
    ann = desk(server, stack, "ann")
    assert listed(server) == [("scheduled", due)]
    assert ann.state()["interactions"] == []
    server.advance(MINUTE)
    offer = called(ann)
    assert listed(server) == [("queued", due)]
    assert (offer["digits"], offer["callBackTime"], offer["contactName"]) == (NUMBER, due, "Ada")
    assert (offer["channel"], offer["workTypeId"], offer["contactData"]) == (
        "callback",
        BOTH,
        [{"key": "topic", "value": "bill"}],
    )
    interaction_id = offer["interactionId"]
    ann.act("accept", interaction_id)
    assert ann.hear("engagementCenter.Active")["interaction"]["digits"] == NUMBER
    assert listed(server) == [("active", due)]
    ann.act("disconnect", interaction_id)
    ann.hear("engagementCenter.Wrap")
    assert [i["digits"] for i in ann.state()["interactions"]] == [NUMBER]
    assert listed(server) == [("done", due)]
    ann.act("dispose", interaction_id)
    ann.hear("engagementCenter.Disposed")
    assert ann.state()["interactions"] == []


def test_one_that_is_due_at_once_needs_no_look_later(server: Running, stack: ExitStack) -> None:
    """Whichever node it is booked at: the agents' hears of it."""
    ann = desk(server, stack, "ann")
    for _ in range(3):
        book(server, stack, minutes=0)
    for _ in range(3):
        server.advance(1)
        interaction_id = called(ann)["interactionId"]
        ann.act("accept", interaction_id)
        ann.act("disconnect", interaction_id)
        ann.act("dispose", interaction_id)
    assert [state for state, _ in listed(server)] == ["done"] * 3


def test_while_it_is_closed_it_waits_for_the_opening(server: Running, stack: ExitStack) -> None:
    """The first moment at which agents may call is its time from then on; it is on record why."""
    begins = dt.datetime.fromtimestamp(server.clock.now_ms() / 1000, dt.UTC)
    opens = begins.hour * 60 + begins.minute + 40
    spans = [Span(begins.weekday(), opens, opens + 300)]
    _hours(server, spans)
    rules(server, BOTH, hours_id="early")
    book(server, stack)
    # Among nodes, callbacks are at home where the agents are, as soon as there is one.
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    boss.open(inactivityDelay=3600)
    pass_time(server, 30)
    at_opening = rfc3339(server.clock.now_ms() + 10 * MINUTE * 1000)
    server.stored()
    assert listed(server) == [("scheduled", at_opening)]
    server.advance(9 * MINUTE)
    ann = stack.enter_context(Desk(server, user(server, "ann", BOTH)))
    ann.at_work(inactivityDelay=3600)
    server.advance(MINUTE)
    offer = called(ann)
    assert offer["callBackTime"] == at_opening
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    decisions = boss.ask("GET", f"engagementCenter/interactions/{offer['interactionId']}/routing").json()["decisions"]
    assert [(d["decision"], d["reason"]) for d in decisions] == [("postponed", "closed"), ("due", ""), ("offered", "")]


def test_overflow_and_positions_are_for_contacts_in_chats(server: Running, stack: ExitStack) -> None:
    """A callback that waits is told nothing and sent nowhere, and no chat is told that it stands behind it."""
    rules(server, BOTH, overflow=Detour(Instead.MESSAGE, "", "Too long."), overflow_seconds=20, overflow_waiting=1)
    book(server, stack, minutes=0)
    book(server, stack, minutes=0)
    desk(server, stack, "ann", "79")
    server.advance(1)
    server.until(lambda: _waiting(server) == 2)
    bea = stack.enter_context(server.contact(inactivityDelay=600))
    bea.connect(BOTH)
    assert payloads(bea.until("QueueStatus"))[-1]["position"] == 1
    server.advance(21)
    bea.until("Disconnected")
    assert [state for state, _ in listed(server)] == ["queued"] * 2


def test_who_declines_or_does_not_answer_passes_it_on(server: Running, stack: ExitStack) -> None:
    """As with chats; and capacity is counted by channel."""
    rules(server, BOTH, offer_seconds=20, ask_again_seconds=300)
    ann, bob, cat = (desk(server, stack, name) for name in ("ann", "bob", "cat"))
    book(server, stack, minutes=0)
    server.advance(1)
    interaction_id = called(ann)["interactionId"]
    ann.act("reject", interaction_id)
    assert called(bob)["interactionId"] == interaction_id
    server.advance(21)
    bob.hear("engagementCenter.AcceptCallTimeout")
    assert called(cat)["interactionId"] == interaction_id
    cat.act("accept", interaction_id)
    ann.status("notReady")
    book(server, stack, minutes=0)
    server.advance(1)
    server.until(lambda: _waiting(server) == 1)
    chat = stack.enter_context(server.contact(inactivityDelay=600))
    chat.connect(BOTH)
    # One call is all that anyone can make at one time; a chat beside it is not.
    assert cat.offered() != interaction_id


def test_the_last_agent_comes_first(server: Running, stack: ExitStack) -> None:
    """Whoever chatted with the contact calls them."""
    rules(server, BOTH, last_agent_seconds=300, wrap_seconds=0)
    ada = stack.enter_context(server.contact(inactivityDelay=600))
    ada.connect(BOTH, contactEmail="ada@example.com")
    bob = desk(server, stack, "bob")
    interaction_id = bob.take()
    ada.done("messaging/scheduleCallBack", {**WISH, "delayStartDuration": 0})
    ann = desk(server, stack, "ann")
    bob.act("disconnect", interaction_id)
    server.advance(1)
    assert called(bob)["contactEmail"] == "ada@example.com"
    assert ann.state()["interactions"] == []


def test_it_can_be_transferred_and_consulted_about(server: Running, stack: ExitStack) -> None:
    """Agents talk among themselves; to the contact nothing can be said in writing, and that is said."""
    ann, bob = desk(server, stack, "ann"), desk(server, stack, "bob")
    ada = book(server, stack, minutes=0)
    server.advance(1)
    interaction_id = called(ann)["interactionId"]
    ann.act("accept", interaction_id)
    text = {"interactionId": interaction_id, "text": "Hello?"}
    for operation, body in (
        ("sendText", text),
        ("pushUrl", {**text, "url": "https://example.com"}),
        ("notification", {**text, "state": "composing", "expiresAfterSeconds": 5}),
        ("answerDial", {**text, "messageId": "1", "answer": "accepted"}),
    ):
        refused = ann.post(f"messaging/users/ann/{operation}", body)
        assert (operation, refused.status, refused.reason) == (operation, 400, "noChat")
    ann.act("consult", interaction_id, {"consultType": "user", "userId": "bob"})
    assert called(bob)["digits"] == NUMBER
    bob.act("accept", interaction_id)
    bob.hear("engagementCenter.Active")
    ann.send(interaction_id, "Do you know them?", audience="agents")
    bob.hear("messaging.Text")
    ann.act("cancel", interaction_id)
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": BOTH})
    assert called(bob)["digits"] == NUMBER
    wrong = bob.post(
        f"engagementCenter/interactions/{interaction_id}/transfer", {"transferType": "workType", "workTypeId": "79"}
    )
    assert (wrong.status, wrong.reason) == (400, "notAccepted")
    bob.act("accept", interaction_id)
    wrong = bob.post(
        f"engagementCenter/interactions/{interaction_id}/transfer", {"transferType": "workType", "workTypeId": "79"}
    )
    assert (wrong.status, wrong.reason) == (400, "channelNotSupported")
    assert kinds([e for e in ada.poll() if "sequenceNumber" in e]) == ["CallBackScheduled"]


def test_the_contact_s_chat_goes_on_beside_it(server: Running, stack: ExitStack) -> None:
    """On the same session, resumed meanwhile: its stream keeps all its numbers, and the call is none of its events."""
    ada = book(server, stack, minutes=0, digits="112")
    ada.connect("79")
    ann = desk(server, stack, "ann", BOTH, "79")
    server.advance(1)
    interaction_id = called(ann)["interactionId"]
    old = ada.session_id
    ada.session(resumeSessionId=old, inactivityDelay=600)
    ann.act("accept", interaction_id)
    ann.act("disconnect", interaction_id)
    server.recover()
    told = [e for e in ada.poll(after=0) if "sequenceNumber" in e]
    assert [e["sequenceNumber"] for e in told] == list(range(1, len(told) + 1))
    assert kinds(told)[:2] == ["CallBackScheduled", "Connected"]


def test_all_of_a_backlog_are_offered_the_oldest_first(server: Running, stack: ExitStack) -> None:
    """Nobody worked for an hour: piece by piece they come into the queue, each once, and the agents see none twice."""
    contact = stack.enter_context(server.contact(inactivityDelay=600))
    count = 2 * PIECE + 7
    for number in range(count):
        wish = {**WISH, "contactName": f"no {number}", "delayStartDuration": 1 + number // 100}
        contact.done("messaging/scheduleCallBack", wish)
    server.advance(3600)
    ann = desk(server, stack, "ann")
    first = called(ann)
    assert first["contactName"] == "no 0"
    for _ in range(5):
        server.advance(1)
        server.stored()
    server.until(lambda: _waiting(server) == count - 1)
    ann.act("accept", first["interactionId"])
    ann.act("disconnect", first["interactionId"])
    ann.act("dispose", first["interactionId"])
    assert called(ann)["contactName"] == "no 1"


def test_after_all_was_read_anew_each_goes_on_where_it_was(server: Running, stack: ExitStack) -> None:
    """Waiting, ringing, in conversation, in wrap-up: none is lost, and none comes twice."""
    rules(server, BOTH, wrap_seconds=600, ask_again_seconds=1)
    people = [desk(server, stack, name) for name in ("ann", "bob", "cat")]
    for _ in range(4):
        book(server, stack, minutes=0)
    server.advance(1)
    held = [called(agent)["interactionId"] for agent in people]
    assert len(set(held)) == len(held)
    people[0].act("accept", held[0])
    people[1].act("accept", held[1])
    people[1].act("disconnect", held[1])
    server.stored()
    server.recover()
    server.stored()
    shown = {}
    for agent in people:
        agent.open()
        shown[agent.user_id] = [(i["digits"], i["stage"]) for i in agent.state()["interactions"]]
    assert shown["ann"] == [(NUMBER, "active")]
    assert shown["bob"] == [(NUMBER, "wrap")]
    people[0].act("disconnect", held[0])
    assert sorted(state for state, _ in listed(server)) == ["done", "done", "queued", "queued"]


def test_metrics_tell_how_many_wait(server: Running, stack: ExitStack) -> None:
    """Of those that are due."""
    ann = desk(server, stack, "ann")
    for _ in range(2):
        book(server, stack, minutes=0)
    server.advance(1)
    ann.act("accept", called(ann)["interactionId"])
    counts = [app.call_backs.counts() for app in server.apps]
    assert {k: sum(c[k] for c in counts) for k in counts[0]} == {"waiting": 1, "active": 1}


def _hours(server: Running, spans: list[Span]) -> None:
    hours = Hours("early", ORG, "Early", "UTC", tuple(spans))
    body = msgspec.json.encode(hours).decode()
    store(server, Item(org_id=ORG, kind=Kind.HOURS, item_id="early", body=body, created_ms=1))


def _waiting(server: Running) -> int:
    return sum(len(app.boards.of(ORG).matcher) for app in server.apps)


def test_who_was_not_reached_is_called_again_later(server: Running, stack: ExitStack) -> None:
    """The agent puts it off and is free; at its time it is offered as any other, and says how often it was tried."""
    ann = desk(server, stack, "ann")
    book(server, stack, minutes=0)
    server.advance(1)
    for tries in range(2):
        offer = called(ann)
        assert (offer["digits"], offer.get("tries", 0)) == (NUMBER, tries)
        interaction_id = offer["interactionId"]
        ann.act("accept", interaction_id)
        due = rfc3339(server.clock.now_ms() + MINUTE * 1000)
        ann.act("reschedule", interaction_id, {"delayStartDuration": 1})
        told = ann.hear("engagementCenter.CallBackRescheduled")
        assert (told["interactionId"], told["callBackTime"]) == (interaction_id, due)
        assert ann.state()["interactions"] == []
        assert listed(server) == [("scheduled", due)]
        server.advance(MINUTE)
    assert called(ann)["tries"] == 2
    server.recover()
    ann.open()
    server.stored()
    (waiting,) = [c for app in server.apps for c in app.boards.of(ORG).call_backs.values()]
    assert waiting.tries == 2


def test_what_can_not_be_put_off(server: Running, stack: ExitStack) -> None:
    """A chat, an offer, another's callback, a time that is none; nor one that was tried ten times."""
    ann, bob = desk(server, stack, "ann", BOTH, "79"), desk(server, stack, "bob", "79")
    book(server, stack, minutes=0)
    server.advance(1)
    interaction_id = called(ann)["interactionId"]
    soon = {"delayStartDuration": 0}
    assert refusal(ann, interaction_id, soon) == (400, "notAccepted")
    ann.act("accept", interaction_id)
    assert refusal(ann, interaction_id, {}) == (400, "exactlyOneTime")
    assert refusal(ann, interaction_id, {"callBackTime": "soon"}) == (400, "invalidTime")
    assert refusal(ann, interaction_id, {"delayStartDuration": -1}) == (400, "invalidDelay")
    assert refusal(ann, interaction_id, {"delayStartDuration": "x"}) == (400, "invalidType")
    assert refusal(bob, interaction_id, soon) == (404, "notYours")
    assert refusal(ann, "1", soon) == (404, "notYours")
    chat = stack.enter_context(server.contact(inactivityDelay=600))
    chat.connect("79")
    assert refusal(bob, bob.take(), soon) == (400, "notCallBack")
    for _ in range(CALL_BACK_TRIES_MAX):
        ann.act("reschedule", interaction_id, soon)
        server.advance(1)
        assert called(ann)["interactionId"] == interaction_id
        ann.act("accept", interaction_id)
    assert refusal(ann, interaction_id, soon) == (400, "tooManyTries")
    ann.act("disconnect", interaction_id)
    assert [state for state, _ in listed(server)] == ["done"]


def refusal(who: Desk, interaction_id: str, body: Json) -> tuple[int, str]:
    """Why an agent can't put it off."""
    got = who.post(f"engagementCenter/interactions/{interaction_id}/reschedule", body)
    return got.status, got.reason


def test_a_supervisor_cancels_what_no_agent_has(server: Running, stack: ExitStack) -> None:
    """Scheduled, waiting or ringing; it is on record who did, and nobody is offered it again."""
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    ann = desk(server, stack, "ann")
    for minutes in (0, 0, 1):
        book(server, stack, minutes=minutes)
    server.advance(1)
    taken = called(ann)
    ann.act("accept", taken["interactionId"])
    rest = [c["callBackId"] for c in server.admin("callback.list", org_id=ORG) if c["state"] != "active"]
    for call_back_id in rest:
        boss.done(f"engagementCenter/callBacks/{call_back_id}/cancel")
        assert cancelled(boss, call_back_id) == (400, "callBackOver")
    assert cancelled(boss, taken["callBackId"]) == (400, "callBackTaken")
    assert cancelled(ann, taken["callBackId"]) == (403, "missingScope")
    assert [cancelled(boss, wrong) for wrong in ("1", "none", "9" * 30)] == [(404, "unknownCallBack")] * 3
    ann.act("disconnect", taken["interactionId"])
    ann.act("dispose", taken["interactionId"])
    server.advance(MINUTE)
    assert sorted(state for state, _ in listed(server)) == ["cancelled", "cancelled", "done"]
    assert ann.state()["interactions"] == []
    noted = [(a["actor"], a["subject"]) for a in server.admin("audit.list", org_id=ORG) if "callBack" in a["act"]]
    assert noted == [("boss", call_back_id) for call_back_id in reversed(rest)]


def page(boss: Desk, query: str) -> Json:
    """What a supervisor is shown."""
    answer = boss.ask("GET", f"engagementCenter/callBacks?{query}")
    assert answer.status == 200, answer
    shown: Json = answer.json()
    return shown


def test_a_supervisor_sees_which_there_are(server: Running, stack: ExitStack) -> None:
    """By state, with who has it, in pages of which none repeats or leaves out what is put off meanwhile."""
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    ann = desk(server, stack, "ann")
    for minutes in (0, 2, 3, 4):
        book(server, stack, minutes=minutes)
    server.advance(1)
    taken = called(ann)
    ann.act("accept", taken["interactionId"])
    (active,) = page(boss, "state=active")["items"]
    assert (active["callBackId"], active["userId"], active["digits"]) == (taken["callBackId"], "ann", NUMBER)
    assert (active["contactName"], active["workTypeId"], active["tries"]) == ("Ada", BOTH, 0)
    first = page(boss, "limit=2")
    assert [c["state"] for c in first["items"]] == ["active", "scheduled"]
    ann.act("reschedule", taken["interactionId"], {"delayStartDuration": 9})
    rest = page(boss, f"limit=2&after={first['next']}")
    assert [c["callBackTime"] for c in rest["items"]] == sorted(time for _, time in listed(server))[1:3]
    last = page(boss, f"limit=2&after={rest['next']}")
    assert [(c["callBackId"], c["state"], c["tries"]) for c in last["items"]] == [(taken["callBackId"], "scheduled", 1)]
    assert "next" not in last
    assert page(boss, "state=done&state=cancelled") == {"totalItems": 0, "items": []}
    twice = page(boss, "state=scheduled&state=scheduled")["items"]
    assert len({c["callBackId"] for c in twice}) == len(twice) == 4


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("state=gone", "invalidState"),
        ("state=", "invalidState"),
        ("limit=0", "invalidLimit"),
        ("after=7", "invalidAfter"),
        ("after=-7", "invalidNumber"),
        ("after=%FF", "invalidAfter"),
        ("after=7-", "invalidAfter"),
        ("after=7-%00", "invalidAfter"),
        ("after=7-a", "invalidAfter"),
        ("state=%FF", "invalidState"),
    ],
)
def test_a_page_of_callbacks_that_can_not_be_is_refused(
    server: Running, stack: ExitStack, query: str, reason: str
) -> None:
    """With what may be sent; and agents are not shown whom others call."""
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    refused = boss.ask("GET", f"engagementCenter/callBacks?{query}")
    assert (refused.status, refused.reason) == (400, reason)
    ann = stack.enter_context(Desk(server, user(server, "ann")))
    assert ann.ask("GET", "engagementCenter/callBacks").reason == "missingScope"


@pytest.mark.parametrize("call_back_id", ["0", "a", "%00", "%FF", "9" * 30])
def test_none_is_cancelled_that_there_is_not(server: Running, stack: ExitStack, call_back_id: str) -> None:
    """Whatever stands for its id."""
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    refused = boss.post(f"engagementCenter/callBacks/{call_back_id}/cancel")
    assert (refused.status, refused.reason) == (404, "unknownCallBack")


def test_what_rings_is_taken_back_when_it_is_cancelled(server: Running, stack: ExitStack) -> None:
    """The agent sees the offer go, and another call is theirs."""
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    ann = desk(server, stack, "ann")
    book(server, stack, minutes=0)
    server.advance(1)
    offer = called(ann)
    boss.done(f"engagementCenter/callBacks/{offer['callBackId']}/cancel")
    assert ann.hear("engagementCenter.OfferWithdrawn")["reason"] == "cancelled"
    refused = ann.post(f"engagementCenter/interactions/{offer['interactionId']}/accept")
    assert (refused.status, refused.reason) == (404, "notYours")


@one_node("among others a supervisor does it over the API")
def test_an_operator_cancels_one(server: Running, stack: ExitStack) -> None:
    """By its number; what is over is told so."""
    book(server, stack)
    ((call_back_id,),) = server.rows("SELECT call_back_id FROM call_backs")
    command = {"org_id": ORG, "call_back_id": call_back_id}
    if server.app.together is not None:
        with pytest.raises(Refusal, match="Over the API"):
            server.admin("callback.cancel", **command)
        return
    server.advance(1)
    server.admin("callback.cancel", **command)
    assert [state for state, _ in listed(server)] == ["cancelled"]
    with pytest.raises(Refusal, match="called off"):
        server.admin("callback.cancel", **command)
    (noted,) = [a for a in server.admin("audit.list", org_id=ORG) if "callBack" in a["act"]]
    assert (noted["actor"], noted["subject"]) == ("operator", call_back_id)


def cancelled(who: Desk, call_back_id: str) -> tuple[int, str]:
    """Why one can't be cancelled."""
    got = who.post(f"engagementCenter/callBacks/{call_back_id}/cancel")
    return got.status, got.reason
