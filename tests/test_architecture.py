"""ARCHITECTURE.md and the import rules describe the code that is there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DRAWING = str.maketrans("│├└─", "    ")
A_PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*(/|\.\w+)|Makefile|LICENSE|\.ci/run")


def tree_lines(document: str) -> list[str]:
    """Return the lines of the one code block that draws the repository, lines of the package included."""
    blocks: list[str] = re.findall(r"^```\w*\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    trees = [block for block in blocks if "src/frontdesk/" in block]
    assert len(trees) == 1, "ARCHITECTURE.md draws the repository in exactly one code block"
    return [line.translate(DRAWING) for line in trees[0].splitlines() if line.strip()]


def names_on(line: str) -> list[str]:
    """Return the paths a line begins with; the first word that is no path begins the remark."""
    names: list[str] = []
    for word in line.split():
        if not A_PATH.fullmatch(word):
            break
        names.append(word)
    return names


def paths_in(document: str) -> list[str]:
    """Return every path of the tree, from the repository's root; indentation says what lies in what."""
    paths: list[str] = []
    open_folders: list[tuple[int, str]] = [(-1, "")]
    for line in tree_lines(document):
        names, depth = names_on(line), len(line) - len(line.lstrip())
        if not names:
            continue  # a remark running over from the line above
        while open_folders[-1][0] >= depth:
            open_folders.pop()
        paths += [open_folders[-1][1] + name for name in names]
        if names[-1].endswith("/"):
            open_folders.append((depth, paths[-1]))
    return paths


def test_every_path_of_the_tree_exists() -> None:
    """Each path drawn in ARCHITECTURE.md is a file or folder of the repository."""
    paths = paths_in((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert "src/frontdesk/domain/" in paths, "the tree was not read: it must name src/frontdesk/domain/"
    assert [path for path in paths if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_part_of_the_package_is_in_the_tree() -> None:
    """No module or folder directly below src/frontdesk is missing from ARCHITECTURE.md."""
    drawn = {path.rstrip("/") for path in paths_in((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))}
    package = ROOT / "src" / "frontdesk"
    parts = {*package.glob("*.py"), *(module.parent for module in package.glob("*/*.py"))}
    assert {str(part.relative_to(ROOT)) for part in parts} - drawn == {"src/frontdesk/__init__.py"}


def test_a_tree_is_read_with_its_nesting() -> None:
    """Several paths on a line, drawn branches and remarks over two lines are all understood."""
    document = """
```
README.md  Makefile (lists itself)
src/frontdesk/
├── domain/       the rules, and
│                 nothing else
│   └── model.py  values
└── ports.py      contracts
tests/  docs/     beside it
```
"""
    assert paths_in(document) == [
        "README.md",
        "Makefile",
        "src/frontdesk/",
        "src/frontdesk/domain/",
        "src/frontdesk/domain/model.py",
        "src/frontdesk/ports.py",
        "tests/",
        "docs/",
    ]


def test_imports_go_one_way() -> None:
    """import-linter finds its contracts kept: the layers hold and scripts know only the domain."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
