"""One real server for all tests here; each test brings an organization of its own."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest

from frontdesk.actions.oauth import OAuth
from frontdesk.domain.errors import Invalid, NotFound
from tests.support.client import Client
from tests.support.server import Running, running
from tests.support.wire import Answer

_NUMBERS = count(1)
PASSWORD = "correct horse battery"
BACK = "https://desk.example.com/back"
FORM = {"content-type": "application/x-www-form-urlencoded"}
BASE = "/tokenservice/oauth2"


def basic(name: str, secret: str) -> dict[str, str]:
    """HTTP Basic."""
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def verifier() -> tuple[str, str]:
    """A code_verifier and its code_challenge (RFC 7636)."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).digest()
    return secret, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class House:
    """An organization with people and programs."""

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

    def program(self, *scopes: str, **fields: Any) -> Any:
        """A client with a secret."""
        return self.run("client.create", scopes=scopes or ("desk",), **fields)

    def page(self, *scopes: str) -> Any:
        """A public client on which people sign in."""
        wanted = scopes or ("desk", "supervision", "provisioning", "reporting", "quality")
        return self.run("client.create", scopes=wanted, redirect_uris=[BACK], public=True)

    def user(self, login: str = "ada", **fields: Any) -> Any:
        """Somebody who signs in with PASSWORD."""
        return self.run("user.create", login=login, password=PASSWORD, **fields)

    def form(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> Answer:
        """A form sent to an endpoint of OAuth, with the organization as realm."""
        body = urlencode({"realm": self.org_id, **fields}).encode()
        with self.server.client(org=self.org_id) as client:
            return client.ask("POST", f"{BASE}/{path}", body, **{**FORM, **(headers or {})})

    def token(self, headers: dict[str, str] | None = None, /, **fields: str) -> Answer:
        """A request for a token."""
        return self.form("access_token", headers, **fields)

    def desk(self, access_token: str) -> Client:
        """A client with an access token."""
        client = self.server.client(org=self.org_id)
        client.credentials = {"authorization": f"Bearer {access_token}"}
        return client

    def code(self, user_id: str, page: Any, challenge: str, scope: str = "") -> str:
        """The code that signing in on a page gives."""
        app = self.server.app
        user = app.context.directory.user(self.org_id, user_id)
        client = app.context.directory.client(self.org_id, page["clientId"])
        assert user is not None
        assert client is not None
        oauth = OAuth(app.context, app.admin.changes, app.access)
        return self.server.wait(oauth.authorize(user, client, BACK, scope, challenge))

    def signed_in(self, user_id: str, page: Any, scope: str = "") -> Answer:
        """Tokens for somebody who signed in."""
        secret, challenge = verifier()
        code = self.code(user_id, page, challenge, scope)
        return self.redeemed(page, code, secret)

    def redeemed(self, page: Any, code: str, secret: str, **fields: str) -> Answer:
        """Tokens for a code."""
        sent = {"client_id": page["clientId"], "code": code, "code_verifier": secret, "redirect_uri": BACK, **fields}
        return self.token(grant_type="authorization_code", **sent)

    def refreshed(self, page: Any, token: str, **fields: str) -> Answer:
        """Tokens for a refresh token."""
        return self.token(grant_type="refresh_token", client_id=page["clientId"], refresh_token=token, **fields)

    def rows(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        """What the database holds of this organization."""
        return self.server.rows(f"SELECT {columns} FROM {table} WHERE org_id = '{self.org_id}'")  # noqa: S608 - ours

    def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to what, in order."""
        found = sorted(self.rows("audit_id, actor, act, subject", "audit"))
        return [(actor, act, subject) for _, actor, act, subject in found]

    def stored(self) -> str:
        """All that the database holds of audit, users, clients and grants, as one text."""
        tables = ("audit", "users", "clients", "grants")
        return json.dumps([self.server.rows(f"SELECT * FROM {table}") for table in tables])  # noqa: S608 - ours


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """A server whose clock only ever moves on."""
    with running(access_tokens_per_address=0, trusted_proxies=["127.0.0.1"]) as server:
        yield server


@pytest.fixture
def house(server: Running) -> House:
    """A new organization with the work types 79 and 32 and the skill spanish."""
    house = House(server, f"house{next(_NUMBERS)}")
    house.run("org.create")
    house.run("worktype.create", work_type_id="79")
    house.run("worktype.create", work_type_id="32", channels=["chat", "callback"])
    house.run("skill.create", item_id="spanish")
    return house
