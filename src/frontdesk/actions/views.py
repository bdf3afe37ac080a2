"""What an agent is shown of their work, made of the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from frontdesk.actions.context import Context
from frontdesk.actions.switchboard import Switchboard
from frontdesk.domain import desk_events as events
from frontdesk.domain.assignments import Assignment, Part, Stage
from frontdesk.domain.explaining import Explanation, WaitsFor, stands_apart
from frontdesk.domain.model import Interaction, State
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Said

Find = Callable[[Switchboard, int], Interaction | None]
# Entries that say how something was decided, and are no part of the conversation.
RECORDS = "routing."


class Transcript(NamedTuple):
    """The newest entries of a conversation, whether that is all of it, and the number of the last one."""

    lines: tuple[events.Line, ...] = ()
    is_complete: bool = True
    last: int = 0


def is_followed(assignment: Assignment) -> bool:
    """Whether its user hears what is said; who is only asked does not."""
    return assignment.stage is not Stage.OFFERED


def when(ms: int) -> str:
    """A time for the wire, "" for none."""
    return rfc3339(ms) if ms else ""


def lines(said: Iterable[Said]) -> tuple[events.Line, ...]:
    """A transcript."""
    spoken = (s for s in said if not s.kind.startswith(RECORDS))
    return tuple(events.Line(s.seq, s.kind, rfc3339(s.time_ms), s.payload) for s in spoken)


def why_it_waits(board: Switchboard, interaction: Interaction, now_ms: int) -> Explanation | None:
    """What an interaction waits for now, and who was considered; None when it waits for no agent."""
    explanation = board.matcher.explain(interaction.interaction_id, now_ms)
    if explanation is not None:
        return explanation
    for held in board.of_interaction(interaction.interaction_id):
        if held.part is Part.OWNER and held.stage is Stage.OFFERED:
            return stands_apart(interaction, WaitsFor.ANSWER, now_ms, asked=held.user_id, due_ms=held.due_ms)
    return stands_apart(interaction, WaitsFor.ARRIVAL, now_ms) if interaction.state is State.QUEUED else None


def subject(
    context: Context, board: Switchboard, interaction: Interaction, assignment: Assignment, transcript: Transcript
) -> events.Subject:
    """An interaction as the user of `assignment` sees it."""
    contact, call_back = interaction.contact, board.call_backs.get(interaction.interaction_id)
    return events.Subject(
        interaction_id=str(interaction.interaction_id),
        work_type_id=interaction.work_type_id,
        channel=interaction.channel.value,
        stage=assignment.stage.value,
        part=assignment.part.value,
        contact_name=contact.name,
        contact_email=contact.email,
        contact_data=tuple(events.Datum(d.key, d.value) for d in contact.data),
        queued_time=when(interaction.queued_ms),
        offered_time=when(assignment.offered_ms),
        accepted_time=when(assignment.accepted_ms),
        due_time=when(assignment.due_ms),
        disposition_required=context.directory.rules(interaction.org_id, interaction.work_type_id).disposition_required,
        is_contact_away=bool(interaction.grace_until_ms),
        others=tuple(
            _other(context, a) for a in board.of_interaction(interaction.interaction_id) if a is not assignment
        ),
        transcript=transcript.lines,
        is_complete=transcript.is_complete,
        call_back_id=call_back.call_back_id if call_back else "",
        digits=call_back.digits if call_back else "",
        call_back_time=when(call_back.due_ms) if call_back else "",
        tries=call_back.tries if call_back else 0,
    )


def _other(context: Context, assignment: Assignment) -> events.Other:
    user = context.directory.user(assignment.org_id, assignment.user_id)
    name = user.name if user is not None else assignment.user_id
    return events.Other(assignment.user_id, name, assignment.part.value, assignment.stage.value)


def snapshot(
    context: Context, board: Switchboard, user_id: str, find: Find, transcripts: Mapping[int, Transcript]
) -> events.Snapshot:
    """Everything that a user has to do with, as it is now."""
    status = board.status(user_id)
    found: list[events.Subject] = []
    for assignment in board.of_user(user_id):
        interaction = find(board, assignment.interaction_id)
        if interaction is not None:
            # Taken since the transcripts were read: the desk asks for what it misses.
            unread = Transcript(is_complete=not is_followed(assignment))
            transcript = transcripts.get(assignment.interaction_id, unread)
            found.append(subject(context, board, interaction, assignment, transcript))
    return events.Snapshot(
        user_id=user_id,
        state=status.state.value,
        since_time=when(status.since_ms),
        reason_id=status.reason_id,
        work_type_ids=status.work_type_ids,
        maximum=status.maximum,
        interactions=tuple(found),
    )
