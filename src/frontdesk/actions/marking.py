"""What the two sides see of each other besides words: delivered, read, and what is typed. Nothing of it is stored.

All of it is passing, and says "up to this message", so that a lost one is made good by the next.
"""

from __future__ import annotations

from frontdesk.actions.context import Context
from frontdesk.actions.handling import CONTACT, Handling
from frontdesk.domain import events
from frontdesk.domain.errors import Invalid, no_open_interaction
from frontdesk.domain.limits import ID_MAX, TEXT_MAX
from frontdesk.domain.marks import Marks
from frontdesk.domain.model import EntityType, Entry, Interaction, Session
from frontdesk.domain.people import User

# Milliseconds that a mark waits for the other side's next poll.
MARK_LIFE_MS = 60_000
# What is being typed is another text a moment later.
PREVIEW_LIFE_MS = 10_000


class Marking:
    """Marks and previews in the conversations of this process."""

    def __init__(self, context: Context, handling: Handling) -> None:
        self._context = context
        self._handling = handling
        handling.on_said = self._said

    # ---- delivered

    def _said(self, entry: Entry, message_id: str) -> None:
        """An agent's message is stored, on the stream of a contact whose client will confirm it."""
        interaction = entry.interaction
        if interaction.marks is None:
            interaction.marks = Marks()
        interaction.marks.sent(entry.stream_seq, message_id)

    def confirmed(self, session: Session) -> None:
        """The contact's client has everything up to the session's cursor: agents see which of their words arrived."""
        interaction = session.interaction
        if interaction is None or interaction.marks is None:
            return
        message_id = interaction.marks.confirmed(session.cursor)
        if message_id:
            reached = events.Delivered(interaction_id=str(interaction.interaction_id), message_id=message_id)
            self._handling.overhear(interaction, reached, MARK_LIFE_MS)

    # ---- read

    def read_by_contact(self, session: Session, message_id: str) -> None:
        """The contact has read everything up to a message. Raises NotFound, Invalid."""
        check_message(message_id)
        interaction = _open(session)
        if interaction.listeners:
            self._handling.overhear(interaction, _read(interaction, message_id, EntityType.CONTACT), MARK_LIFE_MS)

    def read_by_agent(self, user: User, interaction_id: int, message_id: str) -> None:
        """An agent whom the contact hears has read everything up to a message. Raises NotFound, Invalid."""
        check_message(message_id)
        held = self._handling.speaking(user, interaction_id, CONTACT)
        session = self._context.floor.sessions.get(held.interaction.session_id)
        if session is not None:
            event = _read(held.interaction, message_id, EntityType.AGENT)
            expires_ms = self._context.clock.now_ms() + MARK_LIFE_MS
            self._context.streams.passing(session, events.kind_of(event), events.payload(event), expires_ms)

    # ---- what is being typed

    def preview(self, session: Session, text: str) -> None:
        """Show agents what the contact has typed so far, where the work type's rules say so. Raises NotFound, Invalid.

        The contact's client was told of it in Connected or Transferred (`previewsShown`).
        """
        if len(text) > TEXT_MAX:
            raise Invalid("invalidPreview", f"Send a text of at most {TEXT_MAX} characters.", scope="text")
        interaction = _open(session)
        if not interaction.listeners:
            return
        if self._context.directory.rules(interaction.org_id, interaction.work_type_id).sneak_peek:
            typed = events.Preview(
                interaction_id=str(interaction.interaction_id),
                entity_name=interaction.contact.name,
                entity_type=EntityType.CONTACT,
                text=text,
            )
            self._handling.overhear(interaction, typed, PREVIEW_LIFE_MS)


def check_message(message_id: str) -> str:
    """The id as sent. Raises Invalid when it can't be one of a message."""
    if not (message_id.isascii() and message_id.isdigit() and len(message_id) <= ID_MAX):
        raise Invalid("invalidMessageId", "Send the messageId of a text or link.", scope="messageId")
    return message_id


def _read(interaction: Interaction, message_id: str, reader: EntityType) -> events.Read:
    return events.Read(interaction_id=str(interaction.interaction_id), message_id=message_id, entity_type=reader)


def _open(session: Session) -> Interaction:
    if session.interaction is None:
        raise no_open_interaction()
    return session.interaction
