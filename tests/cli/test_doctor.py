"""`frontdesk doctor`: what is right, what is wrong, and that looking changes nothing."""

import hashlib
import json
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import frontdesk, told
from tests.support.server import Process

Findings = dict[str, dict[str, Any]]


def examined(data: Path, *arguments: str) -> tuple[int, Findings]:
    """The exit status, and the findings by check."""
    ended = frontdesk("doctor", "--json", "--data", str(data), *arguments)
    return ended.returncode, {finding["check"]: finding for finding in json.loads(ended.stdout)}


def wrong(findings: Findings) -> list[str]:
    """The checks that found something wrong; each says what to do."""
    found = [check for check, finding in findings.items() if finding["state"] == "wrong"]
    assert all(findings[check]["todo"] for check in found)
    return found


def a_free_port() -> str:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def test_a_sound_installation_is_found_sound(data: Path, key: str) -> None:
    """Every check ran, and none found anything."""
    status, findings = examined(data, "--port", a_free_port())
    assert (status, wrong(findings)) == (0, [])
    checks = {"data folder", "disk space", "fsync", "durability", "SQLite", "migrations", "integrity", "logs", "clock"}
    assert checks <= set(findings)


def test_it_looks_at_a_server_at_work(server: Process, data: Path) -> None:
    """Beside it, without being in its way."""
    status, findings = examined(data, "--port", str(server.port))
    assert (status, wrong(findings)) == (0, [])
    assert findings["server"]["found"].endswith("/readyz answers 200")
    assert told("org", "list", data=data)


def test_looking_changes_nothing(data: Path, key: str) -> None:
    """Not a byte of the database, and no scratch file stays."""
    before = hashlib.sha256((data / "frontdesk.db").read_bytes()).hexdigest()
    examined(data)
    assert hashlib.sha256((data / "frontdesk.db").read_bytes()).hexdigest() == before
    assert {path.name for path in data.iterdir()} <= {"frontdesk.db", "frontdesk.db-wal", "frontdesk.db-shm", "lock"}


def change(sql: str) -> Callable[[Path], None]:
    """Harm done by a statement."""

    def do(data: Path) -> None:
        with sqlite3.connect(data / "frontdesk.db") as db:
            db.executescript(sql)
        db.close()

    return do


def said(entry_id: int, previous_id: int, seq: int, *, noted: int = 0) -> Callable[[Path], None]:
    """An entry with this link, and so many that `log_ends` is said to know of."""
    columns = "entry_id, previous_id, interaction_id, seq, stream_seq, kind, author, payload, time_ms, answers"
    return change(
        f"INSERT INTO entries ({columns}) VALUES ({entry_id}, {previous_id}, 7, {seq}, 0, 'k', 'Agent', '', 1, 0);"  # noqa: S608 - ours
        f"UPDATE marks SET number = {noted} WHERE name = 'log_ends'"
    )


def open_to_others(data: Path) -> None:
    """Let every user of the machine read."""
    data.chmod(0o755)


def overwrite_a_page(data: Path) -> None:
    """As a bad disk would."""
    with (data / "frontdesk.db").open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        pytest.param(open_to_others, "data folder", id="open_to_others"),
        pytest.param(overwrite_a_page, "integrity", id="overwrite_a_page"),
        pytest.param(change("UPDATE alembic_version SET version_num = '9999'"), "migrations", id="newer"),
        pytest.param(change("ALTER TABLE organizations DROP COLUMN grace_seconds"), "migrations", id="column_missing"),
        pytest.param(said(1, 0, 2), "logs", id="first_entry_missing"),
        pytest.param(said(2, 1, 1), "logs", id="link_to_nowhere"),
        pytest.param(said(1, 0, 1, noted=1), "logs", id="log_without_end"),
        pytest.param(change("UPDATE organizations SET created_ms = 4102444800000"), "clock", id="future"),
    ],
)
def test_harm_is_found(harm: Callable[[Path], None], check: str, data: Path, key: str) -> None:
    """By the check that is for it, and by no other."""
    harm(data)
    status, findings = examined(data, "--port", a_free_port())
    assert (status, wrong(findings)) == (1, [check])


def test_a_taken_port_is_found(data: Path, key: str) -> None:
    """Before a start fails on it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, findings = examined(data, "--port", str(other.getsockname()[1]))
    assert (status, wrong(findings)) == (1, ["port"])


def test_a_server_on_another_port_is_found(server: Process, data: Path) -> None:
    """It is told how to look there."""
    status, findings = examined(data, "--port", a_free_port())
    assert (status, wrong(findings)) == (1, ["server"])
    assert "--port" in findings["server"]["todo"]


def test_a_folder_without_an_installation_is_found(data: Path) -> None:
    """And not made."""
    status, findings = examined(data, "--port", a_free_port())
    assert (status, wrong(findings)) == (1, ["data folder"])
    assert not data.exists()


def test_wrong_settings_are_found(data: Path) -> None:
    """Nothing else can be looked at before they are right."""
    ended = frontdesk("doctor", "--json", env={"FRONTDESK_PORT": "eighty"})
    (finding,) = json.loads(ended.stdout)
    assert (ended.returncode, finding["check"], finding["state"]) == (1, "settings", "wrong")


def test_the_table_says_what_to_do(data: Path, key: str) -> None:
    """As a command to paste, where there is one."""
    data.chmod(0o755)
    shown = frontdesk("doctor", "--data", str(data), "--port", a_free_port()).stdout
    assert f"chmod 700 {data}" in shown
    assert "1 to put right." in shown
