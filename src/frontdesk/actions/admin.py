"""What an operator sets up: organizations, API keys, work types, signing keys.

Every command takes and gives plain values, so that the CLI can call it in its own process or, when a server has the
data open, over the server's control socket.
"""

from __future__ import annotations

import inspect
import re
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from frontdesk.actions.changes import Changes
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.directory import digest
from frontdesk.actions.tokens import WebTokens, new_signing_key
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.limits import API_KEY_MAX
from frontdesk.domain.model import ApiKey, Channel, Organization, WorkType
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Directory, Record

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Result = dict[str, Any] | list[dict[str, Any]]


def _check_id(value: str, scope: str) -> str:
    if not _ID.fullmatch(value):
        raise Invalid("invalidId", "Use 1 to 63 letters, digits, dots, dashes and underscores.", scope=scope)
    return value


def _check_origin(origin: str) -> str:
    parts = urlsplit(origin)
    if origin == "*" or (
        parts.scheme in ("http", "https") and parts.netloc and origin == f"{parts.scheme}://{parts.netloc}"
    ):
        return origin
    raise Invalid("invalidOrigin", 'Use an origin such as https://www.example.com, or "*".', scope="origins")


class Admin:
    """The operator's commands, by name."""

    def __init__(self, context: Context, tokens: WebTokens, scripts: Callable[[str], bool]) -> None:
        self._context = context
        self._tokens = tokens
        self._has_script = scripts
        self.changes = Changes(context, self.load)
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
            "worktype.create": self.create_work_type,
            "worktype.list": self.list_work_types,
            "callback.list": self.list_call_backs,
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
        self._tokens.load(found.signing_keys, self._context.clock.now_ms())

    async def rotate_signing_key(self) -> Result:
        """A new key signs from now on; tokens of the old one stay good until they end."""
        now_ms = self._context.clock.now_ms()
        old = [k for k in self._context.directory.signing_keys if not k.retired_ms]
        key = new_signing_key(now_ms)
        await self._store([key, *(msgspec.structs.replace(k, retired_ms=now_ms) for k in old)])
        return {"kid": key.kid, "retired": [k.kid for k in old]}

    async def create_organization(
        self, org_id: str, name: str = "", origins: Sequence[str] = ("*",), grace_seconds: int = 120
    ) -> Result:
        """A new organization. Raises Invalid when the id is taken or wrong."""
        if self._context.directory.find_organization(_check_id(org_id, "orgId")) is not None:
            raise Invalid("organizationExists", f"There is an organization {org_id} already.", scope="orgId")
        made = Organization(
            org_id=org_id,
            name=name or org_id,
            created_ms=self._context.clock.now_ms(),
            allowed_origins=tuple(map(_check_origin, origins)),
            grace_seconds=_check_grace(grace_seconds),
        )
        await self._store([made])
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
        secret = key or f"fd_{secrets.token_urlsafe(24)}"
        if not secret.isascii() or not secret.isprintable() or " " in secret or len(secret) > API_KEY_MAX:
            raise Invalid("invalidApiKey", f"Use at most {API_KEY_MAX} printable ASCII without spaces.", scope="key")
        if any(k.digest == digest(secret) for k in await self._keys()):
            raise Invalid("apiKeyExists", "This key is in use already.", scope="key")
        made = ApiKey(
            key_id=secrets.token_hex(4),
            org_id=org_id,
            name=name or "default",
            digest=digest(secret),
            hint=secret[:6],
            created_ms=self._context.clock.now_ms(),
        )
        await self._store([made])
        return {**_api_key(made), "key": secret}

    async def list_api_keys(self, org_id: str) -> Result:
        """The organization's keys, without their secrets. Raises NotFound."""
        self._context.directory.organization(org_id)
        return [_api_key(k) for k in await self._keys() if k.org_id == org_id]

    async def revoke_api_key(self, key_id: str) -> Result:
        """End a key at once. Raises NotFound."""
        found = next((k for k in await self._keys() if k.key_id == key_id), None)
        if found is None:
            raise NotFound("unknownApiKey", f"There is no API key {key_id}; `frontdesk apikey list` shows them.")
        ended = msgspec.structs.replace(found, revoked_ms=found.revoked_ms or self._context.clock.now_ms())
        await self._store([ended])
        return _api_key(ended)

    async def api_key_usage(self, org_id: str) -> Result:
        """Calls by day, key and endpoint, the newest day first. Raises NotFound."""
        self._context.directory.organization(org_id)
        names = {k.key_id: k.name for k in await self._keys() if k.org_id == org_id}
        counts = await result_of(partial(self._context.store.usage, tuple(names)))
        return [
            {"day": u.day, "keyId": u.key_id, "name": names[u.key_id], "endpoint": u.endpoint, "count": u.count}
            for u in counts
        ]

    async def create_work_type(
        self, org_id: str, work_type_id: str, name: str = "", channels: Sequence[str] = ("chat",), script: str = ""
    ) -> Result:
        """A new kind of work. Raises NotFound, Invalid."""
        self._context.directory.organization(org_id)
        if self._context.directory.work_type(org_id, _check_id(work_type_id, "workTypeId")) is not None:
            raise Invalid("workTypeExists", f"There is a work type {work_type_id} already.", scope="workTypeId")
        if script and not self._has_script(script):
            raise Invalid("unknownScript", f"There is no script {script}.", scope="script")
        wrong = [c for c in channels if c not in set(Channel)]
        if wrong or not channels:
            raise Invalid("unknownChannel", f"Channels are {', '.join(Channel)}.", scope="channels")
        made = WorkType(
            org_id=org_id,
            work_type_id=work_type_id,
            name=name or work_type_id,
            channels=tuple(Channel(c) for c in channels),
            created_ms=self._context.clock.now_ms(),
            script=script,
        )
        await self._store([made])
        return _work_type(made)

    def list_work_types(self, org_id: str) -> Result:
        """The organization's work types. Raises NotFound."""
        self._context.directory.organization(org_id)
        return [_work_type(w) for w in self._context.directory.work_types(org_id)]

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

    async def _keys(self) -> tuple[ApiKey, ...]:
        return (await result_of(self._context.store.directory)).api_keys

    async def _change(self, org_id: str, **fields: Any) -> Result:
        changed = msgspec.structs.replace(self._context.directory.organization(org_id), **fields)
        await self._store([changed])
        return _organization(changed)

    async def _store(self, records: Sequence[Record]) -> None:
        await self.changes.store(records)


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


def _work_type(w: WorkType) -> dict[str, Any]:
    return {"workTypeId": w.work_type_id, "name": w.name, "channels": list(w.channels), "script": w.script}
