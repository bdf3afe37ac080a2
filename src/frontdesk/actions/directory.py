"""Organizations, API keys and work types, whole in memory: every request asks, and they seldom change."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec

from frontdesk.domain.catalog import Disposition, Kind, Reason, Use
from frontdesk.domain.errors import NotFound, Unauthenticated
from frontdesk.domain.hours import Hours
from frontdesk.domain.limits import API_KEY_MAX
from frontdesk.domain.model import ApiKey, Organization, SigningKey, WorkType
from frontdesk.domain.people import Client, Item, User
from frontdesk.domain.rules import Rules
from frontdesk.ports import Directory

_rules = msgspec.json.Decoder(Rules)
_hours = msgspec.json.Decoder(Hours)
_reason = msgspec.json.Decoder(Reason)
_disposition = msgspec.json.Decoder(Disposition)


@lru_cache(maxsize=4096)
def digest(secret: str) -> str:
    """SHA-256 in hex. Enough for keys of 128 random bits, which no dictionary can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def unknown_organization() -> NotFound:
    """The refusal of an organization that is not here."""
    return NotFound("unknownOrganization", "There is no such organization here.", scope="orgId")


class LiveDirectory:
    """The directory with the look-ups that requests need; `load` replaces all of it at once."""

    def __init__(self) -> None:
        # Rises with every change, so that what was concluded from an older directory is concluded anew.
        self.generation = 0
        self.signing_keys: tuple[SigningKey, ...] = ()
        self._organizations: dict[str, Organization] = {}
        self._keys: dict[tuple[str, str], ApiKey] = {}
        self._work_types: dict[tuple[str, str], WorkType] = {}
        self._users: dict[tuple[str, str], User] = {}
        self._logins: dict[tuple[str, str], User] = {}
        self._clients: dict[tuple[str, str], Client] = {}
        self._ended_clients: frozenset[tuple[str, str]] = frozenset()
        self._items: dict[tuple[str, str], dict[str, Item]] = {}
        # Made of JSON when first asked for.
        self._rules: dict[tuple[str, str], Rules] = {}
        self._hours: dict[tuple[str, str], Hours | None] = {}

    def load(self, found: Directory) -> None:
        """Take `found` in place of what was known."""
        self.generation += 1
        self.signing_keys = found.signing_keys
        self._organizations = {o.org_id: o for o in found.organizations}
        self._keys = {(k.org_id, k.digest): k for k in found.api_keys if not k.revoked_ms}
        self._work_types = {(w.org_id, w.work_type_id): w for w in found.work_types if not w.removed_ms}
        self._users = {(u.org_id, u.user_id): u for u in found.users}
        self._logins = {(u.org_id, u.login.casefold()): u for u in found.users}
        self._clients = {(c.org_id, c.client_id): c for c in found.clients if not c.revoked_ms}
        self._ended_clients = frozenset((c.org_id, c.client_id) for c in found.clients if c.revoked_ms)
        self._items = {}
        self._rules, self._hours = {}, {}
        for item in found.items:
            if not item.removed_ms:
                self._items.setdefault((item.org_id, item.kind), {})[item.item_id] = item

    def organization(self, org_id: str) -> Organization:
        """Raises NotFound."""
        found = self._organizations.get(org_id)
        if found is None:
            raise unknown_organization()
        return found

    def find_organization(self, org_id: str) -> Organization | None:
        """The organization, or None."""
        return self._organizations.get(org_id)

    def api_key(self, org_id: str, key: str) -> ApiKey:
        """Raises Unauthenticated."""
        # Digests are remembered with what they are of: thousands of long wrong keys must not fill the memory.
        found = self._keys.get((org_id, digest(key))) if len(key) <= API_KEY_MAX else None
        if found is None:
            raise Unauthenticated("invalidApiKey", "Send a valid API key of this organization.", scope="x-api-key")
        return found

    def work_type(self, org_id: str, work_type_id: str) -> WorkType | None:
        """The work type, or None."""
        return self._work_types.get((org_id, work_type_id))

    def organizations(self) -> list[Organization]:
        """All of them."""
        return list(self._organizations.values())

    def user(self, org_id: str, user_id: str) -> User | None:
        """A user, disabled or not, or None."""
        return self._users.get((org_id, user_id))

    def user_of_login(self, org_id: str, login: str) -> User | None:
        """The user who signs in so, or None. Upper and lower case are the same."""
        return self._logins.get((org_id, login.casefold()))

    def users(self, org_id: str) -> list[User]:
        """An organization's users."""
        return [u for (owner, _), u in self._users.items() if owner == org_id]

    def client(self, org_id: str, client_id: str) -> Client | None:
        """A program that may ask for tokens, or None."""
        return self._clients.get((org_id, client_id))

    def has_ended(self, org_id: str, client_id: str) -> bool:
        """Whether this was a program, and was revoked."""
        return (org_id, client_id) in self._ended_clients

    def clients(self, org_id: str) -> list[Client]:
        """An organization's programs."""
        return [c for (owner, _), c in self._clients.items() if owner == org_id]

    def item(self, org_id: str, kind: str, item_id: str) -> Item | None:
        """What an organization set up under this id, or None."""
        return self._items.get((org_id, kind), {}).get(item_id)

    def items(self, org_id: str, kind: str) -> list[Item]:
        """All that it set up of this kind."""
        return list(self._items.get((org_id, kind), {}).values())

    def has_reason(self, org_id: str, reason_id: str, use: Use) -> bool:
        """Whether there is such a reason, for that use."""
        item = self.item(org_id, Kind.REASONS, reason_id)
        return item is not None and _reason.decode(item.body).use is use

    def has_disposition(self, org_id: str, disposition_id: str, work_type_id: str) -> bool:
        """Whether there is such a disposition, for that work type."""
        item = self.item(org_id, Kind.DISPOSITIONS, disposition_id)
        return item is not None and _disposition.decode(item.body).fits(work_type_id)

    def rules(self, org_id: str, work_type_id: str) -> Rules:
        """How a work type is routed; the defaults for one that is not there any more."""
        key = (org_id, work_type_id)
        known = self._rules.get(key)
        if known is None:
            work_type = self._work_types.get(key)
            known = _rules.decode(work_type.rules) if work_type is not None and work_type.rules else Rules()
            self._rules[key] = known
        return known

    def hours(self, org_id: str, hours_id: str) -> Hours | None:
        """Hours of operation, or None."""
        key = (org_id, hours_id)
        if key not in self._hours:
            item = self.item(org_id, Kind.HOURS, hours_id)
            self._hours[key] = _hours.decode(item.body) if item is not None else None
        return self._hours[key]

    def work_types(self, org_id: str) -> list[WorkType]:
        """An organization's work types."""
        return [w for (owner, _), w in self._work_types.items() if owner == org_id]
