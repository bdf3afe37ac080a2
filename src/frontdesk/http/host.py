"""The host's side: requests that came to other nodes, for sessions that are at home here.

Each is carried out once, however often it is asked; its answer goes back to the node that was asked.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from frontdesk.actions.context import Context
from frontdesk.actions.homes import Homes
from frontdesk.http.dispatch import Dispatcher
from frontdesk.http.polls import EVENTS, STREAM_BUFFER_MAX
from frontdesk.http.wire import Answer, Pending, Request, Stream, Whole, json_bytes
from frontdesk.http.words import (
    Ask,
    Caught,
    Closed,
    Elsewhere,
    Fate,
    Left,
    Opened,
    Piece,
    Reply,
    WhatBecame,
    encode,
)
from frontdesk.ports import Bus
from frontdesk.streaming import longpoll
from frontdesk.streaming.hub import Hub

# Milliseconds that an answer is kept for an asker that did not hear it: longer than it repeats its question.
KEEP_MS = 10_000
# Milliseconds that a question for the fate of an answer may stay open: then it was lost, and is asked again.
CURIOUS_MS = 40

Name = tuple[str, int]


class RemoteCarrier:
    """`ports.Carrier` of a client at another node: what became of its answer is asked there."""

    __slots__ = ("_asked_ms", "_fate", "_host", "_turn", "asker", "number", "serial", "session_id", "stream", "turns")

    def __init__(self, host: Host, ask: Ask, serial: int) -> None:
        self.asker = ask.asker
        self.number = ask.number
        self.serial = serial
        self.stream: HostedStream | None = None
        self.session_id = ask.session_id
        # Pieces of a stream that were written so far; a fate counts only if it is about all of them.
        self.turns = 0
        self._host = host
        self._fate: bool | None = None
        self._turn = 0
        self._asked_ms = 0

    def delivered(self) -> bool | None:
        """See ports.Carrier."""
        if self._fate is not None and self._turn == self.turns:
            return self._fate
        if not self.turns and self._host.now_ms() - self._asked_ms >= CURIOUS_MS:
            self._asked_ms = self._host.now_ms()
            self._host.say(self.asker, WhatBecame(self._host.node, self.serial, self.session_id))
        return None

    def learn(self, turn: int, arrived: bool | None) -> None:  # noqa: FBT001 - three-valued, not a switch
        """The asker's word, unless a later one overtook it. While it does not know either, each look asks again."""
        if turn >= self._turn:
            self._fate, self._turn = arrived, turn
        self._asked_ms = 0
        if arrived and self.stream is not None:
            self.stream.arrived(turn)


