"""Signing in, by password or by what a provider vouches for: who it is, and a line for the audit log."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import msgspec

from frontdesk.actions.changes import Changes, durable
from frontdesk.actions.context import Context
from frontdesk.actions.lockouts import Caller, Lockouts
from frontdesk.actions.provisioning import By
from frontdesk.actions.users import Fields, Users
from frontdesk.domain.errors import Forbidden, Invalid, Refusal, TooMany, Unauthenticated
from frontdesk.domain.oidc import Identity, Provider
from frontdesk.domain.passwords import LOGIN_MAX, PASSWORD_MAX
from frontdesk.domain.people import Audit, User

# Passwords that wait to be looked at, two at a time: more would not be answered before their people give up.
WAITING_MAX = 50
# Who acts in the audit log where a provider made somebody known.
PROVIDER = "provider"
# Who acts where nobody is signed in.
NOBODY = "nobody"
SIGNED_IN = "signIn.ok"
PASSWORD, OIDC = "password", "oidc"


class Signed(NamedTuple):
    """Who signed in, and the line that says so: it is stored with what they are given."""

    user: User
    note: Audit


class SigningIn:
    """Both ways in."""

    def __init__(self, context: Context, changes: Changes, users: Users) -> None:
        self._context = context
        self._directory = context.directory
        self._changes = changes
        self._users = users
        self._lockouts = Lockouts()
        self._waiting = 0
        # Until when it is on record that a login or an address must wait: a line for each wait, however often it is
        # tried, or whoever is locked out could fill the disk.
        self._told: dict[str, int] = {}

    async def by_password(self, caller: Caller, password: str) -> Signed:
        """Raises Unauthenticated for a login or password that is wrong (it does not say which), and TooMany."""
        if self._waiting >= WAITING_MAX:
            raise TooMany(
                "signInsBusy", "Too many people sign in at this moment; try again.", limit=WAITING_MAX, retry_after=5
            )
        try:
            self._lockouts.enter(caller, self._context.clock.now_ms())
        except TooMany as refusal:
            await self._locked(caller, refusal)
            raise
        user = self._known(caller)
        if not await self._fits(user, password):
            raise await self._wrong(caller, user)
        # Looking took a while: whoever was disabled or got another password meanwhile is not let in.
        now = self._known(caller)
        if user is None or now is None or now.password != user.password:
            raise await self._wrong(caller, user)
        self._lockouts.right(caller)
        return Signed(now, self._note(caller, now, SIGNED_IN, by=PASSWORD))

    async def by_provider(self, caller: Caller, provider: Provider, identity: Identity) -> Signed:
        """Raises Forbidden for one who is nobody here, and may not become somebody."""
        user = self._of_subject(caller.org_id, identity)
        if user is None:
            user = await self._changes.alone(lambda: self._met(caller.org_id, provider, identity))
        if user is None or user.disabled_ms:
            await self._store(self._note(caller, user, "signIn.failed", by=OIDC))
            raise Forbidden(
                "nobodyHere", "Nobody here is known by this account. Ask your administrator to let you in.",
                scope="id_token",
            )  # fmt: skip
        return Signed(user, self._note(caller, user, SIGNED_IN, by=OIDC))

    async def failed(self, caller: Caller, refusal: Refusal) -> None:
        """Put on record that a provider's answer was not accepted, and why."""
        await self._store(self._note(caller, None, "signIn.failed", by=OIDC, reason=refusal.reason))

    async def turned_away(self, signed: Signed, refusal: Refusal) -> None:
        """Put on record that somebody proved who they are, and may not do what the client asked for."""
        detail = {**msgspec.json.decode(signed.note.detail), "reason": refusal.reason}
        text = msgspec.json.encode(detail).decode()
        await self._store(msgspec.structs.replace(signed.note, act="signIn.failed", detail=text))

    # ---- passwords

    def _known(self, caller: Caller) -> User | None:
        user = self._directory.user_of_login(caller.org_id, caller.login) if len(caller.login) <= LOGIN_MAX else None
        return None if user is None or user.disabled_ms else user

    async def _fits(self, user: User | None, password: str) -> bool:
        if not password or len(password) > PASSWORD_MAX:
            return False
        self._waiting += 1
        try:
            return await self._users.passwords.fits(user.password if user is not None else "", password)
        finally:
            self._waiting -= 1

    async def _wrong(self, caller: Caller, user: User | None) -> Unauthenticated:
        tries = self._lockouts.wrong_tries(caller, self._context.clock.now_ms())
        await self._store(self._note(caller, user, "signIn.failed", by=PASSWORD, tries=tries))
        return Unauthenticated("wrongPassword", "Login or password is wrong.", scope="password")

    async def _locked(self, caller: Caller, refusal: TooMany) -> None:
        now_ms = self._context.clock.now_ms()
        self._told = {known: until for known, until in self._told.items() if until > now_ms}
        if caller.account in self._told or caller.address in self._told:
            return
        self._told[caller.account] = self._told[caller.address] = now_ms + refusal.retry_after * 1000
        await self._store(
            self._note(caller, self._known(caller), "signIn.locked", by=PASSWORD, seconds=refusal.retry_after)
        )

    # ---- providers

    def _of_subject(self, org_id: str, identity: Identity) -> User | None:
        return next((u for u in self._directory.users(org_id) if u.subject == identity.subject), None)

    async def _met(self, org_id: str, provider: Provider, identity: Identity) -> User | None:
        """Somebody who comes from the provider for the first time: by their email a user of ours, or a new one."""
        known = self._of_subject(org_id, identity)
        if known is not None:
            return known
        by = By(org_id, PROVIDER)
        user = self._directory.user_of_login(org_id, identity.email) if identity.email else None
        if user is not None:
            # Who is known by another account is not taken over by this one, whatever its email.
            return None if user.subject or user.disabled_ms else await self._linked(by, user.user_id, identity)
        if not provider.roles:
            return None
        return await self._linked(by, await self._made(by, provider, identity), identity)

    async def _linked(self, by: By, user_id: str, identity: Identity) -> User:
        return await self._users.know_by(by, user_id, identity.subject)

    async def _made(self, by: By, provider: Provider, identity: Identity) -> str:
        # The same id on every node: two first sign-ins at one time make one user.
        user_id = sha256(identity.subject.encode()).hexdigest()[:20]
        if self._directory.user(by.org_id, user_id) is None:
            login = identity.email or user_id
            name = identity.name if identity.name.isprintable() and identity.name.strip() else login
            fields = Fields(login=login, name=name[:200], roles=provider.roles)
            try:
                await self._users.create(by, user_id, fields, "")
            except Invalid:
                # An email that can't be a login.
                await self._users.create(by, user_id, Fields(login=user_id, name=name[:200], roles=provider.roles), "")
        return user_id

    # ---- on record

    def _note(self, caller: Caller, user: User | None, act: str, **detail: str | int) -> Audit:
        """What was typed is not in it: people type their password where the login belongs."""
        who = user.user_id if user is not None else ""
        # Whoever failed to be somebody is not taken for them.
        actor = who if act == SIGNED_IN else NOBODY
        return self._changes.note(caller.org_id, actor, act, who, address=caller.address, **detail)

    async def _store(self, note: Audit) -> None:
        await durable(self._context.store, [note])
