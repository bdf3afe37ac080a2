"""Signing in with an organization's own provider, which is a real one on real sockets."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from frontdesk.domain import oidc as domain
from frontdesk.domain.errors import Unavailable
from tests.identity.conftest import PASSWORD, House
from tests.identity.visiting import Visitor, alert, sent_back
from tests.support.oidc_provider import CLIENT, SECRET, Provider, new_key, signed, signed_with_the_public_key, unsigned

MINUTE = 60
NOT_ACCEPTED = "The identity provider's answer is not accepted."


@pytest.fixture
def provider(house: House) -> Iterator[Provider]:
    """The organization's provider, with the server's own time."""
    with Provider(house.server.clock.now_ms) as provider:
        house.run("oidc.set", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, name="Shop & Co")
        yield provider


@pytest.fixture
def visitor(house: House, provider: Provider) -> Iterator[Visitor]:
    """Somebody whom the provider knows as ada@example.com, and so do we."""
    house.user("ada@example.com", roles=["agent"])
    with Visitor(house, house.page()) as visitor:
        yield visitor


def test_the_page_offers_the_provider(visitor: Visitor) -> None:
    """By its name, beside the form."""
    body = visitor.open().body
    assert b"Continue with Shop &amp; Co" in body
    assert b'name="password"' in body


def test_who_the_provider_vouches_for_is_signed_in(visitor: Visitor) -> None:
    """The client gets a code as with a password."""
    answer = visitor.over_the_provider()
    assert (sent_back(answer)["state"], sent_back(answer)["iss"]) == ("st te&1", "http://localhost")
    assert visitor.tokens(answer).json()["scope"] == "desk"


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(provider: Provider, visitor: Visitor) -> None:
    """OpenID Connect Core, 9."""
    provider.methods = ["client_secret_post"]
    assert sent_back(visitor.over_the_provider())["code"]


def test_the_first_time_the_checked_email_says_who_it_is_and_then_the_subject(
    house: House, provider: Provider, visitor: Visitor
) -> None:
    """Emails change hands; subjects never do."""
    assert sent_back(visitor.over_the_provider())["code"]
    provider.person = {"sub": "1", "email": "other@example.com", "email_verified": True}
    assert sent_back(visitor.over_the_provider())["code"]
    provider.person = {"sub": "2", "email": "ada@example.com", "email_verified": True}
    assert "Nobody here is known" in alert(visitor.over_the_provider())
    assert len(house.run("user.list")) == 1


@pytest.mark.parametrize(
    "person",
    [
        {"sub": "1", "email": "ada@example.com"},
        {"sub": "1", "email": "ada@example.com", "email_verified": False},
        {"sub": "1", "email": "ada@example.com", "email_verified": "true"},
        {"sub": "1", "email": ["ada@example.com"], "email_verified": True},
        {"sub": "1"},
    ],
    ids=str,
)
def test_an_email_that_was_not_checked_says_nothing(
    provider: Provider, visitor: Visitor, person: dict[str, Any]
) -> None:
    """Anyone can claim one."""
    provider.person = person
    answer = visitor.over_the_provider()
    assert (answer.status, "Nobody here is known" in alert(answer)) == (403, True)


def test_a_stranger_becomes_a_user_only_where_that_is_wanted(
    house: House, provider: Provider, visitor: Visitor
) -> None:
    """With the roles that the organization says."""
    provider.person = {"sub": "9", "email": "new@example.com", "email_verified": True, "name": "Nell New"}
    assert visitor.over_the_provider().status == 403
    house.run("oidc.set", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, roles=["supervisor"])
    for _ in range(2):
        scope = visitor.tokens(visitor.over_the_provider()).json()["scope"]
        assert scope == "desk quality reporting supervision"
    (made,) = [user for user in house.run("user.list") if user["login"] == "new@example.com"]
    assert (made["name"], made["roles"]) == ("Nell New", ["supervisor"])


@pytest.mark.parametrize(
    "person",
    [
        {"sub": "9"},
        {"sub": "9", "email": "a b@example.com", "email_verified": True, "name": "\n"},
        {"sub": "9", "email": "x" * 300, "email_verified": True, "name": "n" * 5000},
        {"sub": "9 <>&'\"\U0001f600", "name": {"first": "Nell"}},
    ],
    ids=["nothing but a subject", "no login", "too long", "strange"],
)
def test_a_stranger_with_odd_claims_becomes_a_user_all_the_same(
    house: House, provider: Provider, visitor: Visitor, person: dict[str, Any]
) -> None:
    """Under a login of our own."""
    house.run("oidc.set", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, roles=["agent"])
    provider.person = person
    assert sent_back(visitor.over_the_provider())["code"]
    assert len(house.run("user.list")) == 2


def test_a_disabled_user_is_not_let_in(house: House, visitor: Visitor) -> None:
    """Whatever their provider says; before they were ever known by it, and after."""
    house.run("user.disable", login="ada@example.com")
    assert visitor.over_the_provider().status == 403
    house.run("user.change", login="ada@example.com")
    assert visitor.over_the_provider().status == 303
    house.run("user.disable", login="ada@example.com")
    assert visitor.over_the_provider().status == 403


# ---- a provider that lies


NOW = 1_767_225_600
LIES: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"iss": "https://evil.example.com"},
    {"iss": None},
    {"aud": "another"},
    {"aud": ["another"]},
    {"aud": [CLIENT, "another"]},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"aud": None},
    {"aud": {}},
    {"azp": "another"},
    {"exp": 1},
    {"exp": None},
    {"exp": "soon"},
    {"exp": True},
    {"exp": -1},
    {"exp": 1e300},
    {"iat": NOW + 10**9},
    {"iat": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_an_id_token_that_is_not_ours_is_not_accepted(
    provider: Provider, visitor: Visitor, lie: dict[str, Any]
) -> None:
    """Nobody is signed in, and the page says so."""
    provider.lie = lie
    answer = visitor.over_the_provider()
    assert (answer.status, alert(answer).startswith(NOT_ACCEPTED)) == (401, True)
    provider.lie = {}
    assert visitor.over_the_provider().status == 303


@pytest.mark.parametrize("lie", [{"aud": [CLIENT]}, {"aud": [CLIENT, "another"], "azp": CLIENT}], ids=str)
def test_an_audience_may_be_a_list(provider: Provider, visitor: Visitor, lie: dict[str, Any]) -> None:
    """When we are the party that it was made for."""
    provider.lie = lie
    assert visitor.over_the_provider().status == 303


FORGED: dict[str, Callable[[Provider], Callable[[dict[str, Any]], str]]] = {
    "alg none": lambda _: unsigned,
    "another's key": lambda _: lambda claims: signed(claims, new_key("first")),
    "unknown key": lambda _: lambda claims: signed(claims, new_key("unknown")),
    "our secret": lambda _: lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET)),
    "public key as secret": lambda provider: lambda claims: signed_with_the_public_key(claims, provider.keys[0]),
    "no token": lambda _: lambda claims: "not.a.token",
    "nothing": lambda _: lambda claims: "",
    "cut": lambda provider: lambda claims: signed(claims, provider.keys[0])[:-4],
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_id_token_is_not_accepted(provider: Provider, visitor: Visitor, how: str) -> None:
    """Only what a key of the provider signed counts."""
    provider.forged = FORGED[how](provider)
    answer = visitor.over_the_provider()
    assert (answer.status, alert(answer).startswith(NOT_ACCEPTED)) == (401, True)


def test_new_keys_are_read_when_a_token_needs_them(house: House, provider: Provider, visitor: Visitor) -> None:
    """Providers change their keys; but made-up tokens don't make us ask again and again."""
    assert visitor.over_the_provider().status == 303
    provider.keys = [new_key("second")]
    assert visitor.over_the_provider().status == 401
    house.server.advance(MINUTE)
    assert visitor.over_the_provider().status == 303
    provider.forged = lambda claims: signed(claims, new_key("third"))
    asked = provider.said.count("/keys")
    for _ in range(5):
        assert visitor.over_the_provider().status == 401
    assert provider.said.count("/keys") == asked


