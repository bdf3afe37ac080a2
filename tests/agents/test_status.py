"""Coming to work, taking a break, going home: what an agent does, and what another does to them."""

import json
from contextlib import ExitStack

import pytest

from tests.support.client import ORG, Client, kinds, path_of, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes


@pytest.fixture
def ann(server: Running, stack: ExitStack) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, "ann", "79", "32", capacity={"chat": 2})))
    made.at_work(inactivityDelay=3600)
    return made


@pytest.fixture
def boss(server: Running, stack: ExitStack) -> Desk:
    """Someone who may act for others."""
    return stack.enter_context(Desk(server, user(server, "boss", roles=("supervisor",))))  # type: ignore[arg-type]


def contact(server: Running, stack: ExitStack, work_type: str = "79") -> Client:
    """A contact who waits for an agent."""
    made = stack.enter_context(server.contact(inactivityDelay=600))
    made.connect(work_type)
    return made


def _event(wire: Wire) -> dict[str, str]:
    """The fields of the next event on a stream."""
    fields: dict[str, str] = {}
    while "data" not in fields:
        frames = wire.receive_chunk().decode().split("\n")
        fields.update((name, value) for name, found, value in (line.partition(": ") for line in frames) if found)
    return fields


def test_what_is_refused_changes_nothing(ann: Desk) -> None:
    """A connect that names a session which is over leaves the agent as they were."""
    body = {"maximum": 1, "workTypeIds": ["32"]}
    answer = ann.post("engagementCenter/users/ann/connect", body, via_client_sessionid="over")
    assert (answer.status, answer.json()["errors"][0]["reason"]) == (400, "invalidSession")
    state = ann.state()
    assert (state["maximum"], state["workTypeIds"]) == (0, ["79", "32"])


def test_a_supervisor_takes_an_agent_out_and_the_agent_is_told(server: Running, ann: Desk, boss: Desk) -> None:
    """Not ready, then home: `forced`, with the supervisor's memo, and on record as the supervisor's act."""
    boss.done("engagementCenter/users/ann/notReady", {"memo": "Please come to my desk."})
    told = ann.hear("engagementCenter.NotReady")
    assert (told["reasonId"], told["memo"]) == ("forced", "Please come to my desk.")
    assert ann.state()["reasonId"] == "forced"
    boss.done("engagementCenter/users/ann/disconnect")
    assert ann.hear("engagementCenter.Disconnected")["reason"] == "forced"
    acts = server.rows("SELECT actor, act, subject FROM audit WHERE act LIKE 'agent.%' ORDER BY audit_id")
    assert [tuple(row) for row in acts] == [("boss", "agent.notReady", "ann"), ("boss", "agent.disconnect", "ann")]


def test_an_agents_own_break_has_no_reason_of_ours(ann: Desk) -> None:
    """Nobody made them."""
    ann.status("notReady")
    assert "reasonId" not in ann.hear("engagementCenter.NotReady")


