"""Assignments: an interaction proposed to a user, and what became of it. An offer is the beginning of one.

    offered ──accept──► active ◄──hold, retrieve──► held
       │                   └──disconnect──► wrap ──dispose──► done
       ├──decline──► declined        └──transferred, left──► done
       ├──time──► timedOut
       └──contact left, taken back──► withdrawn

Each function changes the record and says nothing to anybody: who calls it stores it, and tells.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from frontdesk.domain.errors import Invalid


class Part(StrEnum):
    """What the user is in the interaction."""

    OWNER = "owner"
    CONSULT = "consult"
    CONFERENCE = "conference"
    SILENT = "silent"
    WHISPER = "whisper"
    BARGE = "barge"


class Stage(StrEnum):
    """Where an assignment stands."""

    OFFERED = "offered"
    ACTIVE = "active"
    HELD = "held"
    WRAP = "wrap"
    DONE = "done"
    DECLINED = "declined"
    TIMED_OUT = "timedOut"
    WITHDRAWN = "withdrawn"


LIVE = frozenset({Stage.OFFERED, Stage.ACTIVE, Stage.HELD, Stage.WRAP})
# In these the user takes part in the conversation.
TALKING = frozenset({Stage.ACTIVE, Stage.HELD})
# After these the interaction was offered in vain.
PASSED_OVER = frozenset({Stage.DECLINED, Stage.TIMED_OUT})
# Why an assignment ended: its user handed the interaction on.
TRANSFERRED = "transferred"


class Assignment(Struct, kw_only=True):
    """A working record. `due_ms` is when the offer, or the wrap-up, runs out (0: never); `load` what it takes up.

    `reason` says why it ended. `contact_key` names the contact over many interactions, "" for one who is not known.
    """

    assignment_id: int
    org_id: str
    interaction_id: int
    user_id: str
    part: Part
    stage: Stage
    work_type_id: str
    channel: str
    load: int
    offered_ms: int
    due_ms: int = 0
    accepted_ms: int = 0
    wrap_ms: int = 0
    ended_ms: int = 0
    reason: str = ""
    disposition_id: str = ""
    memo: str = ""
    contact_key: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it takes up the user's capacity."""
        return self.stage in LIVE


def let_pass(assignment: Assignment) -> bool:
    """Whether its user wanted others to have the interaction: they come last for it, and not for a while."""
    handed_on = assignment.part is Part.OWNER and assignment.reason == TRANSFERRED
    return assignment.stage in PASSED_OVER or handed_on


def accept(assignment: Assignment, now_ms: int) -> None:
    """The user takes it. Raises Invalid unless it is offered."""
    if assignment.stage in TALKING:
        # The answer to a first try was lost, or another device of theirs was faster.
        raise Invalid("notOffered", "You have this interaction already; go on with it.", scope="interactionId")
    if assignment.stage is not Stage.OFFERED:
        raise Invalid("notOffered", "This interaction is not offered to you any more.", scope="interactionId")
    assignment.stage, assignment.accepted_ms, assignment.due_ms = Stage.ACTIVE, now_ms, 0


def hold(assignment: Assignment) -> None:
    """Set aside. Raises Invalid unless it is active."""
    if assignment.stage is not Stage.ACTIVE:
        raise Invalid("notActive", "Only an active interaction can be held.", scope="interactionId")
    assignment.stage = Stage.HELD


def retrieve(assignment: Assignment) -> None:
    """Go on. Raises Invalid unless it is held."""
    if assignment.stage is not Stage.HELD:
        raise Invalid("notHeld", "Only an interaction on hold can be retrieved.", scope="interactionId")
    assignment.stage = Stage.ACTIVE


def wrap(assignment: Assignment, now_ms: int, wrap_seconds: int) -> None:
    """The conversation is over; the user finishes it. Without a time (0) it waits for them."""
    assignment.stage, assignment.wrap_ms = Stage.WRAP, now_ms
    assignment.due_ms = now_ms + wrap_seconds * 1000 if wrap_seconds else 0


def end(assignment: Assignment, stage: Stage, reason: str, now_ms: int) -> None:
    """It is over, for the reason."""
    assignment.stage, assignment.reason, assignment.ended_ms, assignment.due_ms = stage, reason, now_ms, 0
