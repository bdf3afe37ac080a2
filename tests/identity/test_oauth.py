"""Access tokens over HTTP: for programs, for people, refreshed, ended."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.identity.conftest import BACK, BASE, PASSWORD, House, basic, verifier
from tests.support.server import running
from tests.support.wire import Answer

STATE = "engagementCenter/users/{}/state"


def status(house: House, token: str, user_id: str) -> int:
    """What the bearer of a token is answered who asks for a user's state, once every node has looked around."""
    house.server.looked()
    with house.desk(token) as desk:
        return desk.ask("GET", STATE.format(user_id)).status


def said(answer: Answer) -> tuple[int, str]:
    """Status and error of a refusal, which has the words of OAuth and ours."""
    body = answer.json()
    assert body["code"] == answer.status
    assert body["error_description"] == body["message"] == body["errors"][0]["message"]
    return answer.status, body["error"]


# ---- programs


def test_a_program_gets_a_token_by_its_secret(house: House) -> None:
    """By HTTP Basic; it is for an hour, with all scopes of the client, and works."""
    ada, program = house.user(), house.program("desk", "reporting")
    answer = house.token(basic(program["clientId"], program["secret"]), grant_type="client_credentials")
    body = answer.json()
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert {**body, "access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "desk reporting",
    }
    assert status(house, body["access_token"], ada["userId"]) == 200


def test_a_secret_may_stand_in_the_body(house: House) -> None:
    """As client_secret, for clients that can't send headers; never in both places."""
    program = house.program()
    fields = {
        "grant_type": "client_credentials",
        "client_id": program["clientId"],
        "client_secret": program["secret"],
        "scope": "desk provisioning",
    }
    assert house.token(**fields).json()["scope"] == "desk"
    twice = house.token(basic(program["clientId"], program["secret"]), **fields)
    assert said(twice) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"realm": "nobody"}, (401, "invalid_client")),
        ({"realm": ""}, (401, "invalid_client")),
        ({"scope": "reporting"}, (400, "invalid_scope")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "refresh_token"}, (400, "invalid_request")),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, (400, "invalid_grant")),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 3000}, (400, "invalid_grant")),
    ],
)
def test_a_wrong_request_is_told_in_the_words_of_oauth(
    house: House, fields: dict[str, str], expected: tuple[int, str]
) -> None:
    """RFC 6749, 5.2."""
    program = house.program()
    sent = {"grant_type": "client_credentials", **fields}
    assert said(house.token(basic(program["clientId"], program["secret"]), **sent)) == expected


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !", "Basic Og==", "Basic YQ==", "Basic //8=", "Bearer x", "Basic eDp4", "Basic eDo="],
)
def test_whoever_does_not_say_who_they_are_is_unauthorized(house: House, authorization: str) -> None:
    """With a challenge, whatever stands in the header."""
    answer = house.token({"authorization": authorization}, grant_type="client_credentials")
    assert said(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"grant_type=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % i for i in range(100)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"", ""),
    ],
)
def test_a_body_that_is_no_form_is_refused(house: House, body: bytes, kind: str) -> None:
    """As an invalid request, never a fault."""
    with house.server.client() as client:
        answer = client.ask("POST", f"{BASE}/access_token", body, content_type=kind)
    assert said(answer) == (400, "invalid_request")


def test_a_revoked_client_is_out_at_once(house: House) -> None:
    """It gets no token, and the one that it has is worth nothing."""
    ada, program = house.user(), house.program()
    credentials = basic(program["clientId"], program["secret"])
    token = house.token(credentials, grant_type="client_credentials").json()["access_token"]
    house.run("client.revoke", client_id=program["clientId"])
    assert status(house, token, ada["userId"]) == 401
    assert said(house.token(credentials, grant_type="client_credentials")) == (401, "invalid_client")


def test_people_are_out_of_a_revoked_client(house: House) -> None:
    """Their tokens for it end; those for another client go on."""
    ada, page, other = house.user(), house.page(), house.page()
    lost, kept = (house.signed_in(ada["userId"], each).json() for each in (page, other))
    house.run("client.revoke", client_id=page["clientId"])
    assert status(house, lost["access_token"], ada["userId"]) == 401
    assert said(house.refreshed(page, lost["refresh_token"])) == (401, "invalid_client")
    assert status(house, kept["access_token"], ada["userId"]) == 200


