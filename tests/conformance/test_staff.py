"""The description of what agents and supervisors call is what is served: statuses, checks, and random requests."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
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

from frontdesk.domain.people import Role
from tests.conformance.staff import AGENTS
from tests.support.client import ORG, Client, path_of
from tests.support.desk import Desk, user
from tests.support.server import Running
from tests.support.wire import PATIENCE_SECONDS

NAMES = [" ".join(operation) for operation in AGENTS]
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
some = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def full(path: str) -> str:
    """As the description writes it."""
    return f"/via/v2/organizations/{{orgId}}/{path}"


def filled(path: str, interaction_id: str = "1") -> str:
    """The path with its gaps filled."""
    return path.replace("{userId}", "ann").replace("{interactionId}", interaction_id)


@pytest.fixture(scope="module")
def described(hasty: Running) -> dict[str, Any]:
    """/openapi.json as served."""
    with hasty.client() as client:
        found: dict[str, Any] = client.ask("GET", "/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def schema(described: dict[str, Any]) -> OpenApiSchema:
    """The description, loaded by Schemathesis."""
    return schemathesis.openapi.from_dict(described)


NUMBERS = count(1)


@pytest.fixture
def ann(hasty: Running) -> Iterator[tuple[Desk, str]]:
    """A supervisor who also takes chats, at work; and an interaction that is theirs."""
    with ExitStack() as stack:
        # Another one for each test: the requests of one may end all of it.
        name = f"ann{next(NUMBERS)}"
        made = stack.enter_context(Desk(hasty, user(hasty, name, roles=(Role.AGENT, Role.SUPERVISOR))))
        made.at_work(inactivityDelay=3600)
        stack.enter_context(hasty.contact(inactivityDelay=3600)).connect()
        yield made, made.take()
        with Client(*hasty.ports) as other:
            # Where time flies, the agent's own connection may have been idle for too long.
            other.credentials = made.credentials
            other.ask("DELETE", "streaming/session")


@pytest.mark.parametrize(("method", "path"), AGENTS, ids=NAMES)
def test_the_checks_come_in_the_documented_order(
    hasty: Running, described: dict[str, Any], method: str, path: str
) -> None:
    """No organization 404, no token 401, no scope 403, another method 405: each is described for the operation."""
    powerless = user(hasty, "none", roles=(Role.INTEGRATION,))
    with Desk(hasty, powerless) as nobody, Client(*hasty.ports) as stranger:
        seen = {
            404: nobody.ask(method, path_of(filled(path), "nowhere")),
            401: stranger.ask(method, filled(path)),
            403: nobody.ask(method, filled(path)),
            405: nobody.ask("PATCH", filled(path)),
        }
    responses = described["paths"][full(path)][method.lower()]["responses"]
    for status, answer in seen.items():
        assert answer.status == status, answer
        assert str(status) in responses
        assert answer.json()["code"] == status
        assert "access-control-allow-origin" in answer.headers


@pytest.mark.parametrize(("method", "path"), AGENTS, ids=NAMES)
def test_the_gaps_and_the_scope_are_described(described: dict[str, Any], method: str, path: str) -> None:
    """Every gap of the path is a parameter, and the operation says which scope it needs."""
    operation = described["paths"][full(path)][method.lower()]
    names = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    assert names == {"orgId", *(piece[1:-1] for piece in path.split("/") if piece.startswith("{"))}
    assert all(each["accessToken"] for each in operation["security"])


@pytest.mark.parametrize(("method", "path"), AGENTS, ids=NAMES)
@some
@given(st.data())
def test_random_requests_of_staff(
    hasty: Running,
    schema: OpenApiSchema,
    ann: tuple[Desk, str],
    method: str,
    path: str,
    data: st.DataObject,
) -> None:
    """With a valid token, often a session and an interaction at hand: no fault, and nothing that is not described."""
    desk, interaction_id = ann
    case = data.draw(schema[full(path)][method].as_strategy(generation_mode=data.draw(MODES)))
    case.path_parameters["orgId"] = ORG
    if "userId" in case.path_parameters and data.draw(st.integers(0, 3)):
        case.path_parameters["userId"] = desk.user_id
    if "interactionId" in case.path_parameters and data.draw(st.integers(0, 3)):
        case.path_parameters["interactionId"] = interaction_id
    case.headers.update(desk.credentials)
    with requests.Session() as http:
        http.trust_env = False
        response = case.call(base_url=hasty.url, session=http, timeout=PATIENCE_SECONDS)
    assert response.status_code < 500
    case.validate_response(response, checks=CHECKS)


def test_checks_see_what_is_not_described(hasty: Running, described: dict[str, Any]) -> None:
    """The control: were 401 not described, the random requests would say so."""
    path = full("messaging/users/{userId}/sendText")
    operation = described["paths"][path]["post"]
    less = {status: answer for status, answer in operation["responses"].items() if status != "401"}
    spoilt = {**described, "paths": {path: {"post": {**operation, "responses": less}}}}
    case = schemathesis.openapi.from_dict(spoilt)[path]["POST"].Case(
        path_parameters={"orgId": ORG, "userId": "ann"},
        body={"interactionId": "1", "text": "x"},
        media_type="application/json",
    )
    with requests.Session() as http:
        http.trust_env = False
        response = case.call(base_url=hasty.url, session=http, timeout=PATIENCE_SECONDS)
    with pytest.raises(FailureGroup, match="Undocumented"):
        case.validate_response(response, checks=CHECKS)
