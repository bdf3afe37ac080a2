"""The reference says what the code says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from frontdesk.domain import events
from frontdesk.http.wire import STATUS
from tests.docs.reference import FOLDER, PAGES, reasons, routes
from tests.support.server import running


@pytest.mark.parametrize(("name", "make"), PAGES.items(), ids=PAGES)
def test_generated_pages_are_fresh(name: str, make: Callable[[], str]) -> None:
    """A generated page is what its source would give now; `python -m tests.docs.reference` writes it anew."""
    assert (FOLDER / name).read_text(encoding="utf-8") == make(), "run: .venv/bin/python -m tests.docs.reference"


def test_no_page_is_left_from_before() -> None:
    """The folder holds the generated pages and nothing else."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_status_has_a_reason() -> None:
    """Each class of refusal is used, and listed under its status."""
    assert {reason.status for reason in reasons()} == {*STATUS.values(), 405}


def test_a_refusal_from_the_wire_is_listed() -> None:
    """What the server really answers stands in the table with this status, reason and message."""
    with running() as server, server.contact() as contact:
        answer = contact.post("messaging/sendText", {"text": "hello"})
        body = answer.json()
    listed = {(reason.status, reason.name, reason.message) for reason in reasons()}
    assert (answer.status, body["errors"][0]["reason"], body["message"]) in listed


def test_every_event_kind_is_listed() -> None:
    """The page of events has a heading for each kind."""
    text = (FOLDER / "events.md").read_text(encoding="utf-8")
    assert [kind for kind in events.KINDS if f"## {kind}\n" not in text] == []


def test_reasons_are_found_where_they_are_raised(tmp_path: Path) -> None:
    """The reader of the source sees plain reasons, those in f-strings' neighbours, and the limiters'."""
    names = {reason.name for reason in reasons()}
    assert {"invalidSession", "unknownWorkType", "tooManyPolls", "storageFailed", "methodNotAllowed"} <= names


def test_every_operation_of_the_server_is_described() -> None:
    """The page is made of the routes that are served: none is forgotten, none is of yesterday."""
    described = {(route.method, route.full_path) for route in routes()}
    with running() as server, server.client() as client:
        paths = client.ask("GET", "/openapi.json").json()["paths"]
    assert described == {(method.upper(), path) for path, methods in paths.items() for method in methods}
