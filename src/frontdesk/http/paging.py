"""Lists that come in pages, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frontdesk.domain.errors import Invalid
from frontdesk.http.polls import fields_of, number

# Entries of one page.
PAGE, PAGE_MAX = 100, 1000


def page_of(raw: bytes) -> tuple[str, int]:
    """After which id, and how many, from the query. Raises Invalid."""
    fields = fields_of(raw, "limit and after")
    limit = number(fields.get("limit", [str(PAGE)])[-1], "limit")
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid("invalidLimit", f"Send 1 to {PAGE_MAX}.", scope="limit")
    return fields.get("after", [""])[-1], limit


def paged(views: Sequence[dict[str, Any]], id_name: str, after: str, limit: int) -> dict[str, Any]:
    """A page of what is in order: what is made or removed meanwhile neither repeats nor hides another."""
    rest = [view for view in views if view[id_name] > after]
    page = {"totalItems": min(limit, len(rest)), "items": rest[:limit]}
    return {**page, "next": rest[limit - 1][id_name]} if len(rest) > limit else page
