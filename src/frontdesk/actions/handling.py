"""What agents do in a conversation: take it, talk, hold it, hand it on, end it, finish it.

Each function decides, hands everything to the store, and tells later, as in `actions/messaging.py`. Refusals are
raised, and then nothing was stored. Who does not hold the interaction any more is refused: nobody writes over the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from frontdesk.actions.context import Context, once_stored
from frontdesk.actions.desks import Desks
from frontdesk.actions.homes import Homes
from frontdesk.actions.routing import Routing, decision, status_of
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.views import Transcript, subject, when
from frontdesk.domain import assignments, desk_events, events, interactions, messages
from frontdesk.domain.assignments import TALKING, Assignment, Part, Stage
from frontdesk.domain.catalog import Use
from frontdesk.domain.errors import Invalid, NotFound, Unavailable
from frontdesk.domain.explaining import Decision
from frontdesk.domain.model import Channel, EndReason, EntityType, Entry, Interaction, State
from frontdesk.domain.people import User
from frontdesk.ports import Done, Record

# Read for each text, and an enum's member costs as much to read as a call before Python 3.12.
_CHAT, _ACTIVE, _AGENT = Channel.CHAT, State.ACTIVE, EntityType.AGENT
# Those whom the contact hears.
_HEARD = frozenset({Part.OWNER, Part.CONFERENCE, Part.BARGE})
AGENTS, CONTACT = "agents", "contact"
Extra = Sequence[Record]
Said = events.Text | events.PushUrl | events.DialAnswered | events.Note


class Held(Struct):
    """An interaction in the hands of a user."""

    board: Switchboard
    assignment: Assignment
    interaction: Interaction


class Handling:
    """An agent's work on one interaction."""

    def __init__(self, context: Context, boards: Switchboards, desks: Desks, routing: Routing, homes: Homes) -> None:
        self._context = context
        self._boards = boards
        self._desks = desks
        self._routing = routing
        self._homes = homes
        # Closes an interaction for everyone; the wiring sets it (`Messaging.end`).
        self.end: Callable[..., None]
        # Told of each message to a contact once it is durable, before it is delivered.
        self.on_said: Callable[[Entry, str], None] = lambda entry, message_id: None

    # ---- offers

    def accept(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """Take what is offered. Raises NotFound, Invalid."""
        held = self.held(user, interaction_id)
        self._context.store.admit()
        now_ms = self._context.clock.now_ms()
        assignments.accept(held.assignment, now_ms)
        self._routing.offers["accepted"] += 1
        records: list[Record] = [held.assignment]
        if held.assignment.part is Part.OWNER:
            records += self._become_owner(held, user, now_ms)
        entries = [r for r in records if isinstance(r, Entry)]

        def told(error: BaseException | None) -> None:
            done(error)
            if error is None:
                self.show(held)
                self._context.streams.deliver(entries)

        self._context.store.commit((*records, *extra), told)
        self._routing.changed(held.board, user.user_id)

    def _become_owner(self, held: Held, user: User, now_ms: int) -> list[Record]:
        board, interaction = held.board, held.interaction
        self._routing.taken(board, interaction)
        status = status_of(board, user.user_id)
        status.idle_ms = now_ms
        session = self._context.floor.session_of(interaction)
        entries = interactions.take(interaction, session, user.user_id, user.name, now_ms)
        made = Decision(decision="accepted", user_id=user.user_id)
        return [interaction, *board.follow(interaction), status, *entries, decision(interaction, made, now_ms)]

    def show(self, held: Held) -> None:
        """All of the conversation, on all screens of its user."""

        def active(transcript: Transcript) -> desk_events.Active | None:
            if not held.assignment.is_live:
                # Handed on, or over, while the transcript was read: a desk that was told so must not see it come back.
                return None
            shown = subject(self._context, held.board, held.interaction, held.assignment, transcript)
            return desk_events.Active(user_id=held.assignment.user_id, interaction=shown)

        self._desks.follow(held.board, held.assignment.user_id, held.interaction, active)

    def reject(self, user: User, interaction_id: int, reason_id: str, done: Done, extra: Extra = ()) -> None:
        """Do not take what is offered. Raises NotFound, Invalid."""
        held = self.held(user, interaction_id)
        if held.assignment.stage is not Stage.OFFERED:
            raise Invalid("notOffered", "This interaction is not offered to you any more.", scope="interactionId")
        if reason_id and not self._context.directory.has_reason(user.org_id, reason_id, Use.DECLINE):
            raise NotFound("unknownReason", "There is no such reason for declining.", scope="reasonId")
        self._context.store.admit()
        records = self._routing.decline(held.board, held.assignment, reason_id)
        event = desk_events.OfferWithdrawn(user_id=user.user_id, interaction_id=str(interaction_id), reason="declined")
        self._commit(held, event, done, (*records, *extra))
        self._routing.declined(held.board, held.assignment)

    # ---- in the conversation

    def activate(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """Show this interaction on all screens of the agent. Raises NotFound."""
        held = self.held(user, interaction_id)
        self._context.store.admit()
        event = desk_events.Activate(user_id=user.user_id, interaction_id=str(interaction_id))
        self._commit(held, event, done, extra)

    def hold(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """Set it aside. Raises NotFound, Invalid."""
        held = self.talking(user, interaction_id)
        self._context.store.admit()
        assignments.hold(held.assignment)
        event = desk_events.Held(user_id=user.user_id, interaction_id=str(interaction_id))
        self._commit(held, event, done, (held.assignment, *extra))

    def retrieve(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """Take it up again. Raises NotFound, Invalid."""
        held = self.talking(user, interaction_id)
        self._context.store.admit()
        assignments.retrieve(held.assignment)
        event = desk_events.Retrieved(user_id=user.user_id, interaction_id=str(interaction_id))
        self._commit(held, event, done, (held.assignment, *extra))

    def send_text(
        self, user: User, interaction_id: int, text: str, done: Done, extra: Extra = (), *, name: str, audience: str
    ) -> None:
        """Say something to the contact, or (`audience` "agents") to the agents alone. Raises NotFound, Invalid."""
        messages.check_text(text)
        held = self.speaking(user, interaction_id, audience)
        now_ms, message_id = self._context.clock.now_ms(), str(self._context.ids.number())
        said = messages.text_event(held.interaction, name or user.name, _AGENT, message_id, text, now_ms)
        self.say(held, said, now_ms, audience, done, extra)

    def push_url(
        self, user: User, interaction_id: int, url: str, done: Done, extra: Extra = (), *, name: str, audience: str
    ) -> None:
        """Send a link. Raises NotFound, Invalid."""
        messages.check_url(url)
        held = self.speaking(user, interaction_id, audience)
        now_ms, message_id = self._context.clock.now_ms(), str(self._context.ids.number())
        said = messages.push_url_event(held.interaction, name or user.name, EntityType.AGENT, message_id, url, now_ms)
        self.say(held, said, now_ms, audience, done, extra)

    def notify(self, user: User, interaction_id: int, state: str, expires_after_seconds: float, *, name: str) -> None:
        """Show the contact that the agent is composing. Never stored. Raises NotFound, Invalid."""
        messages.check_notification(state, expires_after_seconds)
        held = self.speaking(user, interaction_id, CONTACT)
        session = self._context.floor.sessions.get(held.interaction.session_id)
        if session is None:
            return
        typing = events.Notification(
            interaction_id=str(interaction_id),
            entity_name=name or user.name,
            entity_type=EntityType.AGENT,
            state=state,
            expires_after_seconds=expires_after_seconds,
        )
        expires_ms = self._context.clock.now_ms() + round(expires_after_seconds * 1000)
        self._context.streams.passing(session, events.kind_of(typing), events.payload(typing), expires_ms)

    def overhear(self, interaction: Interaction, event: events.Event, life_ms: int) -> None:
        """Something passing that the contact did, for the agents in the conversation."""
        board = self._boards.of(interaction.org_id)
        kind, payload = events.kind_of(event), events.payload(event)
        for assignment in board.talkers(interaction.interaction_id):
            about = str(interaction.interaction_id)
            self._desks.passing(board, assignment.user_id, kind, payload, life_ms, about)

    def contact_away(self, interaction: Interaction) -> None:
        """The contact's session ended, and may come back."""
        self._tell_all(
            interaction,
            lambda user_id: desk_events.ContactAway(
                user_id=user_id,
                interaction_id=str(interaction.interaction_id),
                until_time=when(interaction.grace_until_ms),
            ),
        )

    def contact_back(self, interaction: Interaction) -> None:
        """The contact is there again."""
        interaction_id = str(interaction.interaction_id)
        self._tell_all(
            interaction, lambda user_id: desk_events.ContactBack(user_id=user_id, interaction_id=interaction_id)
        )

    def _tell_all(self, interaction: Interaction, event: Callable[[str], desk_events.DeskEvent]) -> None:
        board = self._boards.of(interaction.org_id)
        for assignment in board.talkers(interaction.interaction_id):
            self._desks.tell(board, assignment.user_id, event(assignment.user_id))

    def note(self, user: User, interaction_id: int, text: str, done: Done, extra: Extra = ()) -> None:
        """Write something down for other agents; the contact never sees it. Raises NotFound, Invalid."""
        messages.check_text(text)
        held = self.held(user, interaction_id)
        if held.assignment.stage is Stage.OFFERED:
            raise Invalid("notAccepted", "Accept the interaction first.", scope="interactionId")
        self._context.store.admit()
        note = events.Note(
            interaction_id=str(interaction_id),
            message_id=str(self._context.ids.number()),
            entity_name=user.name,
            entity_type=EntityType.AGENT,
            text=text,
        )
        self.say(held, note, self._context.clock.now_ms(), AGENTS, done, extra)

    def disconnect(self, user: User, interaction_id: int, done: Done, extra: Extra = ()) -> None:
        """End the conversation; only its owner can. Raises NotFound, Invalid."""
        held = self.owned(user, interaction_id)
        self._context.store.admit()
        self.end(held.interaction, EndReason.AGENT, EntityType.AGENT, done, extra)

    def speaking(self, user: User, interaction_id: int, audience: str) -> Held:
        """The same as `talking`, to be heard by this audience. Raises NotFound, Invalid."""
        if audience not in (AGENTS, CONTACT):
            raise Invalid("invalidAudience", "Send contact or agents.", scope="audience")
        held = self.talking(user, interaction_id)
        if audience == CONTACT and held.interaction.channel is not _CHAT:
            raise Invalid(
                "noChat",
                "A callback has no chat: talk by telephone, or send audience agents.",
                scope="interactionId",
            )
        if audience == CONTACT and held.assignment.part not in _HEARD:
            raise Invalid(
                "notInConversation",
                "The contact does not hear you here; send audience agents, or join the conversation.",
                scope="audience",
            )
        self._context.store.admit()
        return held

    def say(self, held: Held, said: Said, now_ms: int, audience: str, done: Done, extra: Extra) -> None:
        """An entry by an agent: everyone in the house hears it, and the contact when it is meant for them."""
        session = self._context.floor.session_of(held.interaction) if audience == CONTACT else None
        entry = messages.entry(held.interaction, said, _AGENT, now_ms, session)

        def told(error: BaseException | None) -> None:
            done(error)
            if error is None:
                if session is not None:
                    self.on_said(entry, said.message_id)
                self._context.streams.deliver((entry,))

        self._context.store.commit((entry, *extra), told)

    # ---- coming home

    def arrive(self, interaction: Interaction) -> None:
        """An open interaction came home: it waits, or those who have it see it again."""
        if interaction.state is State.QUEUED:
            self._routing.join(interaction)
        elif interaction.state is State.ACTIVE:
            if not self._homes.is_here(interaction.org_id):
                self._homes.bring(interaction)
                return
            board = self._boards.of(interaction.org_id)
            for assignment in board.talkers(interaction.interaction_id):
                self.show(Held(board, assignment, interaction))

    # ---- finding

    def held(self, user: User, interaction_id: int) -> Held:
        """What the user has to do with an interaction, in whatever stage. Raises NotFound, Unavailable."""
        board = self._boards.of(user.org_id)
        assignment = board.between(user.user_id, interaction_id)
        interaction = self._desks.find(board, interaction_id)
        if assignment is not None and interaction is None:
            # After a node died: its contact was taken up by another node, and is brought here.
            raise Unavailable("homeAway", "This conversation is on its way here; repeat the request in a moment.")
        if assignment is None or interaction is None:
            raise NotFound("notYours", "You do not hold this interaction, or not any more.", scope="interactionId")
        return Held(board, assignment, interaction)

    def talking(self, user: User, interaction_id: int) -> Held:
        """The same, in conversation. Raises NotFound, Invalid."""
        held = self.held(user, interaction_id)
        if held.assignment.stage in TALKING and held.interaction.state is _ACTIVE:
            return held
        if held.assignment.stage is Stage.OFFERED:
            raise Invalid("notAccepted", "Accept the interaction first.", scope="interactionId")
        raise Invalid("conversationOver", "The conversation is over; dispose of it.", scope="interactionId")

    def owned(self, user: User, interaction_id: int) -> Held:
        """The same, as its owner. Raises NotFound, Invalid."""
        held = self.talking(user, interaction_id)
        if held.assignment.part is not Part.OWNER:
            raise Invalid("notOwner", "Only the agent who owns the interaction can do this.", scope="interactionId")
        return held

    def _commit(self, held: Held, event: desk_events.DeskEvent, done: Done, records: Extra) -> None:
        tell = partial(self._desks.tell, held.board, held.assignment.user_id, event)
        self._context.store.commit(records, once_stored(done, tell))
