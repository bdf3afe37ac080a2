"""Tokens for programs and for people (OAuth 2.0, RFC 6749): by a client's own secret, by a code, by a refresh token.

Codes and refresh tokens are used once, whatever the number of nodes (`ports.Used`). One that comes a second time was
stolen or lost on its way; nobody can tell which, so all that descends from its sign-in ends (RFC 9700, 4.14.2).

Only a client that repeats a refresh at once, as its answer was lost, gets the same next token again. Theft still comes
out: thief and owner then hold one token, and whoever uses it second is too late.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from functools import partial
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from frontdesk.actions.access import ENDED_SIGN_INS, LIFE_SECONDS, AccessTokens, ended_sign_ins
from frontdesk.actions.changes import Changes, durable
from frontdesk.actions.context import Context, result_of
from frontdesk.actions.directory import digest
from frontdesk.domain.errors import Invalid, Unauthenticated
from frontdesk.domain.people import Bearer, Client, Grant, Item, User
from frontdesk.domain.scopes import of_roles
from frontdesk.ports import Record, Used

# A code is exchanged at once, by the page that people are sent back to (RFC 6749, 4.1.2).
CODE_MS = 60 * 1000
# A refresh token waits for the next shift; each use gives another one.
REFRESH_MS = 24 * 3600 * 1000
# How long a refresh may be repeated: until a client has noticed that its answer is lost, and asked again.
REPEAT_MS = 30 * 1000
# Characters: longer ones are not ours, and must not be remembered with their digests.
SECRET_MAX = 200
CODE, REFRESH, ENDED = "code", "refresh", "ended"
# RFC 7636, 4.1 and 4.2.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Tokens(Struct, frozen=True):
    """What a token request is answered with (RFC 6749, 5.1). `refresh_token` is "" where there is none."""

    access_token: str
    scope: str
    refresh_token: str = ""
    expires_in: int = LIFE_SECONDS
    token_type: str = "Bearer"  # noqa: S105 - the type of a token, not a token


class OAuth:
    """Gives out tokens, and ends them."""

    def __init__(self, context: Context, changes: Changes, access: AccessTokens) -> None:
        self._context = context
        self._directory = context.directory
        self._changes = changes
        self._access = access

    def client(self, org_id: str, client_id: str) -> Client:
        """The client. Raises Unauthenticated."""
        found = self._directory.client(org_id, client_id)
        if found is None:
            raise _wrong_client()
        return found

    def authenticated(self, org_id: str, client_id: str, secret: str) -> Client:
        """The client, if the secret is its own; a public one has none. Raises Unauthenticated."""
        found = self.client(org_id, client_id)
        given = digest(secret) if 0 < len(secret) <= SECRET_MAX else secret
        if not hmac.compare_digest(given.encode(), found.digest.encode()):
            raise _wrong_client()
        return found

    def for_client(self, client: Client, scope: str) -> Tokens:
        """A token that speaks for the client itself (RFC 6749, 4.4). Raises Invalid."""
        if not client.digest:
            raise Invalid(
                "unauthorizedClient", "A public client gets tokens only for people who sign in.", scope="client_id"
            )
        # Each is a family of its own, so that it can be ended alone (RFC 7009).
        family = secrets.token_urlsafe(12)
        return self._tokens(client.org_id, "", client, _narrowed(frozenset(client.scopes), scope), family)

    def asked(self, client: Client, redirect_uri: str, scope: str, challenge: str, method: str) -> None:
        """Whether people may be asked to sign in for this. Raises Invalid."""
        check_redirect(client, redirect_uri)
        if method != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise Invalid(
                "invalidChallenge", "Send code_challenge with code_challenge_method=S256 (RFC 7636).",
                scope="code_challenge",
            )  # fmt: skip
        _narrowed(frozenset(client.scopes), scope)

    async def authorize(
        self, user: User, client: Client, redirect_uri: str, scope: str, challenge: str, *records: Record
    ) -> str:
        """A code for someone who has just signed in, stored together with `records`. Raises Invalid."""
        scopes = _narrowed(of_roles(user.roles) & frozenset(client.scopes), scope)
        grant, code = self._grant(CODE, user.user_id, client, scopes, secrets.token_urlsafe(12), CODE_MS)
        grant = msgspec.structs.replace(grant, challenge=challenge, redirect_uri=redirect_uri)
        await durable(self._context.store, [grant, *records])
        return code

    async def redeem(self, client: Client, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Tokens for a code (RFC 6749, 4.1.3; RFC 7636, 4.6). Raises Invalid."""
        grant = await self._good(client, code, CODE)
        if grant.redirect_uri != redirect_uri:
            raise _wrong_grant()
        fits = _VERIFIER.fullmatch(verifier) and _challenge_of(verifier) == grant.challenge
        if not fits:
            raise Invalid("invalidGrant", "code_verifier does not fit the code_challenge.", scope="code_verifier")
        return await self._exchange(client, grant, frozenset(grant.scope.split()), code)

    async def refresh(self, client: Client, token: str, scope: str) -> Tokens:
        """Other tokens for a refresh token, which is worth nothing after that (RFC 6749, 6). Raises Invalid."""
        grant = await self._good(client, token, REFRESH)
        scopes = _narrowed(frozenset(grant.scope.split()), scope)
        if grant.used:
            return self._next(client, grant, scopes, token)
        return await self._exchange(client, grant, scopes, token)

    async def revoke(self, client: Client, token: str) -> None:
        """End what the token belongs to, if it is one of this client's (RFC 7009)."""
        if not 0 < len(token) <= SECRET_MAX:
            await self._revoke_access(client, token)
            return
        grant = await result_of(partial(self._context.store.find_grant, digest(token)))
        if grant is not None and (grant.org_id, grant.client_id) == (client.org_id, client.client_id):
            await self._end(client, grant.user_id, grant.family, "signedOut")

    async def _revoke_access(self, client: Client, token: str) -> None:
        try:
            bearer = self._access.verify(token, client.org_id, self._context.clock.now_ms())
        except Unauthenticated:
            return
        if bearer.client_id == client.client_id:
            await self._end(client, bearer.actor, bearer.family, "signedOut")

    async def _exchange(self, client: Client, grant: Grant, scopes: frozenset[str], secret: str) -> Tokens:
        """Use the grant, and give another one of its family. Raises Invalid when it was used before."""
        number = self._context.ids.number()
        # What was granted stays granted: a narrower token now does not narrow the next one (RFC 6749, 6).
        granted = frozenset(grant.scope.split())
        following, _ = self._grant(REFRESH, grant.user_id, client, granted, grant.family, REFRESH_MS)
        following = msgspec.structs.replace(following, digest=digest(self._access.following(secret, number)))
        await durable(self._context.store, [Used(grant.digest, number), following])
        stored = await result_of(partial(self._context.store.find_grant, grant.digest))
        if stored is None or (stored.used != number and not await self._is_repeat(stored, secret)):
            await self._end(client, grant.user_id, grant.family, "tokenReused")
            raise _wrong_grant()
        return self._next(client, stored, scopes, secret)

    def _next(self, client: Client, used: Grant, scopes: frozenset[str], secret: str) -> Tokens:
        """Tokens for a grant that is used: the next one of its family is the same however often it is asked for."""
        refresh = self._access.following(secret, used.used)
        return self._tokens(client.org_id, used.user_id, client, scopes, used.family, refresh)

    async def _is_repeat(self, used: Grant, secret: str) -> bool:
        """Whether this comes so soon after its use, and before that of the next one, that its answer was lost."""
        if used.kind != REFRESH:
            return False
        known = digest(self._access.following(secret, used.used))
        following: Grant | None = await result_of(partial(self._context.store.find_grant, known))
        now_ms = self._context.clock.now_ms()
        return following is not None and not following.used and now_ms <= following.created_ms + REPEAT_MS

    async def _good(self, client: Client, secret: str, kind: str) -> Grant:
        """The grant that this secret is of, if it is good, or used so lately that this repeats it.

        Raises Invalid; when it was used before that, its family ends.
        """
        known = digest(secret) if 0 < len(secret) <= SECRET_MAX else ""
        grant: Grant | None = await result_of(partial(self._context.store.find_grant, known))
        if grant is None or (grant.kind, grant.org_id, grant.client_id) != (kind, client.org_id, client.client_id):
            raise _wrong_grant()
        if grant.used and not await self._is_repeat(grant, secret):
            await self._end(client, grant.user_id, grant.family, "tokenReused")
            raise _wrong_grant()
        user = self._directory.user(grant.org_id, grant.user_id)
        gone = user is None or user.disabled_ms or grant.created_ms < user.valid_from_ms
        if gone or grant.expires_ms <= self._context.clock.now_ms() or await self._is_over(grant.family):
            raise _wrong_grant()
        return grant

    async def _is_over(self, family: str) -> bool:
        return await result_of(partial(self._context.store.find_grant, _end_of(family))) is not None

    async def _end(self, client: Client, actor: str, family: str, why: str) -> None:
        """No token of the family is good any more, on any node. `actor` is as in `Bearer.actor`."""

        async def work() -> None:
            if await self._is_over(family):
                return
            # Lives longer than any grant of the family.
            mark, _ = self._grant(ENDED, actor, client, frozenset(), family, REFRESH_MS)
            mark = msgspec.structs.replace(mark, digest=_end_of(family))
            note = self._changes.note(client.org_id, actor, f"session.{why}", actor, client=client.client_id)
            await self._changes.store([mark, self._ended(client.org_id, actor, family), note])

        await self._changes.alone(work)

    def _ended(self, org_id: str, actor: str, family: str) -> Item:
        now_ms = self._context.clock.now_ms()
        known = ended_sign_ins(self._directory, org_id, actor)
        still = {each: over for each, over in known.items() if over > now_ms}
        body = msgspec.json.encode({**still, family: now_ms + LIFE_SECONDS * 1000}).decode()
        return Item(org_id=org_id, kind=ENDED_SIGN_INS, item_id=actor, body=body, created_ms=now_ms)

    def _grant(
        self, kind: str, user_id: str, client: Client, scopes: frozenset[str], family: str, life_ms: int
    ) -> tuple[Grant, str]:
        secret, now_ms = secrets.token_urlsafe(32), self._context.clock.now_ms()
        made = Grant(
            digest=digest(secret),
            org_id=client.org_id,
            kind=kind,
            family=family,
            user_id=user_id,
            client_id=client.client_id,
            scope=" ".join(sorted(scopes)),
            created_ms=now_ms,
            expires_ms=now_ms + life_ms,
        )
        return made, secret

    def _tokens(
        self, org_id: str, user_id: str, client: Client, scopes: frozenset[str], family: str, refresh: str = ""
    ) -> Tokens:
        now_ms = self._context.clock.now_ms()
        bearer = Bearer(
            org_id=org_id,
            user_id=user_id,
            client_id=client.client_id,
            scopes=scopes,
            family=family,
            issued_ms=now_ms,
            expires_ms=now_ms + LIFE_SECONDS * 1000,
        )
        return Tokens(self._access.issue(bearer), " ".join(sorted(scopes)), refresh)


