"""What every action needs at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.floor import Floor
from frontdesk.domain.model import Session
from frontdesk.domain.timers import Timers
from frontdesk.ports import Clock, Ids, Store, Streams


@dataclass(slots=True)
class Context:
    """The world as actions see it, and what is going on in it."""

    store: Store
    streams: Streams
    clock: Clock
    ids: Ids
    timers: Timers
    directory: LiveDirectory = field(default_factory=LiveDirectory)
    floor: Floor = field(default_factory=Floor)

    def grace_ms(self, session: Session) -> int:
        """How long an interaction waits for its contact, in ms."""
        organization = self.directory.find_organization(session.org_id)
        return organization.grace_seconds * 1000 if organization is not None else 0
