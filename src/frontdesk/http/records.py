"""Reading conversations: their transcripts, why they were routed as they were, and recordings of any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from frontdesk.actions.context import Context
from frontdesk.actions.desks import Desks
from frontdesk.actions.switchboard import Switchboards
from frontdesk.actions.views import RECORDS, lines, when, why_it_waits
from frontdesk.domain.assignments import Assignment
from frontdesk.domain.desk_events import Datum
from frontdesk.domain.errors import Forbidden, NotFound, Unavailable
from frontdesk.domain.model import Interaction
from frontdesk.domain.scopes import SUPERVISION
from frontdesk.domain.times import rfc3339
from frontdesk.http.agent_bodies import Decided, Participation, Recording, RoutingRecord, TranscriptPage
from frontdesk.http.on_record import note
from frontdesk.http.polls import window
from frontdesk.http.wire import Answer, Call, Pending, Result, json_answer
from frontdesk.ports import Said

# Entries of a log that are read at one time for its routing decisions.
LOG_MAX = 2000
_DIGITS_MAX = 19
# 19 digits can be more than 63 bits, which no store takes.
_TOO_MUCH = 1 << 63


@dataclass(slots=True)
class RecordApi:
    """What was said and decided, for those who may read it."""

    context: Context
    boards: Switchboards
    desks: Desks

    def transcript(self, call: Call) -> Result:
        """A conversation's log, for those who hold it; for supervisors any, also when it is over, which is audited."""
        interaction_id, pending = number_of(call.parameters["interactionId"]), Pending()
        after, limit = window(call.request.query)

        def page(said: list[Said]) -> Answer:
            shown = said[:limit]
            last = shown[-1].seq if shown else after
            return json_answer(TranscriptPage(str(interaction_id), lines(shown), last, len(said) > limit))

        def read(_: Interaction) -> None:
            self._log(interaction_id, (after, limit), pending, page)

        def audited(found: Interaction) -> None:
            self._audited(call, pending, "interaction.transcript.read", partial(read, found))

        self._readable(call, interaction_id, pending, audited if self._is_anothers(call, interaction_id) else read)
        return pending

    def routing(self, call: Call) -> Result:
        """Why an interaction waits, or went where it went; for supervisors also when it is over."""
        interaction_id, pending = number_of(call.parameters["interactionId"]), Pending()

        def found(interaction: Interaction) -> None:
            self._decisions(interaction_id, 0, [], pending, lambda said: record(interaction, said))

        def record(interaction: Interaction, said: list[Said]) -> Answer:
            board = self.boards.of(call.organization.org_id)
            # Looked up again: it may be over since.
            known = self.desks.find(board, interaction_id) or interaction
            now = why_it_waits(board, known, self.context.clock.now_ms())
            decisions = tuple(map(_decided, said))
            return json_answer(RoutingRecord(str(interaction_id), now, decisions))

        self._readable(call, interaction_id, pending, found)
        return pending

    def recording(self, call: Call) -> Result:
        """An interaction of any time: who, when, what came of it, and its transcript in pages. Who reads is audited."""
        interaction_id, pending = number_of(call.parameters["interactionId"]), Pending()
        after, limit = window(call.request.query)

        def found(interaction: Interaction) -> None:
            self.context.store.assignments(
                interaction_id,
                good(
                    pending,
                    lambda held: self._audited(
                        call, pending, "quality.recording.read", partial(read, interaction, held)
                    ),
                ),
            )

        def read(interaction: Interaction, held: list[Assignment]) -> None:
            self._log(interaction_id, (after, limit), pending, lambda said: page(interaction, held, said))

        def page(interaction: Interaction, held: list[Assignment], said: list[Said]) -> Answer:
            shown = said[:limit]
            last = shown[-1].seq if shown else after
            return json_answer(_recording(interaction, held, TranscriptPage("", lines(shown), last, len(said) > limit)))

        self._find(call, interaction_id, pending, found)
        return pending

    # ---- inside

    def _readable(self, call: Call, interaction_id: int, pending: Pending, then: Callable[[Interaction], None]) -> None:
        """Go on when the bearer may read it. Raises NotFound, Forbidden."""
        board, bearer = self.boards.of(call.organization.org_id), call.bearer
        interaction = self.desks.find(board, interaction_id)
        is_theirs = bearer.user_id and board.between(bearer.user_id, interaction_id) is not None
        if not is_theirs and bearer.user_id and SUPERVISION not in bearer.scopes:
            raise Forbidden("notYours", "You do not hold this interaction.", scope="interactionId")
        if interaction is not None and interaction.org_id == board.org_id:
            then(interaction)
        elif SUPERVISION in bearer.scopes:
            self._find(call, interaction_id, pending, then)
        else:
            raise NotFound("unknownInteraction", "There is no such interaction at work.", scope="interactionId")

    def _find(self, call: Call, interaction_id: int, pending: Pending, then: Callable[[Interaction], None]) -> None:
        """An interaction of the caller's organization, open or not."""
        org_id = call.organization.org_id

        def found(interaction: Interaction | None) -> None:
            if interaction is None or interaction.org_id != org_id:
                pending.refuse(NotFound("unknownInteraction", "There is no such interaction.", scope="interactionId"))
            else:
                then(interaction)

        self.context.store.find_interaction(interaction_id, good(pending, found))

    def _log(
        self, interaction_id: int, part: tuple[int, int], pending: Pending, answer: Callable[[list[Said]], Answer]
    ) -> None:
        after, limit = part
        found = good(pending, lambda said: pending.complete(answer(said)))
        self.context.store.log(interaction_id, after, limit + 1, found)

    def _decisions(
        self,
        interaction_id: int,
        after: int,
        known: list[Said],
        pending: Pending,
        answer: Callable[[list[Said]], Answer],
    ) -> None:
        """The routing decisions of a log behind `after`, piece by piece: what was said between may be long."""

        def found(said: list[Said]) -> None:
            decided = [*known, *(s for s in said if s.kind.startswith(RECORDS))]
            if len(said) < LOG_MAX:
                pending.complete(answer(decided))
            else:
                self._decisions(interaction_id, said[-1].seq, decided, pending, answer)

        self.context.store.log(interaction_id, after, LOG_MAX, good(pending, found))

    def _is_anothers(self, call: Call, interaction_id: int) -> bool:
        """Whether it is read by right of supervision, and not because the bearer takes part."""
        bearer, board = call.bearer, self.boards.of(call.organization.org_id)
        takes_part = bearer.user_id and board.between(bearer.user_id, interaction_id) is not None
        return SUPERVISION in bearer.scopes and not takes_part

    def _audited(self, call: Call, pending: Pending, act: str, then: Callable[[], None]) -> None:
        """Nobody reads what others said without that being known."""
        self.context.store.admit()
        read = note(self.context, call, act, call.parameters["interactionId"])
        self.context.store.commit((read,), lambda error: then() if error is None else pending.done(error))


