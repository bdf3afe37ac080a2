"""`frontdesk migrate --to`: everything arrives, also after a break, and what is not the same is found."""

import hashlib
import os
import pty
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from frontdesk.engines.moving import CHUNK
from frontdesk.engines.postgres_link import escaped
from tests.cli.shell import FRONTDESK, ORG, done, environment, frontdesk, refused, told
from tests.streaming.reading import again, texts
from tests.support.postgres import programs, shared
from tests.support.server import DEMO, Process
from tests.support.wire import PATIENCE_SECONDS

SERVE = ("serve", "--json", "--port", "0")
# Three whole chunks, and a bit.
ENTRIES = 3 * CHUNK + 10

_MANY = f"""
INSERT INTO entries (entry_id, interaction_id, seq, stream_seq, kind, author, payload, time_ms, answers)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
SELECT i, 7, i, i, 'messaging.Text', 'Contact', '{{"text":"Grüße ' || i || '"}}', i, 0 FROM n
"""  # noqa: S608 - our own number


def name(url: str) -> str:
    """The database's own name."""
    return url.rpartition("/")[2]


def sql(url: str, statement: str) -> str:
    """What PostgreSQL answers."""
    return shared().sql(statement, name(url))


def change(data: Path, *statements: str) -> None:
    """Write to a stopped installation."""
    with closing(sqlite3.connect(data / "frontdesk.db")) as db, db:
        for statement in statements:
            db.execute(statement)


@pytest.fixture
def source(data: Path, key: str) -> Path:
    """A stopped installation with some thousand entries."""
    change(
        data,
        "INSERT INTO interactions (interaction_id, org_id, session_id, work_type_id, channel, state, contact, fence,"
        " script, script_state, script_seq, closed_ms, closed_reason)"
        " VALUES (7, 'acme', 's', '100', 'chat', 'closed', '{\"name\":\"Zoë\"}', 1, '', '', 0, 1, 'contact')",
        _MANY,
        "INSERT INTO repeats VALUES ('s', 'b', 'd', 202, x'00ff01', 1), ('s', 'B', 'd', 202, x'', 1),"
        " ('s', 'ä', 'd', 202, x'00', 1)",
        "INSERT INTO sessions (session_id, org_id, first_id, inactivity_delay, require_acknowledgement, stream_seq,"
        " cursor, disposed, ended_ms)"
        " VALUES ('s', 'acme', '', 60, 1, 3, 2, 0, 5), ('S', 'acme', 's', 60, 0, 0, 0, 1, 5)",
    )
    return data


def moved(source: Path, url: str) -> str:
    """What a move that ends well says on the way."""
    ended = frontdesk("migrate", "--data", str(source), "--to", url)
    assert ended.returncode == 0, ended.stderr
    assert "all of it the same" in ended.stdout
    return ended.stderr


def failed(source: Path, url: str) -> str:
    """What a move says that does not end well."""
    ended = frontdesk("migrate", "--data", str(source), "--to", url)
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_chat_goes_on_in_the_new_place(data: Path, database: str) -> None:
    """Token, session, numbers and script are as they were; the file is not changed by a byte."""
    with Process(data, command=(*DEMO, "--bench")) as old:
        contact = old.contact()
        contact.connect("1")
        contact.say("before")
        seen = contact.until("Text")
        contact.__exit__()
        assert old.stop() == 0
    done("migrate", "--data", str(data))
    before = hashlib.sha256((data / "frontdesk.db").read_bytes()).hexdigest()
    moved(data, database)
    assert hashlib.sha256((data / "frontdesk.db").read_bytes()).hexdigest() == before
    with Process(data, command=SERVE, environment={"FRONTDESK_DATABASE": database}) as new:
        assert new.facts["database"] == database
        with again(contact, new.port) as contact:
            contact.say("after")
            events = contact.poll(after=seen[-1]["sequenceNumber"])
            while "after" not in texts(events):
                events += contact.poll(after=events[-1]["sequenceNumber"] if events else seen[-1]["sequenceNumber"])
    numbers = [event["sequenceNumber"] for event in events]
    assert numbers == list(range(seen[-1]["sequenceNumber"] + 1, seen[-1]["sequenceNumber"] + 1 + len(numbers)))


def test_new_entries_are_numbered_behind_the_moved(source: Path, database: str) -> None:
    """PostgreSQL counts by itself from there on."""
    moved(source, database)
    assert sql(database, "SELECT nextval(pg_get_serial_sequence('entries', 'entry_id'))") == str(ENTRIES + 1)


def test_text_that_postgresql_can_not_hold_arrives(source: Path, database: str) -> None:
    """As the store writes and reads it."""
    change(source, "UPDATE interactions SET script_state = 'a' || char(0) || 'b' || char(1)")
    moved(source, database)
    wanted = escaped("a\x00b\x01").encode().hex()
    assert sql(database, "SELECT encode(script_state::bytea, 'hex') FROM interactions") == wanted


def test_a_second_move_compares_and_sends_nothing(source: Path, database: str) -> None:
    """The same command is safe to repeat."""
    assert f"Sending entries: 0 of {ENTRIES:,}" in moved(source, database)
    assert f"Sending entries: {ENTRIES:,} of {ENTRIES:,}" in moved(source, database)


