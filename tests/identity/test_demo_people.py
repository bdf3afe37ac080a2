"""The people and programs of the demo: what it prints lets them in, this time and at each start."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.identity.conftest import BASE, FORM, House, basic
from tests.identity.visiting import Visitor, alert
from tests.support.server import Process
from tests.support.wire import Answer

# Any port will do on this machine, as a desk under development has one of its own.
HERE = "http://127.0.0.1:5173/desk/"
LOGINS = {"agent": "agent", "agent2": "agent", "supervisor": "supervisor", "admin": "administrator"}


@pytest.fixture(scope="module")
def demo() -> Iterator[Process]:
    """A demo that is served, as a process."""
    with TemporaryDirectory(prefix="frontdesk-") as folder, Process(Path(folder) / "data") as process:
        yield process


def token(demo: Process, headers: dict[str, str] | None = None, **fields: str) -> Answer:
    """A request for a token."""
    body = urlencode({"realm": demo.facts["orgId"], **fields}).encode()
    with demo.client() as client:
        return client.ask("POST", f"{BASE}/access_token", body, **{**FORM, **(headers or {})})


def by_secret(demo: Process, client: dict[str, str], **fields: str) -> Answer:
    """A token for the demo's program."""
    return token(demo, basic(client["id"], client["secret"]), grant_type="client_credentials", **fields)


def signed_in(demo: Process, login: str, password: str) -> Any:
    """What the desk's page gets for somebody who signs in; the sentence on the page when they can't."""
    house = cast("House", SimpleNamespace(server=demo, org_id=demo.facts["orgId"]))
    with Visitor(house, {"clientId": "desk"}, redirect_uri=HERE) as visitor:
        answer = visitor.sign_in(login, password)
        if answer.status != 303:
            return alert(answer)
        told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        return token(
            demo, grant_type="authorization_code", client_id="desk", code=told["code"], code_verifier=visitor.secret,
            redirect_uri=HERE,
        ).json()  # fmt: skip


def test_the_demo_prints_who_may_sign_in(demo: Process) -> None:
    """Each with another password, and the secret of its program; the page shows none of them."""
    users = demo.facts["users"]
    assert {user["login"]: user["role"] for user in users} == LOGINS
    secrets = {user["password"] for user in users} | {demo.facts["client"]["secret"]}
    assert len(secrets) == 5
    with demo.client() as client:
        page = client.ask("GET", "/").body.decode()
    assert not any(secret in page for secret in secrets)


def test_the_people_of_the_demo_sign_in(demo: Process) -> None:
    """With the scopes of their roles; agents can come to work at once, on 79 and 32."""
    found = {user["login"]: signed_in(demo, user["login"], user["password"]) for user in demo.facts["users"]}
    assert {login: tokens["scope"] for login, tokens in found.items()} == {
        "agent": "desk",
        "agent2": "desk",
        "supervisor": "desk quality reporting supervision",
        "admin": "desk provisioning quality reporting supervision",
    }
    with demo.client() as client:
        client.credentials = {"authorization": f"Bearer {found['agent']['access_token']}"}
        client.done("engagementCenter/users/agent/connect")
        state = client.ask("GET", "engagementCenter/users/agent/state").json()
    assert state["workTypeIds"] == ["79", "32"]


def test_the_program_of_the_demo_acts_for_agents(demo: Process) -> None:
    """With the desk's scopes, or the one that it asks for; it reads all that a desk does."""
    tokens = by_secret(demo, demo.facts["client"]).json()
    assert tokens["scope"] == "desk provisioning quality reporting supervision"
    assert by_secret(demo, demo.facts["client"], scope="desk").json()["scope"] == "desk"
    with demo.client() as client:
        client.credentials = {"authorization": f"Bearer {tokens['access_token']}"}
        paths = ("engagementCenter/users/agent2/state", "provisioning/users", "reporting/audit")
        assert [client.ask("GET", path).status for path in paths] == [200] * 3
        assert client.ask("GET", "quality/recordings/1").status == 404


def test_a_demo_that_is_started_again_prints_secrets_that_work(demo: Process) -> None:
    """New ones: only hashes of the old ones were stored, and those are good no more."""
    before = demo.facts
    assert demo.stop() == 0
    demo.restart()
    (old,), (new,) = ([u for u in facts["users"] if u["login"] == "agent"] for facts in (before, demo.facts))
    assert signed_in(demo, "agent", old["password"]) == "Login or password is wrong."
    assert signed_in(demo, "agent", new["password"])["scope"] == "desk"
    assert by_secret(demo, before["client"]).status == 401
    assert by_secret(demo, demo.facts["client"]).status == 200
