"""Asking an organization's provider who somebody is: authorization code, PKCE and nonce (OpenID Connect Core, 3.1)."""

from __future__ import annotations

import asyncio
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import Token
from msgspec import Struct

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.actions.journeys import Journey
from frontdesk.domain.errors import Unauthenticated, Unavailable
from frontdesk.domain.oidc import (
    ALGORITHMS,
    Endpoints,
    Identity,
    Provider,
    completed,
    discovery,
    endpoints_of,
    identity_of,
    wrong_token,
)

# Milliseconds that a provider's description and its keys are believed.
KNOWN_MS = 3600 * 1000
# Milliseconds before they are read again for a token that they don't fit: whoever makes tokens up must not make us
# ask each time.
AGAIN_MS = 60 * 1000
# Milliseconds for which one that gave no good answer is not asked again: whoever comes would wait for it, one by one.
PAUSE_MS = 5 * 1000
SCOPE = "openid profile email"
# RFC 6750, 2.1: what may stand in a header.
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{1,8000}=*")


class Web(Protocol):
    """The provider, as it can be reached. Raises OSError when it can't be, or takes too long."""

    async def get(self, url: str, token: str = "") -> bytes:
        """What is there, for the bearer of a token where there is one. Raises OSError also for any status but 200."""

    async def post(self, url: str, fields: Mapping[str, str], basic: tuple[str, str] | None) -> tuple[int, bytes]:
        """Status and body of what a form is answered with; `basic` are name and secret."""


class Known(Struct):
    """What a provider said of itself, and when it was asked."""

    endpoints: Endpoints
    keys: KeySet
    asked_ms: int


class Oidc:
    """The providers of all organizations."""

    def __init__(self, context: Context, web: Web) -> None:
        self._clock = context.clock
        self._web = web
        self._known: dict[str, Known] = {}
        # One question at a time to each provider; and until when one that gave no good answer is left alone, and why.
        self._asking: dict[str, asyncio.Lock] = {}
        self._left_alone: dict[str, tuple[int, Unavailable]] = {}

    async def address(self, provider: Provider, journey: Journey, back: str) -> str:
        """Where somebody is sent to sign in. Raises Unavailable."""
        known = await self._about(provider)
        fields = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": back,
            "scope": SCOPE,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": urlsafe_b64encode(sha256(journey.verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = known.endpoints.authorization
        return f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"

    async def identify(self, provider: Provider, journey: Journey, back: str, code: str) -> Identity:
        """Who came back with this code. Raises Unauthenticated, Unavailable."""
        known = await self._about(provider)
        token, access = await self._redeem(provider, known.endpoints, code, journey.verifier, back)
        claims = await self._claims(provider, known, token)
        identity = identity_of(provider, claims, journey.nonce, self._clock.now_ms())
        if "email" in claims or not access or not known.endpoints.userinfo:
            return identity
        try:
            return completed(provider, identity, _json(await self._web.get(known.endpoints.userinfo, access)))
        except OSError as error:
            # Somebody new would be made without their name, and stay so.
            raise _away(error) from None

    async def _redeem(
        self, provider: Provider, where: Endpoints, code: str, verifier: str, back: str
    ) -> tuple[str, str]:
        """The id token and the access token for a code (OpenID Connect Core, 3.1.3)."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        basic = None
        if provider.client_secret and where.basic:
            # RFC 6749, 2.3.1: encoded before they are put together.
            basic = (quote_plus(provider.client_id), quote_plus(provider.client_secret))
        else:
            secret = {"client_secret": provider.client_secret} if provider.client_secret else {}
            fields |= {"client_id": provider.client_id, **secret}
        try:
            status, body = await self._web.post(where.token, fields, basic)
        except OSError as error:
            raise _away(error) from None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _away(OSError(f"{where.token} answers {status}"))
        told = _json(body) if status == HTTPStatus.OK else {}
        token, access = told.get("id_token"), told.get("access_token")
        if not isinstance(token, str):
            raise provider_refused()
        return token, access if isinstance(access, str) and _BEARER.fullmatch(access) else ""

    async def _claims(self, provider: Provider, known: Known, token: str) -> Any:
        """What is in a token that the provider signed. Raises Unauthenticated, Unavailable."""
        read = _read(token, known.keys)
        if read is None and self._clock.now_ms() - known.asked_ms >= AGAIN_MS:
            # It may have changed its keys since.
            read = _read(token, (await self._about(provider, AGAIN_MS)).keys)
        if read is None:
            raise wrong_token("It is not signed with a key of the provider.")
        return read.claims

    async def _about(self, provider: Provider, life_ms: int = KNOWN_MS) -> Known:
        """What the provider said of itself no longer ago than that. Raises Unavailable."""
        async with self._asking.setdefault(provider.issuer, asyncio.Lock()):
            known = self._known.get(provider.issuer)
            if known is None or self._clock.now_ms() - known.asked_ms >= life_ms:
                known = await self._ask(provider)
            return known

    async def _ask(self, provider: Provider) -> Known:
        """What the provider says of itself now. Raises Unavailable."""
        until_ms, why = self._left_alone.get(provider.issuer, (0, None))
        if why is not None and self._clock.now_ms() < until_ms:
            # Its traces would grow with everyone who comes meanwhile.
            raise why.with_traceback(None)
        try:
            known = self._known[provider.issuer] = await self._told(provider)
        except Unavailable as refusal:
            self._left_alone[provider.issuer] = self._clock.now_ms() + PAUSE_MS, refusal
            raise
        return known

    async def _told(self, provider: Provider) -> Known:
        try:
            endpoints = endpoints_of(provider, _json(await self._web.get(discovery(provider))))
            keys = _keys(_json(await self._web.get(endpoints.keys)))
        except OSError as error:
            raise _away(error) from None
        return Known(endpoints, keys, self._clock.now_ms())


def provider_refused() -> Unauthenticated:
    """The refusal when the provider does not vouch for anybody."""
    return Unauthenticated(
        "providerRefused", "The identity provider did not sign you in. Try again, or ask your administrator.",
        scope="code",
    )  # fmt: skip


def _away(error: OSError) -> Unavailable:
    telemetry.log.warning("oidc.provider_away", error=str(error))
    return Unavailable("providerAway", "The identity provider does not answer. Try again in a moment.", scope="issuer")


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        found = None
    return found if isinstance(found, dict) else {}


def _keys(told: dict[str, Any]) -> KeySet:
    """The keys that sign. One that can't be read must not spoil the others."""
    found = []
    listed = told.get("keys")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC", "OKP"):
            try:
                found += KeySet.import_key_set({"keys": [each]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return KeySet(found)


def _read(token: str, keys: KeySet) -> Token | None:
    try:
        return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError):
        return None
