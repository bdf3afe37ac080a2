"""The modelled power cut, tried on plain files and on SQLite before the server's tests rely on it."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.support.powercut import PowerCut

DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

WRITER: Final = """
import sqlite3, sys

folder, journal, synchronous, pause_after = sys.argv[1:]
db = sqlite3.connect(f"{folder}/log.db", isolation_level=None)
db.execute(f"PRAGMA journal_mode={journal}")
db.execute(f"PRAGMA synchronous={synchronous}")
db.execute("PRAGMA wal_autocheckpoint=40")
db.execute("CREATE TABLE IF NOT EXISTS log (number INTEGER UNIQUE, text TEXT)")
number = db.execute("SELECT coalesce(max(number), 0) FROM log").fetchone()[0]
while True:
    number += 1
    db.execute("INSERT INTO log VALUES (?, ?)", (number, "x" * (number % 3000)))
    print(number, flush=True)
    if number == int(pause_after):
        sys.stdin.read()
"""
"""Commits one row after another and says each number once its commit returned; may pause to be killed at rest."""


def run(power: PowerCut, script: str, *, at_sync: int = 0) -> None:
    """Run `script` in the data folder under the model until it ends or kills itself."""
    script = f"import os; os.chdir({str(power.data)!r})\n{script}"
    environment = power.arm(at_sync=at_sync)
    subprocess.run([sys.executable, "-c", script], env=os.environ | environment, check=False)


def acknowledged_until(power: PowerCut, count: int, *, journal: str, synchronous: str, at_rest: bool = False) -> int:
    """Let the writer commit `count` rows, kill it, and answer the last number it acknowledged.

    At rest nothing is under way when the kill comes: no later sync can have made the last row durable.
    """
    command = [sys.executable, "-c", WRITER, str(power.data), journal, synchronous, str(count if at_rest else 0)]
    environment = os.environ | power.arm()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        numbers = [int(writer.stdout.readline()) for _ in range(count)]
        writer.kill()
        return int((writer.stdout.read().split() or numbers)[-1])


def stored(data: Path) -> list[int]:
    """The numbers in the log after the cut, from a database that is whole."""
    with closing(sqlite3.connect(data / "log.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [number for (number,) in db.execute("SELECT number FROM log ORDER BY rowid")]


class TestFiles:
    def test_written_bytes_are_lost_and_synced_ones_kept(self, power: PowerCut) -> None:
        """Only the second write came after the last sync."""
        run(power, "f = os.open('a', os.O_CREAT | os.O_WRONLY); os.write(f, b'one'); os.fsync(f); os.write(f, b'two')")

        power.strike()

        assert (power.data / "a").read_bytes() == b"one"

    def test_a_plain_kill_keeps_what_the_power_cut_loses(self, power: PowerCut) -> None:
        """The page cache survives the process: this is why the model is needed."""
        run(power, f"f = os.open('a', os.O_CREAT | os.O_WRONLY); os.write(f, b'one'); {DIE}")

        assert (power.data / "a").read_bytes() == b"one"
        power.strike()
        assert list(power.data.iterdir()) == []

    def test_an_overwrite_in_the_middle_reaches_the_shadow_when_synced(self, power: PowerCut) -> None:
        """Dirty pages are found below the synced length too, and only synced ones are copied."""
        run(
            power,
            "f = os.open('a', os.O_CREAT | os.O_RDWR); os.write(f, bytes(20000)); os.fsync(f)\n"
            "os.pwrite(f, b'kept', 9000); os.fdatasync(f); os.pwrite(f, b'lost', 13000)",
        )

        power.strike()

        content = (power.data / "a").read_bytes()
        assert (content[9000:9004], content[13000:13004], len(content)) == (b"kept", bytes(4), 20000)

    def test_a_cut_and_regrown_file_has_zeros_where_old_bytes_were(self, power: PowerCut) -> None:
        """Truncation leaves no page marked as written, and still the old bytes must not come back."""
        run(
            power,
            "f = os.open('a', os.O_CREAT | os.O_RDWR); os.write(f, b'x' * 9000); os.fsync(f)\n"
            "os.ftruncate(f, 10); os.ftruncate(f, 9000); os.fsync(f)",
        )

        power.strike()

        assert (power.data / "a").read_bytes() == b"x" * 10 + bytes(8990)

    def test_a_duplicated_descriptor_writes_to_the_same_file(self, power: PowerCut) -> None:
        """The descriptor that syncs need not be the one that wrote."""
        run(
            power,
            "f = os.open('a', os.O_CREAT | os.O_RDWR); os.write(f, b'old'); os.fsync(f); d = os.dup(f)\n"
            "os.close(f); os.pwrite(d, b'new', 0); e = os.open('a', os.O_RDONLY); os.fsync(e)",
        )

        power.strike()

        assert (power.data / "a").read_bytes() == b"new"

    def test_a_name_becomes_durable_with_its_directory(self, power: PowerCut) -> None:
        """A synced directory knows the file, not yet its bytes."""
        run(power, "f = os.open('a', os.O_CREAT | os.O_WRONLY); os.write(f, b'x'); os.fsync(os.open('.', os.O_RDONLY))")

        power.strike()

        assert (power.data / "a").read_bytes() == b""

    @pytest.mark.parametrize(("sync", "content"), [("", b"old"), ("os.fsync(os.open('.', os.O_RDONLY))", b"new")])
    def test_a_replacement_waits_for_its_directory(self, power: PowerCut, sync: str, content: bytes) -> None:
        """The new content was synced under its temporary name: the rename alone is not durable."""
        power.data.mkdir()
        (power.data / "a").write_bytes(b"old")
        run(
            power,
            "f = os.open('b', os.O_CREAT | os.O_WRONLY); os.write(f, b'new'); os.fsync(f); os.replace('b', 'a')\n"
            + sync,
        )

        power.strike()

        assert (power.data / "a").read_bytes() == content

    @pytest.mark.parametrize(("sync", "names"), [("", ["a"]), ("os.fsync(os.open('.', os.O_RDONLY))", [])])
    def test_a_removal_waits_for_its_directory(self, power: PowerCut, sync: str, names: list[str]) -> None:
        """Until then the file may come back."""
        power.data.mkdir()
        (power.data / "a").write_bytes(b"old")
        run(power, f"os.unlink('a'); {sync}")

        power.strike()

        assert [path.name for path in power.data.iterdir()] == names

    def test_a_file_made_again_under_a_removed_name_is_the_new_one(self, power: PowerCut) -> None:
        """Syncing the new file commits the removal of the old: the journal of names is ordered."""
        power.data.mkdir()
        (power.data / "a").write_bytes(b"old and long")
        run(power, "os.unlink('a'); f = os.open('a', os.O_CREAT | os.O_WRONLY); os.write(f, b'new'); os.fsync(f)")

        power.strike()

        assert (power.data / "a").read_bytes() == b"new"

    def test_the_power_goes_in_the_sync_that_was_named(self, power: PowerCut) -> None:
        """The first sync is durable; the second one kills and is not."""
        script = "f = os.open('a', os.O_CREAT | os.O_WRONLY)\nfor _ in range(3): os.write(f, b'x'); os.fsync(f)"
        run(power, script, at_sync=2)

        power.strike()

        assert (power.data / "a").read_bytes() == b"x"

    def test_survivors_differ_and_each_is_a_mixture_of_old_and_new_sectors(self, power: PowerCut) -> None:
        """Seeds decide which of twenty unsynced sectors had reached the disk."""
        outcomes = set()
        for seed in range(8):
            power.data.mkdir(exist_ok=True)
            (power.data / "a").write_bytes(b"o" * 512 * 20)
            run(power, "f = os.open('a', os.O_RDWR); os.write(f, b'n' * 512 * 20)")
            power.strike(random.Random(seed))
            content = (power.data / "a").read_bytes()
            sectors = {content[at : at + 512] for at in range(0, len(content), 512)}
            assert sectors <= {b"o" * 512, b"n" * 512}
            outcomes.add(content)

        assert len(outcomes) > 4


class TestSQLite:
    @pytest.mark.parametrize("torn", [False, True])
    @pytest.mark.parametrize(("journal", "synchronous"), [("WAL", "FULL"), ("DELETE", "EXTRA")])
    def test_durable_settings_lose_nothing_acknowledged(
        self, power: PowerCut, journal: str, synchronous: str, *, torn: bool
    ) -> None:
        """Five cuts of one database, many checkpoints: every number said is there, once, in order."""
        rng = random.Random(f"{journal} {torn}")
        for _ in range(5):
            last = acknowledged_until(power, rng.randrange(1, 400), journal=journal, synchronous=synchronous)
            power.strike(rng if torn else None)

            numbers = stored(power.data)

            assert numbers[:last] == list(range(1, last + 1))
            assert len(numbers) <= last + 1

    @pytest.mark.parametrize(
        ("journal", "synchronous"), [("WAL", "NORMAL"), ("WAL", "OFF"), ("DELETE", "FULL"), ("DELETE", "OFF")]
    )
    def test_weaker_settings_lose_acknowledged_rows(self, power: PowerCut, journal: str, synchronous: str) -> None:
        """The control: the model sees a commit that was answered before it was on the disk.

        DELETE with FULL loses the last one only: without EXTRA the removed rollback journal may come back.
        """
        last = acknowledged_until(power, 5, journal=journal, synchronous=synchronous, at_rest=True)
        power.strike()

        with closing(sqlite3.connect(power.data / "log.db")) as db:
            tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            rows = db.execute("SELECT count(*) FROM log").fetchone()[0] if tables else 0

        assert rows < last
