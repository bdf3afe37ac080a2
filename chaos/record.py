"""What a contact or an agent sent, was promised and saw. Times are seconds of one monotonic clock."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

TEXT = "messaging.Text"


@dataclass
class Text:
    """Something a contact said; `accepted` is when it was answered 202, 0 while it was not."""

    text: str
    sent: float
    accepted: float = 0.0


@dataclass(frozen=True)
class Event:
    """A numbered event as it was rendered."""

    number: int
    kind: str
    payload: str
    at: float

    def echo(self) -> str:
        """What the script said with it; "" when it is no text of the other side."""
        if self.kind != TEXT:
            return ""
        said = json.loads(self.payload)
        return "" if said["entityType"] == "Contact" else str(said["text"])


@dataclass
class Record:
    """One contact's memory. `events` are in the order in which they came, without those whose number was known.

    `failures` counts the answers that did not come, and those that asked for a repeat, by their reasons.
    """

    name: str
    style: str
    texts: list[Text] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    again: int = 0
    changed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)
    # Whether an agent answers, or else a script.
    with_agent: bool = False
    _known: dict[int, int] = field(default_factory=dict)
    _echoes: int = 0

    def __str__(self) -> str:
        """Who it is, and how it listens to whom."""
        return f"{self.name}, {self.style}{', agent' if self.with_agent else ''}"

    @property
    def interaction_id(self) -> int:
        """The conversation that the first event is of; 0 before that."""
        return int(json.loads(self.events[0].payload)["interactionId"]) if self.events else 0

    @property
    def accepted(self) -> int:
        """How many texts were answered 202."""
        return len(self.texts) - (bool(self.texts) and not self.texts[-1].accepted)

    @property
    def echoes(self) -> int:
        """How many texts of the other side were rendered."""
        return self._echoes

    @property
    def last(self) -> int:
        """The highest number rendered."""
        return self.events[-1].number if self.events else 0

    def see(self, event: Event) -> bool:
        """Render an event, but not a second time; False when its number was known."""
        mark = hash((event.kind, event.payload))
        if event.number in self._known:
            self.again += 1
            self.changed += self._known[event.number] != mark
            return False
        self._known[event.number] = mark
        self.events.append(event)
        self._echoes += bool(event.echo())
        return True


class Reply(NamedTuple):
    """Something an agent said to a contact."""

    interaction_id: str
    text: str


@dataclass
class Shift:
    """One agent's memory. `replies` were accepted, in order; `wrong` are sentences about what must not be.

    `refused` is what was refused for good, as an offer that is over; `desks_lost` why streaming sessions ended.
    """

    name: str
    replies: list[Reply] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    desks_lost: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