def test_what_a_provider_says_of_itself_is_remembered_for_an_hour(
    house: House, provider: Provider, visitor: Visitor
) -> None:
    """And asked again then."""
    for _ in range(3):
        visitor.over_the_provider()
    assert provider.said.count("/.well-known/openid-configuration") == 1
    house.server.advance(60 * MINUTE)
    visitor.over_the_provider()
    assert provider.said.count("/.well-known/openid-configuration") == 2


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"email": "ada@example.com", "email_verified": True}, 303),
        ({"email": "ada@example.com"}, 403),
        ({"sub": "2", "email": "ada@example.com", "email_verified": True}, 403),
        ({"sub": 1, "email": "ada@example.com", "email_verified": True}, 403),
        ({"sub": None, "email": "ada@example.com", "email_verified": True}, 403),
        ({}, 403),
    ],
    ids=["checked", "not checked", "of another", "number", "of nobody", "nothing"],
)
def test_what_is_not_in_the_id_token_is_asked_for(
    provider: Provider, visitor: Visitor, told: dict[str, Any], status: int
) -> None:
    """Many say in it who it is, and beside it how they are called; what is about another is not believed."""
    provider.userinfo = {"sub": "1", **told}
    assert visitor.over_the_provider().status == status
    assert provider.said[-1] == "/userinfo"


