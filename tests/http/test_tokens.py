"""Web tokens: their claims, their end, their keys; and what is no token of ours."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from frontdesk.actions.directory import digest
from frontdesk.domain.errors import Invalid
from tests.support.client import Client
from tests.support.server import Running, running
from tests.support.wire import Answer

USE = "streaming/session/webClient"


def _part(token: str, index: int) -> Any:
    raw = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _use(client: Client, token: str) -> Answer:
    return client.post(USE, authorization=f"Bearer {token}")


def _signed(server: Running, claims: dict[str, Any], **header: Any) -> str:
    """A token made with the server's own key."""
    key = server.call(lambda: server.app.context.directory.signing_keys[-1])
    secret = OctKey.import_key(bytes.fromhex(key.secret))
    return jwt.encode({"alg": "HS256", "typ": "JWT", "kid": key.kid, **header}, claims, secret)


def _claims(server: Running, **other: Any) -> dict[str, Any]:
    now = server.clock.now_ms() // 1000
    return {"orgId": "viademo", "iat": now, "exp": now + 3600, **other}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_token_has_exactly_the_documented_claims(server: Running, client: Client, method: str) -> None:
    """Organization, issue and end an hour apart; the answer tells the same end."""
    answer = client.ask(method, "webToken")
    assert answer.status == 200
    body = answer.json()
    claims = _part(body["tokenId"], 1)
    assert set(body) == {"tokenId", "expirationTime"}
    assert set(claims) == {"orgId", "iat", "exp"}
    assert claims["orgId"] == "viademo"
    assert claims["iat"] == server.clock.now_ms() // 1000
    assert claims["exp"] - claims["iat"] == 3600
    assert {"alg": "HS256", "typ": "JWT"}.items() <= _part(body["tokenId"], 0).items()


def test_end_is_told_in_rfc_3339() -> None:
    """The clock begins on 1 January 2026; the token ends an hour later."""
    with running() as server, server.client() as client:
        assert client.post("webToken").json()["expirationTime"] == "2026-01-01T01:00:00.000Z"


def test_token_ends_after_an_hour_and_another_goes_on(server: Running) -> None:
    """To the second; the streaming session does not care which token of the organization is used."""
    with server.contact(inactivityDelay=3600) as contact:
        server.advance(3599)
        contact.connect()
        server.advance(1)
        refused = contact.post("messaging/sendText", {"text": "x"})
        assert (refused.status, refused.reason) == (401, "expiredToken")
    with server.contact(inactivityDelay=3600) as contact:
        server.advance(1800)
        contact.token()
        server.advance(1799)
        contact.connect()


def test_key_rotation_keeps_old_tokens_until_their_end() -> None:
    """A new key signs at once; tokens of the old one are good for the rest of their hour, whatever else is rotated."""
    with running() as server, server.client() as client:
        old = client.token()
        rotated = server.admin("signing-key.rotate")
        new = client.token()
        assert _part(old, 0)["kid"] in rotated["retired"]
        assert _part(new, 0)["kid"] == rotated["kid"] != _part(old, 0)["kid"]
        assert _use(client, old).status == _use(client, new).status == 200
        server.advance(1800)
        server.admin("signing-key.rotate")
        assert _use(client, old).status == 200
        server.advance(1800)
        assert _use(client, old).reason == "expiredToken"


def test_rotation_survives_a_restart(tmp_path: Any) -> None:
    """Keys are stored: tokens made before a restart are good after it."""
    with running(tmp_path / "data") as server, server.client() as client:
        old = client.token()
        server.admin("signing-key.rotate")
        new = client.token()
        clock = server.clock
    with running(tmp_path / "data", clock=clock) as server, server.client() as client:
        assert _use(client, old).status == _use(client, new).status == 200


