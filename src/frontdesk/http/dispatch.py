"""From a request to its answer: route, guard, body, endpoint; and every way in which that can fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Protocol

from frontdesk.domain.errors import NotFound, Refusal, Unavailable
from frontdesk.domain.model import Organization
from frontdesk.http import cors
from frontdesk.http.bodies import BODY_MAX, decode, too_large
from frontdesk.http.guard import Gate, Guard, Standing
from frontdesk.http.heads import Heads
from frontdesk.http.limits import Proxies
from frontdesk.http.repeats import Repeats
from frontdesk.http.routes import Route, Router
from frontdesk.http.wire import Again, Answer, Call, Request, Result, error_answer, failure_answer
from frontdesk.ports import Carrier

Find = Callable[[str], Organization | None]


class PassOn(Protocol):
    """Who knows which node a call belongs to."""

    @property
    def is_sure(self) -> bool:
        """Whether what this node remembers is surely its own: not so after it stood still for a lease."""

    def pass_on(self, route: Route, call: Call) -> Result | None:
        """What another node answers; None when the call is to be carried out here."""

    def is_here(self, route: Route, call: Call) -> bool:
        """Whether what the call is about is at home here, at this moment."""


class Dispatcher:
    """The application as transports see it."""

    def __init__(self, router: Router, gate: Gate, repeats: Repeats, proxies: Proxies, find: Find) -> None:
        self._router = router
        self._gate = gate
        self._repeats = repeats
        self._proxies = proxies
        self._find = find
        # Heads that came before, for transports that see bytes.
        self.heads = Heads()
        self.stopping = False
        # The state is read anew: what is not known now may be known in a moment.
        self.reading = False
        # Answers written, by status: transports count them.
        self.answered: defaultdict[int, int] = defaultdict(int)
        # Passes on what another node is home to; None where there is no other.
        self.relay: PassOn | None = None

    def handle(self, request: Request) -> Result:
        """The request's answer, or the promise of one; and the request's CORS headers. Never raises."""
        try:
            return self._handle(request)
        except Exception as error:  # noqa: BLE001 - the client gets the documented answer, we get the trace
            return failure_answer(error)

    def again(self, known: Again, body: bytes, carrier: Carrier, now_ms: int) -> Result | None:
        """Carry out a request with a head that was handled before; None when it must be read. Never raises."""
        if self.stopping or self.reading or (self.relay is not None and not self.relay.is_sure):
            return None
        try:
            return known.run(body, carrier, now_ms)
        except Exception as error:  # noqa: BLE001 - as above
            return failure_answer(error)

    def _handle(self, request: Request) -> Result:
        routes, org_id, parameters = self._router.find(request.path)
        organization = self._find(org_id) if org_id else None
        request.cors = cors.headers(organization, request.headers.get(b"origin", b""))
        if routes is None:
            raise NotFound("unknownPath", "There is nothing at this path; /docs lists what is.", scope="path")
        if request.method == "OPTIONS":
            return Answer(204, headers=cors.preflight((*routes, "OPTIONS")))
        route = routes.get(request.method)
        if route is None:
            return _not_allowed(routes)
        if len(request.body) > BODY_MAX:
            raise too_large()
        if route.guard:
            self._make_sure()
        call = Call(request, self._proxies.client(request.peer, request.headers.get(b"x-forwarded-for", b"")))
        call.parameters = parameters
        return self._run(route, call, organization)

    def _run(self, route: Route, call: Call, organization: Organization | None) -> Result:
        request = call.request
        if route.guard is not Guard.NOTHING:
            self._gate.check(route, call, organization)
            if self.relay is not None and not request.passed_on:
                passed = self.relay.pass_on(route, call)
                if passed is not None:
                    return passed
        return self.carry_out(route, call)

    def carry_out(self, route: Route, call: Call) -> Result:
        """The endpoint's result, here. Raises Refusal."""
        request = call.request
        if route.guard is not Guard.NOTHING:
            self._gate.enter(route.guard, call, route.operation)
        if route.decoder is not None and (request.body or route.body_required):
            call.body = decode(route.decoder, request.body)
        # Of whom nobody knows who they are, keys would meet those of others.
        repeatable = route.method == "POST" and route.repeatable and route.guard is not Guard.NOTHING
        key = request.headers.get(b"idempotency-key") if repeatable else None
        if key is not None:
            return self._repeats.once(call, key, route.operation, route.endpoint, partial(self._late, route))
        result = route.endpoint(call)
        if route.repeats_head and not request.passed_on:
            request.again = self._again_of(route, call)
        return result

    def _again_of(self, route: Route, call: Call) -> Again:
        cors = call.request.cors
        if call.staff:
            owner = f"{call.bearer.org_id} {call.bearer.actor} {call.parameters.get('userId', '')}"
            return Again(owner, None, cors, partial(self._staff_again, route, self._gate.keep_staff(call), call.kept()))
        run = partial(self._once_more, route, self._gate.keep(call), call.kept())
        return Again(call.session.session_id, call.session, cors, run)

    def _staff_again(
        self, route: Route, standing: tuple[int, int], call: Call, body: bytes, _: Carrier, now_ms: int
    ) -> Result | None:
        """The same for an agent, whose organization's switchboard may have moved."""
        if not self._gate.still_staff(standing, now_ms):
            return None
        if self.relay is not None and not self.relay.is_here(route, call):
            return None
        call.body = decode(route.decoder, body)
        return route.endpoint(call)

    def _once_more(
        self, route: Route, standing: Standing, call: Call, body: bytes, _: Carrier, now_ms: int
    ) -> Result | None:
        """The same request with another body."""
        if not self._gate.still(standing, route.operation, now_ms):
            return None
        call.body = decode(route.decoder, body)
        return route.endpoint(call)

    def _late(self, route: Route, call: Call) -> Result:
        """The endpoint's result, after a look-up that took its time. Raises Refusal.

        Meanwhile this node may have begun to stop, been shut out, or given the session away. What is done to what is
        remembered of it would be stored beside what its new home does, and reach nobody.
        """
        self._make_sure()
        if self.relay is not None and not self.relay.is_here(route, call):
            passed = None if call.request.passed_on else self.relay.pass_on(route, call)
            if passed is None:
                # Of what was passed on to here, the node that was asked finds the new home.
                raise Unavailable("homeAway", "This conversation has moved; repeat the request in a moment.")
            return passed
        self._gate.find(route.guard, call)
        return route.endpoint(call)

    def _make_sure(self) -> None:
        """Raises Unavailable while nothing is taken."""
        if self.stopping:
            raise Unavailable("shuttingDown", "The server restarts; repeat the request in a moment.")
        if self.reading:
            raise Unavailable("storageFailed", "The server reads its data again; repeat the request in a moment.")


def _not_allowed(routes: dict[str, Route]) -> Answer:
    allowed = ", ".join((*routes, "OPTIONS"))
    refusal = Refusal("methodNotAllowed", f"Use {allowed}.", scope="method")
    return error_answer(405, refusal, ((b"allow", allowed.encode()),))
