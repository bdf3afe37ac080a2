"""From one shape of the database to the next, and never back by accident."""

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from frontdesk.engines import migrate, queries
from frontdesk.engines.migrate import TooNew, revision, upgrade, upgrade_server
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.postgres_link import open_pool
from frontdesk.engines.schema import file_metadata, metadata
from frontdesk.engines.sqlite import FILE, open_writer
from tests.support.postgres import shared

T = TypeVar("T")

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
LATER = """
revision = "9001"
down_revision = "{head}"
from alembic import op
import sqlalchemy as sa

def upgrade():
    op.add_column("organizations", sa.Column("motto", sa.String(), nullable=False, server_default=""))
    {then}

def downgrade():
    op.drop_column("organizations", "motto")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / FILE


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    """Its writing connection, on an empty file."""
    made = open_writer(path)
    yield made
    made.close()


def connected(db: sqlite3.Connection) -> Connection:
    """The same connection as SQLAlchemy sees it."""
    return create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool).connect()


def step(db: sqlite3.Connection, way: Callable[[Config, str], None], to: str) -> None:
    """Up or down to a revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with connected(db) as connection:
        config.attributes["connection"] = connection
        way(config, to)
        connection.commit()


def a_later_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str = "pass") -> None:
    """Let frontdesk be one migration further."""
    folder = tmp_path / "later" / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_later.py").write_text(LATER.format(head=HEAD, then=then))
    monkeypatch.setattr(migrate, "__file__", str(folder.parent / "migrate.py"))
    monkeypatch.setattr(migrate, "HEAD", "9001")


def test_migrating_from_nothing_gives_the_schema(path: Path, db: sqlite3.Connection) -> None:
    """Alembic's own comparison finds no difference between the steps and `schema.file_metadata`."""
    assert upgrade(path, db) == ""
    with connected(db) as connection:
        assert compare_metadata(MigrationContext.configure(connection), file_metadata) == []
    assert revision(db) == HEAD


def test_indices_have_the_conditions_of_the_schema(path: Path, db: sqlite3.Connection, tmp_path: Path) -> None:
    """What Alembic does not compare: without its condition an index of the living would grow for ever."""
    upgrade(path, db)
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    file_metadata.create_all(fresh)
    with fresh.connect() as other:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        assert [tuple(r) for r in other.exec_driver_sql(query)] == db.execute(query).fetchall()
    fresh.dispose()


def test_the_stated_head_is_the_newest_step() -> None:
    """The start trusts the constant, and there is one line of steps."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_there_is_nothing_to_do_twice(path: Path, db: sqlite3.Connection) -> None:
    """And no copy is made."""
    upgrade(path, db)
    assert upgrade(path, db) == HEAD
    assert copies(path) == []


def test_a_newer_database_is_refused_and_left_alone(path: Path, db: sqlite3.Connection) -> None:
    """The older program would not know what it destroys."""
    upgrade(path, db)
    db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.execute("UPDATE marks SET number = 9999 WHERE name = 'oldest'")
    before = list(db.iterdump())
    with pytest.raises(TooNew, match="9999"):
        upgrade(path, db)
    assert list(db.iterdump()) == before


def test_a_newer_database_that_only_got_more_is_served(
    path: Path, db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expand, then contract: the older program works on what a newer one made of it, until a step says otherwise."""
    with monkeypatch.context() as later:
        a_later_version(tmp_path, later)
        upgrade(path, db)
    assert upgrade(path, db) == "9001"
    assert copies(path) == []
    db.execute("DELETE FROM marks WHERE name = 'oldest'")
    with pytest.raises(TooNew, match="9001"):
        upgrade(path, db)


def copies(path: Path) -> list[Path]:
    """The copies kept beside the database."""
    return sorted(path.parent.glob("*.before-*"))


