"""Signing in with a password, on the page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.identity.conftest import BACK, FORM, PASSWORD, House
from tests.identity.visiting import Visitor, alert, sent_back
from tests.support.server import running

WRONG = "Login or password is wrong."


@pytest.fixture
def page(house: House) -> Any:
    """A client on which people sign in."""
    return house.page()


@pytest.fixture
def visitor(house: House, page: Any) -> Iterator[Visitor]:
    """Somebody who wants to sign in there; `ada` could."""
    house.user("ada")
    with Visitor(house, page) as visitor:
        yield visitor


def test_who_signs_in_gets_a_code_that_is_worth_tokens(visitor: Visitor) -> None:
    """State comes back as it was sent, and who answers is said (RFC 9207)."""
    answer = visitor.sign_in("ada", PASSWORD)
    back = sent_back(answer)
    assert (back["state"], back["iss"]) == ("st te&1", "http://localhost")
    tokens = visitor.tokens(answer).json()
    assert tokens["scope"] == "desk"
    with visitor.house.desk(tokens["access_token"]) as desk:
        assert desk.ask("GET", "provisioning/skills").status == 200


def test_upper_and_lower_case_of_a_login_are_the_same(visitor: Visitor) -> None:
    """As people type it."""
    assert sent_back(visitor.sign_in("Ada", PASSWORD))["code"]


def test_the_same_password_from_another_keyboard_is_the_same(house: House, visitor: Visitor) -> None:
    """Accents come as a sign of their own, or with their letter."""
    house.run("user.password", login="ada", password="caf\u00e9 cr\u00e8me br\u00fbl\u00e9e")
    answer = visitor.sign_in("ada", "cafe\u0301 cre\u0300me bru\u0302le\u0301e")
    assert sent_back(answer)["code"]


@pytest.mark.parametrize(
    ("login", "password"),
    [("ada", "wrong horse battery"), ("nobody", PASSWORD), ("ada", "x" * 5000), ("x" * 5000, PASSWORD), ("ada ", "\0")],
)
def test_what_is_wrong_is_not_said(visitor: Visitor, login: str, password: str) -> None:
    """An unknown login is told the same as a wrong password."""
    answer = visitor.sign_in(login, password)
    assert (answer.status, alert(answer)) == (401, WRONG)
    assert answer.body.count(b'aria-invalid="true" aria-describedby="problem"') == 2


def test_a_disabled_user_and_one_without_a_password_are_told_the_same(house: House, visitor: Visitor) -> None:
    """That they are there is nobody's business."""
    house.user("gone")
    house.run("user.disable", login="gone")
    house.run("user.create", login="elsewhere", oidc=True)
    assert [alert(visitor.sign_in(login, PASSWORD)) for login in ("gone", "elsewhere")] == [WRONG, WRONG]


def test_what_was_typed_is_kept_but_for_the_password(visitor: Visitor) -> None:
    """And it is shown as text, whatever it is."""
    answer = visitor.sign_in('"><script>alert(1)</script>', "secret-that-was-typed")
    assert b'value="&quot;&gt;&lt;script&gt;' in answer.body
    assert b"<script" not in answer.body
    assert b"secret-that-was-typed" not in answer.body


# ---- lock-out


def test_wrong_passwords_make_the_next_try_wait_longer_and_longer(visitor: Visitor) -> None:
    """After five; what is tried meanwhile is not looked at, right or wrong; after the wait it is."""
    server = visitor.house.server
    assert [visitor.sign_in("ada", "wrong").status for _ in range(5)] == [401] * 5
    waits = []
    for _ in range(3):
        refused = visitor.sign_in("ada", PASSWORD)
        assert (refused.status, "Retry-After" in alert(refused)) == (429, True)
        waits.append(int(refused.headers["retry-after"]))
        server.advance(waits[-1])
        assert visitor.sign_in("ada", "wrong").status == 401
    assert waits == [1, 2, 4]
    server.advance(8)
    assert sent_back(visitor.sign_in("ada", PASSWORD))["code"]
    assert visitor.sign_in("ada", "wrong").status == 401


def test_whoever_else_signs_in_does_not_wait(house: House, visitor: Visitor) -> None:
    """A login is locked, not the house."""
    house.user("bo")
    assert [visitor.sign_in("ada", "wrong").status for _ in range(6)][-1] == 429
    assert visitor.sign_in("bo", PASSWORD).status == 303


def test_an_unknown_login_is_locked_as_well(visitor: Visitor) -> None:
    """Else the wait would tell which logins there are."""
    assert [visitor.sign_in("nobody", "wrong").status for _ in range(6)] == [401] * 5 + [429]


