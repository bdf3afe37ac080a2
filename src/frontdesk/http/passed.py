"""A request that another node is home to, from being asked to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from frontdesk.domain.errors import Unavailable
from frontdesk.domain.limits import POLL_HOLD_SECONDS
from frontdesk.http.routes import Route
from frontdesk.http.wire import Answer, Call, Headers, Pending, Result, Whole, failure_answer, json_bytes
from frontdesk.http.words import Ask, Caught, Closed, Elsewhere, Fate, Left, Opened, Piece, Reply
from frontdesk.streaming import longpoll

if TYPE_CHECKING:
    from frontdesk.http.relay import Relay

# Milliseconds that a request may wait for a home that answers; a dead node's is found a new one in about half of it.
PATIENCE_MS = 8000
# Milliseconds before an unanswered request is sent again.
AGAIN_MS = 1000
# Milliseconds before a home that is about to change is looked up once more.
SOON_MS = 100
# Bytes of a stream that its client has taken before the host hears of it.
CREDIT = 16 * 1024
# Milliseconds between two looks whether a stream's pieces have arrived.
ARRIVAL_MS = 50
_EVENTS = "streaming/events/webClient"
# What the host decides by; nothing else of a head is sent on.
_HEADERS = (b"authorization", b"x-api-key", b"via-client-sessionid", b"accept", b"last-event-id", b"idempotency-key")


class Passed(Pending):
    """One request, from being asked to its answer."""

    __slots__ = (
        "_attempt",
        "_call",
        "_inner",
        "_relay",
        "_route",
        "_sent",
        "_until_ms",
        "node",
        "number",
        "session_id",
    )

    def __init__(self, relay: Relay, number: int, route: Route, call: Call, session_id: str) -> None:
        super().__init__()
        self.number = number
        self.session_id = session_id
        self.node = ""
        self._relay = relay
        self._route = route
        self._call = call
        self._until_ms = relay.context.clock.now_ms() + PATIENCE_MS
        self._attempt = 0
        self._sent = False
        self._inner: Pending | None = None

    # ---- finding its home

    def begin(self, node: str) -> None:
        """Send it to `node`, or to where its session is at home."""
        node = node or self._relay.homes.get(self.session_id, "")
        if node and self._relay.cluster.alive(node):
            self._ask(node)
        else:
            self._relay.find(self)

    def found(self, home: str | BaseException | None) -> None:
        """Where its session is at home, as the store says."""
        if self._answer is not None or self._inner is not None:
            return
        if home is None:
            # There is no such session; the endpoint says so in its own words.
            self._here()
        elif isinstance(home, BaseException):
            self._later()
        elif home == "":
            self._claim()
        elif home == self._relay.context.node:
            self._here_or_later()
        elif self._relay.cluster.alive(home):
            self._relay.remember(self.session_id, home)
            self._ask(home)
        else:
            self._later()

    def _claim(self) -> None:
        async def claim() -> None:
            try:
                await self._relay.cluster.claim(self.session_id)
            except Exception:  # noqa: BLE001 - whatever hinders it, the next look-up shows how it stands
                self._later()
            else:
                self._here_or_later()

        task = asyncio.get_running_loop().create_task(claim())
        # The loop keeps only a weak reference to a task.
        task.add_done_callback(lambda _: None)

    def _here_or_later(self) -> None:
        if self._relay.context.floor.has(self.session_id):
            self._here()
        else:
            self._later()

    def _here(self) -> None:
        if self._answer is not None:
            return
        if self._relay.stopping:
            self._give_up()
            return
        self._relay.forget(self.number)
        try:
            result: Result = self._relay.carry_out(self._route, self._call)
        except Exception as error:  # noqa: BLE001 - becomes the answer, as in the dispatcher
            result = failure_answer(error)
        if isinstance(result, Pending):
            self._inner = result
            result.then(self.complete)
        else:
            self.complete(result)

    def _later(self) -> None:
        self._attempt += 1
        self._at(SOON_MS, self._look_up)

    def _look_up(self) -> None:
        if self._is_late():
            self._give_up()
        elif self.session_id:
            self._relay.find(self)
        else:
            self.begin(self.node)

    # ---- asking

    def _ask(self, node: str) -> None:
        self.node, self._sent = node, True
        self._attempt += 1
        if self._is_poll:
            self._until_ms = self._relay.context.clock.now_ms() + POLL_HOLD_SECONDS * 1000 + PATIENCE_MS
        self.say_again()

    def say_again(self) -> None:
        """Send it, once more if it was sent before."""
        if self._answer is not None or not self._sent:
            return
        request = self._call.request
        headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
        prior = self._relay.prior(self.session_id, request.carrier) if self._is_poll else None
        self._relay.send(
            self.node,
            Ask(
                self.number, self._relay.context.node, self.session_id, request.method, request.path, request.query,
                headers, request.body, self._call.address, prior,
            ),
        )  # fmt: skip
        self._at(POLL_HOLD_SECONDS * 1000 + AGAIN_MS if self._is_poll else AGAIN_MS, self._unanswered)

    def _unanswered(self) -> None:
        if self._is_late():
            self._give_up()
        else:
            self.say_again()

    def hear(self, word: Reply | Elsewhere | Opened | Piece | Closed) -> None:
        """The host's word about it."""
        if self._answer is not None:
            return
        if isinstance(word, Reply):
            if self._is_poll and word.status == HTTPStatus.OK and word.body != longpoll.NOTHING:
                # A refusal, or a word that nothing came, is no reason to forget which answer had the last events.
                self._relay.answered(self.session_id, self.number, self._call.request.carrier)
            self._settle(Answer(word.status, word.body, word.headers))
        elif isinstance(word, Opened):
            self._relay.answered(self.session_id, self.number, self._call.request.carrier)
            stream = PassedStream(self._relay, self.node, self.number, self.session_id, word.headers, self._call)
            self._settle(stream)
        elif isinstance(word, Elsewhere):
            self._relay.homes.pop(self.session_id, None)
            self._sent = False
            self._later()

    def home_lost(self) -> None:
        """The node that was asked is no more. What it did is known to the next home by its Idempotency-Key alone."""
        if self._answer is not None:
            return
        may_repeat = self._route.method != "POST" or b"idempotency-key" in self._call.request.headers
        if not self.session_id or not may_repeat:
            self._give_up()
            return
        self._sent = False
        self._until_ms = self._relay.context.clock.now_ms() + PATIENCE_MS
        self._later()

    def drain(self) -> None:
        """End a poll with nothing; let everything else come to its end."""
        if self._is_poll and self._answer is None:
            self.abandon()
            self._settle(json_bytes(longpoll.NOTHING))

    def abandon(self) -> None:
        """See Pending."""
        self._relay.forget(self.number)
        if self._inner is not None:
            self._inner.abandon()
        elif self._sent:
            self._relay.send(self.node, Left(self._relay.context.node, self.number))

    # ---- inside

    @property
    def _is_poll(self) -> bool:
        return self._route.path == _EVENTS

    def _is_late(self) -> bool:
        return self._relay.context.clock.now_ms() >= self._until_ms

    def _give_up(self) -> None:
        away = Unavailable("homeAway", "This conversation's server does not answer; repeat the request in a moment.")
        self._settle(failure_answer(away))

    def _settle(self, answer: Whole) -> None:
        self._relay.forget(self.number)
        if isinstance(answer, PassedStream):
            self._relay.opened(answer)
        self.complete(answer)

    def _at(self, delay_ms: int, act: Callable[[], None]) -> None:
        """`act` then, unless it was answered or went another way by then."""
        context = self._relay.context
        context.timers.at(context.clock.now_ms() + delay_ms, partial(self._due, self._attempt, act))

    def _due(self, attempt: int, act: Callable[[], None], now_ms: int) -> None:
        if self._answer is None and self._inner is None and attempt == self._attempt:
            act()


