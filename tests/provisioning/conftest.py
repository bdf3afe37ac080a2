"""One real server for most tests here; each test brings an organization of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.people import Bearer, Role, User
from tests.support.client import Client
from tests.support.server import Running, running

_NUMBERS = count(1)


class Shop:
    """An organization, set up by an operator's commands."""

    def __init__(self, server: Running, org_id: str) -> None:
        self.server = server
        self.org_id = org_id

    def run(self, command: str, **arguments: Any) -> Any:
        """A command that must be carried out."""
        return self.server.admin(command, org_id=self.org_id, **arguments)

    def refused(self, command: str, **arguments: Any) -> str:
        """The reason for which a command is refused."""
        with pytest.raises((Invalid, NotFound)) as refused:
            self.run(command, **arguments)
        return str(refused.value.reason)

    actor = "boss"
    """Who has the access tokens."""

    @contextmanager
    def bearer(self, *scopes: str) -> Iterator[Client]:
        """A client with an access token of a user."""
        app = self.server.app
        user = User(
            org_id=self.org_id,
            user_id=self.actor,
            login=self.actor,
            name="Boss",
            roles=(Role.ADMINISTRATOR,),
            created_ms=1,
        )
        self.put(user)
        now_ms = self.server.clock.now_ms()
        bearer = Bearer(
            org_id=self.org_id,
            user_id=self.actor,
            client_id="desk",
            scopes=frozenset(scopes),
            family="family",
            issued_ms=now_ms,
            expires_ms=now_ms + 3_600_000,
        )
        with self.server.client(org=self.org_id) as client:
            client.credentials = {"authorization": f"Bearer {self.server.call(app.access.issue, bearer)}"}
            yield client

    def put(self, *records: Any) -> None:
        """Store records that no command makes, and let every node know them."""
        self.server.wait(self.server.app.admin.changes.store(records))
        self.spread()

    def spread(self) -> None:
        """Let every node see what one of them changed, as it does within half a second."""
        for app in self.server.apps:
            self.server.wait(app.admin.load())

    def audited(self) -> list[tuple[str, str]]:
        """What was done to what, in order."""
        query = f"SELECT act, subject FROM audit WHERE org_id = '{self.org_id}' ORDER BY audit_id"  # noqa: S608 - ours
        return [(act, subject) for act, subject in self.server.rows(query)]


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """A server without rate limits; its clock only ever moves on."""
    with running() as server:
        yield server


@pytest.fixture
def shop(server: Running) -> Shop:
    """A new organization with the work types 79 (chat) and 32 (chat and callback)."""
    shop = Shop(server, f"shop{next(_NUMBERS)}")
    shop.run("org.create")
    shop.run("worktype.create", work_type_id="79")
    shop.run("worktype.create", work_type_id="32", channels=["chat", "callback"])
    return shop