class Host:
    """What other nodes asked for and what became of it."""

    def __init__(
        self, context: Context, dispatcher: Dispatcher, hub: Hub, bus: Bus, is_sure: Callable[[], bool], homes: Homes
    ) -> None:
        self._is_sure = is_sure
        self._homes = homes
        self._context = context
        self._dispatcher = dispatcher
        self._hub = hub
        self._bus = bus
        # Polls and streams that somebody waits for; other requests under way; and their answers, kept for a while.
        self._under_way: dict[Name, Pending | HostedStream] = {}
        self._work: set[Name] = set()
        self._answers: dict[Name, Reply] = {}
        self._ends: deque[tuple[int, Name]] = deque()
        self.carried_out = 0
        # Begun anywhere: what another home of the same session counted must not be taken for ours.
        self._serial = secrets.randbits(48)

    @property
    def node(self) -> str:
        """This node."""
        return self._context.node

    def now_ms(self) -> int:
        """See ports.Clock."""
        return self._context.clock.now_ms()

    def say(self, node: str, word: Reply | Elsewhere | Opened | Piece | Closed | WhatBecame) -> None:
        """Say it."""
        self._bus.send(node, encode(word))

    def hear(self, word: Ask | Caught | Left | Fate) -> None:
        """A question, or more about one."""
        if isinstance(word, Ask):
            self._ask(word)
        elif isinstance(word, Fate):
            self._learn(word)
        else:
            self._about(word)

    def node_gone(self, node: str) -> None:
        """Nobody there waits any more."""
        for name in [name for name in self._under_way if name[0] == node]:
            self._under_way.pop(name).abandon()

    def clear(self) -> None:
        """Forget everything: the state is read anew. What is under way is refused by those who hold it."""
        self._answers.clear()
        self._ends.clear()

    def _ask(self, ask: Ask) -> None:
        name = (ask.asker, ask.number)
        known = self._answers.get(name)
        if known is not None:
            self.say(ask.asker, known)
        elif name not in self._under_way and name not in self._work:
            self._first(ask, name)

    def _first(self, ask: Ask, name: Name) -> None:
        dispatcher = self._dispatcher
        key = ask.home or ask.session_id
        if dispatcher.stopping or dispatcher.reading or not self._is_sure():
            self.say(ask.asker, Elsewhere(ask.number))
        elif key and not self._context.floor.has(key):
            self._homes.catch_up(key, lambda: self._late(ask, key, name))
        else:
            self._carry_out(ask, name)

    def _late(self, ask: Ask, key: str, name: Name) -> None:
        """It came meanwhile, or is not at home here."""
        if not self._context.floor.has(key):
            self.say(ask.asker, Elsewhere(ask.number))
        elif name not in self._under_way and name not in self._work and name not in self._answers:
            self._first(ask, name)

    def _carry_out(self, ask: Ask, name: Name) -> None:
        dispatcher = self._dispatcher
        if ask.prior is not None:
            # Learned before the poll itself: it decides what the poll is given.
            serial, arrived = ask.prior
            self._tell(ask.session_id, (ask.asker, serial), 0, arrived)
        self._serial += 1
        carrier = RemoteCarrier(self, ask, self._serial)
        if f"/{EVENTS}" in ask.path and self._is_overtaken(carrier):
            self.say(ask.asker, _reply(ask, json_bytes(longpoll.NOTHING), 0))
            return
        request = Request(ask.method, ask.path, ask.query, ask.headers, ask.body, ask.address, carrier)
        request.passed_on = True
        self.carried_out += 1
        result = dispatcher.handle(request)
        if not isinstance(result, Pending):
            self._answered(ask, name, carrier, result)
            return
        if ask.method == "GET":
            self._under_way[name] = result
        else:
            # Under way to its end, whoever leaves: carried out again meanwhile, it would be done twice.
            self._work.add(name)
        result.then(partial(self._answered, ask, name, carrier))

    def _is_overtaken(self, carrier: RemoteCarrier) -> bool:
        """Whether a later poll came from the same node: the word was late, or is a repeat, and must not end that."""
        return any(
            isinstance(other, RemoteCarrier) and other.asker == carrier.asker and other.number > carrier.number
            for other in self._hub.carriers(carrier.session_id)
        )

    def _answered(self, ask: Ask, name: Name, carrier: RemoteCarrier, answer: Whole) -> None:
        self._under_way.pop(name, None)
        self._work.discard(name)
        if not isinstance(answer, Answer):
            stream = self._under_way[name] = HostedStream(self, name, answer, carrier)
            stream.begin()
            return
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and self._may_be_done_elsewhere(ask):
            self.say(ask.asker, Elsewhere(ask.number))
            return
        reply = _reply(ask, answer, carrier.serial)
        if ask.method != "GET":
            self._keep(name, reply)
        self.say(ask.asker, reply)

    def _may_be_done_elsewhere(self, ask: Ask) -> bool:
        """Whether what it is about left meanwhile. Its Idempotency-Key keeps it from being done twice."""
        key = ask.home or ask.session_id
        return bool(key) and b"idempotency-key" in ask.headers and not self._context.floor.has(key)

    def _keep(self, name: Name, reply: Reply) -> None:
        now_ms = self.now_ms()
        while self._ends and self._ends[0][0] <= now_ms:
            self._answers.pop(self._ends.popleft()[1], None)
        self._answers[name] = reply
        self._ends.append((now_ms + KEEP_MS, name))

    def _learn(self, word: Fate) -> None:
        self._tell(word.session_id, (word.asker, word.serial), word.turn, word.arrived)
        if word.arrived is not None:
            # Not otherwise: looking asks, and the two of us would do nothing else until the network knows.
            self._hub.look_again(word.session_id)

    def _tell(self, session_id: str, name: Name, turn: int, arrived: bool | None) -> None:  # noqa: FBT001 - as above
        """What became of an answer, to whoever carried it; by now another poll may have come over another node."""
        for carrier in self._hub.carriers(session_id):
            if isinstance(carrier, RemoteCarrier) and (carrier.asker, carrier.serial) == name:
                carrier.learn(turn, arrived)

    def _about(self, word: Caught | Left) -> None:
        name = (word.asker, word.number)
        found = self._under_way.get(name)
        if found is None:
            return
        if isinstance(word, Left):
            del self._under_way[name]
            if isinstance(found, HostedStream):
                found.cut(word.turn)
            found.abandon()
        elif isinstance(found, HostedStream):
            found.caught(word.taken)

    def over(self, name: Name) -> None:
        """A stream came to its end."""
        self._under_way.pop(name, None)


def _reply(ask: Ask, answer: Answer, serial: int) -> Reply:
    return Reply(ask.number, answer.status, answer.body, answer.headers, serial)


class HostedStream:
    """A stream whose reader is at another node."""

    def __init__(self, host: Host, name: Name, stream: Stream, carrier: RemoteCarrier) -> None:
        self._host = host
        self._name = name
        self._stream = stream
        self._carrier = carrier
        carrier.stream = self
        self._turn = 0
        self._sent = 0
        self._taken = 0

    def begin(self) -> None:
        """Send what is there, and what follows."""
        asker, number = self._name
        self._host.say(asker, Opened(number, self._stream.headers, self._carrier.serial))
        self._stream.start(self._piece, self._end)

    def caught(self, taken: int) -> None:
        """The reader has taken so many bytes."""
        was_full = self._is_full
        self._taken = taken
        if was_full and not self._is_full:
            self._stream.drained()

    def arrived(self, turn: int) -> None:
        """The reader has that piece, so all of it: a lost word that says how much it took must not stop the stream."""
        if turn == self._turn:
            self.caught(self._sent)

    def cut(self, turn: int) -> None:
        """The reader went away after that piece: of those behind it nobody need ask whether they arrived."""
        if turn < self._turn:
            self._carrier.learn(self._turn, arrived=False)

    def abandon(self) -> None:
        """The reader went away."""
        self._stream.abandon()

    @property
    def _is_full(self) -> bool:
        return self._sent - self._taken >= STREAM_BUFFER_MAX

    def _piece(self, body: bytes) -> bool:
        asker, number = self._name
        self._turn += 1
        self._sent += len(body)
        self._carrier.turns = self._turn
        self._host.say(asker, Piece(number, self._turn, body))
        return not self._is_full

    def _end(self) -> None:
        asker, number = self._name
        self._host.say(asker, Closed(number, self._turn))
        self._host.over(self._name)
