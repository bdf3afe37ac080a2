"""The shapes of answers, for the OpenAPI description. `http/public.py` builds them; a test holds the two together."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_TIME = Meta(extra_json_schema={"format": "date-time"})


class WebToken(Struct, frozen=True, rename="camel"):
    """Document, "Get Web Token"."""

    token_id: str
    expiration_time: Annotated[str, _TIME]


class SessionCreated(Struct, frozen=True, rename="camel"):
    """Document, "Create Session"; `interactionId` when a conversation goes on."""

    session_id: str
    creation_time: Annotated[str, _TIME]
    inactivity_delay: int
    interaction_id: str | None = None


class EventItem(Struct, frozen=True, rename="camel"):
    """One event. `payload` is JSON in a string; passing events have neither id nor number."""

    kind: str
    published_time: Annotated[str, _TIME]
    payload: str
    id: str | None = None
    sequence_number: int | None = None


class Events(Struct, frozen=True, rename="camel"):
    """Document, "Long Polling"."""

    total_items: int
    events: list[EventItem]


class Health(Struct, frozen=True, rename="camel"):
    """The state of the server; `checks` name each part."""

    status: str
    checks: dict[str, str]