def test_who_is_known_by_more_than_the_id_token_is_made_with_a_name(
    house: House, provider: Provider, visitor: Visitor
) -> None:
    """And not without one because it could not be asked for at that moment."""
    house.run("oidc.set", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, roles=["agent"])
    provider.person["sub"] = "7"
    provider.userinfo = {"sub": "7", "email": "eve@example.com", "email_verified": True, "name": "Eve"}
    for lie in ((500, b""), (401, b"")):
        provider.answers["userinfo"] = lie
        assert visitor.over_the_provider().status == 503
    provider.answers.clear()
    assert visitor.over_the_provider().status == 303
    assert ("eve@example.com", "Eve") in [(user["login"], user["name"]) for user in house.run("user.list")]


# ---- a provider that is not well


@pytest.mark.parametrize("name", ["openid-configuration", "keys", "token"])
@pytest.mark.parametrize(
    "lie",
    [
        (500, b""),
        (200, b""),
        (200, b"[]"),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (302, b""),
        (200, b"{" + b" " * 300_000),
    ],
    ids=["500", "empty", "list", "bytes", "deep", "elsewhere", "long"],
)
def test_a_provider_that_answers_nonsense_does_no_harm(
    provider: Provider, visitor: Visitor, name: str, lie: tuple[int, bytes]
) -> None:
    """The page says that it does not work, with a status that is nobody's fault of ours; then it works again."""
    provider.answers[name] = lie
    answer = visitor.over_the_provider()
    assert answer.status in (401, 503)
    assert "identity provider" in alert(answer)
    assert b"<form" in answer.body
    provider.answers.clear()
    visitor.house.server.advance(MINUTE)
    assert visitor.over_the_provider().status == 303


@pytest.mark.parametrize(
    "told",
    [
        b'{"issuer": "https://evil.example.com"}',
        b'{"issuer": 7}',
        b'{"issuer": "ISSUER"}',
        (
            b'{"issuer": "ISSUER", "authorization_endpoint": "http://evil.example.com/", '
            b'"token_endpoint": "https://x.example.com", "jwks_uri": "https://x.example.com"}'
        ),
        b'{"issuer": "ISSUER", "authorization_endpoint": "javascript:alert(1)", "token_endpoint": 1, "jwks_uri": []}',
    ],
    ids=["another", "number", "nothing", "plain http", "script"],
)
def test_a_description_that_can_not_be_used_is_refused(provider: Provider, visitor: Visitor, told: bytes) -> None:
    """Nobody is sent anywhere."""
    provider.answers["openid-configuration"] = (200, told.replace(b"ISSUER", provider.issuer.encode()))
    answer = visitor.over_the_provider()
    assert (answer.status, "description" in alert(answer)) == (503, True)


