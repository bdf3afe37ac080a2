"""The endpoints of OAuth 2.0: tokens (RFC 6749), their end (RFC 7009), and what there is (RFC 8414)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from frontdesk.actions.oauth import OAuth, Tokens
from frontdesk.domain.errors import Invalid, Refusal, TooMany, Unauthenticated, Unavailable
from frontdesk.domain.people import Client
from frontdesk.domain.scopes import ALL
from frontdesk.http.forms import form, needed
from frontdesk.http.later import Later
from frontdesk.http.limits import Limiter
from frontdesk.http.routes import Route, route
from frontdesk.http.wire import Answer, Call, Headers, Result, failure_answer, json_answer
from frontdesk.ports import Clock, Store

BASE = "/tokenservice/oauth2"
_TAG = "Signing in"
_BASIC = b"basic "
# Our reasons → the words of RFC 6749, 5.2. What is not here is a request that makes no sense.
_WORDS = {
    "invalidClient": "invalid_client",
    "invalidGrant": "invalid_grant",
    "unauthorizedClient": "unauthorized_client",
    "unsupportedGrantType": "unsupported_grant_type",
    "invalidScope": "invalid_scope",
}
_CHALLENGE: Headers = ((b"www-authenticate", b'Basic realm="frontdesk", charset="UTF-8"'),)


class TokenAnswer(msgspec.Struct, frozen=True):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None


class Address:
    """Under which address callers reach us: as it is set, or as they say it; that goes back to themselves alone."""

    def __init__(self, public_url: str, *, tls: bool) -> None:
        self._public_url = public_url
        self._scheme = "https" if tls else "http"

    def of(self, call: Call) -> str:
        """Scheme, host and port, without a slash at the end."""
        host = call.request.headers.get(b"host", b"localhost").decode("latin-1")
        return self._public_url or f"{self._scheme}://{host}"


class OAuthApi:
    """Gives out tokens over HTTP. `grants` tells each way to get one."""

    def __init__(self, oauth: OAuth, store: Store, clock: Clock, limiter: Limiter, address: Address) -> None:
        self._oauth = oauth
        self._clock = clock
        self._limiter = limiter
        self._address = address
        self._later = Later(store, oauth_answer)
        self._grants: dict[str, Callable[[Client, dict[str, str]], Any]] = {
            "client_credentials": self._client_credentials,
            "authorization_code": self._code,
            "refresh_token": self._refresh,
        }

    def token(self, call: Call) -> Result:
        """An access token: for a program by its secret, for people by the code that signing in gave, or refreshed."""

        async def work() -> Answer:
            self._limiter.check(call.address, self._clock.now_ms())
            fields = form(call)
            grant = self._grants.get(needed(fields, "grant_type"))
            if grant is None:
                raise Invalid("unsupportedGrantType", f"Use one of {', '.join(self._grants)}.", scope="grant_type")
            return _token_answer(await grant(self._client(call, fields), fields))

        return self._later(work)

    def revoke(self, call: Call) -> Result:
        """End a refresh token or an access token, and the sign-in that it belongs to. 200 also when there is none."""

        async def work() -> Answer:
            self._limiter.check(call.address, self._clock.now_ms())
            fields = form(call)
            await self._oauth.revoke(self._client(call, fields), needed(fields, "token"))
            return Answer(200, headers=((b"cache-control", b"no-store"),))

        return self._later(work)

    def metadata(self, call: Call) -> Result:
        """Where everything is (RFC 8414)."""
        url = self._address.of(call)
        return json_answer(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}{BASE}/authorize",
                "token_endpoint": f"{url}{BASE}/access_token",
                "revocation_endpoint": f"{url}{BASE}/revoke",
                "scopes_supported": ALL,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": list(self._grants),
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def _client(self, call: Call, fields: dict[str, str]) -> Client:
        """Who asks (RFC 6749, 2.3): by HTTP Basic, or by fields of the body. Raises Unauthenticated, Invalid."""
        client_id, secret = _basic(call.request.headers.get(b"authorization", b""))
        if not client_id:
            client_id, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        elif "client_secret" in fields:
            raise Invalid("twoSecrets", "Send the client's secret in one place.", scope="client_secret")
        return self._oauth.authenticated(fields.get("realm", ""), client_id, secret)

    async def _client_credentials(self, client: Client, fields: dict[str, str]) -> Tokens:
        return self._oauth.for_client(client, fields.get("scope", ""))

    async def _code(self, client: Client, fields: dict[str, str]) -> Tokens:
        code, verifier = needed(fields, "code"), needed(fields, "code_verifier")
        return await self._oauth.redeem(client, code, verifier, needed(fields, "redirect_uri"))

    async def _refresh(self, client: Client, fields: dict[str, str]) -> Tokens:
        return await self._oauth.refresh(client, needed(fields, "refresh_token"), fields.get("scope", ""))


def oauth_answer(error: BaseException) -> Answer:
    """A refusal that clients of OAuth and clients of ours understand alike."""
    answer = failure_answer(error)
    if not isinstance(error, Refusal):
        error = Unavailable("internalError", "Something went wrong on our side; repeat the request later.")
    body = {
        "error": _word(error),
        "error_description": error.message,
        **msgspec.json.decode(answer.body),
    }
    challenge = _CHALLENGE if answer.status == HTTPStatus.UNAUTHORIZED else ()
    return Answer(answer.status, msgspec.json.encode(body), (*answer.headers, *challenge))


def _word(refusal: Refusal) -> str:
    if isinstance(refusal, TooMany):
        return "temporarily_unavailable"
    return "server_error" if isinstance(refusal, Unavailable) else _WORDS.get(refusal.reason, "invalid_request")


def _token_answer(tokens: Tokens) -> Answer:
    shown = {
        "access_token": tokens.access_token,
        "token_type": tokens.token_type,
        "expires_in": tokens.expires_in,
        "scope": tokens.scope,
    }
    return json_answer({**shown, "refresh_token": tokens.refresh_token} if tokens.refresh_token else shown)


def _basic(value: bytes) -> tuple[str, str]:
    """Id and secret of an Authorization header (RFC 7617; both percent-encoded, RFC 6749, 2.3.1)."""
    if value[:6].lower() != _BASIC:
        return "", ""
    try:
        client_id, colon, secret = b64decode(value[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = client_id = secret = ""
    if not colon or not client_id:
        raise Unauthenticated("invalidClient", "Send the client's id and secret as HTTP Basic.", scope="Authorization")
    return unquote_plus(client_id), unquote_plus(secret)


def routes(api: OAuthApi) -> tuple[Route, ...]:
    """Every operation of OAuth."""
    return (
        route("POST", f"{BASE}/access_token", api.token, tag=_TAG, summary="Get an access token", success=200,
              answer=TokenAnswer),
        route("POST", f"{BASE}/revoke", api.revoke, tag=_TAG, summary="End a token", success=200),
        route("GET", "/.well-known/oauth-authorization-server", api.metadata, tag=_TAG,
              summary="Where the endpoints of OAuth are", success=200),
    )  # fmt: skip
