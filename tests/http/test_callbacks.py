"""Voice callbacks: when one may be asked for, and that it is kept (document, "ScheduleCallBack")."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.conftest import CALL_BACKS_ONLY
from tests.support.client import Client, kinds, payloads
from tests.support.server import Running

OPERATION = "messaging/scheduleCallBack"
BODY = {"workTypeId": 32, "contactName": "Joe Bloggs", "digits": "555 1234"}
TWO_YEARS = 2 * 366 * 24 * 60


def _at(server: Running, **later: float) -> str:
    moment = dt.datetime.fromtimestamp(server.clock.now_ms() / 1000, dt.UTC) + dt.timedelta(**later)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"delayStartDuration": 0}, ""),
        ({"delayStartDuration": 30}, ""),
        ({"delayStartDuration": TWO_YEARS}, ""),
        ({"delayStartDuration": TWO_YEARS + 1}, "timeTooFar"),
        ({"delayStartDuration": 10**18}, "timeTooFar"),
        ({"delayStartDuration": -1}, "invalidDelay"),
        ({"delayStartDuration": 1.5}, "invalidType"),
        ({"delayStartDuration": "30"}, "invalidType"),
        ({"delayStartDuration": 30, "callBackTime": None}, ""),
        ({}, "exactlyOneTime"),
        ({"callBackTime": None, "delayStartDuration": None}, "exactlyOneTime"),
        ({"callBackTime": "2027-06-01T00:00:00Z", "delayStartDuration": 30}, "exactlyOneTime"),
        ({"callBackTime": "2017-11-12T18:00:00.000Z"}, "timeInThePast"),
        ({"callBackTime": "9999-12-31T23:59:59.999Z"}, "timeTooFar"),
        ({"callBackTime": "2027-06-01T12:00:00.000Z"}, ""),
        ({"callBackTime": "2027-06-01T12:00:00Z"}, ""),
        ({"callBackTime": "2027-06-01t12:00:00z"}, ""),
        ({"callBackTime": "2027-06-01T12:00:00+00:00"}, ""),
        ({"callBackTime": "2027-06-01T12:00:00.123456789Z"}, ""),
        ({"callBackTime": "2027-06-01T12:00:00+01:00"}, "invalidTime"),
        ({"callBackTime": "2027-06-01T12:00:00"}, "invalidTime"),
        ({"callBackTime": "2027-06-01"}, "invalidTime"),
        ({"callBackTime": "2027-06-01 12:00:00Z"}, "invalidTime"),
        ({"callBackTime": "2027-02-29T12:00:00Z"}, "invalidTime"),
        ({"callBackTime": "2027-06-01T24:00:01Z"}, "invalidTime"),
        ({"callBackTime": "2027-06-01T23:59:60Z"}, "invalidTime"),
        ({"callBackTime": "0000-01-01T00:00:00Z"}, "invalidTime"),
        ({"callBackTime": "\u0662\u0660\u0662\u0667-06-01T12:00:00Z"}, "invalidTime"),
        ({"callBackTime": "tomorrow"}, "invalidTime"),
        ({"callBackTime": ""}, "invalidTime"),
        ({"callBackTime": 1780000000}, "invalidType"),
        ({"workTypeId": 79, "delayStartDuration": 1}, "channelNotSupported"),
        ({"workTypeId": CALL_BACKS_ONLY, "delayStartDuration": 1}, ""),
        ({"workTypeId": "none", "delayStartDuration": 1}, "unknownWorkType"),
        ({"digits": "12", "delayStartDuration": 1}, "invalidDigits"),
        ({"contactName": "", "delayStartDuration": 1}, "invalidContactName"),
    ],
    ids=str,
)
def test_when_and_for_whom(contact: Client, fields: dict[str, Any], reason: str) -> None:
    """Exactly one of the two times, in UTC, ahead, and within two years; no chat need be open."""
    answer = contact.post(OPERATION, {**BODY, **fields})
    status = {"": 202, "unknownWorkType": 404}.get(reason, 400)
    assert (answer.status, answer.reason) == (status, reason)


def test_now_is_past_and_a_millisecond_later_is_not(server: Running, contact: Client) -> None:
    """The edge of "in the future"."""
    assert contact.post(OPERATION, {**BODY, "callBackTime": _at(server)}).reason == "timeInThePast"
    contact.done(OPERATION, {**BODY, "callBackTime": _at(server, milliseconds=1)})


def test_contact_and_operator_see_what_was_asked_for(server: Running, contact: Client) -> None:
    """The event and the operator's list show the digits as sent and the time to the millisecond."""
    asked = _at(server, days=3, milliseconds=7)
    contact.done(OPERATION, {**BODY, "digits": "+44 20 7946-0018", "callBackTime": asked})
    events = contact.poll()
    assert kinds(events) == ["CallBackScheduled"]
    booked = payloads(events)[0]
    assert (booked["callBackTime"], booked["digits"]) == (asked, "+44 20 7946-0018")
    listed = [c for c in server.admin("callback.list", org_id="viademo") if c["callBackId"] == booked["callBackId"]]
    assert listed == [
        {
            "callBackId": booked["callBackId"],
            "state": "scheduled",
            "callBackTime": asked,
            "digits": "+44 20 7946-0018",
            "contactName": "Joe Bloggs",
            "workTypeId": "32",
        }
    ]


def test_delay_counts_from_now(server: Running, contact: Client) -> None:
    """Minutes from the request on."""
    contact.done(OPERATION, {**BODY, "delayStartDuration": 90})
    assert payloads(contact.poll())[0]["callBackTime"] == _at(server, minutes=90)


def test_booking_leaves_the_open_chat_alone(contact: Client) -> None:
    """A callback is an interaction of its own; the chat on the same session goes on."""
    contact.connect("32")
    contact.done(OPERATION, {**BODY, "delayStartDuration": 5})
    contact.say("still here")
    numbered = [event for event in contact.poll() if "sequenceNumber" in event]
    assert kinds(numbered) == ["Connected", "CallBackScheduled"]
    assert len({payload["interactionId"] for payload in payloads(numbered)}) == 2


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(1, 600 * 24 * 3600 * 1000))
def test_every_millisecond_is_kept(server: Running, contact: Client, later: int) -> None:
    """No time is rounded on its way in and out."""
    asked = _at(server, milliseconds=later)
    contact.done(OPERATION, {**BODY, "callBackTime": asked})
    assert payloads(contact.poll())[-1]["callBackTime"] == asked
