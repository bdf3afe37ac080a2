"""A request that another node is home to, from being asked to its answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from frontdesk.domain.errors import Unavailable
from frontdesk.domain.limits import POLL_HOLD_SECONDS
from frontdesk.http.passed_stream import PassedStream
from frontdesk.http.polls import EVENTS, OpenStream
from frontdesk.http.routes import Route
from frontdesk.http.wire import Answer, Call, Pending, Result, Whole, failure_answer, json_bytes
from frontdesk.http.words import Ask, Closed, Elsewhere, Left, Opened, Piece, Reply
from frontdesk.streaming import longpoll

if TYPE_CHECKING:
    from frontdesk.http.relay import Relay

# Milliseconds that a request may wait for a home that answers; a dead node's is found a new one in about half of it.
PATIENCE_MS = 8000
# Milliseconds before an unanswered request is sent again.
AGAIN_MS = 1000
# Milliseconds before a home that is about to change is looked up once more.
SOON_MS = 100
# What the host decides by; nothing else of a head is sent on.
_HEADERS = (b"authorization", b"x-api-key", b"via-client-sessionid", b"accept", b"last-event-id", b"idempotency-key")


class Passed(Pending):
    """One request, from being asked to its answer."""

    __slots__ = (
        "_attempt",
        "_call",
        "_denied",
        "_inner",
        "_latest_ms",
        "_left",
        "_relay",
        "_resumes",
        "_route",
        "_sent",
        "_tries_left",
        "_until_ms",
        "home",
        "node",
        "number",
        "session_id",
    )

    def __init__(
        self, relay: Relay, number: int, route: Route, call: Call, session_id: str, *, resumes: bool, home: str = ""
    ) -> None:
        super().__init__()
        self.number = number
        self.session_id = session_id
        # What it is about, where that is no session of a contact's.
        self.home = home
        self.node = ""
        self._relay = relay
        self._route = route
        self._call = call
        now_ms = relay.context.clock.now_ms()
        self._until_ms = now_ms + PATIENCE_MS
        # However often its home changes: past this its client has given up, too.
        self._latest_ms = now_ms + POLL_HOLD_SECONDS * 1000 + 2 * PATIENCE_MS
        self._attempt = 0
        # Look-ups at once, before one that waits a moment.
        self._tries_left = 1
        self._sent = False
        # It said a moment ago that the session is not at home there.
        self._denied = ""
        # Its client went away, and with it the only one who wanted a poll's answer.
        self._left = False
        # It opens a session that goes on from `session_id`, or from whichever went on from that one since.
        self._resumes = resumes
        self._inner: Pending | None = None

    # ---- finding its home

    def begin(self, node: str) -> None:
        """Send it to `node`, or to where its session is at home."""
        node = node or self._relay.homes.get(self._key, "")
        if node and self._relay.cluster.alive(node):
            self._ask(node)
        else:
            self._find()

    def _find(self) -> None:
        self._attempt += 1
        self._relay.find(self._key, partial(self._found, self._attempt))

    def _found(self, attempt: int, home: str | BaseException | None) -> None:
        """Where its session is at home, as the store says."""
        if self._is_over or attempt != self._attempt:
            return
        if home is None and self._resumes:
            self._resumes = False
            self._relay.find_line(self.session_id, partial(self._line_found, attempt))
        elif home is None:
            # There is no such session; the endpoint says so in its own words.
            self._here()
        elif isinstance(home, BaseException):
            self._later()
        elif home == "":
            self._claim()
        elif home == self._relay.context.node and not self._relay.context.floor.has(self._key):
            self._relay.own.catch_up(self._key, partial(self._caught_up, attempt))
        elif home == self._relay.context.node:
            self._here()
        elif self._relay.cluster.alive(home) and home != self._denied:
            self._relay.remember(self._key, home)
            self._ask(home)
        else:
            self._later()

    def _caught_up(self, attempt: int) -> None:
        """What was handed to this node, or claimed, is here; what left it, or another claimed first, is elsewhere."""
        if self._is_over or attempt != self._attempt:
            return
        if self._relay.context.floor.has(self._key):
            self._here()
        elif self._tries_left:
            self._tries_left -= 1
            self._find()
        else:
            self._later()

    def _line_found(self, attempt: int, session_id: str | BaseException | None) -> None:
        """A client whose answer to a resume was lost names the old session once more: go where its line goes on."""
        if self._is_over or attempt != self._attempt:
            return
        if session_id is None:
            self._here()
        elif isinstance(session_id, BaseException):
            self._resumes = True
            self._later()
        else:
            self.session_id = session_id
            self.begin("")

    def _claim(self) -> None:
        attempt = self._attempt

        async def claim() -> None:
            # Whatever hinders it, the next look-up shows how it stands, and if another node was faster.
            with suppress(Exception):
                await self._relay.cluster.claim(self._key)
            self._caught_up(attempt)

        self._relay.work(claim())

    def _here(self) -> None:
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
        self._denied, self._tries_left = "", 1
        self._at(SOON_MS, self._look_up)

    def _look_up(self) -> None:
        if self._is_late():
            self._give_up()
        elif self._key:
            self._find()
        else:
            self.begin(self.node)

    # ---- asking

    def _ask(self, node: str) -> None:
        self.node, self._sent = node, True
        self._attempt += 1
        if self._is_poll:
            self._wait_for(POLL_HOLD_SECONDS * 1000 + PATIENCE_MS)
        self.say_again()

    def say_again(self) -> None:
        """Send it, once more if it was sent before."""
        if self._is_over or not self._sent:
            return
        request = self._call.request
        headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
        prior = self._relay.prior(self.session_id, request.carrier) if self._is_poll else None
        self._relay.send(
            self.node,
            Ask(
                self.number, self._relay.context.node, self.session_id, request.method, request.path, request.query,
                headers, request.body, self._call.address, prior, self.home,
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
        if self._is_over:
            return
        if isinstance(word, Reply):
            if self._is_poll and word.status == HTTPStatus.OK and word.body != longpoll.NOTHING:
                # A refusal, or a word that nothing came, is no reason to forget which answer had the last events.
                answer = (self.number, word.serial, self._call.request.carrier)
                self._relay.answered(self.session_id, answer, self.node)
            self._settle(Answer(word.status, word.body, word.headers))
        elif isinstance(word, Opened):
            self._relay.answered(self.session_id, (self.number, word.serial, self._call.request.carrier))
            self._settle(self._stream(word))
        elif isinstance(word, Elsewhere) and self._sent:
            self._relay.homes.pop(self._key, None)
            self._sent = False
            self._denied = self.node
            if self._key:
                self._find()
            else:
                self._later()
        elif isinstance(word, Piece | Closed):
            # That a stream began was lost, and maybe pieces of it: its client comes back for them once it ends.
            stream = self._stream(Opened(self.number, OpenStream.headers))
            self._settle(stream)
            stream.say_again()

    def _stream(self, opened: Opened) -> PassedStream:
        return PassedStream(self._relay, self.node, self.session_id, opened, self._call.request.carrier)

    def home_lost(self) -> None:
        """The node that was asked is no more. What it did is known to the next home by its Idempotency-Key alone."""
        if self._is_over or not self._sent:
            return
        may_repeat = self._route.method != "POST" or b"idempotency-key" in self._call.request.headers
        if not self._key or not may_repeat:
            self._give_up()
            return
        self._sent = False
        self._wait_for(PATIENCE_MS)
        self._later()

    def drain(self) -> None:
        """End a poll with nothing; let everything else come to its end."""
        if self._is_poll and self._answer is None:
            self.abandon()
            self._settle(json_bytes(longpoll.NOTHING))

    def abandon(self) -> None:
        """See Pending. What is no poll is carried out all the same: browsers send a last word and close."""
        if self._inner is not None:
            self._inner.abandon()
        elif self._is_poll:
            self._left = True
            self._relay.forget(self.number)
            if self._sent:
                self._relay.send(self.node, Left(self._relay.context.node, self.number))

    # ---- inside

    @property
    def _key(self) -> str:
        """What it must be at home with."""
        return self.home or self.session_id

    @property
    def _is_poll(self) -> bool:
        return self._route.path.startswith(EVENTS)

    @property
    def _is_over(self) -> bool:
        """It is answered, or carried out here, or nobody wants it."""
        return self._answer is not None or self._inner is not None or self._left

    def _wait_for(self, patience_ms: int) -> None:
        self._until_ms = min(self._relay.context.clock.now_ms() + patience_ms, self._latest_ms)

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
        if not self._is_over and attempt == self._attempt:
            act()