def test_a_provider_that_is_not_well_is_left_alone_for_a_moment(
    house: House, provider: Provider, visitor: Visitor
) -> None:
    """However many people come; who asks again after it is let through."""
    provider.answers["openid-configuration"] = (500, b"")

    def leave(_: int) -> int:
        with Visitor(house, visitor.page) as one:
            return one.ask("GET", one.way_out).status

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(leave, range(6))) == [503] * 6
    assert provider.said.count("/.well-known/openid-configuration") == 1
    provider.answers.clear()
    assert visitor.over_the_provider().status == 503
    house.server.advance(5)
    assert visitor.over_the_provider().status == 303


def test_a_provider_elsewhere_sends_us_nowhere_on_this_machine() -> None:
    """What listens here alone is nobody else's business."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    for issuer, fits in (("http://127.0.0.1:9", True), ("https://login.example.com", False)):
        told = {"issuer": issuer, **dict.fromkeys(names, "http://127.0.0.1:6379/")}
        known = domain.Provider(issuer=issuer, client_id="chat")
        with nullcontext() if fits else pytest.raises(Unavailable):
            assert domain.endpoints_of(known, told).token == "http://127.0.0.1:6379/"


def test_a_provider_that_is_away_is_said_to_be(house: House, provider: Provider, visitor: Visitor) -> None:
    """Before somebody leaves, and when they come back; with a password they get in."""
    left = visitor.ask("GET", visitor.way_out)
    back = visitor.at_the_provider(left)
    provider.close()
    answer = visitor.ask("GET", back)
    assert (answer.status, "does not answer" in alert(answer)) == (503, True)
    # It is read out, and no field is said to be wrong for it.
    assert (b'aria-describedby="problem"' in answer.body, b"aria-invalid" in answer.body) == (True, False)
    house.server.advance(2 * 60 * MINUTE)
    answer = visitor.over_the_provider()
    assert (answer.status, "does not answer" in alert(answer)) == (503, True)
    assert visitor.sign_in("ada@example.com", PASSWORD).status == 303


# ---- the way there and back


def test_what_is_sent_to_the_provider_is_by_the_book(provider: Provider, visitor: Visitor) -> None:
    """The provider checks client, PKCE, nonce and the address; and it knows exactly one of ours."""
    provider.redirect_uris = {"http://localhost/tokenservice/oauth2/oidc/callback"}
    assert visitor.over_the_provider().status == 303


def test_nobody_comes_back_twice(visitor: Visitor) -> None:
    """Nor with a code that was used."""
    left = visitor.ask("GET", visitor.url.replace("/authorize?", "/oidc/start?"))
    back, cookie = visitor.at_the_provider(left), visitor.cookies["frontdesk_journey"]
    assert visitor.ask("GET", back).status == 303
    answer = visitor.ask("GET", back)
    assert (answer.status, "is over" in alert(answer)) == (400, True)
    visitor.cookies["frontdesk_journey"] = cookie
    assert visitor.ask("GET", back).status == 401


def test_a_way_back_works_in_one_browser_only(house: House, visitor: Visitor) -> None:
    """Else somebody could be signed in as another, by a link."""
    left = visitor.ask("GET", visitor.url.replace("/authorize?", "/oidc/start?"))
    back = visitor.at_the_provider(left)
    with Visitor(house, visitor.page) as other:
        other.ask("GET", other.url.replace("/authorize?", "/oidc/start?"))
        answer = other.ask("GET", back)
    assert (answer.status, "another browser" in alert(answer)) == (400, True)


def test_a_way_back_is_over_after_ten_minutes(house: House, visitor: Visitor) -> None:
    """Long enough for a second factor."""
    left = visitor.ask("GET", visitor.url.replace("/authorize?", "/oidc/start?"))
    back = visitor.at_the_provider(left)
    house.server.advance(10 * MINUTE)
    assert visitor.ask("GET", back).status == 400


@pytest.mark.parametrize("query", ["", "state=", "state=x", "state=%FF", "state=a&state=b", "code=x"])
def test_a_way_back_that_nobody_took_leads_nowhere(visitor: Visitor, query: str) -> None:
    """With a page that says so."""
    visitor.ask("GET", visitor.url.replace("/authorize?", "/oidc/start?"))
    answer = visitor.ask("GET", f"/tokenservice/oauth2/oidc/callback?{query}")
    assert (answer.status, bool(alert(answer))) == (400, True)


def test_a_refusal_of_the_provider_is_shown_and_on_record(house: House, visitor: Visitor) -> None:
    """Somebody pressed "cancel" there; or the answer is another provider's (RFC 9207)."""
    for said in ("error=access_denied", "code=x&iss=https%3A%2F%2Fevil.example.com", "code=made-up"):
        left = visitor.ask("GET", visitor.url.replace("/authorize?", "/oidc/start?"))
        state = left.headers["location"].partition("state=")[2].partition("&")[0]
        answer = visitor.ask("GET", f"/tokenservice/oauth2/oidc/callback?state={state}&{said}")
        assert (answer.status, "did not sign you in" in alert(answer)) == (401, True)
    assert [act for _, act, _ in house.audited() if act.startswith("signIn")] == ["signIn.failed"] * 3


