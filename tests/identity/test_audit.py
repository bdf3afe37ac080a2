"""Reading the audit log, over HTTP and from the shell."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import done, frontdesk
from tests.identity.conftest import House
from tests.support.client import Client
from tests.support.server import running


@pytest.fixture
def reader(house: House) -> Iterator[Client]:
    """A program that may read what is reported."""
    program = house.program("reporting")
    token = house.token(
        grant_type="client_credentials", client_id=program["clientId"], client_secret=program["secret"]
    ).json()
    with house.desk(token["access_token"]) as client:
        yield client


def acts(page: Any) -> list[tuple[str, str]]:
    """What was done to what."""
    return [(entry["act"], entry["subject"]) for entry in page["items"]]


def test_who_did_what_is_told_the_newest_first(house: House, reader: Client) -> None:
    """With when, and what there is to say of it."""
    ada = house.user("ada")["userId"]
    house.run("user.disable", login="ada")
    page = reader.ask("GET", "reporting/audit?limit=2").json()
    assert acts(page) == [("user.disabled", ada), ("user.created", ada)]
    entry = page["items"][1]
    assert (entry["actor"], entry["detail"]) == ("operator", {"login": "ada", "roles": ["agent"]})
    assert entry["time"].startswith("2026-01-")


def test_pages_neither_repeat_nor_leave_out(house: House, reader: Client) -> None:
    """Whatever is put on record meanwhile."""
    for number in range(5):
        house.run("skill.create", item_id=f"s{number}")
    everything = acts(reader.ask("GET", "reporting/audit").json())
    seen, before = [], "0"
    while before:
        page = reader.ask("GET", f"reporting/audit?limit=3&before={before}").json()
        assert page["totalItems"] == len(page["items"]) <= 3
        seen += acts(page)
        before = page.get("next", "")
        house.run("skill.create", item_id=f"later{len(seen)}")
    assert seen == everything


def test_another_organization_is_not_seen(house: House, reader: Client) -> None:
    """Its log is its own."""
    house.server.admin("user.create", org_id="acme", login="not-ours", oidc=True)
    assert "not-ours" not in reader.ask("GET", "reporting/audit?limit=1000").body.decode()


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("before=-1", "before"),
        ("before=99999999999999999999", "before"),
        ("before=1&before=2", "query"),
        ("before=%FF", "query"),
    ],
)
def test_a_page_that_can_not_be_is_refused(reader: Client, query: str, scope: str) -> None:
    """With the parameter as scope."""
    answer = reader.ask("GET", f"reporting/audit?{query}")
    assert (answer.status, answer.json()["errors"][0]["scope"]) == (400, scope)


def test_only_who_may_read_reports_reads_it(house: House) -> None:
    """An agent may not."""
    house.user("ada")
    page = house.page()
    tokens = house.signed_in(house.run("user.list")[0]["userId"], page).json()
    with house.desk(tokens["access_token"]) as desk:
        assert desk.ask("GET", "reporting/audit").reason == "missingScope"
    with house.server.client(org=house.org_id) as stranger:
        assert stranger.ask("GET", "reporting/audit").reason == "missingToken"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an installation, stopped."""
    folder: Path = tmp_path_factory.mktemp("installation") / "data"
    with running(folder):
        pass
    return folder


def test_the_shell_sets_up_a_provider_and_shows_it_on_record(data: Path) -> None:
    """The secret comes from standard input, and is shown by none of the commands."""
    where = ("--data", str(data))
    given = ("--issuer", "https://login.example.com/", "--client-id", "chat", "--role", "agent")
    secret = "not-to-be-seen"
    said = done(
        "org", "oidc", "set", "acme", *given, "--name", "Example", "--secret-stdin", *where, typed=secret + "\n"
    )
    assert "Example (https://login.example.com/)" in said
    assert "/tokenservice/oauth2/oidc/callback" in said
    shown = json.loads(done("org", "oidc", "show", "acme", *where, "--json"))
    assert (shown["clientId"], shown["secret"], shown["roles"]) == ("chat", "set", ["agent"])
    assert "passwords only" in done("org", "oidc", "remove", "acme", *where)
    entries = json.loads(done("audit", "list", "acme", *where, "--limit", "2", "--json"))
    assert [entry["act"] for entry in entries] == ["oidc.removed", "oidc.created"]
    older = done("audit", "list", "acme", *where, "--before", entries[0]["auditId"])
    assert "oidc.created" in older
    assert "oidc.removed" not in older
    assert secret not in said + json.dumps([shown, entries]) + older


def test_the_shell_says_what_is_wrong(data: Path) -> None:
    """In a sentence, with status 1."""
    where = ("--data", str(data))
    wrong = ("org", "oidc", "set", "acme", "--issuer", "http://login.example.com", "--client-id", "x")
    for command, sentence in (
        (wrong, "https"),
        ((*wrong, "--secret-stdin"), "no secret"),
        (("org", "oidc", "show", "acme"), "No provider"),
        (("audit", "list", "nobody"), "no such organization"),
    ):
        ended = frontdesk(*command, *where)
        assert (ended.returncode, sentence in " ".join(ended.stderr.split())) == (1, True), ended.stderr
