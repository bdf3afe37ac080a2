"""What is described of `provisioning/…` is what is served: every status, every example, and random requests."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.schemas import OpenApiSchema

from frontdesk.http.examples import PROVISIONING as EXAMPLES
from tests.conformance.staff import KINDS, PROVISIONING
from tests.conformance.test_openapi import CHECKS
from tests.provisioning.conftest import Shop
from tests.support.client import Client
from tests.support.server import Running
from tests.support.wire import PATIENCE_SECONDS, Answer

NAMES = [" ".join(operation) for operation in PROVISIONING]


def full(path: str) -> str:
    """The path as the description has it."""
    return f"/via/v2/organizations/{{orgId}}/{path}"


@pytest.fixture(scope="module")
def described(server: Running) -> dict[str, Any]:
    """/openapi.json as served."""
    with server.client() as client:
        answer = client.ask("GET", "/openapi.json")
    described: dict[str, Any] = answer.json()
    return described


def example(described: dict[str, Any], kind: str) -> Any:
    """What the description shows as a body for a new one."""
    return described["paths"][full(f"provisioning/{kind}")]["post"]["requestBody"]["content"]["application/json"][
        "example"
    ]


def test_every_body_has_an_example(described: dict[str, Any]) -> None:
    """And there is none for a body that is not taken."""
    assert {kind: example(described, kind) for kind in KINDS}.keys() == set(KINDS)
    assert len(EXAMPLES) == len(KINDS)


@pytest.fixture
def admin(shop: Shop) -> Iterator[Client]:
    """An administrator of the organization."""
    with shop.bearer("provisioning") as client:
        yield client


def ask(client: Client, method: str, path: str, body: Any) -> Answer:
    """A request, with a body where one is taken."""
    return client.ask(method, path, body if method in ("POST", "PUT") else None)


def overloaded(client: Client, method: str, path: str, body: Any) -> int:
    """The status while the store has too much to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frontdesk.engines.committer.PENDING_MAX", 0)
        return ask(client, method, path, body).status


def stopping(server: Running, client: Client, method: str, path: str, body: Any) -> int:
    """The status while the server is about to stop."""
    server.stopping(1)
    try:
        return ask(client, method, path, body).status
    finally:
        server.stopping(0)


@pytest.mark.parametrize(("method", "operation"), PROVISIONING, ids=NAMES)
def test_every_documented_status_can_be_had(
    shop: Shop, admin: Client, described: dict[str, Any], method: str, operation: str
) -> None:
    """With the example of the description, which is taken as it stands."""
    kind = operation.split("/")[1]
    body = example(described, kind)
    had = {overloaded(admin, "POST", f"provisioning/{kind}", body) if method == "POST" else 0}
    made = admin.post(f"provisioning/{kind}", body)
    path = operation.replace("{id}", str(next(iter(made.json().values()))))
    had |= {stopping(shop.server, admin, method, path, body), overloaded(admin, method, path, body)}
    had.add(ask(admin, method, f"{path}?limit=0" if method == "GET" else path, b"{").status)
    with shop.bearer("reporting") as reporter, shop.server.client(org=shop.org_id) as stranger:
        had |= {ask(client, method, path, body).status for client in (reporter, stranger)}
    with shop.server.client(org="nobody") as lost:
        had |= {ask(lost, method, path, body).status, lost.ask("PATCH", path).status}
    had.add(made.status if method == "POST" else ask(admin, method, path, body).status)
    responses = described["paths"][full(operation)][method.lower()]["responses"]
    assert {int(status) for status in responses} - had <= ELSEWHERE[method]


ELSEWHERE = {"GET": {400, 429}, "POST": set[int](), "PUT": set[int](), "DELETE": {400}}
"""What is tried elsewhere: 400 for what is in use; 429 of reading, which comes when another node has too much to do."""

some = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MODES = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def schema(described: dict[str, Any]) -> OpenApiSchema:
    """The description, loaded by Schemathesis."""
    return schemathesis.openapi.from_dict(described)


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    """Connections to send by."""
    with requests.Session() as http:
        http.trust_env = False
        yield http


@pytest.mark.parametrize(("method", "operation"), PROVISIONING, ids=NAMES)
@some
@given(st.data())
def test_random_requests_of_an_administrator(
    shop: Shop,
    admin: Client,
    schema: OpenApiSchema,
    http: requests.Session,
    method: str,
    operation: str,
    data: st.DataObject,
) -> None:
    """No fault, and nothing that is not described."""
    case = data.draw(schema[full(operation)][method].as_strategy(generation_mode=data.draw(MODES)))
    case.path_parameters = {"orgId": shop.org_id, "id": data.draw(st.sampled_from(["79", "32", "x", "é/%", "a" * 300]))}
    case.headers.update(admin.credentials)
    response = case.call(base_url=shop.server.url, session=http, timeout=PATIENCE_SECONDS)
    assert response.status_code < 500
    case.validate_response(response, checks=CHECKS)
