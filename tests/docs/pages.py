"""The documentation as tests read it: its pages, their links, and the shell blocks that are marked `sh run`."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN, OUTPUT = "sh run", "text"


class Step(NamedTuple):
    """A block of shell, and what it is said to print ("" when the page does not say)."""

    shell: str
    output: str


def pages() -> list[Path]:
    """Every page that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def name(page: Path) -> str:
    """The page as one calls it."""
    return str(page.relative_to(ROOT))


def steps(text: str) -> list[Step]:
    """The runnable blocks in order. A text block behind one, with nothing but blank lines between, is its output."""
    found: list[Step] = []
    end = -1
    for block in FENCE.finditer(text):
        if block[1] == RUN:
            found.append(Step(block[2], ""))
            end = block.end()
        elif block[1] == OUTPUT and found and end > 0 and not text[end : block.start()].strip():
            found[-1] = Step(found[-1].shell, block[2])
        else:
            end = -1
    return found


def says(printed: str, promised: str) -> bool:
    """Whether `printed` is what the page promises. White space does not count, and … stands for anything."""
    pieces = (re.escape("".join(piece.split())) for piece in promised.split("…"))
    return bool(re.fullmatch(".*".join(pieces), "".join(printed.split()), re.DOTALL))