def test_a_request_too_long_for_a_cookie_is_refused(house: House, provider: Provider) -> None:
    """With a password it works."""
    house.user("ada")
    with Visitor(house, house.page(), state="x" * 5000) as visitor:
        assert visitor.over_the_provider().status == 400
        assert visitor.sign_in("ada", PASSWORD).status == 303


def test_sign_ins_over_a_provider_are_on_record(house: House, visitor: Visitor) -> None:
    """With how; the account that they are known by is noted when it is first seen."""
    visitor.over_the_provider()
    ada = house.run("user.list")[0]["userId"]
    acts = [(actor, act, subject) for actor, act, subject in house.audited() if not act.startswith("client")]
    assert acts[-2:] == [("provider", "user.linked", ada), (ada, "signIn.ok", ada)]


# ---- setting it up


def test_the_secret_is_shown_to_nobody(house: House, provider: Provider) -> None:
    """Nor is it on record."""
    shown = house.run("oidc.show")
    assert shown == {
        "issuer": provider.issuer,
        "clientId": CLIENT,
        "secret": "set",
        "name": "Shop & Co",
        "roles": [],
    }
    assert SECRET not in house.stored()


def test_without_a_provider_people_sign_in_with_passwords(house: House, visitor: Visitor) -> None:
    """It is removed with its secret, and the way over it is closed."""
    house.run("oidc.remove")
    assert b"Continue with" not in visitor.open().body
    answer = visitor.over_the_provider()
    assert (answer.status, alert(answer)) == (404, "People sign in here with a password.")
    assert house.refused("oidc.show") == house.refused("oidc.remove") == "noProvider"
    assert not any(SECRET in row[0] for row in house.rows("body", "items"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"issuer": "http://login.example.com"}, "invalidIssuer"),
        ({"issuer": "https://login.example.com/?x=1"}, "invalidIssuer"),
        ({"issuer": "https://user@login.example.com"}, "invalidIssuer"),
        ({"issuer": "https://login.example.com/#x"}, "invalidIssuer"),
        ({"issuer": "https://[login"}, "invalidIssuer"),
        ({"issuer": ""}, "invalidIssuer"),
        ({"client_id": ""}, "invalidClientId"),
        ({"client_id": "a\nb"}, "invalidClientId"),
        ({"name": "\n"}, "invalidName"),
        ({"roles": ["king"]}, "unknownRole"),
        ({"roles": ["integration"]}, "unknownRole"),
    ],
    ids=str,
)
def test_what_can_not_be_a_provider_is_refused(house: House, fields: dict[str, Any], reason: str) -> None:
    """And nothing is set up."""
    right = {"issuer": "https://login.example.com/tenant/", "client_id": "x"}
    assert house.refused("oidc.set", **{**right, **fields}) == reason
    assert house.refused("oidc.show") == "noProvider"
