"""Limits on how often: refused calls say when to come back, and whose calls are counted together."""

from collections.abc import Callable

import pytest

from frontdesk.domain.errors import TooMany
from frontdesk.domain.limits import Rate
from frontdesk.http.limits import Limiter
from tests.support.client import EVENTS, SESSION, Client
from tests.support.cluster import ON, one_node
from tests.support.server import running
from tests.support.wire import Answer

Ask = Callable[[Client], Answer]


def _token(client: Client) -> Answer:
    return client.post("webToken")


def _session(client: Client) -> Answer:
    return client.post(SESSION)


def _text(client: Client) -> Answer:
    return client.post("messaging/dial", {"digits": "555 1234"})


def _poll(client: Client) -> Answer:
    """Answered at once: what follows number 0 is there already."""
    return client.ask("GET", f"{EVENTS}?afterSequenceNumber=0")


@pytest.mark.parametrize(
    ("setting", "reason", "ask", "before"),
    [
        ("tokens_per_address", "tooManyTokens", _token, 1),
        ("tokens_per_organization", "tooManyTokens", _token, 1),
        pytest.param(
            "sessions_per_address", "tooManySessions", _session, 1, marks=one_node("each counts those it opened")
        ),
        ("messages_per_session", "tooManyMessages", _text, 1),
        ("polls_per_session", "tooManyPolls", _poll, 0),
    ],
)
def test_limit_is_reached_said_and_lifted(setting: str, reason: str, ask: Ask, before: int) -> None:
    """Five a minute: the sixth is 429 with the documented headers; after Retry-After one more is taken."""
    with running(None, clock=None, on=ON, **{setting: 5}) as server, server.contact() as contact:
        contact.connect()
        for _ in range(5 - before):
            assert ask(contact).status < 300
        refused = ask(contact)
        assert (refused.status, refused.reason) == (429, reason)
        assert refused.headers["ratelimit-limit"] == "5"
        assert refused.headers["ratelimit-remaining"] == "0"
        assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"] == "12"
        server.advance(11.9)
        assert ask(contact).status == 429
        server.advance(0.1)
        assert ask(contact).status < 300
        assert ask(contact).status == 429


def test_limits_of_sessions_are_each_their_own() -> None:
    """One contact's flood is not another's."""
    with running(messages_per_session=1) as server, server.contact() as one, server.contact() as other:
        one.connect()
        assert _text(one).status == 429
        other.connect()


def test_organizations_limit_counts_all_addresses() -> None:
    """It holds whoever asks, and another organization has its own."""
    with running(tokens_per_organization=2, trusted_proxies=["127.0.0.1"]) as server, server.client() as client:
        for address in ("192.0.2.1", "192.0.2.2"):
            assert client.post("webToken", x_forwarded_for=address).status == 200
        assert client.post("webToken", x_forwarded_for="192.0.2.3").status == 429
        with server.client(org="acme", key="acme-key") as other:
            other.token()


@one_node("each counts those at home on it")
def test_server_holds_no_more_sessions_than_it_may() -> None:
    """Above the number creating is refused; one that ends makes room."""
    with running(sessions_max=2) as server, server.contact() as one, server.contact(), server.client() as third:
        third.token()
        assert third.post(SESSION).status == 429
        assert one.ask("DELETE", SESSION).status == 204
        third.session()


def test_crowd_of_callers_is_forgotten_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full of callers that still count, a limiter starts anew; full of old ones, it keeps the few that count."""
    monkeypatch.setattr("frontdesk.http.limits.CALLERS_MAX", 4)
    limiter = Limiter("r", "calls", Rate(1, 60))
    for caller in "abcd":
        limiter.check(caller, 0)
    limiter.check("e", 0)
    limiter.check("a", 0)
    for caller in "fg":
        limiter.check(caller, 59_999)
    limiter.check("h", 60_000)
    with pytest.raises(TooMany):
        limiter.check("g", 60_000)


NEAR = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("trusted", "first", "second", "same"),
    [
        pytest.param([], "192.0.2.1", "192.0.2.2", True, id="nobody is trusted: the header means nothing"),
        pytest.param(["10.0.0.1"], "192.0.2.1", "192.0.2.2", True, id="another is trusted, not who connects"),
        pytest.param(NEAR, "192.0.2.1", "192.0.2.2", False, id="two clients behind one proxy"),
        pytest.param(NEAR, "198.51.100.1, 192.0.2.1", "198.51.100.2, 192.0.2.1", True, id="what a client claims"),
        pytest.param(NEAR, "192.0.2.1, 10.1.2.3", "192.0.2.1,10.9.9.9", True, id="two proxies in a row"),
        pytest.param(NEAR, "192.0.2.1, 2001:db8::1", "192.0.2.2, 2001:db8::2", False, id="a proxy on IPv6"),
        pytest.param(NEAR, "2001:4860:0:1::1", "2001:4860:0:2::1", False, id="clients on IPv6"),
        pytest.param(NEAR, "2001:4860::1", "2001:4860::2:3", True, id="one customer's /64 on IPv6"),
        pytest.param(NEAR, "nonsense", "rubbish", True, id="no address: who connects counts"),
        pytest.param(NEAR, "192.0.2.1, nonsense", "192.0.2.2, nonsense", True, id="nothing is read past nonsense"),
        pytest.param(NEAR, "10.0.0.1", "10.0.0.2", True, id="only proxies: who connects counts"),
        pytest.param(NEAR, "", ",,", True, id="empty"),
    ],
)
def test_address_behind_proxies(trusted: list[str], first: str, second: str, same: bool) -> None:  # noqa: FBT001
    """X-Forwarded-For is believed only from trusted proxies, and only up to the first that is none."""
    with running(tokens_per_address=1, trusted_proxies=trusted) as server, server.client() as client:
        assert client.post("webToken", x_forwarded_for=first).status == 200
        assert client.post("webToken", x_forwarded_for=second).status == (429 if same else 200)
