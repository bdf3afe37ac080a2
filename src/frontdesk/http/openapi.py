"""The OpenAPI 3.1 description, made from the route table: what is served is what is described."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from frontdesk import __version__
from frontdesk.domain import events, scopes
from frontdesk.http.call_backs import STATES
from frontdesk.http.examples import EXAMPLES
from frontdesk.http.guard import Guard
from frontdesk.http.routes import Route
from frontdesk.http.wire import ErrorResponse

_REF = "#/components/schemas/{name}"
_MEANING = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip

_TOKENS = "/tokenservice/oauth2/access_token"
_SCOPES = {
    scopes.DESK: "What agents do.",
    scopes.SUPERVISION: "Acting for other users, and reading what others said.",
    scopes.PROVISIONING: "What the organization sets up.",
    scopes.REPORTING: "The audit log.",
    scopes.QUALITY: "Recordings.",
}


def _header(name: str, description: str, *, required: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", "minLength": 1}
        if required
        else {"type": "string", "minLength": 1, "maxLength": 200},
    }


_ORG = {"name": "orgId", "in": "path", "required": True, "description": "Organization.", "schema": {"type": "string"}}
_SESSION = _header("via-client-sessionid", "The streaming session.")
_REPEAT = _header("Idempotency-Key", "A repeat with the same key answers alike and does nothing twice.", required=False)
_MAX_EVENTS = {
    "name": "maxEvents",
    "in": "query",
    "description": "At most so many events in one answer.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 1},
}
_AFTER = {
    "name": "afterSequenceNumber",
    "in": "query",
    "description": "Send what follows this number, and take everything up to it as done.",
    "schema": {"type": "integer", "minimum": 0},
}
_LIMIT = {
    "name": "limit",
    "in": "query",
    "description": "At most so many entries.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
}
_PAGE_LIMIT = {**_LIMIT, "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}}
_AFTER_ID = {
    "name": "after",
    "in": "query",
    "description": "Begin after this id: the `next` of the page before.",
    "schema": {"type": "string"},
}

_STATE = {
    "name": "state",
    "in": "query",
    "description": "Only those in this state; repeated, in any of them.",
    "schema": {"type": "string", "enum": [*STATES]},
}


def document(routes: Sequence[Route], url: str = "/") -> dict[str, Any]:
    """The description of `routes`."""
    bodies = [r.body for r in routes if r.body] + [r.answer for r in routes if r.answer]
    _, components = msgspec.json.schema_components([*bodies, ErrorResponse], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.full_path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "frontdesk",
            "version": __version__,
            "description": "Web chat for customers. Get a web token, open a streaming session with it, poll that for "
            "events, and send messages. Agents get an access token, open a streaming session of theirs, become ready, "
            "and accept what they are offered.\n\nKinds of events: "
            + ", ".join(f"`{kind}`" for kind in events.KINDS)
            + ".",
        },
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "webToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "accessToken": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {"tokenUrl": _TOKENS, "scopes": _SCOPES},
                        "authorizationCode": {
                            "authorizationUrl": "/tokenservice/oauth2/authorize",
                            "tokenUrl": _TOKENS,
                            "refreshUrl": _TOKENS,
                            "scopes": _SCOPES,
                        },
                    },
                },
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name if route.name != "web_token" else f"{route.name}_{route.method.lower()}",
        "tags": [route.tag],
        "summary": route.summary,
        "description": (route.endpoint.__doc__ or "").strip(),
        "responses": _responses(route),
    }
    if route.guard:
        operation["security"] = _security(route)
        operation["parameters"] = _parameters(route)
    if route.body:
        operation["requestBody"] = _body(route)
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.guard >= Guard.BEARER:
        # One of them is enough.
        return [{"accessToken": [scope]} for scope in route.scope.split()]
    return [{"apiKey": [], **({"webToken": []} if route.guard >= Guard.TOKEN else {})}]


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [_ORG] if not route.path.startswith("/") else []
    found += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.guard in (Guard.SESSION, Guard.DESK):
        found.append(_SESSION)
    if route.name in ("events", "agent_events"):
        found += [_MAX_EVENTS, _AFTER]
    if route.name in ("transcript", "recording"):
        found += [_AFTER, _LIMIT]
    if route.name.startswith("list_"):
        found += [_PAGE_LIMIT, _AFTER_ID]
    if route.name == "list_call_backs":
        found.append(_STATE)
    if route.method == "POST" and route.repeatable:
        found.append(_REPEAT)
    return found


def _body(route: Route) -> dict[str, Any]:
    assert route.body is not None
    name = route.body.__name__
    media = {"schema": {"$ref": _REF.format(name=name)}, "example": EXAMPLES[name]}
    return {"required": route.body_required, "content": {"application/json": media}}


def _responses(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": {200: "OK", 202: "Accepted", 204: "No Content"}[route.success]}
    if route.answer:
        success["content"] = {"application/json": {"schema": {"$ref": _REF.format(name=route.answer.__name__)}}}
    if route.name in ("events", "agent_events"):
        success["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    if route.media != "application/json":
        success["content"] = {route.media: {"schema": {"type": "string"}}}
    found = {str(route.success): _with_cors(success)}
    if not route.guard:
        if route.name == "readyz":
            found["500"] = _with_cors({**success, "description": "Not ready"})
        return found
    error = {"application/json": {"schema": {"$ref": _REF.format(name="ErrorResponse")}}}
    for status, meaning in _MEANING.items():
        if status == HTTPStatus.FORBIDDEN and route.guard < Guard.BEARER:
            continue
        found[str(status)] = _with_cors({"description": meaning, "content": error})
    return found


def _with_cors(response: dict[str, Any]) -> dict[str, Any]:
    return {**response, "headers": {"Access-Control-Allow-Origin": {"schema": {"type": "string"}}}}
