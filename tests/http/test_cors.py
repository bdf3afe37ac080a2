"""What browsers need on every answer, methods that a path does not know, and paths that nobody knows."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.client import EVENTS, SESSION, Client, path_of
from tests.support.server import Running, running
from tests.support.wire import Answer

SITE, SHOP, STRANGER = "https://www.example.com", "https://shop.example.com:8443", "https://evil.example"


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """A server with an organization that lists its origins, and tight limits."""
    with running(tokens_per_address=3, messages_per_session=2) as server:
        server.admin("org.origins", org_id="acme", origins=[SITE, SHOP])
        yield server


@pytest.fixture
def shopper(strict: Running) -> Iterator[Client]:
    """A contact of that organization."""
    strict.advance(60)
    with strict.contact(org="acme", key="acme-key") as contact:
        yield contact


def _unauthorized(contact: Client, origin: str) -> Answer:
    return contact.ask("GET", EVENTS, authorization=None, origin=origin)


def _limited(contact: Client, origin: str) -> Answer:
    for _ in range(2):
        contact.post("messaging/notification", {"state": "composing", "expiresAfterSeconds": 1})
    return contact.post("messaging/sendText", {"text": "x"}, origin=origin)


def _broken(contact: Client, origin: str) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frontdesk.actions.messaging.Messaging.send_text", None)
        return contact.post("messaging/sendText", {"text": "x"}, origin=origin)


ANSWERS: dict[int, Callable[[Client, str], Answer]] = {
    200: lambda c, origin: c.post(SESSION, origin=origin),
    202: lambda c, origin: c.post("messaging/connect", {"workTypeId": 79, "contactName": "Ada"}, origin=origin),
    204: lambda c, origin: c.ask("DELETE", SESSION, origin=origin),
    400: lambda c, origin: c.post("messaging/connect", b"{", origin=origin),
    401: _unauthorized,
    404: lambda c, origin: c.post("messaging/connect", {"workTypeId": 0, "contactName": "Ada"}, origin=origin),
    405: lambda c, origin: c.ask("PUT", "messaging/connect", origin=origin),
    429: _limited,
    500: _broken,
}


@pytest.mark.parametrize("status", ANSWERS)
@pytest.mark.parametrize("origin", [SITE, SHOP])
def test_listed_origin_may_read_every_answer(shopper: Client, status: int, origin: str) -> None:
    """The origin itself is named, and caches are told that the answer depends on it."""
    answer = ANSWERS[status](shopper, origin)
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == origin
    assert "origin" in answer.headers["vary"].lower()
    assert "retry-after" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("status", ANSWERS)
@pytest.mark.parametrize("origin", [STRANGER, "null", "", SITE + ".evil.example", SITE.upper()])
def test_other_origins_may_read_none(shopper: Client, status: int, origin: str) -> None:
    """An answer never names an origin that is not listed, nor any origin at all."""
    answer = ANSWERS[status](shopper, origin)
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == SITE


@pytest.mark.parametrize("status", ANSWERS)
def test_open_organization_lets_everyone_read(strict: Running, status: int) -> None:
    """Without a list every origin may read every answer."""
    strict.advance(60)
    with strict.contact() as contact:
        answer = ANSWERS[status](contact, STRANGER)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/nothing", path_of("nothing"), path_of("messaging/connect", "nobody")])
def test_unknown_things_may_be_read_by_everyone(client: Client, path: str) -> None:
    """A browser's developer sees the 404 instead of a riddle about CORS."""
    assert client.ask("POST", path).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("operation", "methods"),
    [
        ("webToken", {"POST", "GET", "OPTIONS"}),
        (SESSION, {"POST", "DELETE", "OPTIONS"}),
        (EVENTS, {"GET", "OPTIONS"}),
        ("messaging/sendText", {"POST", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_preflight_lists_methods_and_headers_and_lasts(client: Client, operation: str, methods: set[str]) -> None:
    """A preflight carries no credentials and needs none; every header of the API is allowed."""
    with client:
        answer = client.ask(
            "OPTIONS",
            operation,
            x_api_key=None,
            origin=STRANGER,
            access_control_request_method="POST",
            access_control_request_headers="authorization,content-type,via-client-sessionid,x-api-key",
        )
        assert answer.status == 204
        assert set(answer.headers["access-control-allow-methods"].split(", ")) == methods
        assert set(answer.headers["access-control-allow-headers"].split(", ")) >= {
            "authorization",
            "content-type",
            "x-api-key",
            "via-client-sessionid",
            "idempotency-key",
            "last-event-id",
        }
        assert int(answer.headers["access-control-max-age"]) >= 600


@pytest.mark.parametrize(
    ("method", "operation", "allowed"),
    [
        ("GET", "messaging/sendText", "POST, OPTIONS"),
        ("HEAD", "messaging/sendText", "POST, OPTIONS"),
        ("PUT", "messaging/connect", "POST, OPTIONS"),
        ("DELETE", "webToken", "POST, GET, OPTIONS"),
        ("POST", EVENTS, "GET, OPTIONS"),
        ("PATCH", SESSION, "POST, DELETE, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("TRACE", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method_says_which_are_right(client: Client, method: str, operation: str, allowed: str) -> None:
    """405 comes with Allow and the documented body, before anything else is checked."""
    with client:
        answer = client.wire.ask(method, path_of(operation))
        assert answer.status == 405
        assert answer.headers["allow"] == allowed
        assert method == "HEAD" or answer.reason == "methodNotAllowed"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/via/v2",
        "/via/v1/organizations/viademo/webToken",
        "/via/v2/organizations/viademo",
        "/via/v2/organizations/viademo/",
        "/via/v2/organizations//webToken",
        path_of("messaging/connect/"),
        path_of("messaging//connect"),
        path_of("Messaging/Connect"),
        path_of("messaging/connect%2F"),
        path_of("healthz"),
        path_of("/healthz").replace("/healthz", "/via/v2/organizations/viademo//healthz"),
        path_of("webToken", "no%00body"),
        path_of("webToken", "%ff%fe"),
        path_of("webToken", "viademo%2F.."),
    ],
)
def test_unknown_path_is_a_documented_404(client: Client, path: str) -> None:
    """No page of some framework, and nothing found that was not meant."""
    with client:
        answer = client.post(path)
        assert answer.status == 404
        assert answer.json()["code"] == 404


def test_organization_may_be_percent_encoded(client: Client) -> None:
    """RFC 3986: the same path, written differently."""
    with client:
        assert client.wire.ask("POST", path_of("webToken", "%76iademo"), client.credentials).status == 200
