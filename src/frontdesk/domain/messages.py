"""What may be said in an interaction, and how it reads on the other side."""

from __future__ import annotations

from urllib.parse import urlsplit

from frontdesk.domain import events
from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import NOTIFICATION_SECONDS_MAX, TEXT_MAX, URL_MAX
from frontdesk.domain.model import EntityType, Entry, Interaction, Session
from frontdesk.domain.times import rfc3339


def entry(interaction: Interaction, event: events.Event, author: EntityType, now_ms: int, to: Session | None) -> Entry:
    """A log entry that carries `event`; `to` is the stream it is put on as well, if any."""
    return Entry(
        interaction=interaction,
        kind=events.kind_of(event),
        author=author,
        payload=events.payload(event),
        time_ms=now_ms,
        session=to,
    )


def check_text(text: str) -> str:
    """The text as sent. Raises Invalid when it is empty or too long (document: 2000 characters)."""
    if not 1 <= len(text) <= TEXT_MAX:
        raise Invalid("invalidText", f"Send a text of 1 to {TEXT_MAX} characters.", scope="text")
    return text


def check_url(url: str) -> str:
    """The address as sent. Raises Invalid unless it is absolute, http or https, and at most 2000 characters.

    Nothing else is let through: a javascript: or data: address would run in the reader's page.
    """
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or len(url) > URL_MAX
        _ = parts.port
    except ValueError:
        wrong = True
    if wrong or not url.isprintable() or " " in url:
        raise Invalid("invalidUrl", "Send an absolute http or https address of at most 2000 characters.", scope="url")
    return url


def check_notification(state: str, expires_after_seconds: float) -> None:
    """Raises Invalid unless it is `composing` for more than 0 and at most 30 seconds (document, Notification)."""
    if state != "composing":
        raise Invalid("invalidState", "The one state is composing.", scope="state")
    if not 0 < expires_after_seconds <= NOTIFICATION_SECONDS_MAX:
        raise Invalid(
            "invalidExpiry",
            f"Send more than 0 and at most {NOTIFICATION_SECONDS_MAX} seconds.",
            scope="expiresAfterSeconds",
        )


def text_event(
    interaction: Interaction, name: str, author: EntityType, message_id: str, text: str, now_ms: int
) -> events.Text:
    """A message by `name`."""
    return events.Text(
        interaction_id=str(interaction.interaction_id),
        message_id=message_id,
        entity_name=name,
        entity_type=author,
        text=text,
        sent_time=rfc3339(now_ms),
    )


def push_url_event(
    interaction: Interaction, name: str, author: EntityType, message_id: str, url: str, now_ms: int
) -> events.PushUrl:
    """A link by `name`."""
    return events.PushUrl(
        interaction_id=str(interaction.interaction_id),
        message_id=message_id,
        entity_name=name,
        entity_type=author,
        url=url,
        sent_time=rfc3339(now_ms),
    )
