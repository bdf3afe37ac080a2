"""Which refusal comes first when several would be right (contract, "order of checks")."""

import json
from typing import Any

import pytest

from tests.support.client import Client, path_of
from tests.support.server import Running

BODIES: dict[str, Any] = {
    "messaging/sendText": {"text": "Hello World!"},
    "messaging/pushUrl": {"url": "https://www.example.com/#"},
    "messaging/dial": {"digits": "555 1234"},
    "messaging/notification": {"state": "composing", "expiresAfterSeconds": 10},
}
NOT_JSON = b"{"
# Each step mends one more thing; what is then the first thing wrong is answered.
STEPS = (
    ("organization", 404, "unknownOrganization"),
    ("token", 401, "missingToken"),
    ("api key", 401, "missingApiKey"),
    ("session header", 400, "missingSessionId"),
    ("session", 401, "invalidSession"),
    ("body", 400, "invalidJson"),
    ("interaction", 404, "noOpenInteraction"),
)


def _request(contact: Client, mended: int) -> tuple[str, dict[str, str], bool]:
    """Organization, headers, and whether the body is right, once the first `mended` things are."""
    headers: dict[str, str] = {}
    if mended > 1:
        headers["Authorization"] = contact.credentials["authorization"]
    if mended > 2:
        headers["x-api-key"] = contact.credentials["x-api-key"]
    if mended > 3:
        headers["via-client-sessionid"] = contact.session_id if mended > 4 else "gone"
    return ("viademo" if mended else "nobody"), headers, mended > 5


@pytest.mark.parametrize("operation", BODIES)
@pytest.mark.parametrize(
    ("mended", "status", "reason"), [(i, s, r) for i, (_, s, r) in enumerate(STEPS)], ids=[w for w, _, _ in STEPS]
)
def test_first_thing_wrong_is_answered(contact: Client, operation: str, mended: int, status: int, reason: str) -> None:
    """With everything wrong from one check on, that check's refusal is the answer."""
    org, headers, right = _request(contact, mended)
    body = BODIES[operation] if right else NOT_JSON
    wire_body = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = contact.wire.ask("POST", path_of(operation, org), headers, wire_body)
    assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize(
    ("header", "value", "status", "reason"),
    [
        ("authorization", "Bearer nonsense", 401, "invalidToken"),
        ("authorization", "Basic dXNlcjpwYXNz", 401, "missingToken"),
        ("x-api-key", "wrong", 401, "invalidApiKey"),
        ("x-api-key", "", 401, "missingApiKey"),
        ("x-api-key", "acme-key", 401, "invalidApiKey"),
        ("via-client-sessionid", "", 400, "missingSessionId"),
        ("via-client-sessionid", "gone", 401, "invalidSession"),
    ],
)
def test_wrong_credential_is_named(chat: Client, header: str, value: str, status: int, reason: str) -> None:
    """A header that is there and wrong is refused with its own name as scope."""
    chat.credentials[header] = value
    answer = chat.post("messaging/sendText", {"text": "Hello"})
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.json()["errors"][0]["scope"].lower() == header


def test_session_of_another_organization_is_no_session(server: Running, contact: Client) -> None:
    """What belongs to one organization does not exist for another, whatever valid token asks."""
    with server.client(org="acme", key="acme-key") as other:
        other.token()
        other.credentials["via-client-sessionid"] = contact.session_id
        assert other.ask("GET", "streaming/events/webClient").json()["message"] == "Invalid or expired session"


def test_dead_session_has_the_documented_message(contact: Client) -> None:
    """Document, "Troubleshooting": clients look for exactly this text."""
    contact.credentials["via-client-sessionid"] = "gone"
    answer = contact.ask("GET", "streaming/events/webClient")
    assert answer.status == 401
    assert answer.json()["code"] == 401
    assert answer.json()["message"] == "Invalid or expired session"


@pytest.mark.parametrize("operation", BODIES)
def test_wrong_value_comes_before_missing_interaction(contact: Client, operation: str) -> None:
    """A body that breaks a rule is a 400 even where nothing is open to take it."""
    wrong = {"text": "", "url": "x", "digits": "x", "state": "composing", "expiresAfterSeconds": 31}
    answer = contact.post(operation, wrong)
    assert answer.status == 400


def test_refusal_has_the_documented_shape(contact: Client) -> None:
    """Document, "ErrorResponse": code, message and errors with scope, reason, message; nothing else."""
    body = contact.post("messaging/sendText", {"text": ""}).json()
    assert body == {
        "code": 400,
        "message": "Send a text of 1 to 2000 characters.",
        "errors": [{"scope": "text", "reason": "invalidText", "message": "Send a text of 1 to 2000 characters."}],
    }
