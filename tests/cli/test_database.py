"""The command line on PostgreSQL: where the database is, what it says of itself, and what can go wrong with it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.cli.shell import ORG, done, frontdesk, refused, started, told
from tests.docs.test_pages import free_port
from tests.support.postgres import Postgres, shared
from tests.support.server import Process


def findings(url: str, *arguments: str, status: int = 0) -> dict[str, dict[str, Any]]:
    """What `frontdesk doctor` finds on a database, by check."""
    ended = frontdesk("doctor", "--json", "--database", url, "--port", str(free_port()), *arguments)
    assert ended.returncode == status, ended
    return {finding["check"]: finding for finding in json.loads(ended.stdout)}


def name(url: str) -> str:
    """The database's own name."""
    return url.rpartition("/")[2]


def test_init_needs_no_folder(database: str, tmp_path: Path) -> None:
    """Everything is in the database; nothing is left where the command ran."""
    done("init", ORG, cwd=tmp_path, env={"FRONTDESK_DATABASE": database})
    assert [row["orgId"] for row in told("org", "list", data=database)] == [ORG]
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_make_an_organization_once(database: str) -> None:
    """Each looks whether the name is taken: the second one sees what the first has made."""
    told("init", ORG, data=database)
    ended: list[CompletedProcess[str]] = []

    def make() -> None:
        ended.append(started("org", "create", "shop", "--database", database))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.returncode for each in ended) == [0, 1, 1, 1]
    assert all("There is an organization shop already." in each.stderr for each in ended if each.returncode)


def test_a_change_is_told_to_the_nodes(database: str) -> None:
    """The mark that they look at twice a second rises with it."""
    told("init", ORG, data=database)
    seen = "SELECT number FROM marks WHERE name = 'directory'"
    before = int(shared().sql(seen, name(database)))
    told("org", "list", data=database)
    assert int(shared().sql(seen, name(database))) == before
    told("org", "create", "shop", data=database)
    assert int(shared().sql(seen, name(database))) > before


def test_an_empty_database_is_said(database: str) -> None:
    """And nothing is made in it, except by `init`."""
    for command in (("org", "list"), ("serve",)):
        sentence = refused(*command, "--database", database)
        assert f"Nothing is set up in {database}. Run frontdesk init ORG on it." in sentence
    assert shared().sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name(database)) == "0"


def test_migrate_makes_the_tables(database: str) -> None:
    """Once."""
    assert "Migrated from nothing to" in done("migrate", "--database", database)
    assert "Nothing to do" in done("migrate", "--database", database)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("postgresql://127.0.0.1:1/chat", "can't be reached at 127.0.0.1:1 (nobody listens there)."),
        ("postgresql://frontdesk@db.invalid/chat", "can't be reached at db.invalid ("),
        ("postgresql://frontdesk@127.0.0.1:{port}/none", "has no database none. Make it there: createdb none"),
        ("postgresql://nobody@127.0.0.1:{port}/postgres", 'role "nobody" does not exist'),
        ("postgresql://frontdesk@127.0.0.1:port/chat", "The address of the database can't be used"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address: str, sentence: str) -> None:
    """By every command, without a trace, and by `doctor` with what to do."""
    url = address.format(port=shared().port)
    assert sentence in refused("org", "list", "--database", url)
    assert sentence in refused("serve", "--database", url)
    found = findings(url, status=1)["PostgreSQL"]
    assert sentence in found["found"]
    assert found["todo"]


@pytest.fixture
def guarded_server(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL that asks for passwords."""
    rules = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path  # noqa: S108 - readable by whoever runs it
    file = rules / f"frontdesk-{tmp_path.name}-pg_hba.conf"
    file.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    server = Postgres(f"hba_file={file}")
    server.start()
    yield server
    server.remove()
    file.unlink()


def test_a_wrong_password_is_said_and_not_shown(guarded_server: Postgres) -> None:
    """The sentence names the variable that it belongs into."""
    url = guarded_server.url("postgres").replace("frontdesk@", "frontdesk:guessed@")
    sentence = refused("org", "list", "--database", url)
    assert "refuses the password" in sentence
    assert "PGPASSWORD" in sentence
    assert "guessed" not in sentence
    assert "guessed" not in json.dumps(findings(url, status=1))


def test_rights_that_are_missing_are_said(database: str) -> None:
    """A user who may not make tables is told whom to ask."""
    shared().sql("DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    sentence = refused("init", ORG, "--database", database.replace("frontdesk@", "guest@"))
    assert "permission denied for schema public" in sentence
    assert "GRANT ALL ON SCHEMA public" in sentence


def test_doctor_finds_nothing_wrong(database: str) -> None:
    """On a database that is set up."""
    told("init", ORG, data=database)
    found = findings(database)
    assert [check for check, each in found.items() if each["state"] == "wrong"] == []
    assert {"PostgreSQL", "durability", "migrations", "round trip", "clock", "connections", "node", "bus"} <= set(found)


def test_doctor_finds_a_database_that_forgets(database: str) -> None:
    """With the setting that must be on."""
    told("init", ORG, data=database)
    shared().sql(f"ALTER DATABASE {name(database)} SET synchronous_commit = off")
    found = findings(database, status=1)["durability"]
    assert "synchronous_commit = on" in found["todo"]
    assert "synchronous_commit = off" in refused("org", "list", "--database", database)


def test_doctor_shows_nodes_and_whether_they_beat(database: str) -> None:
    """A row of a node that died stands still."""
    told("init", ORG, data=database)
    row = "('n1', 'host:7', 0, 1, 5, 1767225600000)"
    columns = "node, name, slot, epoch, beat, started_ms"
    shared().sql(f"INSERT INTO nodes ({columns}) VALUES {row}", name(database))  # noqa: S608 - ours
    found = findings(database)["node"]
    assert (found["state"], found["found"].endswith("stands still")) == ("note", True)
    assert "host:7 (n1), since 2026-01-01 00:00:00 UTC, beat 5" in found["found"]


def test_doctor_looks_for_nats(database: str) -> None:
    """An address where nobody listens is found, and its password not shown."""
    told("init", ORG, data=database)
    found = findings(database, "--bus", f"nats://ada:guessed@127.0.0.1:{free_port()}", status=1)["NATS"]
    assert found["found"].startswith("nats://ada:…@127.0.0.1:")
    assert "guessed" not in json.dumps(found)


def test_doctor_finds_an_empty_database(database: str) -> None:
    """With the command that is missing."""
    assert "frontdesk init" in findings(database, status=1)["migrations"]["todo"]


def test_the_demo_stays_on_its_file(data: Path) -> None:
    """A variable that was set for the real server does not lead it astray: nobody listens at this address."""
    with Process(data, environment={"FRONTDESK_DATABASE": "postgresql://127.0.0.1:1/chat"}) as demo:
        assert demo.facts["data"] == str(data.resolve())
