"""API keys as an organization's own administrators see them."""

from __future__ import annotations

import secrets

import msgspec

from frontdesk.actions.changes import Changes
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.directory import digest
from frontdesk.actions.provisioning import By, View
from frontdesk.domain.catalog import check_name
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.limits import API_KEY_MAX
from frontdesk.domain.model import ApiKey
from frontdesk.domain.times import rfc3339


class ApiKeys:
    """The API keys of every organization. Their secrets are shown once, and only hashes of them are stored."""

    def __init__(self, context: Context, changes: Changes) -> None:
        self._context = context
        self._changes = changes

    async def views(self, org_id: str) -> list[View]:
        """All as the API shows them, the ended ones too, by id."""
        found = [_view(k) for k in await self.all() if k.org_id == org_id]
        return sorted(found, key=lambda view: str(view["apiKeyId"]))

    async def view(self, org_id: str, key_id: str) -> View:
        """One as the API shows it. Raises NotFound."""
        return _view(await self.one(org_id, key_id))

    async def create(self, by: By, name: str, secret: str = "") -> tuple[ApiKey, str]:
        """A new key and its secret, which nobody can read again. Raises Invalid."""
        check_name(name)
        secret = secret or f"fd_{secrets.token_urlsafe(24)}"
        if not secret.isascii() or not secret.isprintable() or " " in secret or len(secret) > API_KEY_MAX:
            raise Invalid("invalidApiKey", f"Use at most {API_KEY_MAX} printable ASCII without spaces.", scope="key")
        if any(k.digest == digest(secret) for k in await self.all()):
            raise Invalid("apiKeyExists", "This key is in use already.", scope="key")
        made = ApiKey(
            key_id=secrets.token_hex(4),
            org_id=by.org_id,
            name=name,
            digest=digest(secret),
            hint=secret[:6],
            created_ms=self._context.clock.now_ms(),
        )
        await self._store(by, made, "created")
        return made, secret

    async def rename(self, by: By, key_id: str, name: str) -> View:
        """Another name. Raises NotFound, Invalid."""
        changed = msgspec.structs.replace(await self.one(by.org_id, key_id), name=check_name(name))
        await self._store(by, changed, "changed")
        return _view(changed)

    async def revoke(self, by: By, key_id: str) -> ApiKey:
        """End a key at once. Raises NotFound."""
        found = await self.one(by.org_id, key_id)
        ended = msgspec.structs.replace(found, revoked_ms=found.revoked_ms or self._context.clock.now_ms())
        await self._store(by, ended, "removed")
        return ended

    async def one(self, org_id: str, key_id: str) -> ApiKey:
        """A key, ended or not. Raises NotFound."""
        for key in await self.all():
            if key.key_id == key_id and key.org_id == org_id:
                return key
        raise NotFound("unknownApiKey", "There is no such API key; list them to see which there are.", scope="id")

    async def all(self) -> tuple[ApiKey, ...]:
        """Those of all organizations; the directory in memory has only the good ones."""
        return (await result_of(self._context.store.directory)).api_keys

    async def _store(self, by: By, key: ApiKey, what: str) -> None:
        note = self._changes.note(by.org_id, by.actor, f"provisioning.apiKey.{what}", key.key_id, name=key.name)
        await self._changes.store([key, note])


def _view(key: ApiKey) -> View:
    view = {"apiKeyId": key.key_id, "name": key.name, "hint": f"{key.hint}…", "createdTime": rfc3339(key.created_ms)}
    return {**view, "revokedTime": rfc3339(key.revoked_ms)} if key.revoked_ms else view
