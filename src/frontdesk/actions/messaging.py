"""What a contact does in a conversation. Each function decides, hands everything to the store, and rings later.

`done` is called once: with None when all of it is durable, else with the error. `extra` is stored in the same
commit (the memory of an Idempotency-Key). Refusals are raised, and then nothing was stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from frontdesk.actions.context import Context
from frontdesk.actions.queues import Queues
from frontdesk.actions.scripts import Runner
from frontdesk.domain import callbacks, contacts, events, interactions, messages
from frontdesk.domain.errors import no_open_interaction
from frontdesk.domain.model import (
    Channel,
    Contact,
    EndReason,
    EntityType,
    Interaction,
    Session,
    State,
)
from frontdesk.domain.scripts import Input
from frontdesk.ports import Done, Record

Extra = Sequence[Record]


@dataclass(slots=True)
class Messaging:
    """The messaging operations of the public API."""

    context: Context
    queues: Queues
    scripts: Runner

    def connect(self, session: Session, work_type_id: str, contact: Contact, done: Done, extra: Extra = ()) -> None:
        """Open a chat. Raises NotFound, Invalid."""
        context = self.context
        work_type = context.directory.work_type(session.org_id, work_type_id)
        work_type = self.scripts.playable(interactions.require_channel(work_type, Channel.CHAT))
        context.store.admit()
        now_ms = context.clock.now_ms()
        interaction, entries = interactions.open_chat(context.ids.number(), session, work_type, contact, now_ms)
        context.floor.interactions[interaction.interaction_id] = interaction
        if interaction.state is State.SCRIPTED:
            entries.append(
                messages.entry(interaction, self.scripts.joined(interaction), EntityType.SYSTEM, now_ms, session)
            )

        def opened(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self.context.streams.deliver(entries)
                if interaction.state is State.QUEUED:
                    self.queues.join(interaction)

        context.store.commit((session, interaction, *entries, *extra), opened)
        self.scripts.hear(interaction, entries[0].seq, Input("messaging.Connected"))

    def send_text(self, session: Session, text: str, done: Done, extra: Extra = ()) -> None:
        """Say something. Raises NotFound, Invalid."""
        messages.check_text(text)
        interaction = self._open(session)
        event = messages.text_event(
            interaction,
            interaction.contact.name,
            EntityType.CONTACT,
            str(self.context.ids.number()),
            text,
            self.context.clock.now_ms(),
        )
        self._write(interaction, event, Input("messaging.Text", text), done, extra)

    def push_url(self, session: Session, url: str, done: Done, extra: Extra = ()) -> None:
        """Send a link. Raises NotFound, Invalid."""
        messages.check_url(url)
        interaction = self._open(session)
        event = messages.push_url_event(
            interaction,
            interaction.contact.name,
            EntityType.CONTACT,
            str(self.context.ids.number()),
            url,
            self.context.clock.now_ms(),
        )
        self._write(interaction, event, Input("messaging.PushUrl", url), done, extra)

    def dial(self, session: Session, digits: str, done: Done, extra: Extra = ()) -> None:
        """Ask to be called now. Raises NotFound, Invalid."""
        contacts.check_digits(digits)
        interaction = self._open(session)
        event = events.DialRequest(interaction_id=str(interaction.interaction_id), digits=digits)
        self._write(interaction, event, Input("messaging.DialRequest", digits), done, extra)

    def notify(self, session: Session, state: str, expires_after_seconds: float) -> None:
        """Show that the contact is composing. Never stored. Raises NotFound, Invalid.

        Nobody reads it yet: scripts don't, and the agents' streams are to come.
        """
        messages.check_notification(state, expires_after_seconds)
        self._open(session)

    def disconnect(self, session: Session, done: Done, extra: Extra = ()) -> None:
        """End the chat. Raises NotFound."""
        interaction = self._open(session)
        session.disposed = True
        self.end(interaction, EndReason.CONTACT, EntityType.CONTACT, done, (session, *extra))

    def end(
        self, interaction: Interaction, reason: EndReason, author: EntityType, done: Done, extra: Extra = ()
    ) -> None:
        """Close an interaction, whoever asked for it."""
        context = self.context
        session = context.floor.session_of(interaction)
        entries = interactions.close(interaction, session, reason, author, context.clock.now_ms())
        context.floor.close(interaction)
        self.queues.leave(interaction)

        def ended(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self.context.streams.deliver(entries)

        context.store.commit((interaction, *entries, *extra), ended)

    def schedule_call_back(
        self,
        session: Session,
        work_type_id: str,
        contact: Contact,
        digits: str,
        due_ms: int,
        done: Done,
        extra: Extra = (),
    ) -> None:
        """Book a voice callback; needs no open chat. Raises NotFound, Invalid."""
        context = self.context
        contacts.check_digits(digits)
        found = context.directory.work_type(session.org_id, work_type_id)
        work_type = interactions.require_channel(found, Channel.CALLBACK)
        context.store.admit()
        call_back, interaction, entry = callbacks.book(
            context.ids.number(), session, contact, work_type, digits, due_ms, context.clock.now_ms()
        )

        def booked(error: BaseException | None) -> None:
            done(error)
            if error is None:
                context.streams.deliver([entry])

        context.store.commit((call_back, interaction, entry, *extra), booked)

    def _open(self, session: Session) -> Interaction:
        if session.interaction is None:
            raise no_open_interaction()
        self.context.store.admit()
        return session.interaction

    def _write(self, interaction: Interaction, event: events.Event, heard: Input, done: Done, extra: Extra) -> None:
        """An entry by the contact: it stands in the log, and whoever has the conversation hears it."""
        entry = messages.entry(interaction, event, EntityType.CONTACT, self.context.clock.now_ms(), None)
        self.context.store.commit((entry, *extra), done)
        self.scripts.hear(interaction, entry.seq, heard)
