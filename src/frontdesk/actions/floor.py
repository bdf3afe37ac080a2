"""What is going on right now, as this process holds it in memory. The store can make all of it again."""

from __future__ import annotations

from frontdesk.domain.errors import Unavailable
from frontdesk.domain.model import Channel, Interaction, Session
from frontdesk.ports import Recovered, switchboard_of

# Read for each text of an agent, and an enum's member costs as much to read as a call before Python 3.12.
_CHAT = Channel.CHAT


class Floor:
    """Living sessions and open interactions: chats, and the callbacks that are due.

    `resting` sessions are over, but the grace of their interaction is not: what happens in it meanwhile still
    goes on their stream, for the session that resumes it. `lines` names, for each first session of a line of
    resumed ones, the one that goes on now.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.resting: dict[str, Session] = {}
        self.interactions: dict[int, Interaction] = {}
        self.lines: dict[str, str] = {}
        # Organizations whose switchboard is at home here.
        self.switchboards: set[str] = set()

    def clear(self) -> None:
        """Forget everything."""
        for known in (self.sessions, self.resting, self.interactions, self.lines, self.switchboards):
            known.clear()

    def has(self, key: str) -> bool:
        """Whether a session, living or resting, or a switchboard (`ports.switchboard`) is at home here."""
        if key in self.sessions or key in self.resting:
            return True
        org_id = switchboard_of(key)
        return bool(org_id) and org_id in self.switchboards

    def give_away(self, session: Session) -> None:
        """A session and its conversation go to another home."""
        self.sessions.pop(session.session_id, None)
        self.resting.pop(session.session_id, None)
        if self.lines.get(session.first_id) == session.session_id:
            del self.lines[session.first_id]
        if session.interaction is not None:
            self.interactions.pop(session.interaction.interaction_id, None)

    def adopt(self, found: Recovered) -> Recovered:
        """Take what the store found alive, but for what is here already and may have gone on; returns what was new."""
        sessions = tuple(s for s in found.sessions if not self.has(s.session_id))
        interactions = tuple(i for i in found.interactions if i.interaction_id not in self.interactions)
        self.sessions.update((s.session_id, s) for s in sessions if not s.ended_ms)
        self.resting.update((s.session_id, s) for s in sessions if s.ended_ms)
        self.interactions.update((i.interaction_id, i) for i in interactions)
        living = sorted((s for s in sessions if not s.ended_ms), key=lambda s: s.created_ms)
        self.lines.update((s.first_id, s.session_id) for s in living if s.first_id)
        for interaction in interactions:
            session = self.session_of(interaction)
            if session is not None:
                session.interaction = interaction
        return Recovered(sessions, interactions)

    def session_of(self, interaction: Interaction) -> Session | None:
        """The session whose stream the interaction is on, living or resting; a callback outlives it, and has none."""
        if interaction.channel is not _CHAT:
            return None
        session_id = interaction.session_id
        return self.sessions.get(session_id) or self.resting.get(session_id)

    def open(self, session: Session) -> None:
        """A session begins, or goes on from another."""
        self.sessions[session.session_id] = session
        if session.first_id:
            self.lines[session.first_id] = session.session_id

    def newest(self, session: Session) -> Session:
        """The session that goes on in the line of this one: itself, or a living one that resumed it already.

        A client whose answer to a resume was lost names the old session once more; its conversation went on to
        one that it never heard of.
        """
        return self.sessions.get(self.lines.get(session.first_id or session.session_id, "")) or session

    def rest(self, session: Session) -> None:
        """A session is over; keep it as long as its interaction is open."""
        self.sessions.pop(session.session_id, None)
        if self.lines.get(session.first_id) == session.session_id:
            del self.lines[session.first_id]
        if session.interaction is not None:
            self.resting[session.session_id] = session

    def close(self, interaction: Interaction) -> None:
        """An interaction is over."""
        self.interactions.pop(interaction.interaction_id, None)
        if interaction.channel is Channel.CHAT:
            self.resting.pop(interaction.session_id, None)


def stored(error: BaseException | None) -> Unavailable | None:
    """A commit's error as the refusal that a client gets."""
    if error is None:
        return None
    return Unavailable("storageFailed", "The server could not store this; repeat the request in a moment.")
