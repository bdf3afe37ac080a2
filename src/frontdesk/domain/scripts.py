"""The port of self-service scripts: a script is a pure function of its state and one input.

The runner (`actions/scripts.py`) calls `step` for every entry of the contact, stores the effects and the new
state in one commit, and so survives a crash at any line: an input whose effects were not stored is stepped
again. Hence a script must not do anything but return its outcome.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from frontdesk.domain.model import Contact


class Input(Struct, frozen=True):
    """What happened: `kind` is an event name of `domain/events.py`; "messaging.Connected" opens the talk.

    `body` is the text, the url or the digits.
    """

    kind: str
    body: str = ""


class Say(Struct, frozen=True):
    """Send a text."""

    text: str


class Push(Struct, frozen=True):
    """Send a link."""

    url: str


class BookCallBack(Struct, frozen=True):
    """Schedule a voice callback in `delay_minutes`, on the work type that takes callbacks."""

    digits: str
    delay_minutes: int
    work_type_id: str


class HandOff(Struct, frozen=True):
    """Leave, and put the contact into the queue of a work type."""

    work_type_id: str


class Goodbye(Struct, frozen=True):
    """End the conversation."""


Effect = Say | Push | BookCallBack | HandOff | Goodbye


class Outcome(Struct, frozen=True):
    """Effects in order, the state to keep, and for how long to show composing before (milliseconds)."""

    effects: tuple[Effect, ...] = ()
    state: str = ""
    composing_ms: int = 0


class Script(Protocol):
    """A self-service script."""

    @property
    def name(self) -> str:
        """How work types refer to it."""

    @property
    def title(self) -> str:
        """How it is called in front of contacts (entityName)."""

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """Answer one input. Called again with the same arguments after a crash, so it must not act by itself."""