def test_a_token_request_is_never_answered_as_another_was(house: House) -> None:
    """An Idempotency-Key is not looked at: nobody knows yet who asks."""
    ours, theirs = house.program(), house.program("reporting")
    key = {"idempotency-key": "1"}
    answers = [
        house.token({**basic(each["clientId"], each["secret"]), **key}, grant_type="client_credentials").json()
        for each in (ours, theirs, ours)
    ]
    assert [answer["scope"] for answer in answers] == ["desk", "reporting", "desk"]


def test_another_secret_ends_the_old_one(house: House) -> None:
    """At once."""
    program = house.program()
    fresh = house.run("client.secret", client_id=program["clientId"])
    old, new = (
        house.token(basic(program["clientId"], secret), grant_type="client_credentials").status
        for secret in (program["secret"], fresh["secret"])
    )
    assert (old, new) == (401, 200)


def test_a_public_client_gets_no_token_for_itself(house: House) -> None:
    """It has no secret to show."""
    page = house.page()
    answer = house.token(grant_type="client_credentials", client_id=page["clientId"])
    assert said(answer) == (400, "unauthorized_client")


def test_a_token_of_one_kind_never_passes_for_another(house: House) -> None:
    """A web token opens nothing of staff's, an access token nothing of contacts'."""
    ada, program = house.user(), house.program()
    house.run("apikey.create", key=f"key-{house.org_id}")
    with house.server.client(org=house.org_id, key=f"key-{house.org_id}") as contact:
        web = contact.token()
        access = house.token(basic(program["clientId"], program["secret"]), grant_type="client_credentials").json()[
            "access_token"
        ]
        assert status(house, web, ada["userId"]) == 401
        contact.credentials["authorization"] = f"Bearer {access}"
        assert contact.post("streaming/session/webClient").reason == "invalidToken"


# ---- people


def test_a_code_is_exchanged_for_tokens(house: House) -> None:
    """They hold what the user's roles and the client both allow."""
    ada, page = house.user(roles=["supervisor"]), house.page("desk", "supervision", "provisioning")
    body = house.signed_in(ada["userId"], page).json()
    assert body["scope"] == "desk supervision"
    assert status(house, body["access_token"], ada["userId"]) == 200


def test_an_agent_acts_for_nobody_else(house: House) -> None:
    """Supervisors do."""
    ada, bo, page = house.user("ada"), house.user("bo", roles=["supervisor"]), house.page()
    tokens = {who["userId"]: house.signed_in(who["userId"], page).json()["access_token"] for who in (ada, bo)}
    assert status(house, tokens[ada["userId"]], bo["userId"]) == 403
    assert status(house, tokens[bo["userId"]], ada["userId"]) == 200


def test_a_code_is_for_who_began(house: House) -> None:
    """Another verifier, address or client gets nothing for it."""
    ada, page, other = house.user(), house.page(), house.page()
    secret, challenge = verifier()
    code = house.code(ada["userId"], page, challenge)
    wrong: list[Callable[[], Answer]] = [
        lambda: house.redeemed(page, code, verifier()[0]),
        lambda: house.redeemed(page, code, "short"),
        lambda: house.redeemed(page, code, secret, redirect_uri=f"{BACK}?x"),
        lambda: house.redeemed(other, code, secret),
        lambda: house.refreshed(page, code),
    ]
    assert {said(ask()) for ask in wrong} == {(400, "invalid_grant")}
    assert house.redeemed(page, code, secret).status == 200


def test_a_code_is_over_after_a_minute(house: House) -> None:
    """It waits in an address that others may read."""
    ada, page = house.user(), house.page()
    secret, challenge = verifier()
    code = house.code(ada["userId"], page, challenge)
    house.server.advance(60)
    assert said(house.redeemed(page, code, secret)) == (400, "invalid_grant")


def test_a_code_that_is_used_twice_ends_the_sign_in(house: House) -> None:
    """Somebody else may have the first tokens."""
    ada, page = house.user(), house.page()
    secret, challenge = verifier()
    code = house.code(ada["userId"], page, challenge)
    tokens = house.redeemed(page, code, secret).json()
    assert said(house.redeemed(page, code, secret)) == (400, "invalid_grant")
    assert status(house, tokens["access_token"], ada["userId"]) == 401
    assert said(house.refreshed(page, tokens["refresh_token"])) == (400, "invalid_grant")
    assert (ada["userId"], "session.tokenReused", ada["userId"]) in house.audited()


