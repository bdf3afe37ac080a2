"""Sign-ins that went to a provider and are not back: what we must know then travels with the browser, signed.

Any node can go on with it, and nothing is stored for those who never come back.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.actions.tokens import Keys
from frontdesk.domain.errors import Invalid

# Milliseconds that somebody may take at the provider: a second factor may have to be found.
LIFE_MS = 10 * 60 * 1000
# Characters. Browsers keep cookies of up to 4096 bytes.
SEALED_MAX = 3800
_KIND = "signin+jwt"


class Journey(Struct, frozen=True, kw_only=True):
    """One sign-in under way. `asked` are the fields with which the client asked for it.

    What `state` is for: RFC 6749, 10.12; `nonce`: OpenID Connect Core, 3.1.2.1; `verifier`: RFC 7636, 4.1.
    """

    org_id: str
    asked: dict[str, str]
    expires_ms: int
    state: str
    nonce: str
    verifier: str


class Journeys:
    """Begins them, and takes them back."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def begin(self, org_id: str, asked: dict[str, str], now_ms: int) -> Journey:
        """A new one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return Journey(
            org_id=org_id, asked=asked, expires_ms=now_ms + LIFE_MS, state=state, nonce=nonce, verifier=verifier
        )

    def seal(self, journey: Journey) -> str:
        """As it travels. Raises Unavailable when there is no key to sign with, Invalid when it is too long."""
        claims: dict[str, Any] = msgspec.to_builtins(journey)
        sealed = self._keys.sign(claims, _KIND)
        if len(sealed) > SEALED_MAX:
            raise Invalid("requestTooLong", "Ask with a shorter redirect_uri or state.", scope="query")
        return sealed

    def open(self, sealed: str, state: str, now_ms: int) -> Journey:
        """The one that comes back with this state. Raises Invalid."""
        claims = self._keys.read(sealed, _KIND, SEALED_MAX)
        try:
            journey = msgspec.convert(claims, Journey)
        except msgspec.ValidationError:
            raise _over() from None
        if now_ms >= journey.expires_ms or not hmac.compare_digest(journey.state.encode(), state.encode()):
            raise _over()
        return journey


def _over() -> Invalid:
    return Invalid(
        "signInOver", "This sign-in is over, or was begun in another browser. Go back to where you came from.",
        scope="state",
    )  # fmt: skip
