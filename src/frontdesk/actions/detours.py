"""What a contact is given when no agent can be: a message, a script, a callback, or another work type."""

from __future__ import annotations

from collections.abc import Callable

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.actions.messaging import Messaging
from frontdesk.actions.routing import Routing, decision
from frontdesk.actions.scripts import Runner
from frontdesk.domain import interactions, messages
from frontdesk.domain.explaining import Decision
from frontdesk.domain.model import EndReason, EntityType, Entry, Interaction
from frontdesk.domain.rules import Detour, Instead
from frontdesk.domain.scripts import Input

CALLBACK_SCRIPT = "callback"
SPEAKER = "System"


class Detours:
    """Carries out the after-hours and overflow rules of work types."""

    def __init__(self, context: Context, routing: Routing, scripts: Runner, messaging: Messaging) -> None:
        self._context = context
        self._routing = routing
        self._scripts = scripts
        self._messaging = messaging

    def go(self, interaction: Interaction, way: Detour, why: str) -> None:
        """The contact goes this way."""
        made = Decision(decision="detour", reason=why, instead=way.instead.value, work_type_id=interaction.work_type_id)
        record = decision(interaction, made, self._context.clock.now_ms())
        if way.text:
            self._say(interaction, way.text)
        if way.instead is Instead.WORK_TYPE:
            self._to_work_type(interaction, way.target, record)
        elif way.instead is Instead.SCRIPT:
            self._to_script(interaction, way.target, "", record)
        elif way.instead is Instead.CALLBACK:
            self._to_script(interaction, CALLBACK_SCRIPT, way.target, record)
        else:
            self._end(interaction, record)

    def _say(self, interaction: Interaction, text: str) -> None:
        now_ms, session = self._context.clock.now_ms(), self._context.floor.session_of(interaction)
        message_id = str(self._context.ids.number())
        said = messages.text_event(interaction, SPEAKER, EntityType.SYSTEM, message_id, text, now_ms)
        self._store(interaction, [messages.entry(interaction, said, EntityType.SYSTEM, now_ms, session)])

    def _end(self, interaction: Interaction, record: Entry) -> None:
        self._store(interaction, [record])
        self._messaging.end(interaction, EndReason.CLOSED, EntityType.SYSTEM, lambda error: None)

    def _to_work_type(self, interaction: Interaction, work_type_id: str, record: Entry) -> None:
        work_type = self._context.directory.work_type(interaction.org_id, work_type_id)
        if work_type is None or work_type_id == interaction.work_type_id:
            telemetry.log.error("detour.no_such_work_type", work_type=work_type_id)
            self._end(interaction, record)
            return
        now_ms, session = self._context.clock.now_ms(), self._context.floor.session_of(interaction)
        shown = self._context.directory.rules(interaction.org_id, work_type_id).sneak_peek
        entries = interactions.hand_off(interaction, session, work_type, now_ms, previews_shown=shown)
        # It stands there once the contact is told so: a position in the new queue before that would be the old one's.
        self._store(interaction, [record, *entries], lambda: self._routing.join(interaction))

    def _to_script(self, interaction: Interaction, script: str, state: str, record: Entry) -> None:
        if not self._scripts.knows(script):
            telemetry.log.error("detour.no_such_script", script=script)
            self._end(interaction, record)
            return
        now_ms, session = self._context.clock.now_ms(), self._context.floor.session_of(interaction)
        title = self._scripts.title(script)
        entries = interactions.to_script(interaction, session, script, title, now_ms)
        interaction.script_state = state
        # Written by the contact, as every entry that a script answers: this one opens the talk with it.
        record.author = EntityType.CONTACT
        self._store(interaction, [*entries, record])
        self._scripts.hear(interaction, interaction.seq, Input("messaging.Connected"))

    def _store(self, interaction: Interaction, entries: list[Entry], then: Callable[[], None] = lambda: None) -> None:
        def told(error: BaseException | None) -> None:
            if error is None:
                self._context.streams.deliver([e for e in entries if e.session is not None])
                then()

        self._context.store.commit((interaction, *entries), told)
