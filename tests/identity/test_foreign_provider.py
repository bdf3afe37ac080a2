"""Signing in with a provider that others wrote, in a process of its own: Django OAuth Toolkit."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from tests.identity.conftest import PASSWORD, House
from tests.identity.visiting import Visitor, alert, sent_back
from tests.support.clock import FakeClock
from tests.support.oidc_provider import CLIENT, SECRET
from tests.support.server import Running, running
from tests.support.wire import PATIENCE_SECONDS, Answer

SCRIPT = Path(__file__).parents[1] / "support/foreign_provider.py"
BACK = "http://localhost/tokenservice/oauth2/oidc/callback"
THERE = "their password there"
MINUTE = 60


class Foreign:
    """The provider, as `serving` starts it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.issuer = process.stdout.readline().strip()
        assert self.issuer, "it ended before it served"

    def kill(self) -> None:
        """End it where it stands; returns once it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def signs_in(self, name: str, left: Answer, **changed: str) -> str:
        """Somebody who was sent there fills in its form: the path that they come back to."""
        there = urlsplit(left.headers["location"])
        asked = urlencode({**dict(parse_qsl(there.query)), **changed})
        with httpx.Client(follow_redirects=True, timeout=PATIENCE_SECONDS) as browser:
            form = browser.get(there._replace(query=asked).geturl())
            (check,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
            filled = {"username": name, "password": THERE, "csrfmiddlewaretoken": check}
            answer = browser.post(form.url, data=filled, follow_redirects=False)
            asked_again = httpx.URL(self.issuer).join(answer.headers["location"])
            back = browser.get(asked_again, follow_redirects=False).headers["location"]
        assert back.startswith(f"{BACK}?"), back
        return back.removeprefix("http://localhost")


@contextmanager
def serving() -> Iterator[Foreign]:
    """The provider with Ada and Eve, gone at the end."""
    people = {"Ada": "ada@example.com", "Eve": "eve@example.com"}
    told = {"client": CLIENT, "secret": SECRET, "back": BACK, "password": THERE, "people": people}
    command = [sys.executable, str(SCRIPT), json.dumps(told)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Foreign(process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """With the time that the provider's process has."""
    with running(clock=FakeClock(time.time_ns() // 1_000_000), access_tokens_per_address=0) as server:
        yield server


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    """One for all tests here."""
    with serving() as foreign:
        yield foreign


@pytest.fixture
def visitor(house: House, foreign: Foreign) -> Iterator[Visitor]:
    """Somebody in front of a page of an organization that uses the provider and knows Ada."""
    trust(house, foreign)
    house.user("ada@example.com", roles=["supervisor"])
    with Visitor(house, house.page()) as visitor:
        yield visitor


def trust(house: House, foreign: Foreign, *roles: str) -> None:
    """Let people sign in with it."""
    house.run("oidc.set", issuer=foreign.issuer, client_id=CLIENT, client_secret=SECRET, roles=roles)


def leave(visitor: Visitor) -> Answer:
    """Follow the page's link to the provider."""
    left = visitor.ask("GET", visitor.way_out)
    assert left.status == 303, alert(left)
    return left


def test_who_signs_in_there_has_tokens_that_work_here(visitor: Visitor, foreign: Foreign) -> None:
    """Known by the email of its userinfo the first time, by its subject the second."""
    for _ in range(2):
        answer = visitor.ask("GET", foreign.signs_in("ada", leave(visitor)))
        tokens = visitor.tokens(answer).json()
        with visitor.house.desk(tokens["access_token"]) as desk:
            assert desk.ask("GET", "reporting/audit").status == 200
    linked = [act for _, act, _ in visitor.house.audited() if act in ("user.linked", "signIn.ok")]
    assert linked == ["user.linked", "signIn.ok", "signIn.ok"]


def test_whom_only_the_provider_knows_is_turned_away_or_made(visitor: Visitor, foreign: Foreign) -> None:
    """As the organization wishes; made with the name and the email of its userinfo."""
    answer = visitor.ask("GET", foreign.signs_in("eve", leave(visitor)))
    assert (answer.status, "Nobody here is known" in alert(answer)) == (403, True)
    trust(visitor.house, foreign, "agent")
    answer = visitor.ask("GET", foreign.signs_in("eve", leave(visitor)))
    assert visitor.tokens(answer).json()["scope"] == "desk"
    assert ("eve@example.com", "Eve") in [(user["login"], user["name"]) for user in visitor.house.run("user.list")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code_challenge": "x" * 43}, "did not sign you in"),
        ({"nonce": "another"}, "It is of another sign-in."),
    ],
    ids=["challenge", "nonce"],
)
def test_what_was_changed_on_the_way_signs_nobody_in(
    visitor: Visitor, foreign: Foreign, changed: dict[str, str], said: str
) -> None:
    """The provider checks our proof (PKCE), and we that its token is for this sign-in."""
    answer = visitor.ask("GET", foreign.signs_in("ada", leave(visitor), **changed))
    assert (answer.status, said in alert(answer)) == (401, True)


def test_a_state_that_is_wrong_or_over_signs_nobody_in(visitor: Visitor, foreign: Foreign) -> None:
    """With a code that is good: one with another's state, one that comes after ten minutes."""
    answer = visitor.ask("GET", foreign.signs_in("ada", leave(visitor), state="another"))
    assert (answer.status, "another browser" in alert(answer)) == (400, True)
    back = foreign.signs_in("ada", leave(visitor))
    visitor.house.server.advance(10 * MINUTE)
    answer = visitor.ask("GET", back)
    assert (answer.status, "is over" in alert(answer)) == (400, True)


def test_a_provider_that_died_is_said_to_be_away(visitor: Visitor) -> None:
    """To who comes back from it and to who wants to go there; passwords go on working."""
    with serving() as dying:
        trust(visitor.house, dying)
        back = dying.signs_in("ada", leave(visitor))
        dying.kill()
        answer = visitor.ask("GET", back)
        assert (answer.status, "does not answer" in alert(answer)) == (503, True)
    visitor.house.server.advance(60 * MINUTE)
    answer = visitor.ask("GET", visitor.way_out)
    assert (answer.status, "does not answer" in alert(answer)) == (503, True)
    assert sent_back(visitor.sign_in("ada@example.com", PASSWORD))["code"]
