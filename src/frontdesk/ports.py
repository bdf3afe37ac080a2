"""The contracts between the rules and the world, on one page.

What each promises about order, repeats and failure is part of the contract, and `tests/contracts` holds every
engine to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from frontdesk.domain.model import (
    ApiKey,
    CallBack,
    Entry,
    Interaction,
    Organization,
    Repeat,
    Session,
    SigningKey,
    StoredEvent,
    WorkType,
)


class Usage(Struct, frozen=True):
    """How often a key called an endpoint on a day (UTC, YYYY-MM-DD). Stored by adding `count`."""

    key_id: str
    endpoint: str
    day: str
    count: int


class Gone(Struct, frozen=True):
    """Remove what is older than `before_ms`: ended sessions and remembered Idempotency-Keys."""

    before_ms: int


class Moved(Struct, frozen=True):
    """All interactions of streaming session `old` go on with session `new`."""

    old: str
    new: str


Record = (
    Session | Interaction | Entry | CallBack | Repeat | Usage | Moved | Gone
    | Organization | ApiKey | WorkType | SigningKey
)  # fmt: skip
Done = Callable[[BaseException | None], None]


class Directory(Struct, frozen=True):
    """What changes seldom and is read with every request: kept whole in memory."""

    organizations: tuple[Organization, ...]
    api_keys: tuple[ApiKey, ...]
    work_types: tuple[WorkType, ...]
    signing_keys: tuple[SigningKey, ...]


class Recovered(Struct, frozen=True):
    """What a restarted process finds alive: it goes on with all of it."""

    sessions: tuple[Session, ...]
    interactions: tuple[Interaction, ...]


class Store(Protocol):
    """The truth: an append-only log for each interaction, and the records around it."""

    def admit(self) -> None:
        """Ask before anything is decided. Raises TooMany (too much is pending), Unavailable (nothing is taken)."""

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """Store `records` together, durably, and then call `done(None)`; or none of them, and `done(error)`.

        Order: commits of one process take effect in the order of the calls, and `done` is called in that order, on
        the loop's thread, never before `commit` has returned. Entries get `seq` and `stream_seq` here, gap-free
        for each interaction and stream. A record is stored as it is at the moment of the call.
        Repeat: a record with a key (all but Entry and Usage) replaces the one stored under it. The first Repeat of a
        key stays.
        Failure: a failed commit fails every later one that was already handed in, as those were decided on a state
        that never came to be; the caller forgets that state and reads it again with `recover`.
        """

    def read_events(
        self, session_id: str, after: int, limit: int, found: Callable[[list[StoredEvent] | BaseException], None]
    ) -> None:
        """The stream's events numbered above `after`, oldest first, at most `limit`; handed to `found` on the loop."""

    def read_inputs(
        self, interaction_id: int, after: int, found: Callable[[list[StoredEvent] | BaseException], None]
    ) -> None:
        """The log's entries numbered above `after` that the contact wrote or that opened it, oldest first."""

    def recover(self) -> Recovered:
        """Everything alive, read in one go; afterwards commits are taken (again). Blocks."""

    def directory(self) -> Directory:
        """Organizations, keys and work types as they are now. Blocks."""

    def call_backs(self, org_id: str) -> list[CallBack]:
        """An organization's callbacks, the next one due first. Blocks."""

    def usage(self, key_ids: Sequence[str]) -> list[Usage]:
        """Counts of these API keys, the newest day first. Blocks."""

    def find_repeat(self, scope: str, key: str, found: Callable[[Repeat | BaseException | None], None]) -> None:
        """What the Idempotency-Key answered the first time, or None."""

    def find_session(self, session_id: str, found: Callable[[Session | BaseException | None], None]) -> None:
        """A session as it was stored, ended or not, with its open interaction; None when there never was one."""


class Streams(Protocol):
    """Delivery as the actions see it: fire and forget, as everything durable can be read again."""

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Stored entries are ready to be sent on their session's stream; those that are on none are passed over."""

    def passing(self, session: Session, kind: str, payload: str, expires_ms: int) -> None:
        """Send something that is never stored. A newer one of the same kind takes the place of an unsent one."""

    def closed(self, session: Session) -> None:
        """The session is over: a held poll is refused, and memory is given back."""


class Clock(Protocol):
    """Time, as something that a test can move by hand."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""


class Ids(Protocol):
    """Where names come from."""

    def number(self) -> int:
        """A positive 63-bit number, rising with time, never given twice: interactions, messages, callbacks."""

    def secret(self) -> str:
        """An unguessable text of at least 128 bits: streaming sessions."""


class Carrier(Protocol):
    """The connection that carries an answer, as far as delivery cares."""

    def delivered(self) -> bool | None:
        """Whether everything written so far has reached the other machine; None while that is still under way.

        A machine that acknowledges late (it may wait for 200 ms) has read the answer long before we know it.
        """


class Poll(Protocol):
    """A long poll that waits for its one answer."""

    carrier: Carrier

    def answer(self, body: bytes) -> None:
        """Send the events."""

    def refuse(self, error: BaseException) -> None:
        """Send an ErrorResponse."""


class EventStream(Protocol):
    """An open stream of server-sent events."""

    carrier: Carrier

    def write(self, chunk: bytes) -> bool:
        """Send a piece. False: the reader is slow, and wants nothing more until it says so."""

    def close(self) -> None:
        """End the stream."""
