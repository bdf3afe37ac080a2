"""What SQLite itself must be told, and what keeps a second process out."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from frontdesk.engines.sqlite import (
    CHECKPOINT_PAGES,
    FILE,
    DataInUse,
    SqliteStore,
    UnsafeStorage,
    open_readers,
    open_writer,
)
from tests.contracts.engines import Bench
from tests.contracts.records import session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A store on SQLite as it is."""
    made = Bench("sqlite", tmp_path / "data")
    yield made
    made.close()


def test_a_commit_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    """Read back from SQLite, not from our own code: WAL, and 2 is FULL."""
    db = open_writer(tmp_path / FILE)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA fullfsync").fetchone() == (1,)
    assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (CHECKPOINT_PAGES,)
    db.close()


def test_a_file_system_without_shared_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There SQLite falls back to another journal without an error; the operator must hear it instead."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **options: connect(f"file:{path}?vfs=unix-dotfile", uri=True, **options)
    )
    with pytest.raises(UnsafeStorage, match="journal_mode is delete"):
        open_writer(tmp_path / FILE)


def test_readers_can_not_write(bench: Bench) -> None:
    """A second writer could corrupt the log of SQLite before 3.51.3; SQLite itself refuses it."""
    readers = open_readers(bench.store.path)
    try:
        with readers.connect() as db, pytest.raises(OperationalError, match="readonly"):
            db.exec_driver_sql("DELETE FROM sessions")
        with readers.connect() as db:
            assert db.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0
    finally:
        readers.dispose()


def test_readers_see_what_was_committed_at_once(bench: Bench) -> None:
    """No connection holds on to an old snapshot."""
    for i in range(20):
        bench.commit(session(f"s{i}"))
        assert len(bench.recover().sessions) == i + 1


def test_a_second_process_is_kept_out(bench: Bench) -> None:
    """Two would give out the same numbers. The owner's process id stays readable, and the owner goes on."""
    folder = bench.store.path.parent
    owner = (folder / "lock").read_text()
    with pytest.raises(DataInUse, match="Another frontdesk"):
        bench.run(_open(folder))
    assert (folder / "lock").read_text() == owner != ""
    bench.commit(session())


def test_the_folder_is_free_again_after_closing(bench: Bench) -> None:
    """And after a failed opening, too."""
    folder = bench.store.path.parent
    with pytest.raises(DataInUse):
        bench.run(_open(folder))
    bench.reopen()
    bench.commit(session())


def test_the_data_is_for_its_owner_alone(bench: Bench) -> None:
    """It holds what people said, and the keys that sign tokens."""
    folder = bench.store.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(bench.store.path.stat().st_mode) == 0o600


async def _open(folder: Path) -> SqliteStore:
    return SqliteStore(folder)