def test_one_agent_does_nothing_for_another(server: Running, stack: ExitStack, ann: Desk) -> None:
    """Neither to their status, nor in their conversation, nor with a look at what they hold."""
    bob = stack.enter_context(Desk(server, user(server, "bob")))
    bob.at_work()
    ada = contact(server, stack, "32")
    interaction_id = ann.take()
    said = {"interactionId": interaction_id, "text": "Hello"}
    refused = [
        bob.post("engagementCenter/users/ann/notReady"),
        bob.ask("GET", "engagementCenter/users/ann/state"),
        bob.post("messaging/users/ann/sendText", said),
        bob.ask("GET", f"engagementCenter/interactions/{interaction_id}/transcript"),
        bob.ask("GET", f"engagementCenter/interactions/{interaction_id}/routing"),
        bob.post("messaging/users/bob/sendText", said),
        *[
            bob.post(f"engagementCenter/interactions/{interaction_id}/{verb}")
            for verb in ("accept", "hold", "disconnect")
        ],
    ]
    assert [a.status for a in refused] == [403] * 5 + [404] * 4
    assert {a.json()["errors"][0]["reason"] for a in refused} == {"notYours"}
    ann.send(interaction_id, "Still mine.")
    assert [p["text"] for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"] == ["Still mine."]


def test_an_agent_takes_fewer_for_today(server: Running, stack: ExitStack, ann: Desk) -> None:
    """`maximum` and `workTypeIds` of connect hold until the next one, and never more than was provisioned."""
    ann.status("connect", {"maximum": 1, "workTypeIds": ["32"]})
    contact(server, stack, "79")
    first, second = contact(server, stack, "32"), contact(server, stack, "32")
    taken = ann.take()
    assert len(ann.state()["interactions"]) == 1
    ann.status("connect", {"maximum": 50})
    offered = ann.offered()
    assert offered != taken
    assert len(ann.state()["interactions"]) == 2
    first.disconnect()
    second.disconnect()


def test_a_work_type_that_is_not_served_is_refused(ann: Desk) -> None:
    """With the field and what to do."""
    answer = ann.post("engagementCenter/users/ann/connect", {"workTypeIds": ["79", "100"]})
    error = answer.json()["errors"][0]
    assert (answer.status, error["reason"], error["scope"]) == (400, "workTypeNotServed", "workTypeIds")


def test_events_of_an_agent_come_over_a_stream_too(server: Running, stack: ExitStack, ann: Desk) -> None:
    """Server-sent events, as those of contacts: with the number as id, and onwards from the last one seen."""
    # What is not known to have arrived would come again.
    server.known()
    wire = stack.enter_context(Wire(ann.port))
    sent = {**ann.credentials, "accept": "text/event-stream"}
    wire.send(request_bytes("GET", path_of("streaming/events"), sent))
    status, headers = wire.receive_head()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    contact(server, stack)
    event = _event(wire)
    assert json.loads(event["data"])["kind"] == "engagementCenter.InteractionOffered"
    assert json.loads(event["data"])["sequenceNumber"] == int(event["id"])
    wire.close()
    again = stack.enter_context(Wire(ann.port))
    before = str(int(event["id"]) - 1)
    again.send(request_bytes("GET", path_of("streaming/events"), {**sent, "last-event-id": before}))
    again.receive_head()
    assert _event(again)["data"] == event["data"]


def test_who_was_served_hears_of_no_position_behind_it(server: Running, stack: ExitStack, ann: Desk) -> None:
    """A client that polls late must not show a place in the queue to somebody who is talking."""
    ann.status("notReady")
    ada = contact(server, stack)
    ann.status("ready")
    ann.take()
    assert kinds(ada.until("ParticipantJoined")) == ["Connected", "ParticipantJoined"]


def test_wrap_up_waits_for_the_disposition_it_needs(server: Running, stack: ExitStack, ann: Desk) -> None:
    """The time runs out and nothing is finished without it; then the place is free."""
    server.admin("disposition.create", org_id=ORG, item_id="solved")
    rules(server, disposition_required=True, wrap_seconds=10)
    contact(server, stack)
    interaction_id = ann.take()
    ann.act("disconnect", interaction_id)
    assert ann.hear("engagementCenter.Wrap")["dispositionRequired"]
    server.advance(11)
    assert [i["stage"] for i in ann.state()["interactions"]] == ["wrap"]
    refused = ann.post(f"engagementCenter/interactions/{interaction_id}/dispose", {"memo": "x"})
    assert refused.json()["errors"][0]["reason"] == "dispositionRequired"
    ann.act("dispose", interaction_id, {"dispositionId": "solved", "memo": "x"})
    assert ann.hear("engagementCenter.Disposed")["dispositionId"] == "solved"
    assert ann.state()["interactions"] == []


# ---- who else is there


def test_colleagues_are_listed_with_how_busy_they_are(server: Running, stack: ExitStack, ann: Desk) -> None:
    """Whom a desk can offer for a consult or a transfer: not who is disabled or only sets things up elsewhere."""
    bob = stack.enter_context(Desk(server, user(server, "bob", "32")))
    contact(server, stack)
    ann.take()
    people = bob.ask("GET", "engagementCenter/users").json()
    assert people["totalItems"] == 2
    shown = {each["userId"]: each for each in people["items"]}
    assert (shown["ann"]["state"], shown["ann"]["load"]["chat"], shown["ann"]["capacity"]["chat"]) == ("ready", 1, 2)
    assert (shown["bob"]["state"], shown["bob"]["workTypeIds"], shown["bob"]["load"]["chat"]) == ("off", ["32"], 0)


def test_colleagues_come_in_pages(server: Running, stack: ExitStack, ann: Desk) -> None:
    """In the order of their ids; a wrong size is refused."""
    user(server, "bob", "79")
    first = ann.ask("GET", "engagementCenter/users?limit=1").json()
    assert ([each["userId"] for each in first["items"]], first["next"]) == (["ann"], "ann")
    rest = ann.ask("GET", f"engagementCenter/users?limit=1&after={first['next']}").json()
    assert ([each["userId"] for each in rest["items"]], "next" in rest) == (["bob"], False)
    assert ann.ask("GET", "engagementCenter/users?limit=0").reason == "invalidLimit"
