"""Clients: the programs that ask for tokens (RFC 6749, 2). Changes are made inside `Changes.alone`, and on record."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from frontdesk.actions.changes import Changes
from frontdesk.actions.context import Context
from frontdesk.actions.directory import digest
from frontdesk.actions.provisioning import By, View
from frontdesk.domain.catalog import check_id, check_name
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.people import Client
from frontdesk.domain.scopes import ALL
from frontdesk.domain.times import rfc3339

URI_MAX = 2000


class Clients:
    """The clients of every organization, and the operator's commands for them."""

    def __init__(self, context: Context, changes: Changes) -> None:
        self._context = context
        self._changes = changes
        self.commands: dict[str, Callable[..., Any]] = {
            "client.create": self.create,
            "client.list": self.show_all,
            "client.secret": self.secret,
            "client.revoke": self.revoke,
        }

    async def create(
        self,
        org_id: str,
        name: str = "",
        scopes: Sequence[str] = (),
        redirect_uris: Sequence[str] = (),
        client_id: str = "",
        *,
        public: bool = False,
    ) -> View:
        """A new client; its secret is in this answer and never again. Raises NotFound, Invalid."""
        self._context.directory.organization(org_id)
        client_id = check_id(client_id or secrets.token_hex(8), "clientId")
        known = self._context.directory
        # Also one that was revoked: under a new client of its name its old tokens would be good again.
        if known.client(org_id, client_id) is not None or known.has_ended(org_id, client_id):
            raise Invalid("idTaken", "There is one with this id already; choose another.", scope="clientId")
        if public and not redirect_uris:
            raise Invalid("noRedirectUri", "Say where people go back to after signing in.", scope="redirectUris")
        secret = "" if public else secrets.token_urlsafe(32)
        made = Client(
            org_id=org_id,
            client_id=client_id,
            name=check_name(name or client_id),
            scopes=_scopes(scopes),
            created_ms=self._context.clock.now_ms(),
            digest=digest(secret) if secret else "",
            redirect_uris=tuple(map(_check_uri, redirect_uris)),
        )
        await self._store(made, "created")
        return {**view(made), "secret": secret} if secret else view(made)

    def show_all(self, org_id: str) -> list[View]:
        """All clients. Raises NotFound."""
        self._context.directory.organization(org_id)
        return sorted(map(view, self._context.directory.clients(org_id)), key=lambda shown: str(shown["clientId"]))

    async def secret(self, org_id: str, client_id: str) -> View:
        """Another secret; the old one is worth nothing at once. Raises NotFound, Invalid."""
        found = self._one(org_id, client_id)
        if not found.digest:
            raise Invalid("publicClient", "This client is public: it has no secret.", scope="clientId")
        secret = secrets.token_urlsafe(32)
        changed = msgspec.structs.replace(found, digest=digest(secret))
        await self._store(changed, "secretChanged")
        return {**view(changed), "secret": secret}

    async def revoke(self, org_id: str, client_id: str) -> View:
        """End a client, and its tokens with it. Raises NotFound."""
        ended = msgspec.structs.replace(self._one(org_id, client_id), revoked_ms=self._context.clock.now_ms())
        await self._store(ended, "revoked")
        return view(ended)

    def _one(self, org_id: str, client_id: str) -> Client:
        self._context.directory.organization(org_id)
        found = self._context.directory.client(org_id, client_id)
        if found is None:
            raise NotFound("unknownClient", "There is no such client; list them to see which there are.", scope="id")
        return found

    async def _store(self, client: Client, what: str) -> None:
        by = By(client.org_id)
        note = self._changes.note(
            by.org_id, by.actor, f"client.{what}", client.client_id, name=client.name, scopes=client.scopes
        )
        await self._changes.store([client, note])


def _scopes(given: Sequence[str]) -> tuple[str, ...]:
    if not given or any(scope not in ALL for scope in given):
        raise Invalid("unknownScope", f"Give scopes of these: {', '.join(ALL)}.", scope="scopes")
    return tuple(scope for scope in ALL if scope in given)


def _check_uri(uri: str) -> str:
    """The same address. Raises Invalid unless it is absolute, https (http on this machine), and without fragment."""
    try:
        parts = urlsplit(uri)
        fits = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        )
        fits = fits and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        fits = False
    if not fits or "#" in uri or len(uri) > URI_MAX or not uri.isascii() or not uri.isprintable() or " " in uri:
        raise Invalid(
            "invalidRedirectUri",
            "Use an https address without a fragment, such as https://desk.example.com/back; http on localhost only.",
            scope="redirectUris",
        )
    return uri


def view(client: Client) -> View:
    """A client as commands show it: never with the digest of its secret."""
    shown = {
        "clientId": client.client_id,
        "name": client.name,
        "scopes": list(client.scopes),
        "redirectUris": list(client.redirect_uris),
        "public": not client.digest,
        "createdTime": rfc3339(client.created_ms),
    }
    return {**shown, "revokedTime": rfc3339(client.revoked_ms)} if client.revoked_ms else shown
