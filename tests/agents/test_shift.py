from contextlib import ExitStack
from typing import Any

from tests.support.client import ORG, Client, kinds, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running


def desk(server: Running, stack: ExitStack, name: str = "ann", *work_types: str, **fields: Any) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, name, *work_types, **fields)))
    made.at_work()
    return made


def contact(server: Running, stack: ExitStack, work_type: str = "79", **fields: Any) -> Client:
    """A contact who waits for an agent."""
    made = stack.enter_context(server.contact(inactivityDelay=600))
    made.connect(work_type, **fields)
    return made


def test_an_agent_plays_a_whole_shift(server: Running, stack: ExitStack) -> None:
    """From sign-in to going home, with one chat between: each side sees the other, and the place is free after it."""
    rules(server, wrap_seconds=30)
    ann = desk(server, stack)
    ada = contact(server, stack)
    interaction_id = ann.take()
    assert "ParticipantJoined" in kinds(ada.until("messaging.ParticipantJoined".removeprefix("messaging.")))
    ada.say("Hello?")
    assert ann.hear("messaging.Text")["text"] == "Hello?"
    ann.send(interaction_id, "Hi, how can I help?")
    (said,) = [p for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"]
    assert (said["text"], said["entityName"], said["entityType"]) == ("Hi, how can I help?", "Ann", "Agent")
    ann.act("disconnect", interaction_id)
    assert kinds(ada.until("Disconnected"))[-1] == "Disconnected"
    assert ann.hear("engagementCenter.Wrap")["interactionId"] == interaction_id
    ann.act("dispose", interaction_id, {"memo": "All well."})
    assert ann.hear("engagementCenter.Disposed")["reason"] == "disposed"
    assert ann.state()["interactions"] == []
    ann.status("disconnect")
    assert ann.hear("engagementCenter.Disconnected")["reason"] == "user"


def test_the_transcript_so_far_comes_with_the_conversation(server: Running, stack: ExitStack) -> None:
    """An agent reads what was said before they came, in order, and nothing of it comes again."""
    ada = contact(server, stack)
    for text in ("one", "two"):
        ada.say(text)
    ann = desk(server, stack)
    ann.act("accept", ann.offered())
    active = ann.hear("engagementCenter.Active")["interaction"]
    ada.say("three")
    lines = [line["payload"] for line in active["transcript"] if line["kind"] == "messaging.Text"]
    assert ["one" in lines[0], "two" in lines[1], len(lines)] == [True, True, 2]
    assert ann.hear("messaging.Text")["text"] == "three"


def test_a_declined_offer_goes_to_another_agent(server: Running, stack: ExitStack) -> None:
    """And the one who declined stays ready."""
    ann = desk(server, stack, "ann")
    contact(server, stack)
    interaction_id = ann.offered()
    bob = desk(server, stack, "bob")
    ann.act("reject", interaction_id)
    assert bob.take() == interaction_id
    assert ann.state()["state"] == "ready"


def test_an_unanswered_offer_makes_its_agent_not_ready_and_goes_on(server: Running, stack: ExitStack) -> None:
    """RONA: the agent is told why; the contact waits no longer than that."""
    ann = desk(server, stack)
    contact(server, stack)
    interaction_id = ann.offered()
    server.advance(21)
    assert ann.hear("engagementCenter.AcceptCallTimeout")["interactionId"] == interaction_id
    assert ann.hear("engagementCenter.NotReady")["reasonId"] == "noAnswer"
    assert ann.state()["state"] == "notReady"
    bob = desk(server, stack, "bob")
    assert bob.take() == interaction_id


def test_a_contact_that_leaves_takes_the_offer_with_them(server: Running, stack: ExitStack) -> None:
    """Nobody accepts an empty chat."""
    ann = desk(server, stack)
    ada = contact(server, stack)
    interaction_id = ann.offered()
    ada.disconnect()
    assert ann.hear("engagementCenter.OfferWithdrawn")["reason"] == "contactLeft"
    answer = ann.post(f"engagementCenter/interactions/{interaction_id}/accept")
    assert (answer.status, answer.json()["errors"][0]["reason"]) == (404, "notYours")


def test_nobody_gets_more_than_they_can_hold(server: Running, stack: ExitStack) -> None:
    """The fourth chat waits until one of the three is over."""
    rules(server, wrap_seconds=0)
    ann = desk(server, stack)
    people = [contact(server, stack) for _ in range(4)]
    offered = [ann.offered() for _ in range(3)]
    for interaction_id in offered:
        ann.act("accept", interaction_id)
    assert [i["stage"] for i in ann.state()["interactions"]] == ["active"] * 3
    people[0].disconnect()
    assert ann.offered() not in offered


def test_a_cold_transfer_brings_the_contact_to_the_other_queue(server: Running, stack: ExitStack) -> None:
    """The first agent is free and hears nothing more; late words of theirs are refused."""
    ann, bob = desk(server, stack, "ann", "79"), desk(server, stack, "bob", "32")
    ada = contact(server, stack)
    interaction_id = ann.take()
    ann.act("transfer", interaction_id, {"transferType": "workType", "workTypeId": "32"})
    assert ann.hear("engagementCenter.Transferred")["workTypeId"] == "32"
    assert bob.take() == interaction_id
    late = {"interactionId": interaction_id, "text": "Wait!"}
    answer = ann.post("messaging/users/ann/sendText", late)
    assert (answer.status, answer.json()["errors"][0]["reason"]) == (404, "notYours")
    bob.send(interaction_id, "Here is Bob.")
    heard = [p["kind"] for p in payloads(ada.until("Text"))]
    assert "messaging.Transferred" in heard
    assert heard[-1] == "messaging.Text"


def test_a_warm_transfer_goes_through_a_consult(server: Running, stack: ExitStack) -> None:
    """The agents speak first, unheard by the contact; then the other one has it, and the contact never waits."""
    ann, bob = desk(server, stack, "ann", "79"), desk(server, stack, "bob", "32")
    ada = contact(server, stack)
    interaction_id = ann.take()
    ann.act("consult", interaction_id, {"consultType": "user", "userId": "bob"})
    assert bob.take() == interaction_id
    bob.send(interaction_id, "What is it?", audience="agents")
    assert ann.hear("messaging.Text")["text"] == "What is it?"
    refused = bob.post("messaging/users/bob/sendText", {"interactionId": interaction_id, "text": "Hello"})
    assert refused.json()["errors"][0]["reason"] == "notInConversation"
    ann.act("transfer", interaction_id, {"transferType": "user", "userId": "bob"})
    assert bob.hear("engagementCenter.Active")["interaction"]["part"] == "owner"
    bob.send(interaction_id, "I take over.")
    texts = [p.get("text") for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"]
    assert texts == ["I take over."]
    assert ann.state()["interactions"] == []


def test_a_conference_has_two_agents_with_the_contact(server: Running, stack: ExitStack) -> None:
    """Both are heard; when the second leaves, the first goes on."""
    ann, bob = desk(server, stack, "ann", "79"), desk(server, stack, "bob", "32")
    ada = contact(server, stack)
    interaction_id = ann.take()
    ann.act("consult", interaction_id, {"consultType": "workType", "workTypeId": "32"})
    bob.take()
    ann.act("conference", interaction_id)
    bob.hear("engagementCenter.ConferenceStarted")
    bob.send(interaction_id, "Both of us are here.")
    heard = payloads(ada.until("Text"))
    assert [p["entityName"] for p in heard if p["kind"] == "messaging.ParticipantJoined"] == ["Ann", "Bob"]
    bob.act("cancel", interaction_id)
    assert ann.hear("engagementCenter.ConsultEnded")["withUserId"] == "bob"
    ann.send(interaction_id, "Just me again.")
    assert "messaging.ParticipantLeft" in [p["kind"] for p in payloads(ada.until("Text"))]


def test_a_reload_in_the_midst_of_a_chat_shows_everything_again(server: Running, stack: ExitStack) -> None:
    """A desk can be closed and opened: the snapshot has the conversation, and what follows goes on."""
    ann = desk(server, stack)
    ada = contact(server, stack)
    interaction_id = ann.take()
    ada.say("before")
    ann.hear("messaging.Text")
    ann.ask("DELETE", "streaming/session")
    ada.say("meanwhile")
    snapshot = ann.open()
    (shown,) = snapshot["interactions"]
    assert (shown["interactionId"], shown["stage"], snapshot["state"]) == (interaction_id, "active", "ready")
    texts = [line["payload"] for line in shown["transcript"] if line["kind"] == "messaging.Text"]
    assert ["before" in texts[0], "meanwhile" in texts[1], len(texts)] == [True, True, 2]
    ada.say("after")
    assert ann.hear("messaging.Text")["text"] == "after"


def test_two_screens_of_one_agent_show_the_same(server: Running, stack: ExitStack) -> None:
    """Whatever is done on one is seen on the other."""
    made = user(server, "ann")
    one, two = stack.enter_context(Desk(server, made)), stack.enter_context(Desk(server, made))
    one.at_work()
    two.open()
    ada = contact(server, stack)
    interaction_id = one.take()
    two.hear("engagementCenter.Active")
    one.send(interaction_id, "from one")
    assert two.hear("messaging.Text")["text"] == "from one"
    two.send(interaction_id, "from two")
    assert one.hear("messaging.Text", lambda said: said["text"] == "from two")
    assert len([p for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"]) >= 1


def test_an_agent_whose_screens_are_gone_is_waited_for_and_then_replaced(server: Running, stack: ExitStack) -> None:
    """A lost connection is no sign-out; after the grace the contact goes to another agent."""
    ann = desk(server, stack)
    ada = contact(server, stack)
    interaction_id = ann.take()
    ann.ask("DELETE", "streaming/session")
    server.advance(30)
    assert ann.state()["state"] == "ready"
    server.advance(31)
    assert ann.state()["state"] == "off"
    bob = desk(server, stack, "bob")
    assert bob.take() == interaction_id
    assert "messaging.ParticipantLeft" in [p["kind"] for p in payloads(ada.until("ParticipantLeft"))]


def test_why_an_interaction_waits_and_went_where_it_went_can_be_read(server: Running, stack: ExitStack) -> None:
    """Who was considered, why each was passed over, and what it waits for now."""
    ann = desk(server, stack, "ann", "32")
    contact(server, stack, "79")
    ((interaction_id,),) = server.rows("SELECT interaction_id FROM interactions")
    # Among nodes it is on its way to the queue for a moment, and in the memory of none of them.
    server.until(lambda: any(interaction_id in app.boards.of(ORG).matcher for app in server.apps))
    boss = stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]
    record = boss.ask("GET", f"engagementCenter/interactions/{interaction_id}/routing").json()
    assert record["now"]["waitsFor"] == "signIn"
    assert record["now"]["agents"] == [{"userId": "ann", "reason": "workTypeNotServed"}]
    bob = desk(server, stack, "bob", "79")
    bob.take()
    record = boss.ask("GET", f"engagementCenter/interactions/{interaction_id}/routing").json()
    assert record["now"] is None
    assert [(d["decision"], d["userId"]) for d in record["decisions"]] == [("offered", "bob"), ("accepted", "bob")]
    assert ann.post(f"engagementCenter/interactions/{interaction_id}/accept").status == 404
