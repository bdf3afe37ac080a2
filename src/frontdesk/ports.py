"""The contracts between the rules and the world, on one page.

What each promises about order, repeats and failure is part of the contract, and `tests/contracts` holds every
engine to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from frontdesk.domain.assignments import Assignment
from frontdesk.domain.model import (
    ApiKey,
    CallBack,
    CallBackState,
    Entry,
    Interaction,
    Organization,
    Repeat,
    Session,
    SigningKey,
    StoredEvent,
    WorkType,
)
from frontdesk.domain.people import AgentStatus, Audit, Client, Grant, Item, User


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


class Reached(Struct, frozen=True):
    """How far a stored session's stream has come: its newest event, and the last that needs no sending again.

    It changes nothing else of the session, and nothing where there is no such session.
    """

    session_id: str
    stream_seq: int
    cursor: int


class Used(Struct, frozen=True):
    """A grant is used, unless it was before. `number` is the use's own: whoever finds theirs stored was the first."""

    digest: str
    number: int


Record = (
    Session | Interaction | Entry | CallBack | Repeat | Usage | Moved | Reached | Gone | Used
    | Organization | ApiKey | WorkType | SigningKey | User | Client | Item
    | Grant | Audit | AgentStatus | Assignment
)  # fmt: skip
Done = Callable[[BaseException | None], None]
T = TypeVar("T")
# Gets the result of a read, or why it failed; called on the loop's thread, never before the read has returned.
Found = Callable[[T | BaseException], None]
# A callback with its interaction.
Booked = tuple[CallBack, Interaction]


class Directory(Struct, frozen=True):
    """What changes seldom and is read with every request: kept whole in memory."""

    organizations: tuple[Organization, ...]
    api_keys: tuple[ApiKey, ...]
    work_types: tuple[WorkType, ...]
    signing_keys: tuple[SigningKey, ...]
    users: tuple[User, ...] = ()
    clients: tuple[Client, ...] = ()
    items: tuple[Item, ...] = ()


