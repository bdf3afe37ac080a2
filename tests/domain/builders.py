"""Records for tests of the rules: each with everything it needs, and any field replaced by keyword."""

from typing import Any

from frontdesk.domain.model import Channel, Contact, Interaction, Session, State, WorkType
from frontdesk.domain.sessions import open_session

NOW_MS = 1_767_225_600_000
ADA = Contact("Ada")


def work_type(
    work_type_id: str = "79", *, script: str = "", channels: tuple[Channel, ...] = (Channel.CHAT,)
) -> WorkType:
    """A work type that takes chats."""
    return WorkType("viademo", work_type_id, "Agents", channels, NOW_MS, script)


def session(session_id: str = "s1", **fields: Any) -> Session:
    """A fresh session of "viademo"."""
    made = open_session(session_id, "viademo", NOW_MS)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def chat(**fields: Any) -> Interaction:
    """A chat that waits for an agent."""
    known: dict[str, Any] = {
        "interaction_id": 7,
        "org_id": "viademo",
        "session_id": "s1",
        "work_type_id": "79",
        "channel": Channel.CHAT,
        "state": State.QUEUED,
        "contact": ADA,
        "created_ms": NOW_MS,
    }
    return Interaction(**{**known, **fields})