class PassedStream:
    """`wire.Stream` whose pieces another node sends."""

    def __init__(self, relay: Relay, node: str, number: int, session_id: str, headers: Headers, call: Call) -> None:
        self.node = node
        self.number = number
        self.headers = headers
        self._relay = relay
        self._session_id = session_id
        self._carrier = call.request.carrier
        self._early: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._end: Callable[[], None] | None = None
        self._closed = False
        self._turn = 0
        self._taken = 0
        self._told = 0
        self._looking = False

    def start(self, sink: Callable[[bytes], bool], end: Callable[[], None]) -> None:
        """See wire.Stream."""
        self._sink, self._end = sink, end
        early, self._early = self._early, []
        for body in early:
            self._take(body)
        if self._closed:
            end()

    def hear(self, word: Reply | Elsewhere | Opened | Piece | Closed) -> None:
        """The next piece, or the end; a missing one ends it too, as its client can come back for what it missed."""
        if not isinstance(word, Piece | Closed):
            return
        if word.turn != self._turn + isinstance(word, Piece):
            self.say_again()
        elif isinstance(word, Closed):
            self._close()
        else:
            self._turn = word.turn
            self._take(word.body)

    def drained(self) -> None:
        """See wire.Stream."""
        self._tell_caught()

    def abandon(self) -> None:
        """See wire.Stream."""
        self._relay.forget(self.number)
        self._relay.send(self.node, Left(self._relay.context.node, self.number))
        if self._looking:
            # Its connection is gone: what has arrived is known now, and a next poll shall not wait for our look.
            self._look(self._relay.context.clock.now_ms())

    def say_again(self) -> None:
        """Pieces may have been lost: the client comes back with the last number that it saw."""
        self.abandon()
        self._close()

    drain = say_again

    def home_lost(self) -> None:
        """The node that sends the pieces is no more."""
        self._close()

    def _take(self, body: bytes) -> None:
        if self._sink is None:
            self._early.append(body)
            return
        self._taken += len(body)
        if self._sink(body) and self._taken - self._told >= CREDIT:
            self._tell_caught()
        if not self._looking:
            self._looking = True
            self._look_soon()

    def _tell_caught(self) -> None:
        self._told = self._taken
        self._relay.send(self.node, Caught(self._relay.context.node, self.number, self._taken))

    def _look_soon(self) -> None:
        context = self._relay.context
        context.timers.at(context.clock.now_ms() + ARRIVAL_MS, self._look)

    def _look(self, now_ms: int) -> None:
        """Tell the host once all that was written has arrived; also of a stream that ended, as the next poll asks."""
        if not self._looking:
            return
        arrived = self._carrier.delivered()
        if arrived is None:
            self._look_soon()
            return
        self._looking = False
        self._relay.send(self.node, Fate(self._relay.context.node, self.number, self._session_id, self._turn, arrived))

    def _close(self) -> None:
        self._relay.forget(self.number)
        self._closed = True
        if self._end is not None:
            self._end()
