"""Idempotency-Key: a repeated POST answers as the first time, and does nothing twice (contract, "repeats").

Only what was accepted is remembered: a refused request changed nothing, and is decided anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus

from frontdesk.domain.errors import Invalid, Unavailable
from frontdesk.domain.limits import IDEMPOTENCY_HOURS, IDEMPOTENCY_KEY_MAX
from frontdesk.domain.model import Repeat, Session
from frontdesk.domain.people import Bearer
from frontdesk.http.wire import ACCEPTED, Answer, Call, Pending, Result, Whole, json_bytes
from frontdesk.ports import Clock, Store

# Answers remembered in memory. Older ones are looked up in the store.
MEMORY_MAX = 100_000
LIFE_MS = IDEMPOTENCY_HOURS * 3600 * 1000

Id = tuple[str, str]
Run = Callable[[Call], Result]


class Repeats:
    """What was answered to which key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[Id, Repeat] = {}
        self._under_way: dict[Id, tuple[str, list[Pending]]] = {}
        # Of a session that was opened here after this moment, and not resumed from another, every key is in memory;
        # no look-up is needed to know a key is new.
        self._complete_since_ms = clock.now_ms()

    def clear(self) -> None:
        """Forget everything: the store is read again."""
        self._known.clear()
        self._under_way.clear()
        self._complete_since_ms = self._clock.now_ms()

    def once(self, call: Call, key: bytes, endpoint: str, run: Run, late: Run) -> Result:
        """Run the call, or answer as the first time. Raises Invalid when the key was used for something else.

        `late` runs it when a look-up took its time first: what was true of the call before may not be any more.
        """
        if not 1 <= len(key) <= IDEMPOTENCY_KEY_MAX:
            raise Invalid("invalidIdempotencyKey", "Send 1 to 200 characters.", scope="Idempotency-Key")
        identity = (_scope(call), key.decode("latin-1"))
        digest = hashlib.sha256(endpoint.encode() + b"\0" + call.request.body).hexdigest()
        call.keep = lambda status, body: Repeat(
            scope=identity[0], key=identity[1], digest=digest, status=status, body=body, created_ms=self._clock.now_ms()
        )
        known = self._known.get(identity)
        if known is not None and not self._is_over(known):
            return _again(known, digest)
        if identity in self._under_way:
            return self._join(identity, digest)
        if self._is_new(call):
            return self._first(call, identity, digest, run)
        return self._look_up(call, identity, digest, late)

    def _is_over(self, known: Repeat) -> bool:
        return known.created_ms + LIFE_MS <= self._clock.now_ms()

    def _is_new(self, call: Call) -> bool:
        session = getattr(call, "session", None)
        if session is None or session.adopted or session.first_id:
            return False
        return bool(session.created_ms > self._complete_since_ms)

    def _join(self, identity: Id, digest: str) -> Pending:
        first, waiting = self._under_way[identity]
        if first != digest:
            raise _reused()
        pending = Pending()
        waiting.append(pending)
        return pending

    def _look_up(self, call: Call, identity: Id, digest: str, run: Run) -> Pending:
        pending = Pending()
        waiting = [pending]
        self._under_way[identity] = (digest, waiting)

        def found(known: Repeat | BaseException | None) -> None:
            self._under_way.pop(identity, None)
            result: Result
            try:
                stored = _read(known)
                if stored is not None and not self._is_over(stored):
                    result = _again(stored, digest)
                else:
                    result = self._first(call, identity, digest, run)
            except Exception as error:  # noqa: BLE001 - becomes the answer of everyone who waits
                for each in waiting:
                    each.refuse(error)
                return
            _pass_on(result, waiting)

        self._store.find_repeat(identity[0], identity[1], found)
        return pending

    def _first(self, call: Call, identity: Id, digest: str, run: Run) -> Result:
        result = run(call)
        if isinstance(result, Answer):
            self._remember(call, identity, result)
        elif isinstance(result, Pending):
            # Whoever repeats before the outcome is known waits for the same outcome.
            mine = Pending()
            waiting: list[Pending] = []
            self._under_way[identity] = (digest, waiting)

            def settled(answer: Whole) -> None:
                self._under_way.pop(identity, None)
                self._remember(call, identity, answer)
                for each in (mine, *waiting):
                    each.complete(answer)

            result.then(settled)
            return mine
        return result

    def _remember(self, call: Call, identity: Id, answer: Whole) -> None:
        if not isinstance(answer, Answer) or answer.status >= HTTPStatus.MULTIPLE_CHOICES or call.keep is None:
            return
        if len(self._known) >= MEMORY_MAX:
            oldest = self._known.pop(next(iter(self._known)))
            self._complete_since_ms = max(self._complete_since_ms, oldest.created_ms)
        self._known[identity] = call.keep(answer.status, answer.body)


def _scope(call: Call) -> str:
    """Keys of different clients must not meet: a session's own, or one address with one API key.

    A session that was resumed shares the keys of the one it goes on from: a client repeats there what it sent here.
    """
    session: Session | None = getattr(call, "session", None)
    bearer: Bearer | None = getattr(call, "bearer", None)
    if bearer is not None:
        return f"{bearer.org_id} {bearer.actor}"
    if session is None:
        return f"{call.api_key.key_id} {call.address}"
    return session.first_id or session.session_id


def _read(found: Repeat | BaseException | None) -> Repeat | None:
    if isinstance(found, BaseException):
        raise Unavailable("readFailed", "Reading failed; repeat the request in a moment.")
    return found


def _again(known: Repeat, digest: str) -> Answer:
    if known.digest != digest:
        raise _reused()
    return json_bytes(known.body) if known.body else ACCEPTED


def _reused() -> Invalid:
    return Invalid(
        "idempotencyKeyReused",
        "This key was sent with another request; make a new key for every new request.",
        scope="Idempotency-Key",
    )


def _pass_on(result: Result, waiting: list[Pending]) -> None:
    def tell(answer: Whole) -> None:
        for each in waiting:
            each.complete(answer)

    if isinstance(result, Answer):
        tell(result)
    elif isinstance(result, Pending):
        result.then(tell)
