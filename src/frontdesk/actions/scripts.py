"""Self-service scripts at work: each input of a contact is one turn, stored whole or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from frontdesk import telemetry
from frontdesk.actions.context import Context
from frontdesk.actions.routing import DECISION, Routing
from frontdesk.domain import callbacks, events, interactions, messages
from frontdesk.domain.model import CallBack, EndReason, EntityType, Entry, Interaction, State, StoredEvent, WorkType
from frontdesk.domain.scripts import BookCallBack, Effect, Goodbye, HandOff, Input, Outcome, Push, Say, Script
from frontdesk.ports import Record

_SORRY = Outcome((Say("Sorry, something went wrong on our side. Please say that again."),))
# The field of an event's payload that a script reads.
_BODY = {"messaging.Text": "text", "messaging.PushUrl": "url", "messaging.DialRequest": "digits"}

# Milliseconds before a log that could not be read is read again.
_AGAIN_MS = 1000

Turn = tuple[int, Input]


def _input(stored: StoredEvent) -> Input:
    if stored.kind == DECISION:
        # The queue gave the contact to a script.
        return Input("messaging.Connected")
    fields = msgspec.json.decode(stored.payload)
    return Input(stored.kind, fields.get(_BODY.get(stored.kind, ""), ""))


class Runner:
    """Runs the scripts of this process, one turn at a time for each interaction.

    An input is stepped as soon as its entry is handed to the store; as the outcome is handed in behind it, it can't
    be durable before its cause. Nobody is told of it before both are.
    """

    def __init__(self, context: Context, routing: Routing, scripts: Mapping[str, Script]) -> None:
        self._context = context
        self._routing = routing
        self._scripts = scripts
        # Interactions with a turn under way, and the turns that wait behind it.
        self._busy: dict[int, deque[Turn]] = {}
        # Told of each callback that is booked, once that is durable.
        self.on_booked: Callable[[CallBack], None] = lambda call_back: None

    def joined(self, interaction: Interaction) -> events.ParticipantJoined:
        """The event that introduces the script."""
        return events.ParticipantJoined(
            interaction_id=str(interaction.interaction_id),
            entity_name=self.title(interaction.script),
            entity_type=EntityType.SYSTEM,
        )

    def playable(self, work_type: WorkType) -> WorkType:
        """The work type; without its script when this version has none of that name, and so for an agent."""
        return work_type if work_type.script in self._scripts else msgspec.structs.replace(work_type, script="")

    def knows(self, name: str) -> bool:
        """Whether there is such a script."""
        return name in self._scripts

    def hear(self, interaction: Interaction, seq: int, happened: Input) -> None:
        """The contact did something that stands in the log as entry `seq`."""
        if interaction.state is not State.SCRIPTED:
            return
        waiting = self._busy.get(interaction.interaction_id)
        if waiting is not None:
            waiting.append((seq, happened))
            return
        outcome = self._step(interaction, happened)
        if outcome.composing_ms:
            self._busy[interaction.interaction_id] = deque()
            self._compose(interaction, seq, outcome)
        else:
            self._store(interaction, seq, outcome)

    def recover(self, interaction: Interaction) -> None:
        """After a restart: hear what no stored turn has answered."""
        if interaction.state is State.SCRIPTED and interaction.script_seq < interaction.seq:
            # What is heard while the log is read waits behind what is found in it.
            self._busy[interaction.interaction_id] = deque()
            self._read(interaction)

    def _read(self, interaction: Interaction) -> None:
        self._context.store.read_inputs(
            interaction.interaction_id, interaction.script_seq, lambda found: self._missed(interaction, found)
        )

    def clear(self) -> None:
        """Forget the turns under way; they are run again by `recover`."""
        self._busy.clear()

    def _missed(self, interaction: Interaction, found: list[StoredEvent] | BaseException) -> None:
        now_open = self._context.floor.interactions.get(interaction.interaction_id)
        if now_open is None:
            self._busy.pop(interaction.interaction_id, None)
        if now_open is not interaction:
            # It ended while its log was read, or all was read anew and another read is under way.
            return
        if isinstance(found, BaseException):
            telemetry.log.error("script.recovery_failed", interaction=interaction.interaction_id, error=repr(found))
            # What was not read would never be answered: later turns wait behind it.
            self._context.timers.at(self._context.clock.now_ms() + _AGAIN_MS, lambda now: self._read(interaction))
            return
        turns = deque((stored.seq, _input(stored)) for stored in found)
        newest = turns[-1][0] if turns else 0
        turns.extend(turn for turn in self._busy.get(interaction.interaction_id, ()) if turn[0] > newest)
        self._busy[interaction.interaction_id] = turns
        if turns:
            self._run(interaction, turns.popleft())
        else:
            self._busy.pop(interaction.interaction_id)

    def _run(self, interaction: Interaction, first: Turn) -> None:
        """Run turns until one takes time or none waits. A loop, so that a long backlog can't exhaust the stack."""
        waiting = self._busy[interaction.interaction_id]
        turn: Turn | None = first
        while turn is not None:
            seq, happened = turn
            outcome = self._step(interaction, happened)
            if outcome.composing_ms:
                self._compose(interaction, seq, outcome)
                return
            self._store(interaction, seq, outcome)
            turn = waiting.popleft() if waiting and interaction.state is State.SCRIPTED else None
        self._busy.pop(interaction.interaction_id, None)

    def title(self, name: str) -> str:
        """How a script is called in front of contacts."""
        script = self._scripts.get(name)
        return script.title if script is not None else "System"

    def _step(self, interaction: Interaction, happened: Input) -> Outcome:
        try:
            return self._scripts[interaction.script].step(interaction.script_state, interaction.contact, happened)
        except Exception as error:  # noqa: BLE001 - a script's fault must not take the conversation with it
            telemetry.log.error("script.failed", script=interaction.script, trace=telemetry.trace(error))
            return _SORRY

    def _compose(self, interaction: Interaction, seq: int, outcome: Outcome) -> None:
        session = self._context.floor.sessions.get(interaction.session_id)
        due_ms = self._context.clock.now_ms() + outcome.composing_ms
        if session is not None:
            typing = events.Notification(
                interaction_id=str(interaction.interaction_id),
                entity_name=self.title(interaction.script),
                entity_type=EntityType.SYSTEM,
                state="composing",
                expires_after_seconds=-(-outcome.composing_ms // 1000) + 1,
            )
            self._context.streams.passing(session, events.kind_of(typing), events.payload(typing), due_ms)
        fence = interaction.fence
        waiting = self._busy[interaction.interaction_id]

        def speak(_: int) -> None:
            if self._busy.get(interaction.interaction_id) is not waiting:
                return  # It lost its place in a reset, and is run again.
            if self._context.floor.interactions.get(interaction.interaction_id) is not interaction:
                # It ended, or another node goes on with it: what is said here would be on nobody's stream.
                self._busy.pop(interaction.interaction_id)
                return
            if interaction.fence == fence:
                self._store(interaction, seq, outcome)
            if waiting and interaction.state is State.SCRIPTED:
                self._run(interaction, waiting.popleft())
            else:
                self._busy.pop(interaction.interaction_id, None)

        self._context.timers.at(due_ms, speak)

    def _store(self, interaction: Interaction, seq: int, outcome: Outcome) -> None:
        """One commit: what the script says, its state, and that entry `seq` is answered."""
        before = interaction.script_state
        interaction.script_state, interaction.script_seq = outcome.state, seq
        title = self.title(interaction.script)
        records: list[Record] = []
        for effect in outcome.effects:
            records += self._effect(interaction, effect, title)
        entries = [record for record in records if type(record) is Entry]
        answered = False
        for entry in entries:
            if entry.interaction is interaction:
                entry.answers, answered = seq, True
        if not answered or outcome.state != before or interaction.state is not State.SCRIPTED:
            # Else the entries say it all: a second row for each answer would cost a third of the rate.
            records.append(interaction)
        if interaction.state is State.CLOSED:
            self._context.floor.close(interaction)
        handed_off = interaction.state is State.QUEUED
        booked = [record for record in records if type(record) is CallBack]

        def told(error: BaseException | None) -> None:
            if error is None:
                self._context.streams.deliver(entries)
                for one in booked:
                    self.on_booked(one)
                if handed_off and interaction.state is State.QUEUED:
                    self._routing.join(interaction)

        self._context.store.commit(records, told)

    def _effect(self, interaction: Interaction, effect: Effect, title: str) -> list[Record]:
        now_ms = self._context.clock.now_ms()
        session = self._context.floor.session_of(interaction)
        message_id = str(self._context.ids.number())
        if isinstance(effect, Say):
            said = messages.text_event(interaction, title, EntityType.SYSTEM, message_id, effect.text, now_ms)
            return [messages.entry(interaction, said, EntityType.SYSTEM, now_ms, session)]
        if isinstance(effect, Push):
            link = messages.push_url_event(interaction, title, EntityType.SYSTEM, message_id, effect.url, now_ms)
            return [messages.entry(interaction, link, EntityType.SYSTEM, now_ms, session)]
        if isinstance(effect, BookCallBack):
            return self._book(interaction, effect, now_ms)
        left = events.ParticipantLeft(
            interaction_id=str(interaction.interaction_id), entity_name=title, entity_type=EntityType.SYSTEM
        )
        gone = messages.entry(interaction, left, EntityType.SYSTEM, now_ms, session)
        if isinstance(effect, HandOff):
            return [gone, *self._hand_off(interaction, effect, now_ms)]
        assert isinstance(effect, Goodbye)
        return [gone, *interactions.close(interaction, session, EndReason.SYSTEM, EntityType.SYSTEM, now_ms)]

    def _hand_off(self, interaction: Interaction, effect: HandOff, now_ms: int) -> list[Entry]:
        work_type = self._context.directory.work_type(interaction.org_id, effect.work_type_id)
        session = self._context.floor.session_of(interaction)
        if work_type is None:
            telemetry.log.error("script.no_such_work_type", script=interaction.script, work_type=effect.work_type_id)
            return interactions.close(interaction, session, EndReason.SYSTEM, EntityType.SYSTEM, now_ms)
        shown = self._context.directory.rules(interaction.org_id, work_type.work_type_id).sneak_peek
        return interactions.hand_off(interaction, session, work_type, now_ms, previews_shown=shown)

    def _book(self, interaction: Interaction, effect: BookCallBack, now_ms: int) -> list[Record]:
        session = self._context.floor.session_of(interaction)
        work_type = self._context.directory.work_type(interaction.org_id, effect.work_type_id)
        if session is None or work_type is None:
            telemetry.log.error("script.can_not_book", script=interaction.script, work_type=effect.work_type_id)
            return []
        due_ms = now_ms + effect.delay_minutes * 60_000
        number = self._context.ids.number()
        return list(callbacks.book(number, session, interaction.contact, work_type, effect.digits, due_ms, now_ms))
