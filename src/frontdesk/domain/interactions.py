"""The state machine of an interaction: queued or scripted, active, closed; one owner at a time.

    connect ──► scripted ──hand-off──► queued ──accept──► active ──► closed
        └──────────────────────────────►┘                              ▲
    every open state ──disconnect, inactivity, goodbye, shutdown───────┘

Each function changes the interaction and returns the log entries that say so, in order.
"""

from __future__ import annotations

from frontdesk.domain import events
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.messages import entry
from frontdesk.domain.model import (
    Channel,
    Contact,
    EndReason,
    EntityType,
    Entry,
    Interaction,
    Session,
    State,
    WorkType,
)

# The priority of a contact who has waited once and must wait again.
RETURNING = 10


def require_channel(work_type: WorkType | None, channel: Channel) -> WorkType:
    """The work type, when it exists and takes `channel`. Raises NotFound or Invalid otherwise."""
    if work_type is None:
        raise NotFound("unknownWorkType", "This organization has no such work type.", scope="workTypeId")
    if channel not in work_type.channels:
        takes = " and ".join(work_type.channels)
        raise Invalid("channelNotSupported", f"This work type takes {takes}, not {channel}.", scope="workTypeId")
    return work_type


def open_chat(
    interaction_id: int,
    session: Session,
    work_type: WorkType,
    contact: Contact,
    now_ms: int,
    *,
    previews_shown: bool = False,
) -> tuple[Interaction, list[Entry]]:
    """Begin a chat on `session`, and tell whether its `previews_shown`. Raises Invalid while another is open."""
    if session.interaction is not None:
        raise Invalid(
            "alreadyConnected",
            "This streaming session has an open interaction; disconnect it first.",
            scope="via-client-sessionid",
        )
    interaction = Interaction(
        interaction_id=interaction_id,
        org_id=session.org_id,
        session_id=session.session_id,
        work_type_id=work_type.work_type_id,
        channel=Channel.CHAT,
        state=State.SCRIPTED if work_type.script else State.QUEUED,
        contact=contact,
        created_ms=now_ms,
        script=work_type.script,
        fence=1,
        queued_ms=0 if work_type.script else now_ms,
    )
    session.interaction, session.disposed = interaction, False
    connected = events.Connected(
        interaction_id=str(interaction_id),
        work_type_id=work_type.work_type_id,
        contact_name=contact.name,
        previews_shown=previews_shown,
    )
    # Written by the contact, as every entry that a script answers.
    return interaction, [entry(interaction, connected, EntityType.CONTACT, now_ms, session)]


def hand_off(
    interaction: Interaction, session: Session | None, work_type: WorkType, now_ms: int, *, previews_shown: bool = False
) -> list[Entry]:
    """The script lets go: the interaction waits in the queue of `work_type`. The fence rises."""
    interaction.work_type_id = work_type.work_type_id
    interaction.state, interaction.script, interaction.script_state = State.QUEUED, "", ""
    interaction.queued_ms = now_ms
    interaction.fence += 1
    moved = events.Transferred(
        interaction_id=str(interaction.interaction_id),
        work_type_id=work_type.work_type_id,
        previews_shown=previews_shown,
    )
    return [entry(interaction, moved, EntityType.SYSTEM, now_ms, session)]


def take(interaction: Interaction, session: Session | None, user_id: str, name: str, now_ms: int) -> list[Entry]:
    """An agent accepts it: it is theirs alone to answer. The fence rises."""
    interaction.state, interaction.owner, interaction.for_agent = State.ACTIVE, user_id, ""
    interaction.fence += 1
    return [joined(interaction, session, name, now_ms)]


def joined(interaction: Interaction, session: Session | None, name: str, now_ms: int) -> Entry:
    """An agent came into the conversation."""
    came = events.ParticipantJoined(
        interaction_id=str(interaction.interaction_id), entity_name=name, entity_type=EntityType.AGENT
    )
    return entry(interaction, came, EntityType.AGENT, now_ms, session)


def left(interaction: Interaction, session: Session | None, name: str, now_ms: int) -> Entry:
    """An agent went out of the conversation."""
    went = events.ParticipantLeft(
        interaction_id=str(interaction.interaction_id), entity_name=name, entity_type=EntityType.AGENT
    )
    return entry(interaction, went, EntityType.AGENT, now_ms, session)


def hand_back(
    interaction: Interaction,
    session: Session | None,
    name: str,
    now_ms: int,
    *,
    work_type_id: str,
    for_agent: str = "",
    previews_shown: bool = False,
) -> list[Entry]:
    """Its agent lets go, and it waits again: for anyone of `work_type_id`, or for one agent. The fence rises.

    It has waited before, and goes ahead of those who come now.
    """
    entries = [left(interaction, session, name, now_ms)]
    interaction.state, interaction.owner, interaction.for_agent = State.QUEUED, "", for_agent
    interaction.work_type_id, interaction.queued_ms = work_type_id, now_ms
    interaction.priority = RETURNING
    interaction.fence += 1
    moved = events.Transferred(
        interaction_id=str(interaction.interaction_id), work_type_id=work_type_id, previews_shown=previews_shown
    )
    return [*entries, entry(interaction, moved, EntityType.AGENT, now_ms, session)]


def to_script(interaction: Interaction, session: Session | None, script: str, title: str, now_ms: int) -> list[Entry]:
    """A script takes over from the queue. It hears what is said from now on. The fence rises."""
    interaction.state, interaction.script, interaction.script_state = State.SCRIPTED, script, ""
    interaction.script_seq = interaction.seq
    interaction.fence += 1
    came = events.ParticipantJoined(
        interaction_id=str(interaction.interaction_id), entity_name=title, entity_type=EntityType.SYSTEM
    )
    return [entry(interaction, came, EntityType.SYSTEM, now_ms, session)]


def close(
    interaction: Interaction, session: Session | None, reason: EndReason, author: EntityType, now_ms: int
) -> list[Entry]:
    """End the conversation. The fence rises, so nothing its owner still sends is taken."""
    interaction.state, interaction.closed_ms, interaction.closed_reason = State.CLOSED, now_ms, reason
    interaction.grace_until_ms = 0
    interaction.fence += 1
    if session is not None and session.interaction is interaction:
        session.interaction = None
    over = events.Disconnected(interaction_id=str(interaction.interaction_id), reason=reason)
    return [entry(interaction, over, author, now_ms, session)]
