"""A modelled power cut for the data folder of a real process (see shadow.c for what the model promises).

cut = PowerCut(build(tmp), data=folder, shadow=tmp / "shadow")
process = subprocess.Popen(..., env=os.environ | cut.arm())
...
process.kill(); process.wait()
cut.strike()            # the folder now holds what was synced, and nothing else
cut.strike(rng)         # the same, and any part of what was not
"""

import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

_SOURCES = Path(__file__).parent
_REBUILT_AT_OPEN = "-shm"


def build(folder: Path) -> Path:
    """The library to preload, compiled into `folder`; CalledProcessError with the compiler's words on failure."""
    library = folder / "powercut.so"
    sources = sorted(_SOURCES.glob("*.c"))
    options = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    subprocess.run(["cc", *options, "-o", library, *sources], check=True)
    return library


@dataclass(frozen=True, kw_only=True)
class PowerCut:
    """One data folder and the shadow that holds only its synced part; all three paths are absolute."""

    library: Path
    data: Path
    shadow: Path

    def arm(self, *, at_sync: int = 0) -> dict[str, str]:
        """The environment that puts the next process under the model; what the folder holds now is durable.

        With `at_sync` the process dies by itself in its n-th sync, before that has made anything durable.
        """
        shutil.rmtree(self.shadow, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.data, self.shadow, ignore=_not_modelled)
        return {
            "LD_PRELOAD": str(self.library),
            "POWERCUT_DIR": str(self.data.resolve()),
            "POWERCUT_SHADOW": str(self.shadow.resolve()),
            "POWERCUT_AT_SYNC": str(at_sync),
        }

    def strike(self, survivors: random.Random | None = None) -> None:
        """Replace the folder, whose process has died, by what the disk holds.

        Only what was synced, or, with `survivors`, any subset of the unsynced sectors and names as well: a
        disk may have written them in any order before the power went.
        """
        if survivors is not None:
            self._let_survive(survivors)
        shutil.rmtree(self.data)
        shutil.move(self.shadow, self.data)

    def _let_survive(self, survivors: random.Random) -> None:
        for path in sorted(self.data.rglob("*")):
            if not _is_modelled(path):
                continue
            kept = self.shadow / path.relative_to(self.data)
            if kept.exists() or survivors.random() < 0.5:
                kept.parent.mkdir(parents=True, exist_ok=True)
                synced = kept.read_bytes() if kept.exists() else b""
                kept.write_bytes(_mixture(synced, path.read_bytes(), survivors))


def _is_modelled(path: Path) -> bool:
    return path.is_file() and not path.name.endswith(_REBUILT_AT_OPEN)


def _not_modelled(folder: str, names: list[str]) -> list[str]:
    """Leave out what a killed process left behind and no disk keeps: sockets above all."""
    paths = [Path(folder, name) for name in names]
    return [path.name for path in paths if not path.is_dir() and not _is_modelled(path)]


def _mixture(synced: bytes, written: bytes, survivors: random.Random) -> bytes:
    """The synced content with some sectors of the written one; how many is itself left to chance."""
    share = survivors.random()
    length = len(written) if survivors.random() < share else len(synced)
    mixed = bytearray(synced.ljust(length, b"\0")[:length])
    for at in range(0, min(length, len(written)), SECTOR):
        sector = slice(at, min(at + SECTOR, length, len(written)))
        if mixed[sector] != written[sector] and survivors.random() < share:
            mixed[sector] = written[sector]
    return bytes(mixed)
