"""The records of the domain. Names follow the field's glossary; wire names are in `domain/events.py`.

Times are integers in milliseconds since the epoch (UTC), named `..._ms`.

`Session` and `Interaction` are working records: the one process that owns them changes them in place, so that
a message costs no copies. Everything else is frozen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from msgspec import Struct, field

from frontdesk.domain.marks import Marks


class Channel(StrEnum):
    """The medium of an interaction; a work type takes one or both."""

    CHAT = "chat"
    CALLBACK = "callback"


class State(StrEnum):
    """Where an interaction stands."""

    QUEUED = "queued"
    SCRIPTED = "scripted"
    ACTIVE = "active"
    SCHEDULED = "scheduled"
    CLOSED = "closed"


class CallBackState(StrEnum):
    """Where a callback stands: at its time it waits for an agent, who calls. Done, or called off."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    ACTIVE = "active"
    DONE = "done"
    CANCELLED = "cancelled"


class EndReason(StrEnum):
    """Why an interaction closed; sent in messaging.Disconnected."""

    AGENT = "agent"
    CONTACT = "contact"
    INACTIVITY = "inactivity"
    CLOSED = "closed"
    SYSTEM = "system"


class EntityType(StrEnum):
    """Who wrote an entry."""

    AGENT = "Agent"
    SYSTEM = "System"
    CONTACT = "Contact"


class Organization(Struct, frozen=True):
    """A company's separate space.

    `allowed_origins` holds exact origins, or "*" for every one. `grace_seconds` is how long an interaction
    waits for its contact after the streaming session died.
    """

    org_id: str
    name: str
    created_ms: int
    allowed_origins: tuple[str, ...] = ("*",)
    grace_seconds: int = 120


class ApiKey(Struct, frozen=True):
    """A key that tracks use of the API; only its SHA-256 is stored."""

    key_id: str
    org_id: str
    name: str
    digest: str
    hint: str
    created_ms: int
    revoked_ms: int = 0


class SigningKey(Struct, frozen=True):
    """A secret that signs web tokens. `retired_ms` > 0: verifies, but no longer signs."""

    kid: str
    secret: str
    created_ms: int
    retired_ms: int = 0


class WorkType(Struct, frozen=True):
    """What kind of work an interaction is; `script` names the self-service script that starts it, "" for none.

    `rules` is the JSON of its routing rules (`domain/routing.py`), "" for those that hold unless said otherwise.
    """

    org_id: str
    work_type_id: str
    name: str
    channels: tuple[Channel, ...]
    created_ms: int
    script: str = ""
    rules: str = ""
    removed_ms: int = 0


class ContactDatum(Struct, frozen=True):
    """One name-value pair sent at connect, kept as sent."""

    key: str
    value: str


class Contact(Struct, frozen=True):
    """The person on the other side, as they introduced themselves."""

    name: str
    email: str = ""
    data: tuple[ContactDatum, ...] = ()


class Interaction(Struct, kw_only=True):
    """One piece of work with a contact: a chat or a callback.

    `seq` is the number of its last log entry. `fence` rises with every change of owner, so that late output of
    the previous owner is refused. `script_seq` is the script's cursor: the last entry that it has answered.
    `grace_until_ms` > 0: the contact's streaming session died, and the interaction closes then. `queued_ms` is when
    it came into the queue it waits in: its place there, with `priority`. `owner` is the agent who has it, `for_agent`
    the only one it may be offered to ("" for anyone).
    """

    interaction_id: int
    org_id: str
    session_id: str
    work_type_id: str
    channel: Channel
    state: State
    contact: Contact
    created_ms: int
    fence: int = 0
    seq: int = 0
    script: str = ""
    script_state: str = ""
    script_seq: int = 0
    grace_until_ms: int = 0
    queued_ms: int = 0
    closed_ms: int = 0
    closed_reason: str = ""
    owner: str = ""
    for_agent: str = ""
    priority: int = 0
    # Who hears every entry as it becomes durable: the streaming sessions of agents. Never stored.
    listeners: list[Listener] = field(default_factory=list)
    # What agents said and the contact's client has not confirmed. Never stored; None while no agent has spoken.
    marks: Marks | None = None

    @property
    def is_open(self) -> bool:
        """Whether the conversation goes on."""
        return self.state is not State.CLOSED and self.channel is Channel.CHAT


class Listener(Protocol):
    """Someone who follows a conversation from inside the house."""

    def hear(self, entry: Entry) -> None:
        """An entry is durable."""


class Session(Struct, kw_only=True):
    """A streaming session: one client's stream of events. It may die while the interaction goes on.

    `stream_seq` is the number of the last event put on the stream, `cursor` the last one that needs no sending
    again. `deadline_ms` is when it expires unless a poll comes first. `interaction` is the open one, if any.
    `disposed`: the contact disconnected; polls end once the last event is handed over. `first_id` is the session
    that began the line of resumed ones, "" for none before: what a client repeats means the same on all of them.
    `node` is the one that it is at home on: only that one changes it; "" for nobody, or where there is but one.
    `adopted`: another node, or an earlier run, had it before. `stored`: its events are in the log and its cursor in the
    store; an agent's session is not, and begins anew with a snapshot when it is lost.
    """

    session_id: str
    org_id: str
    inactivity_delay: int
    created_ms: int
    first_id: str = ""
    require_acknowledgement: bool = False
    stream_seq: int = 0
    cursor: int = 0
    ended_ms: int = 0
    disposed: bool = False
    deadline_ms: int = 0
    node: str = ""
    adopted: bool = False
    stored: bool = True
    interaction: Interaction | None = None


class Entry(Struct, kw_only=True):
    """One line of an interaction's log: append-only, numbered gap-free from 1 (`seq`).

    `stream_seq` > 0: the entry is also event number `stream_seq` of the contact's stream. Both numbers are 0
    until the store has taken the entry. `payload` is the event's JSON text, made once and never parsed again
    on its way. `answers` > 0: a script wrote it in answer to that entry of the contact.
    """

    interaction: Interaction
    kind: str
    author: EntityType
    payload: str
    time_ms: int
    session: Session | None = None
    answers: int = 0
    seq: int = 0
    stream_seq: int = 0


class StoredEvent(Struct, frozen=True):
    """An entry as the contact's stream reads it back from the log."""

    interaction_id: int
    seq: int
    stream_seq: int
    kind: str
    payload: str
    time_ms: int


class CallBack(Struct, frozen=True, kw_only=True):
    """A voice call asked for by a contact. `digits` are kept as sent.

    `due_ms` is when to call. `tries`: how often that was put off by an agent who had tried; its assignments tell.
    """

    call_back_id: str
    interaction_id: int
    org_id: str
    work_type_id: str
    contact: Contact
    digits: str
    due_ms: int
    created_ms: int
    state: CallBackState = CallBackState.SCHEDULED
    tries: int = 0


class Repeat(Struct, frozen=True, kw_only=True):
    """What an Idempotency-Key answered the first time. `digest` is of the request's body."""

    scope: str
    key: str
    digest: str
    status: int
    body: bytes
    created_ms: int
