"""Records of every kind, each with everything it needs."""

from typing import Any

from frontdesk.domain.model import (
    ApiKey,
    CallBack,
    Channel,
    Contact,
    ContactDatum,
    EntityType,
    Entry,
    Interaction,
    Organization,
    Repeat,
    Session,
    SigningKey,
    State,
    WorkType,
)

ADA = Contact("Ada", "ada@example.com", (ContactDatum("plan", "gold"),))


def session(session_id: str = "s1", **fields: Any) -> Session:
    """A living session."""
    known = {"session_id": session_id, "org_id": "viademo", "inactivity_delay": 60, "created_ms": 1}
    return Session(**{**known, **fields})


def chat(interaction_id: int = 1, session_id: str = "s1", **fields: Any) -> Interaction:
    """A chat that waits for an agent."""
    known: dict[str, Any] = {
        "interaction_id": interaction_id,
        "org_id": "viademo",
        "session_id": session_id,
        "work_type_id": "79",
        "channel": Channel.CHAT,
        "state": State.QUEUED,
        "contact": ADA,
        "created_ms": 1,
    }
    return Interaction(**{**known, **fields})


def entry(
    interaction: Interaction, stream: Session | None = None, *, text: str = "hi", author: EntityType = EntityType.SYSTEM
) -> Entry:
    """One line of the log."""
    return Entry(interaction=interaction, kind="messaging.Text", author=author, payload=text, time_ms=5, session=stream)


def repeat(key: str = "k", *, digest: str = "d", body: bytes = b"", created_ms: int = 1) -> Repeat:
    """An answer to remember."""
    return Repeat(scope="s1", key=key, digest=digest, status=202, body=body, created_ms=created_ms)


def call_back(number: int, due_ms: int, org_id: str = "viademo") -> CallBack:
    """A scheduled callback."""
    return CallBack(
        call_back_id=str(number),
        interaction_id=number,
        org_id=org_id,
        work_type_id="32",
        contact=ADA,
        digits="555 1234",
        due_ms=due_ms,
        created_ms=1,
    )


def api_key(key_id: str, digest: str) -> ApiKey:
    """A key; two with one digest can't both be stored."""
    return ApiKey(key_id, "viademo", "web", digest, "fd_", 1)


def directory() -> tuple[Organization, ApiKey, WorkType, SigningKey]:
    """One of each kind that requests are checked against."""
    return (
        Organization("viademo", "Demo", 1, ("https://a.example", "https://b.example"), 90),
        api_key("k1", "digest"),
        WorkType("viademo", "32", "Both", (Channel.CHAT, Channel.CALLBACK), 1, "echo"),
        SigningKey("kid", "secret", 1, 2),
    )
