"""Requests, answers, and what a refusal looks like on the wire.

An endpoint is a callback function: it gets a `Call` and returns an `Answer`, or a `Pending` that is completed
later by a commit or a ring. Nothing is awaited, so the same function serves the plain ASGI route and the lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from frontdesk import telemetry
from frontdesk.domain.errors import Forbidden, Invalid, NotFound, Refusal, TooMany, Unauthenticated, Unavailable
from frontdesk.domain.model import ApiKey, Organization, Repeat, Session
from frontdesk.domain.people import Bearer, User
from frontdesk.ports import Carrier

Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
_encode = msgspec.json.Encoder().encode

# Refusal → HTTP status (document, "Responses"): the one table.
STATUS: dict[type[Refusal], int] = {
    Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404, TooMany: 429, Unavailable: 500,
}  # fmt: skip
# What a refused bearer is told in the words of RFC 6750, 3: its clients look there whether a new token would help.
_BEARER = b'Bearer realm="frontdesk"'
_CHALLENGES: dict[str, Headers] = {
    "missingToken": ((b"www-authenticate", _BEARER),),
    "invalidToken": ((b"www-authenticate", _BEARER + b', error="invalid_token"'),),
    "expiredToken": ((b"www-authenticate", _BEARER + b', error="invalid_token"'),),
    "missingScope": ((b"www-authenticate", _BEARER + b', error="insufficient_scope"'),),
}
# Seconds after which a passing fault of ours is worth another try.
RETRY_SECONDS = 1


class Error(Struct, frozen=True):
    """Document, "Error"."""

    scope: str
    reason: str
    message: str


class ErrorResponse(Struct, frozen=True):
    """Document, "ErrorResponse". `code` is the HTTP status."""

    code: int
    message: str
    errors: tuple[Error, ...]


class Answer(Struct, frozen=True):
    """A whole answer. The dispatcher adds the CORS headers."""

    status: int
    body: bytes = b""
    headers: Headers = ()


ACCEPTED = Answer(202)
_JSON_TYPE = (b"content-type", JSON)
# Events and tokens are for one reader, once; a cache between would hand them to the next, or lock the poll.
_NO_STORE = (b"cache-control", b"no-store")
_JSON_HEADERS = (_JSON_TYPE, _NO_STORE)


def json_answer(value: Any, status: int = 200) -> Answer:
    """`value` as JSON."""
    return Answer(status, _encode(value), _JSON_HEADERS)


def json_bytes(body: bytes) -> Answer:
    """A body that is JSON already, with 200."""
    return Answer(200, body, _JSON_HEADERS)


def error_answer(status: int, refusal: Refusal, headers: Headers = ()) -> Answer:
    """A refusal with a status of its own."""
    message = refusal.message
    body = ErrorResponse(status, message, (Error(refusal.scope, refusal.reason, message),))
    return Answer(status, _encode(body), (*_JSON_HEADERS, *headers))


def refusal_answer(refusal: Refusal) -> Answer:
    """A refusal with the status that its class stands for."""
    status = STATUS.get(type(refusal), 400)
    if isinstance(refusal, TooMany):
        return error_answer(status, refusal, _limit_headers(refusal))
    if isinstance(refusal, Unavailable):
        return error_answer(status, refusal, ((b"retry-after", b"%d" % RETRY_SECONDS),))
    return error_answer(status, refusal, _CHALLENGES.get(refusal.reason, ()))


def _limit_headers(refusal: TooMany) -> Headers:
    seconds = b"%d" % refusal.retry_after
    return (
        (b"retry-after", seconds),
        (b"ratelimit-limit", b"%d" % refusal.limit),
        (b"ratelimit-remaining", b"%d" % refusal.remaining),
        (b"ratelimit-reset", seconds),
    )


def failure_answer(error: BaseException) -> Answer:
    """A refusal as it says; anything else is a mistake of ours: 500 with the documented body, and a trace for us."""
    if isinstance(error, Refusal):
        return refusal_answer(error)
    telemetry.log.error("http.fault", trace=telemetry.trace(error))
    return refusal_answer(Unavailable("internalError", "Something went wrong on our side; repeat the request later."))


class Request:
    """One request, whole. `path` and `query` are as sent; header names are in lower case."""

    __slots__ = ("again", "body", "carrier", "cors", "headers", "method", "passed_on", "path", "peer", "query")

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        peer: str,
        carrier: Carrier,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.carrier = carrier
        # What every answer to it carries; the dispatcher finds out as it finds the organization.
        self.cors: Headers = ()
        # How to carry out the next request with the same head without reading that; None where that can't be known.
        self.again: Again | None = None
        # Another node was asked, and passed it on: it is carried out here, or nowhere.
        self.passed_on = False


class Again:
    """How to carry out requests that differ from one of this caller's only in their body, and in their connection.

    `run` is given the body, the connection and the time in ms, and gives None when something must be looked at anew.
    It looks at whatever may have changed since. `owner` is the contact's session, and its heads go with it; for staff,
    who asks and for whom.
    """

    __slots__ = ("cors", "owner", "run", "session")

    def __init__(
        self,
        owner: str,
        session: Session | None,
        cors: Headers,
        run: Callable[[bytes, Carrier, int], Answer | Stream | Pending | None],
    ) -> None:
        self.owner = owner
        self.session = session
        self.cors = cors
        self.run = run


class Pending:
    """An answer to come. Completed once; what comes later is ignored."""

    __slots__ = ("_answer", "_sink")

    def __init__(self) -> None:
        self._answer: Whole | None = None
        self._sink: Callable[[Whole], None] | None = None

    def complete(self, answer: Whole) -> None:
        """Send it."""
        if self._answer is None:
            self._answer = answer
            if self._sink is not None:
                self._sink(answer)

    def then(self, sink: Callable[[Whole], None]) -> None:
        """Where the answer goes. Called at once when it is here already."""
        self._sink = sink
        if self._answer is not None:
            sink(self._answer)

    def refuse(self, error: BaseException) -> None:
        """Send the refusal that `error` is."""
        self.complete(failure_answer(error))

    def done(self, error: BaseException | None) -> None:
        """A commit's outcome: 202 once everything is durable (ground rule 2)."""
        if error is None:
            self.complete(ACCEPTED)
        else:
            self.refuse(Unavailable("storageFailed", "The server could not store this; repeat the request."))

    def abandon(self) -> None:
        """The connection went away; nobody wants the answer any more."""


