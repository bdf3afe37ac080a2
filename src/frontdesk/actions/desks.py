"""The streaming sessions of agents, called screens: what is shown on them, from a snapshot of everything onwards.

A screen is not stored. When it is lost, with its node or its browser, a new one begins with a snapshot, and nothing of
the agent's work has ended. A user may have several at one time; each shows all of their work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from frontdesk import telemetry
from frontdesk.actions import views
from frontdesk.actions.context import Context
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.views import Transcript
from frontdesk.domain import desk_events as events
from frontdesk.domain.errors import NotFound, TooMany, desk_session_over
from frontdesk.domain.model import Entry, Interaction, Session
from frontdesk.domain.people import Bearer
from frontdesk.domain.sessions import open_session
from frontdesk.ports import Said, Streams

# Entries of a transcript in a snapshot; the desk reads older ones of what it looks at.
TRANSCRIPT_MAX = 50
# What to show a conversation with; None when its agent has nothing to do with it any more.
Show = Callable[[Transcript], events.DeskEvent | None]


class Screen:
    """One streaming session. `opening`: whose snapshot it waits for, with what they were told since, to follow that."""

    __slots__ = ("bearer", "opening", "session", "session_id", "users")

    def __init__(self, session: Session, bearer: Bearer) -> None:
        self.session = session
        # Who opened it.
        self.bearer = bearer
        self.session_id = session.session_id
        self.users: set[str] = set()
        self.opening: dict[str, list[events.DeskEvent]] = {}


class Ear:
    """A screen that follows a conversation. What comes while its transcript is read waits, and follows that."""

    __slots__ = ("_last", "_streams", "_waiting", "interaction", "screen")

    def __init__(self, streams: Streams, screen: Screen, interaction: Interaction) -> None:
        self._streams = streams
        self._last = 0
        self._waiting: list[Entry] | None = []
        self.screen = screen
        self.interaction = interaction

    def hear(self, entry: Entry) -> None:
        """See model.Listener."""
        if self._waiting is not None:
            self._waiting.append(entry)
        elif entry.seq > self._last:
            self._last = entry.seq
            event_id = f"{entry.interaction.interaction_id}-{entry.seq}"
            self._streams.push(self.screen.session, entry.kind, entry.payload, event_id, entry.time_ms)

    def begin(self, last: int) -> None:
        """Everything up to entry `last` is on the screen."""
        self._last = last
        waiting, self._waiting = self._waiting or [], None
        for entry in waiting:
            self.hear(entry)


class Desks:
    """All screens of this process. `watch` begins to watch a session, `lost` is told when a user has none left."""

    def __init__(self, context: Context, watch: Callable[[Session], object], most: int) -> None:
        self._context = context
        self._watch = watch
        self._most = most
        self._screens: dict[str, Screen] = {}
        self.on_lost: Callable[[Switchboard, str], None] = lambda board, user_id: None
        self.on_found: Callable[[Switchboard, str], None] = lambda board, user_id: None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._screens)

    # ---- their life

    def open(
        self, board: Switchboard, bearer: Bearer, inactivity_delay: int | None, *, require_acknowledgement: bool
    ) -> Session:
        """A new screen: for a user's work, or for whom a client connects. Raises Invalid, TooMany."""
        if len(self._screens) >= self._most:
            raise TooMany("tooManySessions", "The server holds as many sessions as it may; try again later.")
        session = open_session(
            self._context.ids.secret(),
            board.org_id,
            self._context.clock.now_ms(),
            inactivity_delay=inactivity_delay,
            require_acknowledgement=require_acknowledgement,
        )
        session.stored = False
        screen = self._screens[session.session_id] = Screen(session, bearer)
        self._watch(session)
        if bearer.user_id:
            self.bind(board, screen, bearer.user_id)
        return session

    def get(self, org_id: str, session_id: str, bearer: Bearer) -> Screen:
        """A living screen of this bearer's. Raises Invalid."""
        screen = self._screens.get(session_id)
        if screen is None or screen.session.org_id != org_id:
            raise desk_session_over()
        if bearer.user_id and bearer.user_id not in screen.users:
            raise desk_session_over()
        return screen

    def has(self, session_id: str) -> bool:
        """Whether there is such a screen."""
        return session_id in self._screens

    def bind(self, board: Switchboard, screen: Screen, user_id: str) -> None:
        """Show the user's work on it: a snapshot, and what follows."""
        if user_id in screen.users:
            return
        screen.users.add(user_id)
        screen.opening[user_id] = []
        board.screens.setdefault(user_id, []).append(screen)
        self.on_found(board, user_id)
        self._snapshot(board, screen, user_id)

    def close(self, board: Switchboard, session: Session) -> None:
        """It is over: signed out, expired or left behind."""
        screen = self._screens.pop(session.session_id, None)
        if screen is None:
            return
        session.ended_ms = self._context.clock.now_ms()
        self._context.streams.closed(session)
        for user_id in screen.users:
            self._unbind(board, screen, user_id)

    def leave_out(self, boards: Switchboards, holds: Callable[[Bearer], bool]) -> None:
        """The directory changed: a stream that is open asks for no token, so those whose bearers are out end here."""
        for screen in list(self._screens.values()):
            board = boards.of(screen.session.org_id)
            if not holds(screen.bearer):
                self.close(board, screen.session)
                continue
            for user_id in [u for u in screen.users if boards.user(board.org_id, u) is None]:
                screen.users.discard(user_id)
                self._unbind(board, screen, user_id)

    def _unbind(self, board: Switchboard, screen: Screen, user_id: str) -> None:
        for interaction in self._interactions(board, user_id):
            interaction.listeners[:] = [e for e in interaction.listeners if getattr(e, "screen", None) is not screen]
        left = [s for s in board.screens.get(user_id, ()) if s is not screen]
        if left:
            board.screens[user_id] = left
        else:
            board.screens.pop(user_id, None)
            self.on_lost(board, user_id)

    def clear(self) -> None:
        """Forget everything."""
        self._screens.clear()

    # ---- what is shown

    def tell(self, board: Switchboard, user_id: str, event: events.DeskEvent) -> None:
        """Show it on all screens of the user."""
        for screen in self._of(board, user_id):
            waiting = screen.opening.get(user_id)
            if waiting is None:
                self._push(screen, event)
            else:
                waiting.append(event)

    def _push(self, screen: Screen, event: events.DeskEvent) -> None:
        now_ms = self._context.clock.now_ms()
        self._context.streams.push(screen.session, events.kind_of(event), events.payload(event), "", now_ms)

    def passing(self, board: Switchboard, user_id: str, kind: str, payload: str, life_ms: int, about: str) -> None:
        """Show something that is worth nothing later."""
        expires_ms = self._context.clock.now_ms() + life_ms
        for screen in self._of(board, user_id):
            if user_id not in screen.opening:
                self._context.streams.passing(screen.session, kind, payload, expires_ms, about)

    def follow(self, board: Switchboard, user_id: str, interaction: Interaction, show: Show) -> None:
        """Show the conversation so far on all screens of the user with the event `show` makes, and then all of it."""
        ears = [self._listen(s, interaction) for s in self._of(board, user_id) if user_id not in s.opening]

        def found(transcript: Transcript) -> None:
            event = show(transcript)
            if event is None:
                return
            for ear in ears:
                self._push(ear.screen, event)
                ear.begin(transcript.last)

        self._read(interaction, found)

    def unfollow(self, board: Switchboard, user_id: str, interaction: Interaction) -> None:
        """The user has nothing to do with the conversation any more."""
        theirs = self._of(board, user_id)
        interaction.listeners[:] = [e for e in interaction.listeners if getattr(e, "screen", None) not in theirs]

    def _of(self, board: Switchboard, user_id: str) -> Sequence[Screen]:
        return board.screens.get(user_id, ())  # type: ignore[return-value] # Only `bind` puts any there.

    def _listen(self, screen: Screen, interaction: Interaction) -> Ear:
        ear = Ear(self._context.streams, screen, interaction)
        # With two ears a screen would show everything twice.
        interaction.listeners[:] = [e for e in interaction.listeners if getattr(e, "screen", None) is not screen]
        interaction.listeners.append(ear)
        return ear

    def _interactions(self, board: Switchboard, user_id: str) -> list[Interaction]:
        found = (self.find(board, a.interaction_id) for a in board.of_user(user_id))
        return [interaction for interaction in found if interaction is not None]

    def find(self, board: Switchboard, interaction_id: int) -> Interaction | None:
        """An interaction that someone here has to do with: open, or in wrap-up."""
        return self._context.floor.interactions.get(interaction_id) or board.closed.get(interaction_id)

    def _snapshot(self, board: Switchboard, screen: Screen, user_id: str) -> None:
        """Read the transcripts one after the other, then show everything as it is by then."""
        talking = [a for a in board.of_user(user_id) if views.is_followed(a)]
        ears: dict[int, Ear] = {}
        transcripts: dict[int, Transcript] = {}
        left = [i for i in (self.find(board, a.interaction_id) for a in talking) if i is not None]
        for interaction in left:
            ears[interaction.interaction_id] = self._listen(screen, interaction)

        def next_one() -> None:
            if left:
                interaction = left.pop()
                self._read(interaction, lambda transcript: finish(interaction, transcript))
            else:
                show()

        def finish(interaction: Interaction, transcript: Transcript) -> None:
            transcripts[interaction.interaction_id] = transcript
            next_one()

        def show() -> None:
            if not self.has(screen.session_id):
                return
            self._push(screen, views.snapshot(self._context, board, user_id, self.find, transcripts))
            for interaction_id, ear in ears.items():
                ear.begin(transcripts[interaction_id].last)
            self._listen_to_new(board, screen, user_id, ears)
            for told in screen.opening.pop(user_id, ()):
                self._push(screen, told)

        next_one()

    def _listen_to_new(self, board: Switchboard, screen: Screen, user_id: str, ears: Mapping[int, Ear]) -> None:
        """Follow what was taken on another screen while the transcripts were read: this one was passed over then."""
        for assignment in board.of_user(user_id):
            interaction = self.find(board, assignment.interaction_id)
            if interaction is not None and views.is_followed(assignment) and assignment.interaction_id not in ears:
                self._listen(screen, interaction).begin(0)

    def _read(self, interaction: Interaction, found: Callable[[Transcript], None]) -> None:
        """The newest entries of a log, once everything on its way there is durable."""
        after = max(0, interaction.seq - TRANSCRIPT_MAX)

        def read(said: list[Said] | BaseException) -> None:
            if isinstance(said, BaseException):
                telemetry.log.warning("transcript.unreadable", error=repr(said))
                # The desk sees that it is not all, and can ask for it.
                found(Transcript(is_complete=False, last=after))
                return
            found(Transcript(views.lines(said), after == 0, said[-1].seq if said else after))

        self._context.store.commit(
            (), lambda error: self._context.store.log(interaction.interaction_id, after, TRANSCRIPT_MAX * 2, read)
        )


def unknown_interaction() -> NotFound:
    """Refusal of an interaction that its user has nothing to do with."""
    return NotFound("unknownInteraction", "You hold no such interaction.", scope="interactionId")
