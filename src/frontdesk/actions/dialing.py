"""A contact asks to be called, and an agent says whether they call: what was asked and answered stands in the log.

Whoever calls does so by telephone; the two entries are the record of that escalation, which desks and reports read.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from frontdesk.actions.context import Context
from frontdesk.actions.handling import CONTACT, Handling
from frontdesk.domain import dialing, events
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import EntityType
from frontdesk.domain.people import User
from frontdesk.ports import Done, Found, Record, Said

# Entries of a log that are read at once.
PAGE = 1000
# Answers that are remembered, so that two at one time are not both taken: who reads the log may not see the other yet.
REMEMBERED = 1000
Extra = Sequence[Record]


class Dialing:
    """Answers to requests for a call, in the conversations of this process."""

    def __init__(self, context: Context, handling: Handling) -> None:
        self._context = context
        self._handling = handling
        self._answered: dict[str, None] = {}

    def requests(self, user: User, interaction_id: int, found: Found[list[Said]]) -> None:
        """Read what was asked and answered in a conversation of the user's. Raises NotFound, Invalid."""
        self._handling.speaking(user, interaction_id, CONTACT)
        kept: list[Said] = []

        def read(said: list[Said] | BaseException) -> None:
            if isinstance(said, BaseException):
                found(said)
                return
            kept.extend(s for s in said if s.kind in dialing.KINDS)
            if len(said) < PAGE:
                found(kept)
            else:
                self._context.store.log(interaction_id, said[-1].seq, PAGE, read)

        self._context.store.log(interaction_id, 0, PAGE, read)

    def answer(
        self, user: User, interaction_id: int, said: Sequence[Said], given: dialing.Given, done: Done, extra: Extra = ()
    ) -> None:
        """Say whether the call is made; `said` is what `requests` found. Raises NotFound, Invalid."""
        digits = dialing.asked([msgspec.json.decode(s.payload) for s in said], given)
        # It was read meanwhile: they may have it no more.
        held = self._handling.speaking(user, interaction_id, CONTACT)
        self._remember(given.request_id)
        answered = events.DialAnswered(
            interaction_id=str(interaction_id),
            message_id=str(self._context.ids.number()),
            entity_name=given.name or user.name,
            entity_type=EntityType.AGENT,
            request_id=given.request_id,
            answer=given.answer,
            digits=digits,
        )
        now_ms = self._context.clock.now_ms()

        def told(error: BaseException | None) -> None:
            if error is not None:
                self._answered.pop(given.request_id, None)
            done(error)

        self._handling.say(held, answered, now_ms, CONTACT, told, extra)

    def _remember(self, request_id: str) -> None:
        if request_id in self._answered:
            raise Invalid("alreadyAnswered", dialing.ANSWERED_ALREADY, scope="messageId")
        if len(self._answered) >= REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self._answered[request_id] = None