def test_revoked_key_takes_no_token_out_of_use(server: Running) -> None:
    """A revoked API key is refused at once; tokens belong to the organization, not to the key."""
    key = server.admin("apikey.create", org_id="viademo", name="second")
    with server.client(key=key["key"]) as client:
        token = client.token()
        server.admin("apikey.revoke", key_id=key["keyId"])
        assert client.post("webToken").reason == "invalidApiKey"
        client.credentials["x-api-key"] = "demo-key"
        assert _use(client, token).status == 200


def test_longest_api_key(server: Running) -> None:
    """200 characters are taken; a longer one is neither made nor remembered with the wrong ones."""
    server.admin("apikey.create", org_id="viademo", name="long", key="k" * 200)
    with server.client(key="k" * 200) as client:
        client.token()
        remembered = digest.cache_info().currsize
        assert client.post("webToken", x_api_key="k" * 201).reason == "invalidApiKey"
        assert digest.cache_info().currsize == remembered
    with pytest.raises(Invalid, match="at most 200"):
        server.admin("apikey.create", org_id="viademo", key="k" * 201)


def test_token_of_another_organization_is_refused(server: Running, client: Client) -> None:
    """However valid it is there."""
    with server.client(org="acme", key="acme-key") as other:
        refused = _use(client, other.token())
    assert (refused.status, refused.reason) == (401, "invalidToken")


def test_forged_tokens_are_refused(server: Running, client: Client) -> None:
    """Only our key's HMAC counts: no other key under the same kid, no other algorithm, none at all."""
    header, claims, signature = client.token().split(".")
    kid = _part(f"{header}.x.x", 0)["kid"]
    other = OctKey.import_key("another secret of more than 32 bytes")
    bad = {
        "another key": jwt.encode({"alg": "HS256", "kid": kid}, _claims(server), other),
        "unknown kid": jwt.encode({"alg": "HS256", "kid": "x"}, _claims(server), other),
        "no kid": jwt.encode({"alg": "HS256"}, _claims(server), other),
        "alg none": f"{_encoded({'alg': 'none', 'kid': kid})}.{claims}.",
        "alg None": f"{_encoded({'alg': 'None', 'kid': kid})}.{claims}.{signature}",
        "alg RS256": f"{_encoded({'alg': 'RS256', 'kid': kid})}.{claims}.{signature}",
        "kid is a list": f"{_encoded({'alg': 'HS256', 'kid': [kid]})}.{claims}.{signature}",
        "header is a list": f"{_encoded(['HS256'])}.{claims}.{signature}",
        "claims changed": f"{header}.{_encoded(_claims(server, orgId='acme'))}.{signature}",
        "claims are a list": f"{header}.{_encoded([1])}.{signature}",
        "signature cut": f"{header}.{claims}.{signature[:-2]}",
        "no signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "four parts": f"{header}.{claims}.{signature}.{signature}",
        "nothing": "",
        "dots": "..",
        "no base64": "é.é.é",
        "very long": f"{header}.{claims}{'A' * 9000}.{signature}",
    }
    refused = {name: _use(client, token).status for name, token in bad.items()}
    assert refused == dict.fromkeys(bad, 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "tomorrow"},
        {"exp": None},
        {"exp": 0},
        {"exp": -1},
        {"orgId": None},
        {"orgId": 5},
        {"orgId": ["viademo"]},
        {"orgId": "VIADEMO"},
    ],
    ids=str,
)
def test_odd_claims_are_refused_though_well_signed(server: Running, client: Client, claims: dict[str, Any]) -> None:
    """Should a key ever sign something else, it is still no web token."""
    assert _use(client, _signed(server, _claims(server, **claims))).status == 401


def test_well_signed_control(server: Running, client: Client) -> None:
    """The tokens that the test above makes are refused for their claims alone."""
    assert _use(client, _signed(server, _claims(server))).status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_read_without_regard_to_case(client: Client, scheme: str) -> None:
    """RFC 9110, 11.1."""
    token = client.token()
    assert client.post(USE, authorization=f"{scheme} {token}").status == 200
