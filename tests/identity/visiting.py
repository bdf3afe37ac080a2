"""Somebody in front of a browser: keeps cookies, sends forms, and goes where they are sent."""

import re
from html import unescape
from http.client import HTTPConnection
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.identity.conftest import BACK, BASE, FORM, House, verifier
from tests.support.wire import PATIENCE_SECONDS, Answer

_NUMBERS = count(1)
_ALERT = re.compile(r'role="alert">(.*?)</p>')


class Visitor:
    """Somebody who wants to sign in on a page, from an address of their own."""

    def __init__(self, house: House, page: Any, **asked: str) -> None:
        number = next(_NUMBERS)
        self.house = house
        self.page = page
        self.cookies: dict[str, str] = {}
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.secret, challenge = verifier()
        self.asked = {
            "realm": house.org_id,
            "client_id": page["clientId"],
            "redirect_uri": BACK,
            "response_type": "code",
            "state": "st te&1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **asked,
        }
        self.server = HTTPConnection("127.0.0.1", house.server.port, timeout=PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, with the cookies that are there."""
        sent = {"host": "localhost", "x-forwarded-for": self.address, **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.server.request(method, path, body, sent)
        answer = self.server.getresponse()
        found = [(name.lower(), value) for name, value in answer.getheaders()]
        for name, value in found:
            if name == "set-cookie":
                kept, _, said = value.partition(";")[0].partition("=")
                self.cookies[kept] = said
        return Answer(answer.status, dict(found), answer.read())

    @property
    def url(self) -> str:
        """The page's address."""
        fields = {name: value for name, value in self.asked.items() if value}
        return f"{BASE}/authorize?{urlencode(fields)}"

    @property
    def way_out(self) -> str:
        """Where the page's link to the provider leads."""
        return self.url.replace("/authorize?", "/oidc/start?")

    def open(self) -> Answer:
        """See the page."""
        return self.ask("GET", self.url)

    def send(self, **fields: str) -> Answer:
        """Send the form of the page, as it was opened."""
        sent = {"check": self.cookies.get("frontdesk_check", ""), **fields}
        return self.ask("POST", self.url, urlencode(sent).encode(), **FORM)

    def sign_in(self, login: str, password: str) -> Answer:
        """Open the page and fill it in."""
        self.open()
        return self.send(login=login, password=password)

    def over_the_provider(self) -> Answer:
        """Leave for the provider and come back."""
        left = self.ask("GET", self.way_out)
        return self.ask("GET", self.at_the_provider(left)) if left.status == 303 else left

    def at_the_provider(self, left: Answer) -> str:
        """What the provider says to one who was sent there: the path that they come back to."""
        there = urlsplit(left.headers["location"])
        connection = HTTPConnection(there.netloc, timeout=10)
        connection.request("GET", f"{there.path}?{there.query}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 302, answer.status
        back = urlsplit(answer.headers["location"])
        assert back.netloc == "localhost"
        return f"{back.path}?{back.query}"

    def tokens(self, answer: Answer) -> Answer:
        """What the client gets for the code that it was sent."""
        return self.house.redeemed(self.page, sent_back(answer)["code"], self.secret)


def sent_back(answer: Answer) -> dict[str, str]:
    """What the client is told."""
    assert answer.status == 303, (answer.status, alert(answer))
    location = answer.headers["location"]
    assert location.startswith(f"{BACK}?"), location
    return dict(parse_qsl(urlsplit(location).query))


def alert(answer: Answer) -> str:
    """What the page says is wrong, "" when nothing is."""
    found = _ALERT.search(answer.body.decode())
    return unescape(found[1]) if found else ""
