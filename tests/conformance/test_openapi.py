"""The description is what is served: every operation of it, every status of it, and random requests made from it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from frontdesk.http.openapi import document
from frontdesk.http.routes import Route
from tests.conformance.staff import STAFF
from tests.support.client import EVENTS, ORG, SESSION, Client, path_of
from tests.support.cluster import ON
from tests.support.server import UNLIMITED, Running, running
from tests.support.wire import PATIENCE_SECONDS, Answer

OPERATIONS = [
    ("POST", "webToken"),
    ("GET", "webToken"),
    ("POST", SESSION),
    ("DELETE", SESSION),
    ("GET", EVENTS),
    ("POST", "streaming/acknowledge/webClient"),
    ("POST", "messaging/connect"),
    ("POST", "messaging/sendText"),
    ("POST", "messaging/pushUrl"),
    ("POST", "messaging/dial"),
    ("POST", "messaging/notification"),
    ("POST", "messaging/read"),
    ("POST", "messaging/preview"),
    ("POST", "messaging/disconnect"),
    ("POST", "messaging/scheduleCallBack"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]
"""The API of contacts as it is to be; that the description holds it, that of staff and no more is a test below."""

NAMES = [" ".join(operation) for operation in OPERATIONS]


def _full(path: str) -> str:
    return path if path.startswith("/") else f"/via/v2/organizations/{{orgId}}/{path}"


@pytest.fixture(scope="session")
def described(hasty: Running) -> dict[str, Any]:
    """/openapi.json as served."""
    with hasty.client() as client:
        answer = client.ask("GET", "/openapi.json")
    described: dict[str, Any] = answer.json()
    return described


def test_description_names_every_operation_and_no_other(described: dict[str, Any]) -> None:
    """Neither a forgotten route nor one that is only described."""
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == {(method, _full(path)) for method, path in (*OPERATIONS, *STAFF)}


def test_every_described_operation_is_served_and_nothing_beside_it(hasty: Running, described: dict[str, Any]) -> None:
    """The router's own word (Allow) agrees with the description, path by path."""
    with hasty.client() as client:
        for path, methods in described["paths"].items():
            answer = client.ask("PATCH", path.replace("{orgId}", ORG))
            assert answer.status == 405
            unguarded = {"OPTIONS"} if "{orgId}" in path else {"OPTIONS", "HEAD"}
            assert set(answer.headers["allow"].split(", ")) == {method.upper() for method in methods} | unguarded


def test_operation_ids_are_unique(described: dict[str, Any]) -> None:
    """Generated clients make functions of them."""
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


def test_route_without_a_description_would_be_missed() -> None:
    """The control: the description is made from the routes that it is given."""
    route = Route("GET", "/extra", lambda call: None, name="extra", tag="x", summary="x")  # type: ignore[arg-type, return-value]
    assert list(document([route])["paths"]) == ["/extra"]


# ---- every status

Make = Callable[[Running, Client, str, str], Answer]
BODIES: dict[str, dict[str, Any]] = {
    "messaging/connect": {"workTypeId": "79", "contactName": "Ada"},
    "messaging/sendText": {"text": "Hello World!"},
    "messaging/pushUrl": {"url": "https://www.example.com/"},
    "messaging/dial": {"digits": "555 1234"},
    "messaging/notification": {"state": "composing", "expiresAfterSeconds": 10},
    "messaging/read": {"messageId": "1"},
    "messaging/preview": {"text": "When are y"},
    "messaging/scheduleCallBack": {
        "workTypeId": "32",
        "contactName": "Ada",
        "digits": "555 1234",
        "delayStartDuration": 30,
    },
    "streaming/acknowledge/webClient": {"sequenceNumber": 0},
}


def _good(server: Running, contact: Client, method: str, operation: str) -> Answer:
    if operation.startswith("messaging/") and operation not in ("messaging/connect", "messaging/scheduleCallBack"):
        contact.connect()
    if operation == EVENTS:
        contact.connect()
    return contact.ask(method, operation, BODIES.get(operation))


def _wrong(server: Running, contact: Client, method: str, operation: str) -> Answer:
    if operation == EVENTS:
        return contact.ask(method, f"{operation}?maxEvents=0")
    if operation in BODIES or (method, operation) == ("POST", SESSION):
        return contact.ask(method, operation, b"{")
    if operation == "webToken":
        return contact.ask(method, operation, b"x" * 70_000)
    return contact.ask(method, operation, via_client_sessionid=None)


def _unknown_key(server: Running, contact: Client, method: str, operation: str) -> Answer:
    return contact.ask(method, operation, BODIES.get(operation), x_api_key="unknown")


def _nobody(server: Running, contact: Client, method: str, operation: str) -> Answer:
    return contact.ask(method, path_of(operation, "nobody"), BODIES.get(operation))


def _other_method(server: Running, contact: Client, method: str, operation: str) -> Answer:
    return contact.ask("PUT", operation)