def number_of(value: str | int) -> int:
    """An interaction's number. Raises NotFound: what is no number is no interaction."""
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        number = int(text)
        if number < _TOO_MUCH:
            return number
    raise NotFound("unknownInteraction", "There is no such interaction at work.", scope="interactionId")


def _decided(said: Said) -> Decided:
    fields = msgspec.json.decode(said.payload)
    if fields.get("explanation"):
        # As a string since ids are strings everywhere; what was stored before is a number.
        fields["explanation"]["interactionId"] = str(fields["explanation"]["interactionId"])
    return msgspec.convert({**fields, "time": rfc3339(said.time_ms)}, Decided)


def good(pending: Pending, then: Callable[[Any], None]) -> Callable[[Any], None]:
    """What was read goes on to `then`; what could not be read, or is refused there, is the answer."""

    def found(result: Any) -> None:
        if isinstance(result, BaseException):
            pending.refuse(Unavailable("readFailed", "Reading failed; repeat the request in a moment."))
            return
        try:
            then(result)
        except Exception as error:  # noqa: BLE001 - nobody above would answer: it is called from the store
            pending.refuse(error)

    return found


def _recording(interaction: Interaction, held: list[Assignment], page: TranscriptPage) -> Recording:
    contact = interaction.contact
    return Recording(
        interaction_id=str(interaction.interaction_id),
        work_type_id=interaction.work_type_id,
        channel=interaction.channel.value,
        state=interaction.state.value,
        contact_name=contact.name,
        contact_email=contact.email,
        contact_data=tuple(Datum(d.key, d.value) for d in contact.data),
        created_time=when(interaction.created_ms),
        closed_time=when(interaction.closed_ms),
        closed_reason=interaction.closed_reason,
        owner_id=interaction.owner,
        participations=tuple(map(_participation, held)),
        entries=page.entries,
        last_sequence_number=page.last_sequence_number,
        has_more=page.has_more,
    )


def _participation(held: Assignment) -> Participation:
    return Participation(
        user_id=held.user_id,
        part=held.part.value,
        stage=held.stage.value,
        offered_time=when(held.offered_ms),
        accepted_time=when(held.accepted_ms),
        ended_time=when(held.ended_ms),
        reason=held.reason,
        disposition_id=held.disposition_id,
        memo=held.memo,
    )
