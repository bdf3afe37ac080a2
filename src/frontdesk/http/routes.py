"""The whole URL table on one screen, and finding a route in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from frontdesk.http import bodies, schemas
from frontdesk.http.guard import Guard
from frontdesk.http.ops import Operations
from frontdesk.http.public import PublicApi
from frontdesk.http.wire import Call, Result

# Everything of an organization stands below this, by version (contract, "House style").
PREFIX = "/via/v2/organizations/"
# Paths remembered with their routes. Bounded, as anyone can ask for any organization.
_FOUND_MAX = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` is below an organization, or, when it begins with "/", absolute."""

    method: str
    path: str
    endpoint: Callable[[Call], Result]
    name: str
    tag: str
    summary: str
    guard: Guard = Guard.NOTHING
    # The scopes, parted by spaces, of which a bearer needs one where staff and integrations call (`http/staff.py`).
    scope: str = ""
    # It is decided where the organization's switchboard is at home.
    at_switchboard: bool = False
    body: type[Any] | None = None
    body_required: bool = True
    success: int = 202
    answer: type[Any] | None = None
    media: str = "application/json"
    decoder: Any = None
    # Whether an Idempotency-Key is looked at: its request and answer are remembered, so they must hold no secret.
    repeatable: bool = True
    # Whether its endpoint asks only for session and body: then a head that comes again need not be read again.
    repeats_head: bool = False
    # How usage counts and Idempotency-Keys name it.
    operation: str = field(init=False)

    def __post_init__(self) -> None:
        """Put together once what every call asks for."""
        object.__setattr__(self, "operation", f"{self.method} {self.path}")

    @property
    def full_path(self) -> str:
        """As a template from the root."""
        return self.path if self.path.startswith("/") else f"{PREFIX}{{orgId}}/{self.path}"


def route(method: str, path: str, endpoint: Callable[[Call], Result], **fields: Any) -> Route:
    """An operation; its name is that of the endpoint."""
    body = fields.get("body")
    return Route(
        method, path, endpoint, name=endpoint.__name__, decoder=msgspec.json.Decoder(body) if body else None, **fields
    )


def table(api: PublicApi, ops: Operations) -> tuple[Route, ...]:
    """Every operation of the server."""
    key, token, session = Guard.API_KEY, Guard.TOKEN, Guard.SESSION
    t, s, m, o = "Web token", "Streaming", "Messaging", "Operations"
    events, client = "streaming/events/webClient", "streaming/session/webClient"
    return (
        route("POST", "webToken", api.web_token,
               tag=t, summary="Get a web token", guard=key, success=200, answer=schemas.WebToken),
        route("GET", "webToken", api.web_token,
               tag=t, summary="Get a web token", guard=key, success=200, answer=schemas.WebToken),
        route("POST", client, api.create_session,
               tag=s, summary="Open a streaming session", guard=token, body=bodies.CreateSession, body_required=False,
               success=200, answer=schemas.SessionCreated),
        route("DELETE", client, api.delete_session,
               tag=s, summary="End the streaming session", guard=session, success=204),
        route("GET", events, api.events,
               tag=s, summary="Poll for events", guard=session, success=200, answer=schemas.Events),
        route("POST", "streaming/acknowledge/webClient", api.acknowledge,
               tag=s, summary="Acknowledge events", guard=session, body=bodies.Acknowledge, repeats_head=True),
        route("POST", "messaging/connect", api.connect,
               tag=m, summary="Open a chat", guard=session, body=bodies.Connect),
        route("POST", "messaging/sendText", api.send_text,
               tag=m, summary="Send a text", guard=session, body=bodies.SendText, repeats_head=True),
        route("POST", "messaging/pushUrl", api.push_url,
               tag=m, summary="Send a link", guard=session, body=bodies.PushUrl),
        route("POST", "messaging/dial", api.dial,
               tag=m, summary="Ask to be called now", guard=session, body=bodies.DialRequest),
        route("POST", "messaging/notification", api.notification,
               tag=m, summary="Show composing", guard=session, body=bodies.Notification, repeats_head=True),
        route("POST", "messaging/read", api.read,
               tag=m, summary="Show what is read", guard=session, body=bodies.Read, repeats_head=True),
        # Not repeatable: of what was typed and not sent, not even a digest is kept.
        route("POST", "messaging/preview", api.preview,
               tag=m, summary="Show what is typed", guard=session, body=bodies.Preview, repeatable=False,
               repeats_head=True),
        route("POST", "messaging/disconnect", api.disconnect, tag=m, summary="End the chat", guard=session),
        route("POST", "messaging/scheduleCallBack", api.schedule_call_back,
               tag=m, summary="Book a voice callback", guard=session, body=bodies.ScheduleCallback),
        route("GET", "/healthz", ops.healthz,
               tag=o, summary="Does the process live", success=200, answer=schemas.Health),
        route("GET", "/readyz", ops.readyz, tag=o, summary="Does it serve", success=200, answer=schemas.Health),
        route("GET", "/metrics", ops.metrics, tag=o, summary="Prometheus metrics", success=200, media="text/plain"),
    )  # fmt: skip


