"""The cold reads of `ports.Store`, the same for every engine: each is one query, run where it may block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from frontdesk.domain.assignments import Assignment
from frontdesk.domain.model import CallBack, CallBackState, Interaction, Repeat, Session, StoredEvent
from frontdesk.domain.people import Audit, Grant
from frontdesk.engines import call_back_queries, queries
from frontdesk.ports import Booked, Directory, Due, Found, Said, Usage, Waiting

T = TypeVar("T")


class Reads(ABC):
    """What a store can be asked. See ports.Store for each."""

    # Cold reads whose outcome nobody was told yet.
    reading = 0

    @abstractmethod
    def _ask(self, query: Callable[[Connection], T], found: Found[T]) -> None:
        """Run the query elsewhere, and call `found` on the loop's thread with its result or why it failed."""

    def _later(self, query: Callable[[Connection], T], found: Found[T]) -> None:
        """Ask, and count it as a read under way until `found` has been called."""
        self.reading += 1

        def told(result: T | BaseException) -> None:
            try:
                found(result)
            finally:
                self.reading -= 1

        self._ask(query, told)

    def directory(self, found: Found[Directory]) -> None:
        """See ports.Store."""
        self._later(queries.directory, found)

    def call_backs(self, org_id: str, found: Found[list[CallBack]]) -> None:
        """See ports.Store."""
        self._later(lambda db: call_back_queries.of_organization(db, org_id), found)

    def page_of_call_backs(
        self, org_id: str, states: Sequence[CallBackState], after: tuple[int, str], limit: int,
        found: Found[list[Booked]],
    ) -> None:  # fmt: skip
        """See ports.Store."""
        self._later(lambda db: call_back_queries.page(db, org_id, states, after, limit), found)

    def due_call_backs(self, org_id: str, now_ms: int, limit: int, found: Found[Due]) -> None:
        """See ports.Store."""
        self._later(lambda db: call_back_queries.due(db, org_id, now_ms, limit), found)

    def find_call_back(self, call_back_id: str, found: Found[Booked | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: call_back_queries.one(db, call_back_id), found)

    def usage(self, key_ids: Sequence[str], found: Found[list[Usage]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.usage_of(db, key_ids), found)

    def read_events(self, session_id: str, after: int, limit: int, found: Found[list[StoredEvent]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.stream_after(db, session_id, after, limit), found)

    def read_inputs(self, interaction_id: int, after: int, found: Found[list[StoredEvent]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.inputs_after(db, interaction_id, after), found)

    def find_repeat(self, scope: str, key: str, found: Found[Repeat | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.repeat(db, scope, key), found)

    def find_session(self, session_id: str, found: Found[Session | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.session(db, session_id), found)

    def find_home(self, session_id: str, found: Found[str | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.home(db, session_id), found)

    def find_line(self, session_id: str, found: Found[str | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.line(db, session_id), found)

    def queues(self, found: Found[list[Waiting]]) -> None:
        """See ports.Store."""
        self._later(queries.queues, found)

    def find_grant(self, digest: str, found: Found[Grant | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.grant(db, digest), found)

    def log(self, interaction_id: int, after: int, limit: int, found: Found[list[Said]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.log(db, interaction_id, after, limit), found)

    def find_interaction(self, interaction_id: int, found: Found[Interaction | None]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.interaction(db, interaction_id), found)

    def assignments(self, interaction_id: int, found: Found[list[Assignment]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.assignments_of(db, interaction_id), found)

    def last_agent(self, org_id: str, contact_key: str, found: Found[str]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.last_agent(db, org_id, contact_key), found)

    def audit(self, org_id: str, before: int, limit: int, found: Found[list[Audit]]) -> None:
        """See ports.Store."""
        self._later(lambda db: queries.audit_of(db, org_id, before, limit), found)
