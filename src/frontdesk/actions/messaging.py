"""What a contact does in a conversation. Each function decides, hands everything to the store, and rings later.

`done` is called once: with None when all of it is durable, else with the error. `extra` is stored in the same
commit (the memory of an Idempotency-Key). Refusals are raised, and then nothing was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from frontdesk.actions.context import Context
from frontdesk.actions.handling import Handling
from frontdesk.actions.routing import Routing
from frontdesk.actions.scripts import Runner
from frontdesk.actions.wrapping import Wrapping
from frontdesk.domain import callbacks, contacts, events, interactions, messages
from frontdesk.domain.errors import no_open_interaction
from frontdesk.domain.model import (
    CallBack,
    Channel,
    Contact,
    EndReason,
    EntityType,
    Entry,
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
    routing: Routing
    scripts: Runner
    handling: Handling
    wrapping: Wrapping
    # Told of each callback that is booked, once that is durable.
    on_booked: Callable[[CallBack], None] = lambda call_back: None

    def connect(self, session: Session, work_type_id: str, contact: Contact, done: Done, extra: Extra = ()) -> None:
        """Open a chat. Raises NotFound, Invalid."""
        context = self.context
        work_type = context.directory.work_type(session.org_id, work_type_id)
        work_type = self.scripts.playable(interactions.require_channel(work_type, Channel.CHAT))
        context.store.admit()
        now_ms = context.clock.now_ms()
        rules = context.directory.rules(session.org_id, work_type.work_type_id)
        interaction, entries = interactions.open_chat(
            context.ids.number(), session, work_type, contact, now_ms,
            # A script sees nothing of it; where it hands off to agents, Transferred says what holds there.
            previews_shown=rules.sneak_peek and not work_type.script,
        )  # fmt: skip
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
                    self.routing.join(interaction)

        context.store.commit((session, interaction, *entries, *extra), opened)
        self.scripts.hear(interaction, entries[0].seq, Input("messaging.Connected"))

    def send_text(self, session: Session, text: str, done: Done, extra: Extra = ()) -> None:
        """Say something. Raises NotFound, Invalid."""
        messages.check_text(text)
        interaction, context = self._open(session), self.context
        message_id, now_ms = str(context.ids.number()), context.clock.now_ms()
        name = interaction.contact.name
        event = messages.text_event(interaction, name, EntityType.CONTACT, message_id, text, now_ms)
        self._write(interaction, event, Input("messaging.Text", text), now_ms, done, extra)

    def push_url(self, session: Session, url: str, done: Done, extra: Extra = ()) -> None:
        """Send a link. Raises NotFound, Invalid."""
        messages.check_url(url)
        interaction, context = self._open(session), self.context
        message_id, now_ms = str(context.ids.number()), context.clock.now_ms()
        name = interaction.contact.name
        event = messages.push_url_event(interaction, name, EntityType.CONTACT, message_id, url, now_ms)
        self._write(interaction, event, Input("messaging.PushUrl", url), now_ms, done, extra)

    def dial(self, session: Session, digits: str, done: Done, extra: Extra = ()) -> None:
        """Ask to be called now. Raises NotFound, Invalid."""
        contacts.check_digits(digits)
        interaction = self._open(session)
        message_id = str(self.context.ids.number())
        event = events.DialRequest(interaction_id=str(interaction.interaction_id), digits=digits, message_id=message_id)
        now_ms = self.context.clock.now_ms()
        self._write(interaction, event, Input("messaging.DialRequest", digits), now_ms, done, extra)

    def notify(self, session: Session, state: str, expires_after_seconds: float) -> None:
        """Show the agents that the contact is composing. Never stored. Raises NotFound, Invalid."""
        messages.check_notification(state, expires_after_seconds)
        interaction = self._open(session)
        if interaction.listeners:
            typing = events.Notification(
                interaction_id=str(interaction.interaction_id),
                entity_name=interaction.contact.name,
                entity_type=EntityType.CONTACT,
                state=state,
                expires_after_seconds=expires_after_seconds,
            )
            self.handling.overhear(interaction, typing, round(expires_after_seconds * 1000))

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
        agents, tell = self.wrapping.closing(interaction, reason)
        context.floor.close(interaction)

        def ended(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self.context.streams.deliver(entries)
                tell()

        context.store.commit((interaction, *entries, *agents, *extra), ended)

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
        known = callbacks.known_from(contact, session.interaction)
        call_back, interaction, entry = callbacks.book(
            context.ids.number(), session, known, work_type, digits, due_ms, context.clock.now_ms()
        )

        def booked(error: BaseException | None) -> None:
            done(error)
            if error is None:
                context.streams.deliver([entry])
                self.on_booked(call_back)

        context.store.commit((call_back, interaction, entry, *extra), booked)

    def _heard(self, entry: Entry, done: Done) -> Done:
        """`done`, and then the agents hear it."""

        def told(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self.context.streams.deliver((entry,))

        return told

    def _open(self, session: Session) -> Interaction:
        if session.interaction is None:
            raise no_open_interaction()
        self.context.store.admit()
        return session.interaction

    def _write(
        self, interaction: Interaction, event: events.Event, heard: Input, now_ms: int, done: Done, extra: Extra
    ) -> None:
        """An entry by the contact: it stands in the log, and whoever has the conversation hears it."""
        entry = messages.entry(interaction, event, EntityType.CONTACT, now_ms, None)
        if interaction.state is State.ACTIVE:
            self.context.store.commit((entry, *extra), self._heard(entry, done))
            return
        self.context.store.commit((entry, *extra), done)
        self.scripts.hear(interaction, entry.seq, heard)
