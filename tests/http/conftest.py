"""One real server for most tests here; each test brings a contact of its own."""

from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.server import Running, running

CALL_BACKS_ONLY = "33"
"""A work type that takes no chat."""


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """A server without rate limits; its clock only ever moves on."""
    with running() as server:
        for org in ("viademo", "acme"):
            server.admin("worktype.create", org_id=org, work_type_id=CALL_BACKS_ONLY, channels=["callback"])
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    """A client that has only its API key."""
    with server.client() as client:
        yield client


@pytest.fixture
def contact(server: Running) -> Iterator[Client]:
    """A client with a web token and a streaming session."""
    with server.contact() as contact:
        yield contact


@pytest.fixture
def chat(contact: Client) -> Client:
    """A contact whose chat waits for an agent."""
    contact.connect()
    return contact