def _too_often(server: Running, contact: Client, method: str, operation: str) -> Answer:
    if operation == EVENTS:
        contact.connect()
        contact.poll(after=0)
        return contact.ask(method, f"{operation}?afterSequenceNumber=0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frontdesk.engines.committer.PENDING_MAX", 0)
        contact.ask(method, operation, BODIES.get(operation))
        return contact.ask(method, operation, BODIES.get(operation))


def _stopping(server: Running, contact: Client, method: str, operation: str) -> Answer:
    server.stopping(1)
    try:
        return contact.ask(method, operation, BODIES.get(operation))
    finally:
        server.stopping(0)


STATUSES: dict[int, Make] = {
    200: _good,
    202: _good,
    204: _good,
    400: _wrong,
    401: _unknown_key,
    404: _nobody,
    405: _other_method,
    429: _too_often,
    500: _stopping,
}
NEVER_LIMITED = "streaming/acknowledge/webClient"
"""The document promises 429 for every operation; this one stores nothing and costs nothing."""


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """A server that allows each of its callers one call a minute."""
    once = dict.fromkeys(UNLIMITED, 1)
    with running(None, clock=None, on=ON, **{**once, "tokens_per_organization": 0}) as server:
        yield server


@pytest.mark.parametrize(("method", "operation"), OPERATIONS, ids=NAMES)
def test_every_documented_status_can_be_had(
    hasty: Running, strict: Running, described: dict[str, Any], method: str, operation: str
) -> None:
    """No status is described that the server never answers; each has the described body and header."""
    responses = described["paths"][_full(operation)][method.lower()]["responses"]
    for status in sorted(map(int, responses)):
        if (operation, status) == (NEVER_LIMITED, 429):
            continue
        server = strict if status == 429 else hasty
        strict.advance(60)
        with server.contact() as contact:
            answer = STATUSES[status](server, contact, method, operation)
        assert answer.status == status, answer
        assert "access-control-allow-origin" in answer.headers
        if status >= 400 and operation != "/readyz":
            assert answer.json()["code"] == status


def test_connect_is_the_operation_of_the_document(described: dict[str, Any]) -> None:
    """Its statuses are those of the document's table, no fewer and no more."""
    for operation in ("connect", "sendText", "pushUrl", "dial", "notification", "disconnect", "scheduleCallBack"):
        responses = described["paths"][_full(f"messaging/{operation}")]["post"]["responses"]
        assert set(responses) == {"202", "400", "401", "404", "405", "429", "500"}
        assert "content" not in responses["202"]
        for status in ("400", "404", "405", "429", "500"):
            schema = responses[status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}


# ---- random requests

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
# Random, but the same each time; 16 operations, twice.
some = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def schema(hasty: Running, described: dict[str, Any]) -> OpenApiSchema:
    """The description, loaded by Schemathesis."""
    return schemathesis.openapi.from_dict(described)


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    """Connections to send by."""
    with requests.Session() as http:
        http.trust_env = False
        yield http


@pytest.mark.parametrize(("method", "operation"), OPERATIONS, ids=NAMES)
@some
@given(st.data())
def test_random_requests_of_a_contact(
    hasty: Running, schema: OpenApiSchema, http: requests.Session, method: str, operation: str, data: st.DataObject
) -> None:
    """With a valid token, key and session, and often an open chat: no fault, and nothing that is not described."""
    case = data.draw(schema[_full(operation)][method].as_strategy(generation_mode=data.draw(MODES)))
    with hasty.contact(inactivityDelay=3600) as contact:
        if data.draw(st.integers(0, 3)):
            contact.connect("1")
        case.path_parameters = {"orgId": ORG}
        case.headers.update(contact.credentials)
        response = case.call(base_url=hasty.url, session=http, timeout=PATIENCE_SECONDS)
    assert response.status_code < 500
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize(("method", "operation"), OPERATIONS, ids=NAMES)
@some
@given(st.data())
def test_random_requests_of_a_stranger(
    hasty: Running, schema: OpenApiSchema, http: requests.Session, method: str, operation: str, data: st.DataObject
) -> None:
    """Whatever stands in path, headers and body: the same."""
    case = data.draw(schema[_full(operation)][method].as_strategy(generation_mode=data.draw(MODES)))
    response = case.call(base_url=hasty.url, session=http, timeout=PATIENCE_SECONDS)
    assert response.status_code < 500
    assert not operation.startswith("messaging/") or response.status_code in (400, 401, 404, 405)
    case.validate_response(response, checks=CHECKS)


def test_checks_see_what_is_not_described(hasty: Running, described: dict[str, Any], http: requests.Session) -> None:
    """The control: were 401 not described, the random requests would say so."""
    path = _full("messaging/sendText")
    operation = described["paths"][path]["post"]
    less = {status: answer for status, answer in operation["responses"].items() if status != "401"}
    spoilt = {**described, "paths": {path: {"post": {**operation, "responses": less}}}}
    case = schemathesis.openapi.from_dict(spoilt)[path]["POST"].Case(
        path_parameters={"orgId": ORG}, body={"text": "x"}, media_type="application/json"
    )
    response = case.call(base_url=hasty.url, session=http, timeout=PATIENCE_SECONDS)
    with pytest.raises(FailureGroup, match="Undocumented"):
        case.validate_response(response, checks=CHECKS)
