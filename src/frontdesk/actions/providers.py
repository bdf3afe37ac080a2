"""The provider that an organization's people sign in with, as its operator sets it up: one for each organization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from frontdesk.actions.changes import OPERATOR, Changes
from frontdesk.actions.context import Context
from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.provisioning import View
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.oidc import NAME, Provider, check_provider
from frontdesk.domain.people import Item, Role

# Items of this kind are seen by nobody but the commands here: the client's secret is in them.
KIND, ITEM = "oidc", "provider"
_decoder = msgspec.json.Decoder(Provider)
_encode = msgspec.json.Encoder().encode


def provider_of(directory: LiveDirectory, org_id: str) -> Provider | None:
    """The organization's provider, or None."""
    item = directory.item(org_id, KIND, ITEM)
    return _decoder.decode(item.body) if item is not None else None


class Providers:
    """The operator's commands for providers: plain values in and out, as in `actions/setting_up.py`."""

    def __init__(self, context: Context, changes: Changes) -> None:
        self._context = context
        self._changes = changes
        self.commands: dict[str, Callable[..., Any]] = {
            "oidc.set": self.set,
            "oidc.show": self.show,
            "oidc.remove": self.remove,
        }

    async def set(
        self,
        org_id: str,
        issuer: str,
        client_id: str,
        client_secret: str = "",
        name: str = "",
        roles: Sequence[str] = (),
    ) -> View:
        """Sign in with this one from now on. Raises NotFound, Invalid."""
        before = self._found(org_id)
        made = Provider(
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            name=name or NAME,
            roles=_roles(roles),
        )
        await self._store(org_id, check_provider(made), "changed" if before is not None else "created")
        return _view(made)

    def show(self, org_id: str) -> View:
        """How it is set up, without the secret. Raises NotFound."""
        return _view(self._one(org_id))

    async def remove(self, org_id: str) -> View:
        """Sign in with passwords only. Whoever is known by the provider's account stays so. Raises NotFound."""
        found = self._one(org_id)
        await self._store(org_id, found, "removed", removed_ms=self._context.clock.now_ms())
        return _view(found)

    def _found(self, org_id: str) -> Provider | None:
        self._context.directory.organization(org_id)
        return provider_of(self._context.directory, org_id)

    def _one(self, org_id: str) -> Provider:
        found = self._found(org_id)
        if found is None:
            raise NotFound("noProvider", "No provider is set up; frontdesk org oidc set does it.", scope="orgId")
        return found

    async def _store(self, org_id: str, provider: Provider, what: str, removed_ms: int = 0) -> None:
        now_ms = self._context.clock.now_ms()
        # Of a removed one nothing is kept that could be stolen.
        body = b"{}" if removed_ms else _encode(provider)
        item = Item(
            org_id=org_id, kind=KIND, item_id=ITEM, body=body.decode(), created_ms=now_ms, removed_ms=removed_ms
        )
        note = self._changes.note(org_id, OPERATOR, f"oidc.{what}", ITEM, **_view(provider))
        await self._changes.store([item, note])


def _roles(given: Sequence[str]) -> tuple[Role, ...]:
    known = set(Role) - {Role.INTEGRATION}
    if not set(given) <= known:
        raise Invalid("unknownRole", f"Use roles of people: {', '.join(sorted(known))}.", scope="roles")
    return tuple(Role(each) for each in dict.fromkeys(given))


def _view(provider: Provider) -> View:
    """As commands and the audit log show it: never with the secret."""
    return {
        "issuer": provider.issuer,
        "clientId": provider.client_id,
        "secret": "set" if provider.client_secret else "none",
        "name": provider.name,
        "roles": [role.value for role in provider.roles],
    }
