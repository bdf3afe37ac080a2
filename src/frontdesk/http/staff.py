"""Who asks, where staff and integrations do: the access token, its scope, and on whose behalf."""

from __future__ import annotations

from frontdesk.actions.access import AccessTokens
from frontdesk.domain.errors import Forbidden, Invalid, Unauthenticated
from frontdesk.domain.scopes import SUPERVISION
from frontdesk.http.guard import Demand, Guard, bearer_token
from frontdesk.http.wire import Call
from frontdesk.ports import Clock


class StaffGate:
    """Checks the bearer of an access token, and fills in the call."""

    def __init__(self, tokens: AccessTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def __call__(self, route: Demand, call: Call) -> None:
        """Raises Unauthenticated, Forbidden, Invalid: the first check that fails."""
        token = bearer_token(call.request.headers.get(b"authorization", b""))
        if not token:
            raise Unauthenticated(
                "missingToken", "Send an access token: Authorization: Bearer <access_token>.", scope="Authorization"
            )
        bearer = call.bearer = self._tokens.verify(token, call.organization.org_id, self._clock.now_ms())
        if not _allows(route.scope, bearer.scopes):
            raise Forbidden("missingScope", f"This needs a token with the scope {route.scope}.", scope="Authorization")
        user_id = call.parameters.get("userId", bearer.user_id)
        if bearer.user_id not in ("", user_id) and SUPERVISION not in bearer.scopes:
            raise Forbidden("notYours", "Only supervisors act for another user.", scope="userId")
        if route.guard is Guard.DESK:
            call.session_id = call.request.headers.get(b"via-client-sessionid", b"").decode("latin-1")
            if not call.session_id:
                raise Invalid("missingSessionId", "Send the header via-client-sessionid.", scope="via-client-sessionid")


def _allows(wanted: str, scopes: frozenset[str]) -> bool:
    """Whether one of the wanted scopes is there; they are parted by spaces."""
    return wanted in scopes or any(scope in scopes for scope in wanted.split())
