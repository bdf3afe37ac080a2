"""Why a request is refused, as one small tree.

    Refusal                 the base: scope, stable reason, and a message that says what to do
    ├── Invalid             the request itself is wrong; repeating it unchanged is useless
    ├── Unauthenticated     token, API key or streaming session is missing, wrong or over
    ├── Forbidden           the caller is known, and may not do this
    ├── NotFound            the named thing does not exist (for this organization)
    ├── TooMany             a limit is reached; `retry_after` says when to come back
    └── Unavailable         a passing fault on our side; nothing was stored

`reason` is part of the API: it never changes once released. The HTTP status of each class stands in
`http/wire.py`; this module knows nothing of HTTP.
"""

from __future__ import annotations


class Refusal(Exception):
    """A request that is answered with an ErrorResponse instead of being carried out."""

    def __init__(self, reason: str, message: str, *, scope: str = "") -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.scope = scope


class Invalid(Refusal):
    """The request breaks a rule of the API."""


class Unauthenticated(Refusal):
    """Who asks could not be established."""


class Forbidden(Refusal):
    """The caller is known, and may not do this (RFC 6750, 3.1)."""


class NotFound(Refusal):
    """What is asked for does not exist."""


class TooMany(Refusal):
    """A limit is reached.

    `limit` and `remaining` count requests, `retry_after` is in seconds (at least 1).
    """

    def __init__(self, reason: str, message: str, *, limit: int = 0, retry_after: int = 1, scope: str = "") -> None:
        super().__init__(reason, message, scope=scope)
        self.limit = limit
        self.remaining = 0
        self.retry_after = max(1, retry_after)


class Unavailable(Refusal):
    """A passing fault: the same request may be repeated as it is."""


INVALID_SESSION = "Invalid or expired session"


def invalid_session() -> Unauthenticated:
    """The documented refusal of a streaming session that is over or never was."""
    return Unauthenticated("invalidSession", INVALID_SESSION, scope="via-client-sessionid")


def desk_session_over() -> Invalid:
    """The same for an agent's (contract, `wire.md`, Agents): 400."""
    return Invalid("invalidSession", INVALID_SESSION, scope="via-client-sessionid")


def no_open_interaction() -> NotFound:
    """Refusal of a message on a streaming session that holds no open interaction."""
    return NotFound(
        "noOpenInteraction",
        "This streaming session has no open interaction; send messaging/connect first.",
        scope="via-client-sessionid",
    )