def test_a_refresh_token_gives_another_one(house: House) -> None:
    """Narrower for now when that is asked for; never wider."""
    ada, page = house.user(roles=["supervisor"]), house.page()
    first = house.signed_in(ada["userId"], page, "desk reporting").json()
    narrow = house.refreshed(page, first["refresh_token"], scope="desk supervision").json()
    whole = house.refreshed(page, narrow["refresh_token"]).json()
    assert (narrow["scope"], whole["scope"]) == ("desk", "desk reporting")
    assert len({tokens["refresh_token"] for tokens in (first, narrow, whole)}) == 3


def test_a_refresh_token_that_comes_twice_ends_its_family(house: House) -> None:
    """Also what came of it; another sign-in of the same user goes on."""
    ada, page = house.user(), house.page()
    first, other = (house.signed_in(ada["userId"], page).json() for _ in range(2))
    second = house.refreshed(page, first["refresh_token"]).json()
    third = house.refreshed(page, second["refresh_token"]).json()
    assert said(house.refreshed(page, first["refresh_token"])) == (400, "invalid_grant")
    assert said(house.refreshed(page, third["refresh_token"])) == (400, "invalid_grant")
    assert status(house, third["access_token"], ada["userId"]) == 401
    assert (ada["userId"], "session.tokenReused", ada["userId"]) in house.audited()
    assert house.refreshed(page, other["refresh_token"]).status == 200


def test_a_refresh_whose_answer_was_lost_is_repeated(house: House) -> None:
    """It gives the same next token again, which goes on from there; in the narrower scope that is asked for now."""
    ada, page = house.user(roles=["supervisor"]), house.page()
    first = house.signed_in(ada["userId"], page, "desk reporting").json()
    lost = house.refreshed(page, first["refresh_token"]).json()
    house.server.advance(29)
    again = house.refreshed(page, first["refresh_token"], scope="desk").json()
    assert (again["refresh_token"], again["scope"]) == (lost["refresh_token"], "desk")
    assert status(house, again["access_token"], ada["userId"]) == 200
    assert house.refreshed(page, again["refresh_token"]).status == 200


def test_a_refresh_is_not_repeated_later(house: House) -> None:
    """Whoever comes so late has not lost an answer: one of two who hold the token stole it."""
    ada, page = house.user(), house.page()
    first = house.signed_in(ada["userId"], page).json()
    second = house.refreshed(page, first["refresh_token"]).json()
    house.server.advance(31)
    assert said(house.refreshed(page, first["refresh_token"])) == (400, "invalid_grant")
    assert said(house.refreshed(page, second["refresh_token"])) == (400, "invalid_grant")


def test_who_repeats_a_refresh_of_another_is_found_out(house: House) -> None:
    """A thief who was quick enough holds the same token as the owner: the second of them to use it is too late."""
    ada, page = house.user(), house.page()
    stolen = house.signed_in(ada["userId"], page).json()["refresh_token"]
    owner, thief = (house.refreshed(page, stolen).json()["refresh_token"] for _ in range(2))
    assert owner == thief
    following = house.refreshed(page, owner).json()
    house.server.advance(31)
    assert said(house.refreshed(page, thief)) == (400, "invalid_grant")
    assert status(house, following["access_token"], ada["userId"]) == 401


def test_a_refresh_is_not_repeated_for_who_is_out(house: House) -> None:
    """Signed out or disabled meanwhile."""
    for login, end in (("ada", "user.signout"), ("bob", "user.disable")):
        user, page = house.user(login), house.page()
        token = house.signed_in(user["userId"], page).json()["refresh_token"]
        assert house.refreshed(page, token).status == 200
        house.server.advance(1)
        house.run(end, login=login)
        assert said(house.refreshed(page, token)) == (400, "invalid_grant")


