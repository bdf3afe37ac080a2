"""Signing a user out everywhere: lost telephone, last day, a password that was seen."""

from __future__ import annotations

from functools import partial

from frontdesk.actions.changes import Changes
from frontdesk.actions.provisioning import By
from frontdesk.actions.users import Users
from frontdesk.domain.scopes import DESK
from frontdesk.http.guard import Guard
from frontdesk.http.later import Later
from frontdesk.http.routes import Route, route
from frontdesk.http.wire import ACCEPTED, Answer, Call, Result
from frontdesk.ports import Store


class SignOutApi:
    """Ends tokens of users, for themselves and for supervisors."""

    def __init__(self, users: Users, changes: Changes, store: Store) -> None:
        self._users = users
        self._changes = changes
        self._later = Later(store)

    def sign_out(self, call: Call) -> Result:
        """End all tokens and open streams of a user, on all devices. Their work waits for them, as for a lost one."""
        by = By(call.organization.org_id, call.bearer.actor, lambda view: call.extra())

        async def work() -> Answer:
            await self._users.sign_out(by, call.parameters["userId"])
            return ACCEPTED

        return self._later(partial(self._changes.alone, work))


def routes(api: SignOutApi) -> tuple[Route, ...]:
    """The one operation."""
    return (
        route("POST", "engagementCenter/users/{userId}/signOut", api.sign_out, tag="Agents: status",
              summary="Sign out everywhere", guard=Guard.BEARER, scope=DESK),
    )  # fmt: skip
