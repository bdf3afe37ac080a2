"""Streaming sessions: opened, resumed, ended; and what becomes of the conversation on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from frontdesk.actions.context import Context
from frontdesk.actions.floor import stored
from frontdesk.actions.messaging import Messaging
from frontdesk.actions.positions import Positions
from frontdesk.domain.errors import TooMany, invalid_session
from frontdesk.domain.model import EndReason, EntityType, Interaction, Session
from frontdesk.domain.sessions import open_session, take_over
from frontdesk.ports import Done, Moved, Record

Opened = Callable[[Session | BaseException], None]


@dataclass(slots=True)
class Sessions:
    """The streaming sessions of contacts."""

    context: Context
    messaging: Messaging
    positions: Positions
    watch: Callable[[Session], object]
    most: int

    def get(self, org_id: str, session_id: str) -> Session:
        """A living session of the organization. Raises Unauthenticated."""
        session = self.context.floor.sessions.get(session_id)
        if session is None or session.org_id != org_id:
            raise invalid_session()
        return session

    def create(
        self,
        org_id: str,
        opened: Opened,
        *,
        inactivity_delay: int | None = None,
        require_acknowledgement: bool = False,
        resume: str = "",
        extra: Callable[[Session], Sequence[Record]] = lambda session: (),
    ) -> None:
        """Open a session; with `resume`, go on where that one stopped. Raises Invalid, TooMany.

        An unknown or foreign `resume` simply opens a fresh session: what it named is over, and the client
        learns that by finding no conversation on it.
        """
        context = self.context
        context.store.admit()
        if len(context.floor.sessions) >= self.most:
            raise TooMany(
                "tooManySessions", "The server holds as many sessions as it may; try again later.", limit=self.most
            )
        session = open_session(
            context.ids.secret(),
            org_id,
            context.clock.now_ms(),
            inactivity_delay=inactivity_delay,
            require_acknowledgement=require_acknowledgement,
        )
        if not resume:
            self._store(session, [session, *extra(session)], opened)
            return

        def found(old: Session | BaseException | None) -> None:
            if isinstance(old, BaseException):
                opened(old)
            elif old is None or old.org_id != org_id:
                self._store(session, [session, *extra(session)], opened)
            else:
                self._resume(session, self._known(old), opened, extra)

        old = context.floor.sessions.get(resume) or context.floor.resting.get(resume)
        if old is not None:
            found(old)
        else:
            # Behind everything that is on its way to the disk: its last event may be.
            context.store.commit((), lambda error: context.store.find_session(resume, found))

    def _known(self, old: Session) -> Session:
        """`old` as it is in memory: what was read from the store may have gone on, or ended, meanwhile."""
        floor = self.context.floor
        kept = floor.sessions.get(old.session_id) or floor.resting.get(old.session_id)
        if kept is None and old.interaction is not None:
            old.interaction = floor.interactions.get(old.interaction.interaction_id)
        return floor.newest(kept or old)

    def _resume(
        self, session: Session, old: Session, opened: Opened, extra: Callable[[Session], Sequence[Record]]
    ) -> None:
        context = self.context
        # Its last answer counts as read if it arrived: the new stream begins behind it.
        context.streams.closed(old)
        take_over(session, old)
        records: list[Record] = [session, Moved(old.session_id, session.session_id)]
        if session.interaction is not None:
            records.append(session.interaction)
        if old.session_id in context.floor.sessions:
            records.append(self._end(old))
        context.floor.resting.pop(old.session_id, None)
        self._store(session, [*records, *extra(session)], opened)

    def _store(self, session: Session, records: Sequence[Record], opened: Opened) -> None:
        context = self.context
        # Of now: this node may have become another while the session to go on from was read.
        session.node = context.node
        # Known before it is durable, so that what happens to its conversation meanwhile finds its stream; nobody
        # else knows its id yet.
        context.floor.open(session)
        self.watch(session)

        def done(error: BaseException | None) -> None:
            refusal = stored(error)
            opened(refusal or session)
            if refusal is None and session.interaction is not None:
                self.positions.tell_again(session.interaction)
                self.messaging.handling.contact_back(session.interaction)

        context.store.commit(records, done)

    def end(self, session: Session, done: Done) -> None:
        """The client ends the session, or it expired. Its conversation waits for the grace time of the organization."""
        records: list[Record] = [self._end(session)]
        interaction = session.interaction
        if interaction is not None:
            interaction.grace_until_ms = session.ended_ms + self.context.grace_ms(session)
            self.context.timers.at(interaction.grace_until_ms, lambda now: self.grace_over(interaction, now))
            records.append(interaction)
            self.messaging.handling.contact_away(interaction)
        self.context.store.commit(records, done)

    def expire(self, session: Session) -> None:
        """Nobody polled for the inactivity delay."""
        if session.session_id in self.context.floor.sessions:
            self.end(session, lambda error: None)

    def grace_over(self, interaction: Interaction, now_ms: int) -> None:
        """The contact did not come back in time, unless it did."""
        if self.context.floor.interactions.get(interaction.interaction_id) is not interaction:
            return  # Closed since, or read anew after the store failed.
        if interaction.is_open and 0 < interaction.grace_until_ms <= now_ms:
            self.messaging.end(interaction, EndReason.INACTIVITY, EntityType.SYSTEM, lambda error: None)

    def _end(self, session: Session) -> Session:
        session.ended_ms = self.context.clock.now_ms()
        self.context.floor.rest(session)
        self.context.streams.closed(session)
        return session