def test_of_many_at_the_same_time_all_are_given_the_same_token(house: House) -> None:
    """One uses the old one, the others repeat that."""
    ada, page = house.user(), house.page()
    token = house.signed_in(ada["userId"], page).json()["refresh_token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: house.refreshed(page, token), range(8)))
    assert {answer.status for answer in answers} == {200}
    (following,) = {answer.json()["refresh_token"] for answer in answers}
    assert house.refreshed(page, following).status == 200


def test_a_refresh_token_is_over_after_a_day(house: House) -> None:
    """Who was away so long signs in again."""
    ada, page = house.user(), house.page()
    token = house.signed_in(ada["userId"], page).json()["refresh_token"]
    house.server.advance(24 * 3600)
    assert said(house.refreshed(page, token)) == (400, "invalid_grant")


OUT: dict[str, Callable[[House], Any]] = {
    "signed out everywhere": lambda house: house.run("user.signout", login="ada"),
    "disabled": lambda house: house.run("user.disable", login="ada"),
    "another password": lambda house: house.run("user.password", login="ada", password=f"{PASSWORD}!"),
    "another role": lambda house: house.run("user.change", login="ada", roles=["supervisor"]),
}


@pytest.mark.parametrize("end", OUT.values(), ids=OUT)
def test_what_ends_a_user_ends_their_tokens(house: House, end: Callable[[House], Any]) -> None:
    """At once, in the same millisecond, and their refresh tokens with them."""
    ada, page = house.user("ada"), house.page()
    tokens = house.signed_in(ada["userId"], page).json()
    end(house)
    assert status(house, tokens["access_token"], ada["userId"]) == 401
    assert said(house.refreshed(page, tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_revoked_token_ends_its_sign_in(house: House, which: str) -> None:
    """RFC 7009; an unknown one is no error."""
    ada, page = house.user(), house.page()
    tokens = house.signed_in(ada["userId"], page).json()
    for token in (tokens[which], tokens[which], "unknown", "x" * 500):
        assert house.form("revoke", client_id=page["clientId"], token=token).status == 200
    assert status(house, tokens["access_token"], ada["userId"]) == 401
    assert said(house.refreshed(page, tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_program_ends_one_of_its_tokens(house: House) -> None:
    """That one, at once; the others go on, and whose it was is on record."""
    ada, program = house.user(), house.program()
    credentials = basic(program["clientId"], program["secret"])
    ended, other = (house.token(credentials, grant_type="client_credentials").json()["access_token"] for _ in range(2))
    assert house.form("revoke", credentials, token=ended).status == 200
    assert [status(house, token, ada["userId"]) for token in (ended, other)] == [401, 200]
    name = f"client {program['clientId']}"
    assert (name, "session.signedOut", name) in house.audited()


def test_nobody_revokes_the_tokens_of_another_client(house: House) -> None:
    """They can try."""
    ada, page, other = house.user(), house.page(), house.page()
    tokens = house.signed_in(ada["userId"], page).json()
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert house.form("revoke", client_id=other["clientId"], token=token).status == 200
    assert status(house, tokens["access_token"], ada["userId"]) == 200
    assert house.refreshed(page, tokens["refresh_token"]).status == 200


def test_no_secret_is_stored(house: House) -> None:
    """Only what can't be turned back into one."""
    ada, page = house.user(), house.page()
    secret, challenge = verifier()
    code = house.code(ada["userId"], page, challenge)
    tokens = house.redeemed(page, code, secret).json()
    following = house.refreshed(page, tokens["refresh_token"]).json()
    stored = house.stored()
    for each in (code, secret, tokens["access_token"], tokens["refresh_token"], following["refresh_token"]):
        assert each not in stored


def test_the_metadata_names_endpoints_that_are_there(house: House) -> None:
    """RFC 8414."""
    with house.server.client() as client:
        found = client.ask("GET", "/.well-known/oauth-authorization-server").json()
        for name in ("token_endpoint", "revocation_endpoint"):
            assert client.ask("POST", found[name].removeprefix(found["issuer"])).status in (400, 401)
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_public_address_stands_in_the_metadata(house: House) -> None:
    """Where it is set; else what the caller says."""
    with running(public_url="https://chat.example.com/", on="") as server, server.client() as client:
        known = client.ask("GET", "/.well-known/oauth-authorization-server").json()
    with house.server.client() as client:
        said = client.ask("GET", "/.well-known/oauth-authorization-server").json()
    assert known["token_endpoint"] == "https://chat.example.com/tokenservice/oauth2/access_token"
    assert said["issuer"] == "http://localhost"
