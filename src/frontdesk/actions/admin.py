"""What an operator sets up: organizations, API keys, signing keys; and by `actions/setting_up.py` what those need.

Every command takes and gives plain values, so that the CLI can call it in its own process or, when a server has the
data open, over the server's control socket.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from frontdesk.actions.api_keys import ApiKeys
from frontdesk.actions.auditing import Auditing
from frontdesk.actions.changes import OPERATOR, Changes, durably
from frontdesk.actions.clients import Clients
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.providers import Providers
from frontdesk.actions.provisioning import By, Provisioning
from frontdesk.actions.setting_up import SettingUp
from frontdesk.actions.tokens import Keys, new_signing_key
from frontdesk.actions.users import UserCommands, Users
from frontdesk.actions.work_types import WorkTypes
from frontdesk.domain.catalog import check_id
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.model import ApiKey, Organization
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Directory

Result = dict[str, Any] | list[dict[str, Any]]


def _check_origin(origin: str) -> str:
    parts = urlsplit(origin)
    if origin == "*" or (
        parts.scheme in ("http", "https") and parts.netloc and origin == f"{parts.scheme}://{parts.netloc}"
    ):
        return origin
    raise Invalid("invalidOrigin", 'Use an origin such as https://www.example.com, or "*".', scope="origins")


class Admin:
    """The operator's commands, by name."""

    def __init__(self, context: Context, keys: Keys, scripts: Callable[[str], bool]) -> None:
        self._context = context
        self._keys = keys
        # Told of every change of the directory, also of those that other nodes made.
        self.on_directory: Callable[[], None] = lambda: None
        # Closes a callback that nobody has yet; None where this process has no agents.
        self.call_off: Callable[..., None] | None = None
        self.changes = Changes(context, self.load)
        self.provisioning = Provisioning(context, self.changes)
        self.work_types = WorkTypes(context, self.changes, self.provisioning.references, scripts)
        self.api_keys = ApiKeys(context, self.changes)
        self.users = Users(context, self.changes, self.provisioning.references)
        self.clients = Clients(context, self.changes)
        self.auditing = Auditing(context)
        setting_up = SettingUp(context.directory, self.provisioning, self.work_types, context.clock.now_ms)
        self.commands: dict[str, Callable[..., Any]] = {
            "signing-key.rotate": self.rotate_signing_key,
            "org.create": self.create_organization,
            "org.list": self.list_organizations,
            "org.origins": self.set_origins,
            "org.grace": self.set_grace,
            "apikey.create": self.create_api_key,
            "apikey.list": self.list_api_keys,
            "apikey.revoke": self.revoke_api_key,
            "apikey.usage": self.api_key_usage,
            "callback.list": self.list_call_backs,
            "callback.cancel": self.cancel_call_back,
            **setting_up.commands,
            **UserCommands(context, self.users).commands,
            **self.clients.commands,
            **Providers(context, self.changes).commands,
            **self.auditing.commands,
        }

    async def run(self, name: str, arguments: dict[str, Any]) -> Result:
        """Carry out a command. Raises Refusal, and TypeError for arguments that it does not take."""
        command = self.commands.get(name)
        if command is None:
            raise NotFound("unknownCommand", f"There is no command {name}.")

        async def carry_out() -> Result:
            result = command(**arguments)
            return await result if inspect.isawaitable(result) else result  # type: ignore[no-any-return]

        return await self.changes.alone(carry_out)

    async def load(self) -> None:
        """Read the directory and the keys again. Raises what the store raises."""
        self.take(await result_of(self._context.store.directory))

    def take(self, found: Directory) -> None:
        """This is the directory now."""
        self._context.directory.load(found)
        self._keys.load(found.signing_keys, self._context.clock.now_ms())
        self.on_directory()

    async def rotate_signing_key(self) -> Result:
        """A new key signs from now on; tokens of the old one stay good until they end."""
        now_ms = self._context.clock.now_ms()
        old = [k for k in self._context.directory.signing_keys if not k.retired_ms]
        key = new_signing_key(now_ms)
        await self.changes.store([key, *(msgspec.structs.replace(k, retired_ms=now_ms) for k in old)])
        return {"kid": key.kid, "retired": [k.kid for k in old]}

    async def create_organization(
        self, org_id: str, name: str = "", origins: Sequence[str] = ("*",), grace_seconds: int = 120
    ) -> Result:
        """A new organization. Raises Invalid when the id is taken or wrong."""
        if self._context.directory.find_organization(check_id(org_id, "orgId")) is not None:
            raise Invalid("organizationExists", f"There is an organization {org_id} already.", scope="orgId")
        made = Organization(
            org_id=org_id,
            name=name or org_id,
            created_ms=self._context.clock.now_ms(),
            allowed_origins=tuple(map(_check_origin, origins)),
            grace_seconds=_check_grace(grace_seconds),
        )
        await self.changes.store([made])
        return _organization(made)

    def list_organizations(self) -> Result:
        """All organizations."""
        return [_organization(o) for o in self._context.directory.organizations()]

    async def set_origins(self, org_id: str, origins: Sequence[str]) -> Result:
        """From which web origins browsers may use the API. Raises NotFound, Invalid."""
        allowed = tuple(map(_check_origin, origins))
        return await self._change(org_id, allowed_origins=allowed)

    async def set_grace(self, org_id: str, seconds: int) -> Result:
        """How long a conversation waits for a contact who went. Raises NotFound, Invalid."""
        return await self._change(org_id, grace_seconds=_check_grace(seconds))

    async def create_api_key(self, org_id: str, name: str = "", key: str = "") -> Result:
        """A new key; it is shown in this answer and never again. Raises NotFound, Invalid."""
        self._context.directory.organization(org_id)
        made, secret = await self.api_keys.create(By(org_id), name or "default", key)
        return {**_api_key(made), "key": secret}

    async def list_api_keys(self, org_id: str) -> Result:
        """The organization's keys, without their secrets. Raises NotFound."""
        self._context.directory.organization(org_id)
        return [_api_key(k) for k in await self.api_keys.all() if k.org_id == org_id]

    async def revoke_api_key(self, key_id: str) -> Result:
        """End a key at once. Raises NotFound."""
        found = next((k for k in await self.api_keys.all() if k.key_id == key_id), None)
        if found is None:
            raise NotFound("unknownApiKey", f"There is no API key {key_id}; `frontdesk apikey list` shows them.")
        return _api_key(await self.api_keys.revoke(By(found.org_id), key_id))

    async def api_key_usage(self, org_id: str) -> Result:
        """Calls by day, key and endpoint, the newest day first. Raises NotFound."""
        self._context.directory.organization(org_id)
        names = {k.key_id: k.name for k in await self.api_keys.all() if k.org_id == org_id}
        counts = await result_of(partial(self._context.store.usage, tuple(names)))
        return [
            {"day": u.day, "keyId": u.key_id, "name": names[u.key_id], "endpoint": u.endpoint, "count": u.count}
            for u in counts
        ]

    async def list_call_backs(self, org_id: str) -> Result:
        """The organization's callbacks, the next one due first. Raises NotFound."""
        self._context.directory.organization(org_id)
        return [
            {
                "callBackId": c.call_back_id,
                "state": c.state,
                "callBackTime": rfc3339(c.due_ms),
                "digits": c.digits,
                "contactName": c.contact.name,
                "workTypeId": c.work_type_id,
            }
            for c in await result_of(partial(self._context.store.call_backs, org_id))
        ]

    async def cancel_call_back(self, org_id: str, call_back_id: str) -> Result:
        """Nobody is to call. Raises NotFound, Invalid."""
        self._context.directory.organization(org_id)
        if self.call_off is None or self._context.node:
            raise Invalid(
                "notHere",
                "Only a server that runs alone can do this here. Over the API a supervisor can, on any: "
                "POST engagementCenter/callBacks/ID/cancel.",
            )
        known = await result_of(partial(self._context.store.find_call_back, call_back_id))
        note = self.changes.note(org_id, OPERATOR, "callBack.cancelled", call_back_id)
        await durably(partial(self.call_off, org_id, known, records=(note,)))
        return {"callBackId": call_back_id}

    async def _change(self, org_id: str, **fields: Any) -> Result:
        changed = msgspec.structs.replace(self._context.directory.organization(org_id), **fields)
        await self.changes.store([changed])
        return _organization(changed)


def _check_grace(seconds: int) -> int:
    if not 0 <= seconds <= 24 * 3600:
        raise Invalid("invalidGrace", "Use 0 to 86400 seconds.", scope="graceSeconds")
    return seconds


def _organization(o: Organization) -> dict[str, Any]:
    return {
        "orgId": o.org_id,
        "name": o.name,
        "allowedOrigins": list(o.allowed_origins),
        "graceSeconds": o.grace_seconds,
        "createdTime": rfc3339(o.created_ms),
    }


def _api_key(k: ApiKey) -> dict[str, Any]:
    return {
        "keyId": k.key_id,
        "orgId": k.org_id,
        "name": k.name,
        "hint": f"{k.hint}…",
        "createdTime": rfc3339(k.created_ms),
        "revokedTime": rfc3339(k.revoked_ms) if k.revoked_ms else "",
    }
