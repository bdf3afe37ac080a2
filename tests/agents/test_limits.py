"""Requests of agents that no desk of good will sends: refused as documented, and never a fault."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.desk import Desk, user
from tests.support.server import UNLIMITED, Running, running

WORK, TALK, ME = "engagementCenter/interactions/{}", "messaging/users/ann", "engagementCenter/users/ann"
# A good body of every operation that takes one; {} is the interaction's id.
GOOD: dict[str, dict[str, Any]] = {
    "streaming/session": {"inactivityDelay": 600, "requireAcknowledgement": False},
    "streaming/acknowledge": {"sequenceNumber": 0},
    f"{ME}/connect": {"workTypeIds": ["79"], "maximum": 3},
    f"{ME}/notReady": {"memo": "Lunch"},
    f"{WORK}/accept": {"ehubSessionId": "x"},
    f"{WORK}/reject": {},
    f"{WORK}/transfer": {"transferType": "user", "userId": "nobody"},
    f"{WORK}/consult": {"consultType": "workType", "workTypeId": "32"},
    f"{WORK}/dispose": {"dispositionId": "unknown", "memo": "x"},
    f"{TALK}/sendText": {"interactionId": "{}", "text": "Hi", "entityName": "Ann", "audience": "contact"},
    f"{TALK}/pushUrl": {"interactionId": "{}", "url": "https://www.example.com/"},
    f"{TALK}/notification": {"interactionId": "{}", "state": "composing", "expiresAfterSeconds": 10},
    f"{TALK}/read": {"interactionId": "{}", "messageId": "1"},
    f"{TALK}/answerDial": {"interactionId": "{}", "messageId": "1", "answer": "accepted"},
    f"{TALK}/note": {"interactionId": "{}", "text": "x"},
}


def limited(most: dict[str, int]) -> dict[str, Any]:
    """Settings with these limits and no others."""
    return {**UNLIMITED, **most}


def talking(server: Running, stack: ExitStack) -> tuple[Desk, str]:
    """Ann in conversation with a contact."""
    ann = stack.enter_context(Desk(server, user(server, "ann")))
    ann.at_work(inactivityDelay=3600)
    stack.enter_context(server.contact(inactivityDelay=3600)).connect()
    return ann, ann.take()


def body_of(operation: str, interaction_id: str, **fields: Any) -> dict[str, Any]:
    """A good body, but for these fields."""
    body = {**GOOD[operation], **fields}
    if body.get("interactionId") == "{}":
        body["interactionId"] = interaction_id
    return body


@pytest.fixture(scope="module")
def at_work() -> Iterator[tuple[Desk, str]]:
    """Ann in conversation, for many requests."""
    with running(**limited({})) as server, ExitStack() as stack:
        yield talking(server, stack)


@pytest.mark.parametrize(
    ("operation", "fields", "status", "reason"),
    [
        (f"{TALK}/sendText", {"text": ""}, 400, "invalidText"),
        (f"{TALK}/sendText", {"text": "x" * 2001}, 400, "invalidText"),
        (f"{TALK}/sendText", {"text": 5}, 400, "invalidType"),
        (f"{TALK}/sendText", {"text": None}, 400, "invalidText"),
        (f"{TALK}/sendText", {"cannedResponseId": "hello"}, 400, "invalidText"),
        (f"{TALK}/sendText", {"text": None, "cannedResponseId": "none"}, 404, "unknownCannedResponse"),
        (f"{TALK}/sendText", {"text": None, "cannedResponseId": "x" * 101}, 400, "invalidId"),
        (f"{TALK}/sendText", {"audience": "everyone"}, 400, "invalidAudience"),
        (f"{TALK}/sendText", {"entityName": "x" * 201}, 400, "invalidEntityName"),
        (f"{TALK}/sendText", {"interactionId": 10**30}, 404, "unknownInteraction"),
        (f"{TALK}/sendText", {"interactionId": 2**63}, 404, "unknownInteraction"),
        (f"{TALK}/sendText", {"interactionId": "x"}, 404, "unknownInteraction"),
        (f"{TALK}/sendText", {"interactionId": 1}, 404, "notYours"),
        (f"{TALK}/pushUrl", {"url": "javascript:alert(1)"}, 400, "invalidUrl"),
        (f"{TALK}/notification", {"state": "thinking"}, 400, "invalidState"),
        (f"{TALK}/notification", {"expiresAfterSeconds": 1e308}, 400, "invalidExpiry"),
        (f"{TALK}/notification", {"expiresAfterSeconds": 0}, 400, "invalidExpiry"),
        (f"{TALK}/note", {"text": ""}, 400, "invalidText"),
        (f"{TALK}/read", {"messageId": {}}, 400, "invalidType"),
        (f"{ME}/connect", {"maximum": 10**30}, 400, None),
        (f"{ME}/connect", {"maximum": 101}, 400, "invalidMaximum"),
        (f"{ME}/connect", {"workTypeIds": ["32"]}, 400, "workTypeNotServed"),
        (f"{ME}/connect", {"workTypeIds": [10**200]}, 400, None),
        (f"{ME}/notReady", {"memo": "x" * 2001}, 400, "invalidMemo"),
        (f"{ME}/notReady", {"reasonId": "unknown"}, 404, "unknownReason"),
        (f"{WORK}/transfer", {"transferType": "team"}, 400, "invalidTarget"),
        (f"{WORK}/transfer", {"userId": None}, 400, "invalidTarget"),
        (f"{WORK}/dispose", {}, 400, "notInWrap"),
        ("streaming/session", {"inactivityDelay": 1}, 400, "invalidInactivityDelay"),
        ("streaming/acknowledge", {"sequenceNumber": 10**17}, 400, "unknownSequenceNumber"),
    ],
)
def test_a_wrong_field_is_refused_with_a_reason(
    at_work: tuple[Desk, str], operation: str, fields: dict[str, Any], status: int, reason: str | None
) -> None:
    """And the conversation goes on."""
    ann, interaction_id = at_work
    answer = ann.post(operation.format(interaction_id), body_of(operation, interaction_id, **fields))
    assert (answer.status, reason or answer.reason) == (status, answer.reason), answer
    ann.send(interaction_id, "still here")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(
    max_examples=250, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(st.sampled_from(sorted(set(GOOD) - {"streaming/session"})), st.data())
def test_no_json_of_an_agent_makes_a_fault(at_work: tuple[Desk, str], operation: str, data: st.DataObject) -> None:
    """Whatever stands in a field, or in place of the body, the answer is a documented one."""
    ann, interaction_id = at_work
    body: object = body_of(operation, interaction_id)
    if data.draw(st.integers(0, 4)) and GOOD[operation]:
        body = body_of(
            operation, interaction_id, **{data.draw(st.sampled_from(sorted(GOOD[operation]))): data.draw(values)}
        )
    else:
        body = data.draw(values)
    answer = ann.post(operation.format(interaction_id), json.dumps(body).encode())
    assert answer.status in (202, 400, 404), (operation, body, answer)
    if answer.status >= 400:
        assert answer.json()["code"] == answer.status


def test_an_agent_says_so_much_in_a_minute_and_no_more(stack: ExitStack) -> None:
    """Over all of their screens; another agent is not held up by that."""
    with running(**limited({"messages_per_session": 2})) as server, stack:
        ann, interaction_id = talking(server, stack)
        ann.send(interaction_id, "one")
        ann.send(interaction_id, "two")
        again = stack.enter_context(Desk(server, user(server, "ann")))
        again.open()
        refused = again.post(f"{TALK}/sendText", {"interactionId": interaction_id, "text": "three"})
        assert (refused.status, refused.reason) == (429, "tooManyMessages")
        bob = stack.enter_context(Desk(server, user(server, "bob")))
        other = bob.post("messaging/users/bob/sendText", {"interactionId": interaction_id, "text": "three"})
        assert other.status == 404
        server.advance(60)
        ann.send(interaction_id, "three")


def test_one_address_opens_so_many_sessions_of_agents_and_no_more(stack: ExitStack) -> None:
    """A desk in a loop does not fill the memory."""
    with running(**limited({"sessions_per_address": 2})) as server, stack:
        ann = stack.enter_context(Desk(server, user(server, "ann")))
        assert [ann.post("streaming/session").status for _ in range(3)] == [200, 200, 429]


def test_polls_of_an_agent_are_counted_too(stack: ExitStack) -> None:
    """A desk that polls without a pause is told to wait."""
    with running(**limited({"polls_per_session": 3})) as server, stack:
        ann = stack.enter_context(Desk(server, user(server, "ann")))
        ann.open()
        path = "streaming/events?afterSequenceNumber=0"
        assert [ann.ask("GET", path).status for _ in range(3)] == [200, 200, 429]
