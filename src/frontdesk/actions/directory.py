"""Organizations, API keys and work types, whole in memory: every request asks, and they seldom change."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from frontdesk.domain.errors import NotFound, Unauthenticated
from frontdesk.domain.limits import API_KEY_MAX
from frontdesk.domain.model import ApiKey, Organization, SigningKey, WorkType
from frontdesk.ports import Directory


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

    def load(self, found: Directory) -> None:
        """Take `found` in place of what was known."""
        self.generation += 1
        self.signing_keys = found.signing_keys
        self._organizations = {o.org_id: o for o in found.organizations}
        self._keys = {(k.org_id, k.digest): k for k in found.api_keys if not k.revoked_ms}
        self._work_types = {(w.org_id, w.work_type_id): w for w in found.work_types}

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

    def work_types(self, org_id: str) -> list[WorkType]:
        """An organization's work types."""
        return [w for (owner, _), w in self._work_types.items() if owner == org_id]
