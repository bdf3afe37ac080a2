"""What the pages say is so: their commands run, their links lead somewhere, their names exist."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import FENCE, ROOT, Step, name, pages, says, steps
from tests.support import postgres
from tests.support.server import Process

RUNNABLE = [page for page in pages() if steps(page.read_text(encoding="utf-8"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
END = "this-was-step"
# Where the pages have their empty database.
DATABASE = "postgresql://frontdesk@127.0.0.1:5432/frontdesk"
# What the pages write for the secret that each demo makes and prints.
SECRET = "the-secret-that-the-demo-prints"
# Seconds. The longest page waits out two held polls.
PATIENCE = 100


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def bash(script: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A shell as a reader has it in the repository; what it left in the background is gone afterwards."""
    bin_folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "200"}
    for link in ("examples", "docs"):
        (folder / link).symlink_to(ROOT / link)
    with (folder / "printed").open("wb") as printed:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            yield shell
        finally:
            # Most pages leave nothing in the background.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()


def run(script: list[Step], folder: Path, replace: dict[str, str]) -> list[str]:
    """What each step printed. The steps share one shell, so variables carry over as they do for a reader."""
    text = "".join(f"{step.shell}\necho; echo {END}\n" for step in script)
    for old, new in replace.items():
        text = text.replace(old, new)
    with bash(text, folder) as shell:
        status = shell.wait(PATIENCE)
    printed = (folder / "printed").read_text().split(END)
    assert status == 0, f"step {len(printed)} ended with {status}:\n{printed[-1]}"
    return printed[:-1]


@pytest.mark.parametrize("page", RUNNABLE, ids=name)
def test_commands_run_as_written(page: Path, tmp_path: Path) -> None:
    """Every block marked `sh run` works against a fresh demo, and prints what the page says."""
    script = steps(page.read_text(encoding="utf-8"))
    with Process(tmp_path / "demo-data") as demo:
        # The ports that the pages write: the demo's, and that of a server which the page itself starts.
        port, other = str(demo.port), str(free_port())
        replace = {"127.0.0.1:8080": f"127.0.0.1:{port}", "--port 8080": f"--port {port}", "9000": other}
        replace[SECRET] = demo.facts["client"]["secret"]
        if any(DATABASE in step.shell for step in script):
            replace |= {DATABASE: postgres.fresh(), "9001": str(free_port())}
        printed = run(script, tmp_path, replace)
    for number, (step, said) in enumerate(zip(script, printed, strict=True), 1):
        assert not step.output or says(said, step.output), f"step {number} printed\n{said}\nnot\n{step.output}"


def test_every_guide_is_tried() -> None:
    """The front page, the tutorial and each guide have commands that run, so none of them can grow stale unseen."""
    guides = [*(ROOT / "docs" / "how-to").iterdir(), *(ROOT / "docs" / "tutorial").iterdir(), ROOT / "README.md"]
    assert [name(page) for page in guides if page not in RUNNABLE] == []


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    """A command that fails, and one that prints something else, are both seen."""
    assert says("port 1 is open\n", "port … is open")
    assert not says("port 1 is closed\n", "port … is open")
    with pytest.raises(AssertionError, match="step 2 ended with 3"):
        run(steps("```sh run\ntrue\n```\n```sh run\nexit 3\n```\n"), tmp_path, {})


def test_output_belongs_to_the_block_before_it() -> None:
    """A text block behind a runnable one is its output; behind other words it is not."""
    text = "```sh run\na\n```\n\n```text\nb\n```\n```sh run\nc\n```\nthen\n```text\nd\n```\n```sh\ne\n```\n"
    assert steps(text) == [Step("a\n", "b\n"), Step("c\n", "")]


def anchors(page: Path) -> set[str]:
    """The places in a page that a link may name, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file or folder that exists, and a heading in it."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for link in LINK.findall(text):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached() -> None:
    """Each page of docs/ is linked from another page, so that nothing is written for nobody."""
    linked = {
        (page.parent / unquote(link).partition("#")[0]).resolve()
        for page in pages()
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"\w+:", link)
    }
    assert [name(page) for page in (ROOT / "docs").rglob("*.md") if page not in linked] == []


PATH = re.compile(r"`((?:src|tests|docs|scripts|examples|web|benchmarks)/[\w./*-]+|(?:\w+/)+\w+\.(?:py|js|html))`")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_named_files_exist(page: Path) -> None:
    """A path in backquotes is one of the repository, written from its root or from src/frontdesk."""
    roots = (ROOT, ROOT / "src" / "frontdesk")
    named = PATH.findall(page.read_text(encoding="utf-8"))
    made = "benchmarks/build/"  # not in git: it is there once a benchmark has run
    missing = [path for path in named if not any(list(root.glob(path.rstrip("/"))) for root in roots)]
    assert [path for path in missing if not path.startswith(made)] == []
