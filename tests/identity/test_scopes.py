"""Who may do what: each endpoint of staff with the scopes that open it."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from frontdesk.domain.scopes import ALL
from frontdesk.http.routes import PREFIX
from tests.identity.conftest import House, basic
from tests.support.client import Client
from tests.support.server import Running

# One of the scopes is enough. What is not here is for contacts, or for everyone.
_USER = "engagementCenter/users/{userId}"
_WORK = "engagementCenter/interactions/{interactionId}"
_TALK = "messaging/users/{userId}"
_DESK = {
    "POST": (
        "streaming/session", "streaming/acknowledge",
        *(f"{_USER}/{act}" for act in ("connect", "ready", "notReady", "disconnect", "signOut")),
        *(f"{_WORK}/{act}" for act in ("accept", "reject", "activate", "hold", "retrieve", "transfer", "consult")),
        *(f"{_WORK}/{act}" for act in ("conference", "cancel", "disconnect", "dispose", "reschedule")),
        *(f"{_TALK}/{act}" for act in ("sendText", "pushUrl", "notification", "read", "answerDial", "note")),
    ),
    "DELETE": ("streaming/session",),
    "GET": ("streaming/events", "engagementCenter/users", f"{_USER}/state", f"{_WORK}/transcript", f"{_WORK}/routing"),
}  # fmt: skip
# What a desk shows, and what is for administrators alone.
_SHOWN = ("skills", "reasons", "dispositions", "cannedResponses", "workTypes")
_HIDDEN = ("users", "teams", "hours", "apiKeys")


def _table() -> Iterator[tuple[str, str, set[str]]]:
    for method, paths in _DESK.items():
        for path in paths:
            yield method, path, {"desk"}
    for kind in (*_SHOWN, *_HIDDEN):
        readers = {"provisioning", "desk"} if kind in _SHOWN else {"provisioning"}
        yield "GET", f"provisioning/{kind}", readers
        yield "GET", f"provisioning/{kind}/{{id}}", readers
        yield "POST", f"provisioning/{kind}", {"provisioning"}
        yield "PUT", f"provisioning/{kind}/{{id}}", {"provisioning"}
        yield "DELETE", f"provisioning/{kind}/{{id}}", {"provisioning"}
    yield "GET", "engagementCenter/callBacks", {"supervision"}
    yield "POST", "engagementCenter/callBacks/{callBackId}/cancel", {"supervision"}
    yield "GET", "reporting/audit", {"reporting"}
    yield "GET", "quality/recordings/{interactionId}", {"quality"}


TABLE = tuple(_table())


@pytest.fixture(scope="module")
def bearers(server: Running) -> Iterator[dict[str, Client]]:
    """A program for each scope, with a token that has no other."""
    house = House(server, "scopes")
    house.run("org.create")
    with ExitStack() as stack:
        found = {}
        for scope in ALL:
            program = house.program(scope)
            token = house.token(basic(program["clientId"], program["secret"]), grant_type="client_credentials").json()
            found[scope] = stack.enter_context(house.desk(token["access_token"]))
        yield found


@pytest.mark.parametrize(("method", "path", "scopes"), TABLE, ids=[f"{method} {path}" for method, path, _ in TABLE])
def test_an_endpoint_opens_to_its_scopes_and_to_no_other(
    bearers: dict[str, Client], method: str, path: str, scopes: set[str]
) -> None:
    """Others are told which scope is missing; what those who may get is another matter."""
    there = (
        path.replace("{userId}", "nobody")
        .replace("{interactionId}", "1")
        .replace("{id}", "none")
        .replace("{callBackId}", "1")
    )
    refused = {scope for scope, client in bearers.items() if client.ask(method, there).reason == "missingScope"}
    assert refused == set(ALL) - scopes


def test_the_table_has_every_endpoint_that_takes_an_access_token(server: Running) -> None:
    """A new one is not forgotten here; nor is one that is gone."""
    with server.client() as client:
        described = cast("dict[str, Any]", client.ask("GET", "/openapi.json").json())["paths"]
    guarded = {
        (method.upper(), path.removeprefix(f"{PREFIX}{{orgId}}/"))
        for path, methods in described.items()
        for method, operation in methods.items()
        if any("accessToken" in way for way in operation.get("security", ()))
    }
    assert guarded == {(method, path) for method, path, _ in TABLE}