def check_redirect(client: Client, redirect_uri: str) -> None:
    """Raises Invalid unless people may be sent there: exactly as registered, on this machine at any port (RFC 8252)."""
    if not any(_same(known, redirect_uri) for known in client.redirect_uris):
        raise Invalid(
            "invalidRedirectUri", "Send a redirect_uri that is registered for this client.", scope="redirect_uri"
        )


def _same(known: str, given: str) -> bool:
    if known == given:
        return True
    try:
        a, b = urlsplit(known), urlsplit(given)
        port = f":{b.port}" if b.port else ""
    except ValueError:
        return False
    here = a.scheme == "http" and a.hostname in _LOOPBACK and a.port is None
    # The whole of it is put together again: what is parsed in two ways by two readers must not match.
    return here and given == f"http://{a.netloc}{port}{a.path}" + (f"?{a.query}" if a.query else "")


def _narrowed(most: frozenset[str], scope: str) -> frozenset[str]:
    """What is asked for, of what may be had; all of it when nothing is named. Raises Invalid when nothing is left."""
    found = most & frozenset(scope.split()) if scope.strip() else most
    if not found:
        raise Invalid("invalidScope", "None of these scopes may be had here; ask for others.", scope="scope")
    return found


def _challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _end_of(family: str) -> str:
    """Under which digest the end of a family is stored: no secret has it, as they are longer."""
    return sha256(b"ended " + family.encode()).hexdigest()


def _wrong_client() -> Unauthenticated:
    return Unauthenticated(
        "invalidClient", "Send the client's id and secret, and its organization as realm.", scope="Authorization"
    )


def _wrong_grant() -> Invalid:
    return Invalid("invalidGrant", "This code or token is not good any more; sign in again.", scope="grant_type")
