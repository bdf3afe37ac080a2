"""What a bearer of an access token may do, by scope; and the scopes that each role brings."""

from __future__ import annotations

from collections.abc import Iterable

from frontdesk.domain.people import Role

DESK, SUPERVISION, PROVISIONING, REPORTING, QUALITY = "desk", "supervision", "provisioning", "reporting", "quality"
ALL = (DESK, SUPERVISION, PROVISIONING, REPORTING, QUALITY)

_OF_ROLE: dict[Role, tuple[str, ...]] = {
    Role.AGENT: (DESK,),
    Role.SUPERVISOR: (DESK, SUPERVISION, REPORTING, QUALITY),
    Role.ADMINISTRATOR: ALL,
    # What an integration may do is said with its client.
    Role.INTEGRATION: (),
}


def of_roles(roles: Iterable[Role]) -> frozenset[str]:
    """All scopes that these roles bring together."""
    return frozenset(scope for role in roles for scope in _OF_ROLE[role])
