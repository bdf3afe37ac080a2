"""What is printed: help that is there at once, tables that keep ids whole, names that are not markup."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import ORG, done, told

COMMANDS = (
    "demo", "serve", "chat", "init", "migrate", "doctor", "settings",
    "org", "apikey", "worktype", "callback", "token",
)  # fmt: skip
HEAVY = ("sqlalchemy", "uvicorn", "uvloop", "pydantic", "alembic", "joserfc", "structlog")


def test_help_loads_nothing_heavy() -> None:
    """What makes it answer at once, told without measuring time."""
    code = f"import sys, frontdesk.cli; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run((sys.executable, "-c", code), capture_output=True, check=True, text=True)
    assert loaded.stdout == "[]\n"


def test_help_lists_every_command() -> None:
    """With one line about each."""
    shown = done("--help", env={"COLUMNS": "120"})
    for command in COMMANDS:
        assert f" {command} " in shown


@pytest.mark.parametrize("columns", ["20", "40", "80", "200"])
def test_ids_and_times_stay_whole_however_narrow_the_terminal(columns: str, data: Path, key: str) -> None:
    """Half of an id can not be pasted into the next command."""
    (row,) = told("apikey", "list", ORG, data=data)
    shown = done("apikey", "list", ORG, "--data", str(data), env={"COLUMNS": columns})
    assert row["keyId"] in shown
    assert row["createdTime"] in shown


def test_a_name_is_no_markup(data: Path, key: str) -> None:
    """It is shown as it was given."""
    told("org", "create", "shop", "--name", "[red]Shop[/red]", data=data)
    assert "[red]Shop[/red]" in done("org", "list", "--data", str(data))


def test_a_sentence_is_no_markup(tmp_path: Path) -> None:
    """A folder may have brackets in its name."""
    with pytest.raises(AssertionError, match=r"\[bold\]folder"):
        done("org", "list", "--data", "[bold]folder", cwd=tmp_path)


def test_a_name_does_not_steer_the_terminal(data: Path, key: str) -> None:
    """Whoever gave it may be anybody; control characters are written out, and other alphabets stay."""
    assert key
    text = "Hello \x1b[2J\x9b2J{contactName}\nZürich 東京"
    told("canned", "create", ORG, "hello", "--text", text, data=data)
    shown = done("canned", "list", ORG, "--data", str(data))
    assert r"Hello \x1b[2J\x9b2J{contactName}\nZürich 東京" in shown
    assert "\x1b" not in shown