def test_the_old_data_is_copied_before_a_migration(
    path: Path, db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole database at its old revision, as secret as the original; the new one has the data too."""
    upgrade(path, db)
    db.execute("INSERT INTO organizations VALUES ('viademo', 'Demo', '*', 120, 1)")
    a_later_version(tmp_path, monkeypatch)
    assert upgrade(path, db) == HEAD
    assert db.execute("SELECT org_id, motto FROM organizations").fetchall() == [("viademo", "")]
    [copy] = copies(path)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    old = sqlite3.connect(copy)
    assert revision(old) == HEAD
    assert old.execute("SELECT * FROM organizations").fetchall() == [("viademo", "Demo", "*", 120, 1)]
    old.close()


def test_a_migration_that_fails_half_way_changes_nothing(
    path: Path, db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: a start after the cause is mended begins where the old version ended."""
    upgrade(path, db)
    before = list(db.iterdump())
    a_later_version(tmp_path, monkeypatch, then="raise RuntimeError('power cut')")
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade(path, db)
    db.close()
    again = open_writer(path)
    assert list(again.iterdump()) == before
    again.close()


def test_a_first_start_that_ends_between_two_steps_leaves_nothing(
    path: Path, db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps are one transaction, not each its own."""
    with monkeypatch.context() as later:
        a_later_version(tmp_path, later, then="raise RuntimeError('power cut')")
        with pytest.raises(RuntimeError, match="power cut"):
            upgrade(path, db)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert upgrade(path, db) == ""


def test_every_step_can_be_taken_back(path: Path, db: sqlite3.Connection) -> None:
    """Down to an empty database, and up again."""
    upgrade(path, db)
    step(db, command.downgrade, "base")
    left = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert left == [("alembic_version",)]
    upgrade(path, db)
    assert revision(db) == HEAD


def test_logs_of_before_the_links_are_found(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as long as it was; and a program that knows nothing of links, and would write without, is kept out."""
    step(db, command.upgrade, "0004")
    columns = "interaction_id, seq, stream_seq, kind, author, payload, time_ms, answers"
    for seq in range(1, 4):
        for interaction_id in (1, 2):
            said = (interaction_id, seq, 0, "messaging.Text", "Agent", f"{interaction_id}.{seq}", 1, 0)
            db.execute(f"INSERT INTO entries ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", said)  # noqa: S608 - ours
    assert upgrade(path, db) == "0004"
    with connected(db) as connection:
        for interaction_id in (1, 2):
            found = [said.payload for said in queries.log(connection, interaction_id, 1, 100)]
            assert found == [f"{interaction_id}.2", f"{interaction_id}.3"]
    monkeypatch.setattr(migrate, "HEAD", "0004")
    with pytest.raises(TooNew, match=HEAD):
        upgrade(path, db)


# ---- PostgreSQL


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database of PostgreSQL."""
    made = shared().fresh()
    yield made
    shared().drop(made)


def on_server(url: str, work: Callable[[Connection], T]) -> T:
    """Do it there, in one transaction."""

    async def connected() -> T:
        pool = open_pool(url, "", 1)
        try:
            async with pool.begin() as db:
                return await db.run_sync(work)
        finally:
            await pool.dispose()

    return asyncio.run(connected())


def tables(url: str) -> str:
    """The tables that are there."""
    query = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
    return shared().sql(query, url.rpartition("/")[2])


def test_a_server_gets_the_same_schema(url: str) -> None:
    """From nothing; a second start finds it done."""
    assert on_server(url, upgrade_server) == ""
    compared = on_server(url, lambda db: compare_metadata(MigrationContext.configure(db), metadata))
    assert compared == []
    assert on_server(url, upgrade_server) == HEAD


def test_indices_of_a_server_have_the_conditions_of_the_schema(url: str) -> None:
    """As on SQLite: the condition keeps an index small."""
    on_server(url, upgrade_server)
    fresh = shared().fresh()
    on_server(fresh, metadata.create_all)
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
    made, wanted = (shared().sql(query, each.rpartition("/")[2]) for each in (url, fresh))
    shared().drop(fresh)
    assert made == wanted != ""


def test_a_migration_of_a_server_that_fails_half_way_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction, from an empty database too."""
    with monkeypatch.context() as later:
        a_later_version(tmp_path, later, then="raise RuntimeError('power cut')")
        with pytest.raises(RuntimeError, match="power cut"):
            on_server(url, upgrade_server)
        assert tables(url) == ""
    on_server(url, upgrade_server)
    assert "sessions" in tables(url)


def test_a_node_starts_on_what_a_newer_one_made_of_the_server(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nodes are replaced one by one, an old one may be started again."""
    on_server(url, upgrade_server)
    with monkeypatch.context() as later:
        a_later_version(tmp_path, later)
        assert on_server(url, upgrade_server) == HEAD
    assert on_server(url, upgrade_server) == "9001"
    shared().sql("UPDATE marks SET number = 9001 WHERE name = 'oldest'", url.rpartition("/")[2])
    with pytest.raises(TooNew, match="9001"):
        on_server(url, upgrade_server)


def test_every_step_of_a_server_can_be_taken_back(url: str) -> None:
    """Down to an empty database, and up again."""
    on_server(url, upgrade_server)

    def down(db: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = db
        command.downgrade(config, "base")

    on_server(url, down)
    assert tables(url) == "alembic_version"
    on_server(url, upgrade_server)
    assert "nodes" in tables(url)