class Stream(Protocol):
    """An answer without an end: headers now, pieces as they come."""

    headers: Headers

    def start(self, sink: Callable[[bytes], bool], end: Callable[[], None]) -> None:
        """Where pieces go (False: enough for now), and what closes the connection."""

    def drained(self) -> None:
        """The reader has caught up."""

    def abandon(self) -> None:
        """The connection went away."""


class Call:
    """A request that passed its route's guard: who asks, for which session, with what body."""

    __slots__ = (
        "address", "api_key", "bearer", "body", "expires_ms", "keep", "organization", "parameters", "request",
        "session", "session_id", "staff", "user",
    )  # fmt: skip

    def __init__(self, request: Request, address: str) -> None:
        self.request = request
        self.address = address
        self.organization: Organization
        self.api_key: ApiKey
        self.session: Session
        self.session_id = ""
        # What stood in the gaps of the route's path.
        self.parameters: dict[str, str] = {}
        # Who asks, where staff and integrations do.
        self.bearer: Bearer
        self.staff = False
        # The one in the path, once known: whom an agent's request is for.
        self.user: User | None = None
        self.body: Any = None
        self.expires_ms = 0
        self.keep: Callable[[int, bytes], Repeat] | None = None

    def kept(self) -> Call:
        """Who asks, without the request that told it."""
        other = Call.__new__(Call)
        other.organization, other.parameters, other.address = self.organization, self.parameters, self.address
        other.session_id, other.keep = self.session_id, None
        if self.staff:
            other.bearer, other.user = self.bearer, self.user
        else:
            other.session, other.api_key = self.session, self.api_key
        other.staff = self.staff
        return other

    def extra(self, status: int = 202, body: bytes = b"") -> tuple[Repeat, ...]:
        """What to store with the effects of this call, so that its Idempotency-Key answers alike the next time."""
        return () if self.keep is None else (self.keep(status, body),)


# What can be written at once; only what another node answers can turn out to be a stream.
Whole = Answer | Stream
Result = Whole | Pending
