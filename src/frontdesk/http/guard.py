"""Who asks: the checks before every endpoint, in the contract's order.

404 unknown organization · 401 token · 401 API key · 400 missing session header · 401 dead session.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from frontdesk.actions.directory import LiveDirectory, unknown_organization
from frontdesk.actions.sessions import Sessions
from frontdesk.actions.tokens import WebTokens
from frontdesk.actions.usage import UsageCounter
from frontdesk.domain.errors import Invalid, Unauthenticated
from frontdesk.domain.model import ApiKey, Organization, Session
from frontdesk.http.wire import Call
from frontdesk.ports import Clock

_BEARER = b"bearer "


class Guard(IntEnum):
    """How much of it a route needs; each level includes those above it, contacts' and staff's apart."""

    NOTHING = 0
    API_KEY = 1
    TOKEN = 2
    SESSION = 3
    # An access token of a user or a client (`http/staff.py`); with it, the streaming session of a desk.
    BEARER = 8
    DESK = 9


class Demand(Protocol):
    """What a route asks of its callers."""

    @property
    def guard(self) -> Guard:
        """How much of the checks it needs."""

    @property
    def scope(self) -> str:
        """The scope that a bearer needs; "" where contacts call."""


class Standing:
    """The outcome of all checks of one caller. Worth nothing once token, key or session may have ended."""

    __slots__ = ("api_key", "expires_ms", "generation", "node", "session")

    def __init__(self, session: Session, api_key: ApiKey, expires_ms: int, generation: int) -> None:
        self.session = session
        self.api_key = api_key
        self.expires_ms = expires_ms
        self.generation = generation
        # Where the session was at home then: it may move.
        self.node = session.node


class Gate:
    """Runs the checks and fills in the call."""

    def __init__(
        self, directory: LiveDirectory, tokens: WebTokens, sessions: Sessions, usage: UsageCounter, clock: Clock
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._sessions = sessions
        self._usage = usage
        self._clock = clock
        # Checks staff and integrations, and fills in `call.bearer`; the wiring sets it.
        self.staff: Callable[[Demand, Call], None]

    def check(self, route: Demand, call: Call, organization: Organization | None) -> None:
        """Who asks, up to the API key. Raises NotFound, Unauthenticated: the first check that fails."""
        guard, headers = route.guard, call.request.headers
        if organization is None:
            raise unknown_organization()
        call.organization = organization
        org_id = organization.org_id
        if guard >= Guard.BEARER:
            call.staff = True
            self.staff(route, call)
            return
        if guard >= Guard.TOKEN:
            token = bearer_token(headers.get(b"authorization", b""))
            if not token:
                raise Unauthenticated(
                    "missingToken", "Send a web token: Authorization: Bearer <tokenId>.", scope="Authorization"
                )
            call.expires_ms = self._tokens.verify(token, org_id, self._clock.now_ms())
        key = headers.get(b"x-api-key", b"").decode("latin-1")
        if not key:
            raise Unauthenticated("missingApiKey", "Send the header x-api-key.", scope="x-api-key")
        call.api_key = self._directory.api_key(org_id, key)
        if guard >= Guard.SESSION:
            call.session_id = headers.get(b"via-client-sessionid", b"").decode("latin-1")
            if not call.session_id:
                raise Invalid("missingSessionId", "Send the header via-client-sessionid.", scope="via-client-sessionid")

    def enter(self, guard: Guard, call: Call, endpoint: str) -> None:
        """Count the call, and find its session. Raises Unauthenticated when that is over."""
        if guard >= Guard.BEARER:
            return
        self._usage.count(call.api_key.key_id, endpoint)
        self.find(guard, call)

    def find(self, guard: Guard, call: Call) -> None:
        """Find the session of a contact's call. Raises Unauthenticated when that is over."""
        if call.session_id and guard < Guard.BEARER:
            call.session = self._sessions.get(call.organization.org_id, call.session_id)

    def keep(self, call: Call) -> Standing:
        """What the checks of this call found, for as long as it holds."""
        return Standing(call.session, call.api_key, call.expires_ms, self._directory.generation)

    def keep_staff(self, call: Call) -> tuple[int, int]:
        """The same for a bearer: the directory as it was, and when (ms) the token ends."""
        return self._directory.generation, call.bearer.expires_ms

    def still_staff(self, standing: tuple[int, int], now_ms: int) -> bool:
        """Whether nothing has changed that could matter: any sign-out, key, role or client is in the directory."""
        generation, expires_ms = standing
        return generation == self._directory.generation and now_ms < expires_ms

    def still(self, standing: Standing, endpoint: str, now_ms: int) -> bool:
        """Whether all checks would pass again; counts the call when they would."""
        if (
            standing.generation != self._directory.generation
            or standing.expires_ms <= now_ms
            or standing.session.ended_ms
            or standing.session.node != standing.node
        ):
            return False
        self._usage.count(standing.api_key.key_id, endpoint)
        return True


def bearer_token(value: bytes) -> str:
    """The token in an Authorization header, "" when there is none."""
    return value[7:].strip().decode("latin-1") if value[:7].lower() == _BEARER else ""
