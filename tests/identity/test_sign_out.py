"""Signed out everywhere, disabled, or set up anew: what becomes of those who are at work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from tests.identity.conftest import House
from tests.support.client import path_of
from tests.support.desk import Desk, user
from tests.support.server import Running
from tests.support.server import running as a_server
from tests.support.wire import Wire, request_bytes

_NUMBERS = count(1)
OUT = "engagementCenter/users/{}/signOut"
STATE = "engagementCenter/users/{}/state"


def standing(house: House, token: str, user_id: str) -> int:
    """What the bearer of a token is answered who asks for a user's state."""
    with house.desk(token) as desk:
        return desk.ask("GET", STATE.format(user_id)).status


def test_whoever_signs_out_everywhere_is_out_with_all_their_tokens(house: House) -> None:
    """Access and refresh tokens of every sign-in; it is on record, and they can sign in again at once."""
    ada, page = house.user(), house.page()
    user_id = ada["userId"]
    one, two = (house.signed_in(user_id, page).json() for _ in range(2))
    with house.desk(one["access_token"]) as desk:
        assert desk.post(OUT.format(user_id)).status == 202
    house.server.looked()
    for tokens in (one, two):
        assert standing(house, tokens["access_token"], user_id) == 401
        assert house.refreshed(page, tokens["refresh_token"]).status == 400
    assert (user_id, "user.signedOut", user_id) in house.audited()
    house.server.advance(1)
    assert standing(house, house.signed_in(user_id, page).json()["access_token"], user_id) == 200


def test_only_supervisors_sign_others_out(house: House) -> None:
    """And it is on record who did."""
    ada, bo, page = house.user("ada"), house.user("bo", roles=["supervisor"]), house.page()
    agents, supervisors = (house.signed_in(who["userId"], page).json()["access_token"] for who in (ada, bo))
    with house.desk(agents) as desk:
        assert desk.post(OUT.format(bo["userId"])).reason == "notYours"
    with house.desk(supervisors) as desk:
        assert desk.post(OUT.format("nobody")).reason == "unknownUser"
        assert desk.post(OUT.format(ada["userId"])).status == 202
    house.server.looked()
    assert standing(house, agents, ada["userId"]) == 401
    assert standing(house, supervisors, bo["userId"]) == 200
    assert (bo["userId"], "user.signedOut", ada["userId"]) in house.audited()


# ---- at work


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A server with the demo's organization."""
    with a_server() as server:
        yield server


ENDS: dict[str, Callable[[Running, str], Any]] = {
    "signed out": lambda server, login: server.admin("user.signout", org_id="viademo", login=login),
    "disabled": lambda server, login: server.admin("user.disable", org_id="viademo", login=login),
}


@contextmanager
def listening(desk: Desk) -> Iterator[Wire]:
    """An open stream of server-sent events."""
    wire = Wire(desk.port)
    sent = {**desk.credentials, "accept": "text/event-stream"}
    wire.send(request_bytes("GET", path_of("streaming/events"), sent))
    try:
        assert wire.receive_head()[0] == 200
        yield wire
    finally:
        wire.close()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_whoever_is_out_hears_nothing_more(running: Running, end: Callable[[Running, str], Any]) -> None:
    """A poll that is held and a stream that is open end at once, and no other is let in."""
    made = user(running, f"hears{next(_NUMBERS)}")
    with Desk(running, made) as first, Desk(running, made) as second:
        first.at_work()
        second.open()
        with listening(second) as stream:
            held = first.hold()
            end(running, made.login)
            assert held.answer().status in (200, 400)
            while stream.receive_chunk():
                pass
        assert first.ask("GET", "streaming/events").status == 401


def test_the_work_of_whoever_is_out_goes_back_to_the_queue(running: Running) -> None:
    """After the grace that everyone has who is lost; somebody else is offered it."""
    with Desk(running, user(running, "gone")) as gone, running.contact(inactivityDelay=300) as contact:
        gone.at_work()
        contact.connect("79")
        taken = gone.take()
        running.admin("user.disable", org_id="viademo", login="gone")
        with Desk(running, user(running, "next")) as following:
            following.at_work(inactivityDelay=300)
            running.advance(61)
            assert following.take() == taken
            following.act("disconnect", taken)
            following.act("dispose", taken)
            following.status("disconnect")


def test_an_agent_who_is_given_another_work_type_is_offered_its_contacts(running: Running) -> None:
    """Without signing in anew, and also those who wait already."""
    with Desk(running, user(running, "learns", "32")) as desk, running.contact() as contact:
        desk.at_work()
        contact.connect("79")
        running.admin("user.change", org_id="viademo", login="learns", workTypeIds=["32", "79"])
        taken = desk.take()
        desk.act("disconnect", taken)
