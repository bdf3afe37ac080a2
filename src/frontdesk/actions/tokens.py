"""Web tokens: short-lived bearers for anonymous clients (document, "Get Web Token").

HS256 JSON Web Tokens (RFC 7519) with exactly the documented claims orgId, iat and exp. `kid` in the header names the
key, so that keys rotate: the newest one signs, a retired one still verifies for as long as its tokens live.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from frontdesk.domain.errors import Unauthenticated, Unavailable
from frontdesk.domain.limits import WEB_TOKEN_SECONDS
from frontdesk.domain.model import SigningKey

# Verified tokens remembered: verifying costs 31 us, remembering 0.2. Bounded, so that a flood of tokens can't
# fill the memory; a forgotten one is verified again.
CACHE_MAX = 50_000
_ALGORITHMS = ["HS256"]
_KIND = "JWT"
# A token of ours has some 300 characters; anything much longer is not worth parsing.
TOKEN_MAX = 1000


def new_signing_key(now_ms: int) -> SigningKey:
    """256 random bits, as RFC 7518, 3.2 asks for HS256."""
    return SigningKey(kid=secrets.token_hex(4), secret=secrets.token_hex(32), created_ms=now_ms)


class Keys:
    """The keys that sign here. `generation` rises when they change: tokens of a key that is gone are worth nothing."""

    def __init__(self) -> None:
        self._keys: dict[str, OctKey] = {}
        self._signer = ""
        self.generation = 0

    def load(self, keys: tuple[SigningKey, ...], now_ms: int) -> None:
        """Use these keys from now on."""
        live = [k for k in keys if not k.retired_ms or k.retired_ms + WEB_TOKEN_SECONDS * 1000 > now_ms]
        self._keys = {k.kid: OctKey.import_key(bytes.fromhex(k.secret)) for k in live}
        signing = [k for k in live if not k.retired_ms]
        self._signer = max(signing, key=lambda k: k.created_ms).kid if signing else ""
        self.generation += 1

    def sign(self, claims: dict[str, Any], kind: str) -> str:
        """A token of a kind (RFC 7515, `typ`). Raises Unavailable when there is no key to sign with."""
        if not self._signer:
            raise _no_key()
        header = {"alg": "HS256", "typ": kind, "kid": self._signer}
        return jwt.encode(header, claims, self._keys[self._signer], algorithms=_ALGORITHMS)

    def derived(self, text: str) -> str:
        """A secret that follows from `text` and the key. No token is: what is signed there has no space in it."""
        if not self._signer:
            raise _no_key()
        made = hmac.digest(self._keys[self._signer].raw_value, text.encode(), "sha256")
        return urlsafe_b64encode(made).rstrip(b"=").decode()

    def read(self, token: str, kind: str, most: int = TOKEN_MAX) -> dict[str, Any] | None:
        """The claims of a token of this kind, of at most so many characters, that was signed here; else None."""
        if len(token) > most:
            return None
        try:
            # The header is read before the signature is checked, only to find the key that must have made it.
            header = jws.extract_compact(token.encode()).headers()
            key = self._keys.get(str(header.get("kid", "")))
            if key is None or header.get("typ") != kind:
                return None
            return jwt.decode(token, key, algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError, KeyError, TypeError):
            return None


def _no_key() -> Unavailable:
    return Unavailable("noSigningKey", "The server has no signing key; its operator runs `frontdesk init`.")


class WebTokens:
    """Signs and verifies."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._generation = 0
        self._verified: dict[str, tuple[str, int]] = {}

    def issue(self, org_id: str, now_ms: int) -> tuple[str, int]:
        """A new token and its end in seconds since the epoch. Raises Unavailable when there is no key to sign with."""
        issued = now_ms // 1000
        expires = issued + WEB_TOKEN_SECONDS
        return self._keys.sign({"orgId": org_id, "iat": issued, "exp": expires}, _KIND), expires

    def verify(self, token: str, org_id: str, now_ms: int) -> int:
        """The token's end in ms. Raises Unauthenticated unless it is ours, for this organization, and not over."""
        if self._generation != self._keys.generation:
            self._generation = self._keys.generation
            self._verified.clear()
        known = self._verified.get(token)
        if known is None:
            known = self._check(token)
            if len(self._verified) >= CACHE_MAX:
                # The oldest goes: dicts keep the order of insertion.
                del self._verified[next(iter(self._verified))]
            self._verified[token] = known
        owner, expires = known
        if owner != org_id:
            raise _wrong("This token belongs to another organization; get one for this.")
        if now_ms >= expires * 1000:
            raise Unauthenticated("expiredToken", "This web token is over; get a new one.", scope="Authorization")
        return expires * 1000

    def _check(self, token: str) -> tuple[str, int]:
        claims = self._keys.read(token, _KIND) or {}
        owner, expires = claims.get("orgId"), claims.get("exp")
        if not isinstance(owner, str) or not isinstance(expires, int):
            raise _wrong()
        return owner, expires


def _wrong(message: str = "Send a valid web token: Authorization: Bearer <tokenId>.") -> Unauthenticated:
    return Unauthenticated("invalidToken", message, scope="Authorization")
