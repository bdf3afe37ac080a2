"""Reading the audit log: who did what to what. It is written with the acts themselves (`Changes.note`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from frontdesk.actions.context import Context, result_of
from frontdesk.actions.provisioning import View
from frontdesk.domain.errors import Invalid
from frontdesk.domain.people import Audit
from frontdesk.domain.times import rfc3339

# Entries of one page.
PAGE, PAGE_MAX = 100, 1000


class Auditing:
    """The audit log of every organization."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.commands: dict[str, Callable[..., Any]] = {"audit.list": self.entries}

    async def entries(self, org_id: str, before: int = 0, limit: int = PAGE, *, more: int = 0) -> list[View]:
        """The newest entries first, of those with an id below `before` (0: of all), and `more` than the limit.

        Raises NotFound, Invalid.
        """
        self._context.directory.organization(org_id)
        if not 1 <= limit <= PAGE_MAX:
            raise Invalid("invalidLimit", f"Send 1 to {PAGE_MAX}.", scope="limit")
        if not 0 <= before < 1 << 63:
            raise Invalid("invalidBefore", "Send the auditId that the page before ended with.", scope="before")
        found = await result_of(partial(self._context.store.audit, org_id, before, limit + more))
        return [view(entry) for entry in found]


def view(entry: Audit) -> View:
    """An entry as the API and the command show it."""
    return {
        "auditId": str(entry.audit_id),
        "time": rfc3339(entry.time_ms),
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "detail": msgspec.json.decode(entry.detail),
    }
