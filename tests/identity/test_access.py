"""Who is let in to what staff do: the token, its scope, on whose behalf."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from frontdesk.actions import access
from frontdesk.domain.people import Bearer
from tests.identity.conftest import House
from tests.support.wire import Answer

STATE = "engagementCenter/users/ada/state"


def bearer(house: House, **fields: Any) -> Bearer:
    """Ada's, for an hour."""
    now_ms = house.server.clock.now_ms()
    claims: dict[str, Any] = {
        "user_id": "ada",
        "family": "first",
        "scopes": frozenset({"desk"}),
        "issued_ms": now_ms,
        "expires_ms": now_ms + 3_600_000,
    }
    return Bearer(org_id=house.org_id, client_id="desk", **{**claims, **fields})


def asked(house: House, token: str, path: str = STATE) -> Answer:
    """What the bearer of a token is answered."""
    with house.desk(token) as desk:
        return desk.ask("GET", path)


def issued(house: House, **fields: Any) -> str:
    """A token with these claims."""
    return house.server.call(house.server.app.access.issue, bearer(house, **fields))


@pytest.fixture
def ada(house: House) -> House:
    """An organization where ada works."""
    house.user("ada", user_id="ada")
    return house


def test_a_refused_bearer_is_told_why_in_the_words_of_rfc_6750(ada: House) -> None:
    """Without a word where nothing was sent."""
    with ada.server.client(org=ada.org_id) as nobody:
        missing = nobody.ask("GET", STATE)
    wrong, narrow = asked(ada, "x"), asked(ada, issued(ada, scopes=frozenset({"reporting"})))
    assert [(a.status, a.reason) for a in (missing, wrong, narrow)] == [
        (401, "missingToken"),
        (401, "invalidToken"),
        (403, "missingScope"),
    ]
    challenges = [answer.headers["www-authenticate"] for answer in (missing, wrong, narrow)]
    assert challenges == [
        'Bearer realm="frontdesk"',
        'Bearer realm="frontdesk", error="invalid_token"',
        'Bearer realm="frontdesk", error="insufficient_scope"',
    ]


def test_a_token_is_over_after_its_hour(ada: House) -> None:
    """To the second."""
    token = issued(ada)
    ada.server.advance(3599)
    assert asked(ada, token).status == 200
    ada.server.advance(1)
    assert asked(ada, token).reason == "expiredToken"


def test_a_token_is_for_one_organization(ada: House) -> None:
    """Another one does not take it, although the keys are the same."""
    assert asked(ada, issued(ada)).status == 200
    with ada.desk(issued(ada)) as desk:
        assert desk.ask("GET", "/via/v2/organizations/viademo/engagementCenter/users/ada/state").status == 401


def test_a_token_of_nobody_is_not_taken(ada: House) -> None:
    """The user it speaks for must be there."""
    assert asked(ada, issued(ada, user_id="bo"), "engagementCenter/users/bo/state").reason == "invalidToken"


def forged(claims: dict[str, Any], **header: Any) -> str:
    """A token by a key of one's own."""
    key = OctKey.import_key(b"x" * 32)
    return jwt.encode({"alg": "HS256", "typ": "at+jwt", **header}, claims, key)


FORGED: dict[str, Callable[[House, str], str]] = {
    "another key": lambda house, token: forged({"orgId": house.org_id, "sub": "ada"}, kid="00000000"),
    "our key's name": lambda house, token: forged(
        {"orgId": house.org_id}, kid=str(house.server.rows("SELECT kid FROM signing_keys")[0][0])
    ),
    "no key": lambda house, token: forged({"orgId": house.org_id}),
    "other claims": lambda house, token: token.split(".")[0] + ".e30." + token.split(".")[2],
    "no signature": lambda house, token: token.rpartition(".")[0] + ".",
    "algorithm none": lambda house, token: "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + token.split(".")[1] + ".",
    "half": lambda house, token: token[: len(token) // 2],
    "very long": lambda house, token: token + "a" * 5000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_not_taken(ada: House, forge: Callable[[House, str], str]) -> None:
    """However it is made."""
    token = issued(ada)
    assert asked(ada, token).status == 200
    assert asked(ada, forge(ada, token)).reason == "invalidToken"


def test_tokens_of_a_key_that_was_rotated_stay_good(ada: House) -> None:
    """Until they end: nobody is thrown out of a chat by it."""
    token = issued(ada)
    ada.server.admin("signing-key.rotate")
    assert asked(ada, token).status == 200
    assert asked(ada, issued(ada)).status == 200


def test_verified_tokens_are_remembered_up_to_a_bound(ada: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was forgotten is verified again."""
    # Other keys: what was remembered before is forgotten.
    ada.server.admin("signing-key.rotate")
    monkeypatch.setattr(access, "CACHE_MAX", 3)
    tokens = [issued(ada, family=str(number)) for number in range(6)]
    for token in tokens * 2:
        assert asked(ada, token).status == 200
    assert all(len(app.access._verified) <= 3 for app in ada.server.apps)  # noqa: SLF001 - the bound is inside


def test_scopes_are_not_remembered_beyond_their_token(ada: House) -> None:
    """A narrower token of the same user is narrower."""
    wide, narrow = issued(ada, scopes=frozenset({"desk", "reporting"})), issued(ada, scopes=frozenset({"quality"}))
    assert asked(ada, wide).status == 200
    assert asked(ada, narrow).reason == "missingScope"