@contextmanager
def in_the_way(url: str, statement: str) -> Iterator[Callable[[], None]]:
    """A transaction that has run a statement, and holds its locks; call it to let go."""
    psql = subprocess.Popen(
        [programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert psql.stdin is not None
    assert psql.stdout is not None
    psql.stdin.write(f"BEGIN; {statement};\n\\echo held\n")
    psql.stdin.flush()
    assert psql.stdout.readline() == "held\n"

    def let_go() -> None:
        psql.communicate(timeout=PATIENCE_SECONDS)

    try:
        yield let_go
    finally:
        psql.kill()
        psql.wait()


def wait_until(url: str, condition: str) -> None:
    """Until PostgreSQL says that it is so."""
    pause = threading.Event()
    for _ in range(PATIENCE_SECONDS * 20):
        if sql(url, f"SELECT {condition}") == "t":
            return
        pause.wait(0.05)
    raise AssertionError(condition)


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def broken_off(source: Path, url: str) -> None:
    """A move that is killed while its third chunk of entries is under way."""
    done("migrate", "--database", url)
    row = f"VALUES ({2 * CHUNK + 5}, 99, 1, 1, 'k', 'a', 'p', 1, 0)"
    columns = "entry_id, interaction_id, seq, stream_seq, kind, author, payload, time_ms, answers"
    with in_the_way(url, f"INSERT INTO entries ({columns}) {row}") as let_go:
        command = (*FRONTDESK, "migrate", "--data", str(source), "--to", url)
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment()) as process:
            wait_until(url, f"EXISTS (SELECT {OTHERS} AND wait_event_type = 'Lock')")
            process.kill()
        let_go()
    wait_until(url, f"NOT EXISTS (SELECT {OTHERS})")


def test_a_move_that_was_killed_goes_on_where_it_ended(source: Path, database: str) -> None:
    """What is there is not sent again; at the end all of it is there, once."""
    broken_off(source, database)
    there = int(sql(database, "SELECT count(*) FROM entries"))
    assert 2 * CHUNK <= there < ENTRIES
    assert f"Sending entries: {there:,} of {ENTRIES:,}" in moved(source, database)
    assert sql(database, "SELECT count(*) FROM entries") == str(ENTRIES)


def test_half_of_an_installation_is_not_served(source: Path, database: str) -> None:
    """Neither a node nor a command works on it before the move is repeated to its end."""
    broken_off(source, database)
    for command in (("serve",), ("org", "list")):
        assert "was broken off. Repeat it first" in refused(*command, "--database", database)
    moved(source, database)
    assert [row["orgId"] for row in told("org", "list", data=database)] == [ORG]


@pytest.mark.parametrize(
    ("harm", "table"),
    [
        ("UPDATE entries SET payload = payload || ' ' WHERE entry_id = 9", "entries"),
        ("DELETE FROM repeats WHERE key = 'B'", "repeats"),
        ("UPDATE sessions SET disposed = NOT disposed WHERE session_id = 's'", "sessions"),
        ("UPDATE signing_keys SET secret = 'x'", "signing_keys"),
    ],
)
def test_what_differs_is_found(harm: str, table: str, source: Path, database: str) -> None:
    """One byte is enough, and the table is named."""
    moved(source, database)
    sql(database, harm)
    assert f"Not the same on both sides: {table}." in failed(source, database)


def test_a_database_with_other_data_is_refused(source: Path, database: str) -> None:
    """Nothing is mixed."""
    done("init", "other", "--database", database)
    sentence = failed(source, database)
    assert "This database is not empty" in sentence
    assert "createdb" in sentence
    assert [row["orgId"] for row in told("org", "list", data=database)] == ["other"]


def test_a_database_moved_from_elsewhere_is_refused(source: Path, database: str) -> None:
    """Two installations don't become one."""
    moved(source, database)
    change(source, "UPDATE marks SET number = number + 1 WHERE name = 'cluster'")
    assert "moved from another installation" in failed(source, database)


def test_a_database_that_was_served_is_refused(source: Path, database: str) -> None:
    """It has data of its own by now, and the file's would be older."""
    moved(source, database)
    with Process(source, command=SERVE, environment={"FRONTDESK_DATABASE": database}) as node:
        assert node.stop() == 0
    assert "Nodes have served this database" in failed(source, database)


def test_a_server_at_work_is_in_the_way(server: Process, data: Path, database: str) -> None:
    """What it takes meanwhile would be left behind."""
    assert "Another frontdesk works on" in refused("migrate", "--data", str(data), "--to", database)
    assert sql(database, "SELECT to_regclass('entries') IS NULL") == "t"


def test_a_bar_moves_on_a_terminal(source: Path, database: str) -> None:
    """With rows, rate and the time that is left."""
    screen, theirs = pty.openpty()
    variables = environment({"TERM": "xterm", "COLUMNS": "160"})
    command = (*FRONTDESK, "migrate", "--data", str(source), "--to", database)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        shown = b""
        while part := _read(screen):
            shown += part
        assert process.wait() == 0, shown
    os.close(screen)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(rf"Comparing entries\s+━+\s+{ENTRIES}/{ENTRIES}\s+[\d,]+ rows/s\s+0:00:00", plain), plain


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:
        # Linux: how a terminal says that nobody has it open any more.
        return b""