def test_an_address_that_guesses_many_logins_waits(house: House, page: Any, visitor: Visitor) -> None:
    """After twenty, whoever is tried; other addresses don't."""
    tried = [visitor.sign_in(f"login{number}", "wrong").status for number in range(21)]
    assert tried == [401] * 20 + [429]
    assert visitor.sign_in("ada", PASSWORD).status == 429
    with Visitor(house, page) as other:
        assert other.sign_in("ada", PASSWORD).status == 303


def test_a_right_password_does_not_clear_an_address(visitor: Visitor) -> None:
    """Whoever guesses may have a login of their own."""
    for number in range(20):
        visitor.sign_in(f"login{number}", "wrong")
        if number == 10:
            assert visitor.sign_in("ada", PASSWORD).status == 303
    assert visitor.sign_in("ada", PASSWORD).status == 429


def test_many_at_once_are_not_all_looked_at(house: House, page: Any, visitor: Visitor) -> None:
    """Each counts as a wrong one until it is known to be right."""

    def guess(number: int) -> int:
        with Visitor(house, page) as guesser:
            return guesser.sign_in("ada", f"guess {number}").status

    with ThreadPoolExecutor(12) as threads:
        answers = sorted(threads.map(guess, range(12)))
    assert answers == [401] * 5 + [429] * 7


def test_an_address_that_sends_too_much_is_told_to_wait() -> None:
    """Also where no password is looked at: each way to a provider is a request of ours."""
    with running(access_tokens_per_address=6) as server:
        house = House(server, "acme")
        with Visitor(house, house.page()) as visitor:
            visitor.open()
            answers = [visitor.ask("GET", visitor.way_out) for _ in range(3)]
            answers += [visitor.ask("GET", visitor.way_out.replace("/start", "/callback")) for _ in range(3)]
            assert {answer.status for answer in answers} == {400, 404}
            for answer in (visitor.send(login="ada", password=PASSWORD), visitor.ask("GET", visitor.way_out)):
                assert (answer.status, "At most 6" in alert(answer)) == (429, True)
                assert int(answer.headers["retry-after"]) > 0
            assert visitor.open().status == 200


# ---- on record


def test_every_sign_in_is_on_record(house: House, visitor: Visitor) -> None:
    """With who it was, as far as that is known, and one line for a wait, however often it is tried."""
    visitor.sign_in("ada", PASSWORD)
    visitor.sign_in("nobody", PASSWORD)
    for _ in range(8):
        visitor.sign_in("ada", "wrong")
    ada = house.run("user.list")[0]["userId"]
    signed = [entry for entry in house.audited() if entry[1].startswith("signIn")]
    assert signed == [
        (ada, "signIn.ok", ada),
        ("nobody", "signIn.failed", ""),
        *[("nobody", "signIn.failed", ada)] * 5,
        ("nobody", "signIn.locked", ada),
    ]


def test_what_was_typed_is_not_on_record(house: House, visitor: Visitor) -> None:
    """People type their password where the login belongs."""
    visitor.sign_in("my-very-secret-word", "another-secret-word")
    visitor.sign_in("ada", PASSWORD)
    stored = house.stored()
    assert not any(secret in stored for secret in ("my-very-secret-word", "another-secret-word", PASSWORD))


# ---- the form


def test_a_form_from_elsewhere_is_not_taken(visitor: Visitor) -> None:
    """Another site can send it, and knows nothing of our cookies."""
    visitor.open()
    for check in ("", "guessed", "x" * 32):
        answer = visitor.send(check=check, login="ada", password=PASSWORD)
        assert answer.status == 400
        assert "cookies" in alert(answer)
    visitor.cookies.clear()
    assert visitor.send(check="", login="ada", password=PASSWORD).status == 400


def test_two_windows_do_not_disturb_each_other(visitor: Visitor) -> None:
    """The form of the first is good after the second was opened."""
    visitor.open()
    first = visitor.cookies["frontdesk_check"]
    visitor.open()
    assert visitor.send(check=first, login="ada", password=PASSWORD).status == 303


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", FORM),
        (b"{}", {"content-type": "application/json"}),
        (b"login=%FF", FORM),
        (b"login=a&login=b", FORM),
        (b"\xff\xfe", FORM),
        (b"&" * 60_000, FORM),
        (urlencode({"login": "a" * 60_000}).encode(), FORM),
    ],
    ids=["empty", "json", "not utf-8", "twice", "bytes", "many", "long"],
)
def test_a_form_that_makes_no_sense_shows_the_page_again(
    visitor: Visitor, body: bytes, headers: dict[str, str]
) -> None:
    """With 400 and what is wrong with it."""
    visitor.open()
    answer = visitor.ask("POST", visitor.url, body, **headers)
    assert answer.status == 400
    assert alert(answer)
    assert b"<form" in answer.body


