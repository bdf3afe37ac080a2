"""The audit log over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from frontdesk.actions.auditing import PAGE, Auditing
from frontdesk.domain.errors import Invalid
from frontdesk.http.forms import query
from frontdesk.http.guard import Guard
from frontdesk.http.later import Later
from frontdesk.http.polls import number
from frontdesk.http.routes import Route
from frontdesk.http.wire import Answer, Call, Result, json_answer
from frontdesk.ports import Store

# Of the largest id.
_DIGITS = 19


class AuditEntry(Struct, frozen=True, rename="camel"):
    """Who did what to what. `actor` is a user's id, "client" with a client's, "operator", "provider" or "nobody"."""

    audit_id: str
    time: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    actor: str
    act: str
    subject: str
    detail: dict[str, Any]


class AuditPage(Struct, frozen=True, rename="camel"):
    """Entries, the newest first. `next` is sent as `before` for those that follow; it is left out at the end."""

    total_items: int
    items: list[AuditEntry]
    next: str | None = None


class AuditApi:
    """Reads it for those with the scope reporting."""

    def __init__(self, auditing: Auditing, store: Store) -> None:
        self._auditing = auditing
        self._later = Later(store)

    def show_audit(self, call: Call) -> Result:
        """Who signed in, and who changed what: the newest first, `limit` at a time, of those older than `before`."""

        async def work() -> Answer:
            fields = query(call)
            before = _id(fields.get("before", "0"))
            limit = number(fields.get("limit", str(PAGE)), "limit")
            # One more than is shown tells whether others follow.
            found = await self._auditing.entries(call.organization.org_id, before, limit, more=1)
            shown = found[:limit]
            page = {"totalItems": len(shown), "items": shown}
            return json_answer({**page, "next": shown[-1]["auditId"]} if len(found) > limit else page)

        return self._later(work)


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Invalid("invalidBefore", "Send the auditId that the page before ended with.", scope="before")
    return int(text)


def routes(api: AuditApi) -> tuple[Route, ...]:
    """Every operation on the audit log."""
    return (
        Route(
            "GET", "reporting/audit", api.show_audit, name="show_audit", tag="Reporting", summary="Read the audit log",
            guard=Guard.BEARER, scope="reporting", success=200, answer=AuditPage,
        ),
    )  # fmt: skip
