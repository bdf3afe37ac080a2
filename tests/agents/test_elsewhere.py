"""Where contacts go besides to the next agent: after hours, when too many wait, and back to who served them before."""

from contextlib import ExitStack

import msgspec
import pytest

from frontdesk.domain.hours import Dated, Hours, Span
from frontdesk.domain.people import Item
from frontdesk.domain.rules import Detour, Instead
from tests.support.client import ORG, Client, Json, payloads
from tests.support.desk import Desk, rules, store, user
from tests.support.server import Running

HOUR = 3600


@pytest.fixture
def office(server: Running) -> str:
    """Open on working days from nine to five in Berlin, not on 2 January; the clock begins on the 1st, a Thursday."""
    spans = tuple(Span(day, 9 * 60, 17 * 60) for day in range(5))
    made = Hours("office", ORG, "Office", "Europe/Berlin", spans, (Dated("2026-01-02"),))
    body = msgspec.json.encode(made).decode()
    store(server, Item(org_id=ORG, kind="hours", item_id="office", body=body, created_ms=1))
    return "office"


def desk(server: Running, stack: ExitStack, name: str, *work_types: str) -> Desk:
    """An agent who is ready."""
    made = stack.enter_context(Desk(server, user(server, name, *work_types)))
    made.at_work(inactivityDelay=3600)
    return made


def contact(server: Running, stack: ExitStack, **fields: str) -> Client:
    """A contact who wants an agent."""
    made = stack.enter_context(server.contact(inactivityDelay=3600))
    made.connect("79", **fields)
    return made


def story(events: list[Json]) -> list[str]:
    """What a contact saw, without what passes: kinds, and the texts of texts."""
    passing = ("messaging.QueueStatus", "messaging.Notification")
    said = [p for p in payloads(events) if p["kind"] not in passing]
    return [p.get("text") or p["kind"].removeprefix("messaging.") for p in said]


@pytest.mark.parametrize(
    ("way", "last", "seen"),
    [
        (Detour(Instead.MESSAGE, "", "We are closed."), "Disconnected", ["We are closed.", "Disconnected"]),
        (Detour(Instead.SCRIPT, "concierge"), "ParticipantJoined", ["ParticipantJoined"]),
        (Detour(Instead.CALLBACK, "32"), "ParticipantJoined", ["ParticipantJoined"]),
        (Detour(Instead.WORK_TYPE, "32", "One moment."), "Transferred", ["One moment.", "Transferred"]),
    ],
)
def test_after_hours_a_contact_is_given_what_the_rules_say(
    server: Running, stack: ExitStack, office: str, way: Detour, last: str, seen: list[str]
) -> None:
    """A message and an end, a script, a callback, or another work type; though an agent is ready."""
    rules(server, hours_id=office, after_hours=way)
    ann = desk(server, stack, "ann", "79")
    ada = contact(server, stack)
    events = ada.until(last)
    assert story(events)[: len(seen) + 1] == ["Connected", *seen]
    assert ann.state()["interactions"] == []


def test_a_callback_after_hours_is_booked(server: Running, stack: ExitStack, office: str) -> None:
    """The contact is asked for a number and a time, and nobody else has to be there."""
    rules(server, hours_id=office, after_hours=Detour(Instead.CALLBACK, "32"))
    ada = contact(server, stack)
    heard = ada.until("Text")
    for said in ("+44 20 7946 0018", "90"):
        ada.say(said)
        heard = ada.until("Text")
    booked = [p for p in payloads(heard) if p["kind"] == "messaging.CallBackScheduled"]
    assert [b["digits"] for b in booked] == ["+44 20 7946 0018"]


def test_within_the_hours_an_agent_is_offered_it(server: Running, stack: ExitStack, office: str) -> None:
    """The wall clock of the zone counts: at 08:00 UTC it is nine in Berlin. On the holiday it is closed all day."""
    rules(server, hours_id=office, after_hours=Detour(Instead.MESSAGE, "", "We are closed."))
    server.advance(8 * HOUR)
    ann = desk(server, stack, "ann", "79")
    ada = contact(server, stack)
    ann.take()
    ada.disconnect()
    server.advance(24 * HOUR)
    assert story(contact(server, stack).until("Disconnected")) == ["Connected", "We are closed.", "Disconnected"]


def test_a_position_in_the_other_queue_comes_after_the_news_of_it(
    server: Running, stack: ExitStack, office: str
) -> None:
    """Told before, it would look like one in the old queue."""
    rules(server, hours_id=office, after_hours=Detour(Instead.WORK_TYPE, "32"))
    ada = contact(server, stack)
    events = ada.until("QueueStatus")
    assert [p["kind"].removeprefix("messaging.") for p in payloads(events)] == [
        "Connected",
        "Transferred",
        "QueueStatus",
    ]


def test_a_contact_comes_back_to_who_served_them_last(server: Running, stack: ExitStack) -> None:
    """Also while that agent still wraps up, and though another has been idle for longer."""
    rules(server, last_agent_seconds=60, wrap_seconds=600)
    ann = desk(server, stack, "ann", "79")
    first = contact(server, stack, contactEmail="ada@example.com")
    ann.take()
    first.disconnect()
    ann.hear("engagementCenter.Wrap")
    (held,) = ann.state()["interactions"]
    ann.act("dispose", held["interactionId"])
    ann.status("disconnect")
    server.advance(1)
    bob = desk(server, stack, "bob", "79")
    second = contact(server, stack, contactEmail="Ada@Example.com")
    bob.take()
    second.disconnect()
    bob.hear("engagementCenter.Wrap")
    ann.status("connect")
    ann.status("ready")
    contact(server, stack, contactEmail="ada@example.com")
    bob.take()
    assert ann.state()["interactions"] == []