Methods = dict[str, Route]
Parameters = dict[str, str]


class Found(NamedTuple):
    """The routes of a path by method (None: nothing is there), the organization in it, and what stood in its gaps."""

    routes: Methods | None
    org_id: str
    parameters: Parameters


class Router:
    """Finds routes by exact path: a dictionary look-up, whatever the table grows to.

    Paths with gaps ("users/{userId}/ready") are found by what stands around the gaps; what is found is remembered.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._paths: dict[str, Methods] = {}
        self._gaps: dict[int, list[tuple[tuple[str, ...], Methods]]] = {}
        self._found: dict[str, Found] = {}
        for route in routes:
            methods = self._methods_of(route.path)
            methods[route.method] = route
            if route.method == "GET" and route.guard is Guard.NOTHING:
                # RFC 9110, 9.3.2; the transport leaves the body out. Monitors ask for health like this.
                methods["HEAD"] = route

    def _methods_of(self, path: str) -> Methods:
        if "{" not in path:
            return self._paths.setdefault(path, {})
        pieces = tuple("" if piece.startswith("{") else piece for piece in path.split("/"))
        same = self._gaps.setdefault(len(pieces), [])
        for known, methods in same:
            if known == pieces:
                return methods
        same.append((pieces, {}))
        return same[-1][1]

    def find(self, path: str) -> Found:
        """What is at a path; the organization is "" where there is none."""
        known = self._found.get(path)
        if known is not None:
            return known
        if not path.startswith(PREFIX):
            return Found(self._paths.get(path), "", {})
        org_id, _, rest = path[len(PREFIX) :].partition("/")
        if "%" in org_id:
            org_id = unquote(org_id)
        # A path below an organization never begins with "/": absolute routes can't be reached from here.
        found = Found(None, org_id, {}) if rest.startswith("/") else self._below(rest, org_id)
        if found.routes is not None:
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()
            self._found[path] = found
        return found

    def _below(self, rest: str, org_id: str) -> Found:
        exact = self._paths.get(rest)
        if exact is not None:
            return Found(exact, org_id, {})
        pieces = rest.split("/")
        for template, methods in self._gaps.get(len(pieces), ()):
            if all(fixed in ("", piece) for fixed, piece in zip(template, pieces, strict=True)) and all(pieces):
                return Found(methods, org_id, _filled(methods, pieces))
        return Found(None, org_id, {})


def _filled(methods: Methods, pieces: list[str]) -> Parameters:
    path = next(iter(methods.values())).path
    gaps = zip(path.split("/"), pieces, strict=True)
    return {gap[1:-1]: unquote(piece) for gap, piece in gaps if gap.startswith("{")}
