"""Access tokens: what users and clients show with every request (RFC 6750, RFC 9068).

HS256 JSON Web Tokens by the same keys as web tokens, of another type, so that neither passes for the other. What they
say is checked against the directory each time: a user who was disabled or signed out everywhere is out at once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.tokens import Keys
from frontdesk.domain.errors import Unauthenticated
from frontdesk.domain.people import Bearer

# Seconds. Shorter than a shift: the desk renews it with its refresh token.
LIFE_SECONDS = 3600
# Verified tokens remembered: as many as people and programs may be at work.
CACHE_MAX = 20_000
_KIND = "at+jwt"
# The kind of the items that hold them, one for each user.
ENDED_SIGN_INS = "endedSignIns"
_ended = msgspec.json.Decoder(dict[str, int])


class AccessTokens:
    """Signs and verifies."""

    def __init__(self, keys: Keys, directory: LiveDirectory) -> None:
        self._keys = keys
        self._directory = directory
        self._generation = 0
        self._verified: dict[str, Bearer] = {}

    def issue(self, bearer: Bearer) -> str:
        """The token that speaks for `bearer`. Raises Unavailable when there is no key to sign with."""
        claims: dict[str, Any] = {
            "orgId": bearer.org_id,
            "cid": bearer.client_id,
            "scope": " ".join(sorted(bearer.scopes)),
            "fam": bearer.family,
            "iat": bearer.issued_ms // 1000,
            "exp": bearer.expires_ms // 1000,
            # To the millisecond: a sign-out in the same second must not spare or hit the wrong ones.
            "ims": bearer.issued_ms,
        }
        if bearer.user_id:
            claims["sub"] = bearer.user_id
        return self._keys.sign(claims, _KIND)

    def following(self, secret: str, number: int) -> str:
        """The refresh token that follows from this secret's use `number`: nobody finds it who has not the secret.

        Nor from a copy of the database, which holds the key and the number, and of the secret only its digest.
        """
        return self._keys.derived(f"refresh {number} {secret}")

    def verify(self, token: str, org_id: str, now_ms: int) -> Bearer:
        """Whom the token speaks for. Raises Unauthenticated unless that holds now, and in this organization."""
        if self._generation != self._keys.generation:
            self._generation = self._keys.generation
            self._verified.clear()
        bearer = self._verified.get(token) or self._remember(token)
        if bearer.org_id != org_id:
            raise _wrong("This token belongs to another organization; get one for this.")
        if now_ms >= bearer.expires_ms:
            raise Unauthenticated("expiredToken", "This access token is over; get a new one.", scope="Authorization")
        if not self.still_holds(bearer):
            raise _wrong("This access token was revoked; sign in again.")
        return bearer

    def _remember(self, token: str) -> Bearer:
        bearer = _bearer_of(self._keys.read(token, _KIND) or {})
        if len(self._verified) >= CACHE_MAX:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = bearer
        return bearer

    def still_holds(self, bearer: Bearer) -> bool:
        """Whether neither the sign-in, its user nor its client has ended since; whatever the hour."""
        if self._directory.has_ended(bearer.org_id, bearer.client_id):
            # Also for people who signed in there: a program that leaked its secret may have leaked their tokens.
            return False
        if bearer.user_id:
            user = self._directory.user(bearer.org_id, bearer.user_id)
            good = user is not None and not user.disabled_ms and bearer.issued_ms >= user.valid_from_ms
        else:
            good = self._directory.client(bearer.org_id, bearer.client_id) is not None
        return good and bearer.family not in ended_sign_ins(self._directory, bearer.org_id, bearer.actor)


def ended_sign_ins(directory: LiveDirectory, org_id: str, actor: str) -> dict[str, int]:
    """An actor's sign-ins that ended before their access tokens do, with the time (ms) at which those are over anyway.

    Kept in the directory, as every node looks there: what one of them ends is over on all within half a second.
    """
    item = directory.item(org_id, ENDED_SIGN_INS, actor)
    return _ended.decode(item.body) if item is not None else {}


def _bearer_of(claims: dict[str, Any]) -> Bearer:
    try:
        return Bearer(
            org_id=str(claims["orgId"]),
            user_id=str(claims.get("sub", "")),
            client_id=str(claims["cid"]),
            scopes=frozenset(str(claims["scope"]).split()),
            family=str(claims["fam"]),
            issued_ms=int(claims["ims"]),
            expires_ms=int(claims["exp"]) * 1000,
        )
    except (KeyError, TypeError, ValueError):
        raise _wrong() from None


def _wrong(message: str = "Send a valid access token: Authorization: Bearer <access_token>.") -> Unauthenticated:
    return Unauthenticated("invalidToken", message, scope="Authorization")
