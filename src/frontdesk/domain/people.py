"""Those who work here: users and their roles, the programs that act for an organization, and what both were granted.

Times are integers in milliseconds since the epoch (UTC), named `..._ms`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Role(StrEnum):
    """What a user is for; each role brings its scopes (`domain/scopes.py`)."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    INTEGRATION = "integration"


class User(Struct, frozen=True, kw_only=True):
    """Someone who signs in.

    `password` is an argon2 hash, "" for one who signs in elsewhere only (OIDC), where they are known as `subject`:
    issuer and subject, parted by a space. `skills` are levels from 1 to 10. `capacity` says how much work they may hold
    on each channel at one time. Tokens issued before `valid_from_ms` are not good any more.
    """

    org_id: str
    user_id: str
    login: str
    name: str
    roles: tuple[Role, ...]
    created_ms: int
    password: str = ""
    subject: str = ""
    team_id: str = ""
    skills: dict[str, int] = {}
    work_type_ids: tuple[str, ...] = ()
    capacity: dict[str, int] = {}
    valid_from_ms: int = 0
    disabled_ms: int = 0


class Client(Struct, frozen=True, kw_only=True):
    """A program that asks for tokens (RFC 6749, 2). Only the SHA-256 of its secret is stored; "" for a public one."""

    org_id: str
    client_id: str
    name: str
    scopes: tuple[str, ...]
    created_ms: int
    digest: str = ""
    redirect_uris: tuple[str, ...] = ()
    revoked_ms: int = 0


class Grant(Struct, frozen=True, kw_only=True):
    """A secret that is exchanged for a token, once: an authorization code or a refresh token.

    Only its SHA-256 is stored, in `digest`. `family` is the sign-in that it descends from: when one of a family is used
    a second time, all of it ends (RFC 9700, 4.14.2). `challenge` is that of PKCE (RFC 7636), `used` the
    number of its use (`ports.Used`).
    """

    digest: str
    org_id: str
    kind: str
    family: str
    user_id: str
    client_id: str
    scope: str
    created_ms: int
    expires_ms: int
    challenge: str = ""
    redirect_uri: str = ""
    used: int = 0


class Bearer(Struct, frozen=True, kw_only=True):
    """Who a verified access token speaks for: a user, or ("" as `user_id`) a client by itself."""

    org_id: str
    user_id: str
    client_id: str
    scopes: frozenset[str]
    family: str
    issued_ms: int
    expires_ms: int

    @property
    def actor(self) -> str:
        """As the audit log names it."""
        return self.user_id or f"client {self.client_id}"


class AgentState(StrEnum):
    """Routing status: whether an agent takes work."""

    OFF = "off"
    NOT_READY = "notReady"
    READY = "ready"


class AgentStatus(Struct, kw_only=True):
    """A working record: where an agent stands. `since_ms` is when `state` began; `idle_ms` when they last had work.

    `work_type_ids` are those chosen at connect, `maximum` the chosen limit of interactions (0: as provisioned).
    `lost_ms` > 0: no streaming session of theirs is left since then, and the grace runs.
    """

    org_id: str
    user_id: str
    state: AgentState = AgentState.OFF
    reason_id: str = ""
    memo: str = ""
    since_ms: int = 0
    idle_ms: int = 0
    work_type_ids: tuple[str, ...] = ()
    maximum: int = 0
    lost_ms: int = 0


class Item(Struct, frozen=True, kw_only=True):
    """Something small that an organization sets up (`domain/catalog.py`): `body` is its JSON, by `kind` and id."""

    org_id: str
    kind: str
    item_id: str
    body: str
    created_ms: int
    removed_ms: int = 0


class Audit(Struct, frozen=True, kw_only=True):
    """Who did what to what, for ever. `actor` is a user, a client or "operator"; `detail` is JSON."""

    audit_id: int
    org_id: str
    time_ms: int
    actor: str
    act: str
    subject: str
    detail: str = "{}"
