"""A contact whose connection is gone: the agent sees that, goes on talking, and sees them come back, or leave."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from frontdesk.domain.times import rfc3339
from tests.agents.test_shift import contact
from tests.support.client import SESSION, Client, kinds, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running

# Seconds: the organization's grace, and the longest inactivity delay.
GRACE, LONG = 120, 3600


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def ann(server: Running, stack: ExitStack) -> Desk:
    """An agent whose own session lasts longer than the contact's."""
    rules(server, wrap_seconds=30)
    made = stack.enter_context(Desk(server, user(server, "ann")))
    made.at_work(inactivityDelay=LONG)
    return made


@pytest.fixture
def ada(server: Running, stack: ExitStack, ann: Desk) -> Client:
    """A contact in conversation with Ann."""
    made = contact(server, stack)
    ann.take()
    made.until("ParticipantJoined")
    return made


def goes(ada: Client) -> None:
    """The page is closed, and says so."""
    assert ada.ask("DELETE", SESSION).status == 204


def held(ann: Desk) -> str:
    """The one interaction that Ann has."""
    (shown,) = ann.state()["interactions"]
    return str(shown["interactionId"])


def test_who_comes_back_in_time_goes_on_where_they_were(
    server: Running, stack: ExitStack, ann: Desk, ada: Client
) -> None:
    """The agent sees both, and what was said between is there for the contact who returns."""
    goes(ada)
    away = ann.hear("engagementCenter.ContactReconnecting")
    assert away["untilTime"] == rfc3339(server.clock.now_ms() + GRACE * 1000)
    ann.send(held(ann), "Are you still there?")
    server.advance(GRACE - 1)
    back = stack.enter_context(server.client())
    back.token()
    assert back.session(resumeSessionId=ada.session_id)["interactionId"] == away["interactionId"]
    assert ann.hear("engagementCenter.ContactReturned")["interactionId"] == away["interactionId"]
    assert [p["text"] for p in payloads(back.until("Text")) if p["kind"] == "messaging.Text"] == [
        "Are you still there?"
    ]
    back.say("Yes.")
    assert ann.hear("messaging.Text", lambda said: said["entityType"] == "Contact")["text"] == "Yes."
    server.advance(GRACE)
    assert held(ann) == away["interactionId"], "the grace of before ended what goes on"


def test_who_does_not_come_back_has_left(server: Running, ann: Desk, ada: Client) -> None:
    """After the grace it is over, and the agent wraps up."""
    goes(ada)
    ann.hear("engagementCenter.ContactReconnecting")
    server.advance(GRACE + 1)
    assert ann.hear("messaging.Disconnected")["reason"] == "inactivity"
    assert ann.hear("engagementCenter.Wrap")["reason"] == "inactivity"


def test_a_connection_that_is_cut_is_noticed_when_nobody_polls(server: Running, stack: ExitStack, ann: Desk) -> None:
    """Nobody says goodbye when a train enters a tunnel."""
    ada = stack.enter_context(server.contact(inactivityDelay=15))
    ada.connect("79")
    ann.take()
    server.advance(16)
    ann.hear("engagementCenter.ContactReconnecting")
    assert ada.post("messaging/sendText", {"text": "Hello?"}).status == 401


def test_a_desk_that_is_opened_meanwhile_shows_that_the_contact_is_away(ann: Desk, ada: Client) -> None:
    """As it stands then: the event of it came to the screen before."""
    goes(ada)
    ann.hear("engagementCenter.ContactReconnecting")
    (shown,) = ann.open(inactivityDelay=LONG)["interactions"]
    assert shown["isContactAway"] is True


def test_an_agent_may_end_it_while_the_contact_is_away(
    server: Running, stack: ExitStack, ann: Desk, ada: Client
) -> None:
    """Who comes back learns that, as the last word."""
    goes(ada)
    ann.hear("engagementCenter.ContactReconnecting")
    ann.act("disconnect", held(ann))
    back = stack.enter_context(server.client())
    back.token()
    back.session(resumeSessionId=ada.session_id)
    assert kinds(back.poll())[-1] == "Disconnected"