class Shift(Struct, frozen=True):
    """What the switchboards of these organizations go on with.

    Agents that are not off; assignments that are live, or offered in vain for an interaction that still waits; the
    closed interactions among the live ones, which wait for their wrap-up; and the callbacks that agents have to do
    with.
    """

    org_ids: tuple[str, ...] = ()
    statuses: tuple[AgentStatus, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    closed: tuple[Interaction, ...] = ()
    call_backs: tuple[CallBack, ...] = ()


class Recovered(Struct, frozen=True):
    """What a node finds alive and goes on with: after a restart, or when it takes over from another.

    Among the interactions are the callbacks of the shift that wait for an agent or have one.
    """

    sessions: tuple[Session, ...]
    interactions: tuple[Interaction, ...]
    shift: Shift = Shift()


# Names a switchboard where a session is named: both are at home on one node.
_SWITCHBOARD = "switchboard:"


def switchboard(org_id: str) -> str:
    """How an organization's switchboard is named among what is at home somewhere."""
    return _SWITCHBOARD + org_id


def switchboard_of(key: str) -> str:
    """The organization whose switchboard this names, "" when it names a session."""
    return key[len(_SWITCHBOARD) :] if key.startswith(_SWITCHBOARD) else ""


class Waiting(Struct, frozen=True):
    """A contact's place in a queue."""

    org_id: str
    work_type_id: str
    queued_ms: int
    interaction_id: int


class Due(Struct, frozen=True):
    """The scheduled callbacks whose time has come, the oldest first, with their interactions in the same order.

    `next_ms`: when the first of the others is due, 0 when there is none.
    """

    call_backs: tuple[CallBack, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    next_ms: int = 0


class Said(Struct, frozen=True):
    """An entry of an interaction's log, for those who may read all of it."""

    interaction_id: int
    seq: int
    kind: str
    author: str
    payload: str
    time_ms: int


class Pulse(Struct, frozen=True):
    """What a node sees with each of its beats: the living nodes' own beats, and the marks that rise with changes."""

    beats: dict[str, int]
    directory: int
    orphans: int


class Fenced(Exception):
    """This node was shut out: others have taken over what it was home to, and nothing of it is stored any more."""


class Store(Protocol):
    """The truth: an append-only log for each interaction, and the records around it."""

    def admit(self) -> None:
        """Ask before anything is decided. Raises TooMany (too much is pending), Unavailable (nothing is taken)."""

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """Store `records` together, durably, and then call `done(None)`; or none of them, and `done(error)`.

        Order: commits of one process take effect in the order of the calls, and `done` is called in that order, on
        the loop's thread, never before `commit` has returned. Entries get `seq` and `stream_seq` here, gap-free
        for each interaction and stream. A record is stored as it is at the moment of the call.
        Repeat: a record with a key replaces the one stored under it; Entry, Usage and what changes other records have
        none. The first Repeat of a key stays.
        Failure: a failed commit fails every later one that was already handed in, as those were decided on a state
        that never came to be; the caller forgets that state and reads it again with `recover`.
        """

    def read_events(self, session_id: str, after: int, limit: int, found: Found[list[StoredEvent]]) -> None:
        """The stream's events numbered above `after`, oldest first, at most `limit`."""

    def read_inputs(self, interaction_id: int, after: int, found: Found[list[StoredEvent]]) -> None:
        """The log's entries numbered above `after` that the contact wrote or that opened it, oldest first."""

    def recover(self, found: Found[Recovered]) -> None:
        """Everything alive that is at home here, read in one go; with it, commits are taken (again)."""

    def directory(self, found: Found[Directory]) -> None:
        """Organizations, keys and work types as they are now."""

    def call_backs(self, org_id: str, found: Found[list[CallBack]]) -> None:
        """An organization's callbacks, the next one due first."""

    def page_of_call_backs(
        self, org_id: str, states: Sequence[CallBackState], after: tuple[int, str], limit: int,
        found: Found[list[Booked]],
    ) -> None:  # fmt: skip
        """An organization's callbacks in these states, the next one due first: `limit` behind a time and an id."""

    def due_call_backs(self, org_id: str, now_ms: int, limit: int, found: Found[Due]) -> None:
        """An organization's scheduled callbacks that are due, at most `limit`."""

    def find_call_back(self, call_back_id: str, found: Found[Booked | None]) -> None:
        """A callback as it was stored, with its interaction; None when there never was one."""

    def usage(self, key_ids: Sequence[str], found: Found[list[Usage]]) -> None:
        """Counts of these API keys, the newest day first."""

    def find_repeat(self, scope: str, key: str, found: Found[Repeat | None]) -> None:
        """What the Idempotency-Key answered the first time, or None."""

    def find_session(self, session_id: str, found: Found[Session | None]) -> None:
        """A session as it was stored, ended or not, with its open interaction; None when there never was one."""

    def find_home(self, session_id: str, found: Found[str | None]) -> None:
        """The node at which a session is at home that lives or whose interaction is open; or a `switchboard`.

        "" when it waits for one to take it; None when there is no such session.
        """

    def find_line(self, session_id: str, found: Found[str | None]) -> None:
        """The living session that goes on in the line of this one, which was resumed; None when there is none."""

    def queues(self, found: Found[list[Waiting]]) -> None:
        """Everyone who waits for an agent, on all nodes; each queue in the order of coming."""

    def find_grant(self, digest: str, found: Found[Grant | None]) -> None:
        """A grant, used or not."""

    def log(self, interaction_id: int, after: int, limit: int, found: Found[list[Said]]) -> None:
        """The entries of an interaction numbered above `after`, oldest first, at most `limit`."""

    def find_interaction(self, interaction_id: int, found: Found[Interaction | None]) -> None:
        """An interaction as it was stored, open or not."""

    def assignments(self, interaction_id: int, found: Found[list[Assignment]]) -> None:
        """All assignments of an interaction, oldest first."""

    def last_agent(self, org_id: str, contact_key: str, found: Found[str]) -> None:
        """Who served this contact last, "" when nobody did."""

    def audit(self, org_id: str, before: int, limit: int, found: Found[list[Audit]]) -> None:
        """Audit entries with an id below `before` (0: the newest), newest first, at most `limit`."""


class Membership(Protocol):
    """A node among others on one database. Each method raises OSError or the driver's error when that is away."""

    node: str

    async def join(self) -> int:
        """Become a node under a new id; returns a number from 0 to 1023 that no other living node has."""

    async def beat(self) -> Pulse:
        """Show that this node lives, and look around. Raises Fenced."""

    async def shut_out(self, node: str, beat: int) -> bool:
        """Take a node's right to write, if its beat still stands at `beat`, and leave all of it to be claimed.

        What it has in commit is stored before this returns; after it, nothing. True when it was this call.
        """

    async def claim(self, session_ids: Sequence[str] | None, limit: int) -> Recovered:
        """Take sessions that are at home nowhere, these or any, at most `limit`, with all that is needed to go on.

        Two nodes never get the same one. Raises Fenced.
        """

    async def claim_switchboards(self, org_id: str = "") -> Recovered:
        """Take a switchboard that is at home nowhere, this one or any, with the orphaned sessions that it needs.

        Nothing is found when another node has it, or none is free. Raises Fenced.
        """

    async def handed(self, known: Callable[[str], bool]) -> Recovered:
        """Take up sessions with work for agents that others gave to this node, and that are not `known` here.

        Also those given to a node that is none any more, where their switchboard is here.

        Raises Fenced.
        """

    async def leave(self) -> None:
        """Give everything back to be claimed, and be a node no longer. Call it when nothing is in commit."""

    async def take(self, keys: Sequence[str], most: int, seconds: int) -> int:
        """Count one use of each key against `most` in `seconds`, over all nodes. 0 when all had one left.

        Else the seconds until the next try can succeed.
        """


class Bus(Protocol):
    """Words between nodes. Each comes at most once in its sense: it may be lost, late, repeated or overtaken."""

    async def open(self, node: str, heard: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        """Listen as `node`, instead of what it was before. `gap` is called when words may have been lost."""

    def send(self, node: str, message: bytes) -> None:
        """Say something to another node: at most 1 MiB. Never waits and never raises."""

    async def close(self) -> None:
        """Listen no longer."""


class Streams(Protocol):
    """Delivery as the actions see it: fire and forget, as everything durable can be read again."""

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Stored entries are ready to be sent on their session's stream; those that are on none are passed over."""

    def passing(self, session: Session, kind: str, payload: str, expires_ms: int, about: str = "") -> None:
        """Send something that is never stored. A newer one of the same kind and about takes the place of an unsent."""

    def push(self, session: Session, kind: str, payload: str, event_id: str, time_ms: int) -> None:
        """Put an event on a stream that is not stored (`Session.stored`); `event_id` is "" for what has none."""

    def closed(self, session: Session) -> None:
        """The session is over: a held poll is refused, and memory is given back."""

    def is_settled(self, session: Session) -> bool:
        """Whether it is known of everything that was sent on the session's stream whether it arrived."""

    def when_settled(self, session: Session, call: Callable[[], None]) -> None:
        """Call once that is so; it may never be."""

    def give_away(self, session: Session) -> None:
        """Another node goes on with the session: a held poll ends empty, and its client comes back there."""


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