def test_an_empty_field_is_asked_for(visitor: Visitor) -> None:
    """Browsers do so by themselves."""
    visitor.open()
    assert alert(visitor.send(login="ada")) == "Send password."


# ---- what is asked for


@pytest.mark.parametrize(
    "asked",
    [
        {"realm": ""},
        {"realm": "none"},
        {"client_id": ""},
        {"client_id": "none"},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": f"{BACK}/more"},
        {"redirect_uri": f"{BACK}?x=1"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_nobody_is_sent_where_we_do_not_know_the_way(house: House, page: Any, asked: dict[str, str]) -> None:
    """Neither with an error nor with a code (RFC 6749, 4.1.2.1); all four pages say what is wrong."""
    with Visitor(house, page, **asked) as visitor:
        for answer in (visitor.open(), visitor.send(login="ada", password=PASSWORD), visitor.over_the_provider()):
            assert answer.status in (400, 404)
            assert alert(answer)
            assert "location" not in answer.headers
            assert b"<form" not in answer.body


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=str,
)
def test_a_client_is_told_what_is_wrong_with_its_request(
    house: House, page: Any, asked: dict[str, str], error: str
) -> None:
    """In the words of RFC 6749, with its state; also when somebody has typed a password meanwhile."""
    with Visitor(house, page, **asked) as visitor:
        for answer in (visitor.open(), visitor.send(login="ada", password=PASSWORD)):
            back = sent_back(answer)
            assert (back["error"], back["state"], "code" in back) == (error, "st te&1", False)


def test_a_role_that_has_none_of_the_scopes_is_told_to_the_client(house: House) -> None:
    """An integration signs in on no page."""
    house.user("robot", roles=["integration"])
    with Visitor(house, house.page()) as visitor:
        assert sent_back(visitor.sign_in("robot", PASSWORD))["error"] == "invalid_scope"
    (robot,) = house.run("user.list")
    assert (robot["userId"], "signIn.failed", robot["userId"]) in house.audited()


def test_a_narrower_scope_is_what_is_given(house: House, page: Any) -> None:
    """Of what the role has."""
    house.user("sue", roles=["supervisor"])
    with Visitor(house, page, scope="reporting quality") as visitor:
        assert visitor.tokens(visitor.sign_in("sue", PASSWORD)).json()["scope"] == "quality reporting"


def test_without_a_state_none_comes_back(house: House, page: Any) -> None:
    """RFC 6749, 4.1.2."""
    house.user("ada")
    with Visitor(house, page, state="") as visitor:
        assert "state" not in sent_back(visitor.sign_in("ada", PASSWORD))


def test_a_user_of_another_organization_is_nobody_here(house: House, visitor: Visitor) -> None:
    """The realm says whose users sign in."""
    house.server.admin("user.create", org_id="acme", login="eve", password=PASSWORD)
    assert visitor.sign_in("eve", PASSWORD).status == 401


# ---- the page


def test_nothing_but_ours_runs_on_the_page(visitor: Visitor) -> None:
    """No script at all, in no frame, kept by no cache, and the form leads to us and to the client only."""
    answer = visitor.open()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("form-action 'self' https://desk.example.com")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    assert "Secure" not in answer.headers["set-cookie"]


def test_a_way_back_to_an_address_of_ipv6_is_not_blocked(house: House) -> None:
    """Policies have no word for one, and browsers block what a policy does not name."""
    back = "http://[::1]:5173/back"
    page = house.run("client.create", scopes=["desk"], redirect_uris=[back], public=True)
    with Visitor(house, page, redirect_uri=back) as visitor:
        assert visitor.open().headers["content-security-policy"].endswith("form-action 'self' http:")


def test_the_names_on_the_page_are_shown_as_text(house: House) -> None:
    """Whatever they are."""
    page = house.run("client.create", name="<b>&", scopes=["desk"], redirect_uris=[BACK], public=True)
    with Visitor(house, page, state='"><b>') as visitor:
        body = visitor.open().body
    assert b"&lt;b&gt;&amp;" in body
    assert b"<b>" not in body


def test_a_hint_fills_in_the_login(visitor: Visitor) -> None:
    """OpenID Connect Core, 3.1.2.1."""
    assert b'value="ada"' in visitor.ask("GET", f"{visitor.url}&login_hint=ada").body
