"""`frontdesk user …` and `frontdesk client …`: beside a running server, without one, and on a database."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import FRONTDESK, ORG, at, done, environment, refused, told


def test_a_user_is_made_changed_and_disabled(installation: Path | str) -> None:
    """What is not named stays; who was disabled is back after a change."""
    told("skill", "create", ORG, "spanish", data=installation)
    made = told(
        *("user", "create", ORG, "ada", "--name", "Ada Byron", "--role", "supervisor", "--skill", "spanish=7"),
        *("--work-type", "100", "--capacity", "chat=3", "--id", "a1"),
        data=installation,
    )
    assert len(made.pop("password")) >= 20
    assert told("user", "list", ORG, data=installation) == [made]
    assert (made["userId"], made["roles"], made["skills"]) == ("a1", ["supervisor"], {"spanish": 7})
    done("user", "disable", ORG, "ada", *at(installation))
    assert "disabledTime" in told("user", "list", ORG, data=installation)[0]
    changed = told("user", "change", ORG, "ada", "--capacity", "chat=2", data=installation)
    assert changed == {**made, "capacity": {"chat": 2}}


def test_a_program_is_made_given_another_secret_and_ended(installation: Path | str) -> None:
    """Its secrets are in those two answers alone."""
    made = told("client", "create", ORG, "--scope", "desk", "--name", "CRM", data=installation)
    other = told("client", "secret", ORG, made["clientId"], data=installation)
    assert made["secret"] != other["secret"]
    listed = told("client", "list", ORG, data=installation)
    assert [(row["clientId"], row["scopes"], row["public"]) for row in listed] == [(made["clientId"], ["desk"], False)]
    assert "secret" not in listed[0]
    done("client", "revoke", ORG, made["clientId"], *at(installation))
    assert told("client", "list", ORG, data=installation) == []


def test_a_password_that_is_typed_is_never_printed(data: Path, key: str) -> None:
    """It comes over standard input, where no list of processes shows it; a made one is printed once."""
    assert key
    typed = "correct horse battery"
    said = done("user", "create", ORG, "ada", "--password-stdin", *at(data), typed=f"{typed}\n")
    assert typed not in said
    assert "shown only now" not in said
    assert "Password, shown only now: " in done("user", "password", ORG, "ada", *at(data))
    assert "signed out everywhere" in done("user", "signout", ORG, "ada", *at(data))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "create", ORG, "ada", "--skill", "spanish"), "--skill spanish is not understood"),
        (("user", "create", ORG, "ada", "--capacity", "chat=many"), "--capacity chat=many is not understood"),
        (("user", "create", ORG, "ada", "--work-type", "9"), "work type"),
        (("user", "create", ORG, "ada", "--role", "king"), "Roles are agent, supervisor"),
        (("reason", "create", ORG, "lunch", "--use", "fun"), "A reason is given for notReady or decline"),
        (("canned", "create", ORG, "hello", "--text", "Hello \udcff"), "not UTF-8"),
        (("user", "create", "nobody", "ada"), "no such organization"),
        (("user", "password", ORG, "nobody"), "Nobody signs in as nobody"),
        (("client", "create", ORG, "--scope", "all"), "Give scopes of these: desk"),
        (("client", "create", ORG, "--scope", "desk", "--public"), "Say where people go back to"),
        (("client", "revoke", ORG, "nobody"), "no such client"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    data: Path, key: str, arguments: tuple[str, ...], sentence: str
) -> None:
    """Without a traceback, and nothing is made."""
    assert key
    assert sentence in refused(*arguments, *at(data))


@pytest.mark.parametrize("where", ["stopped", "running"])
def test_a_password_that_is_no_text_is_refused(request: pytest.FixtureRequest, data: Path, where: str) -> None:
    """In a sentence, whoever carries the command out; a plain locale reads any bytes."""
    request.getfixturevalue("server" if where == "running" else "key")
    ended = subprocess.run(
        (*FRONTDESK, "user", "create", ORG, "ada", "--password-stdin", *at(data)),
        capture_output=True, check=False, env=environment({"LC_ALL": "C"}), input=bytes(range(0xE0, 0xF8)) + b"\n",
    )  # fmt: skip
    assert (ended.returncode, b"not UTF-8" in ended.stderr, ended.stdout) == (1, True, b""), ended.stderr


def test_a_change_on_record_says_what_is_not_as_it_was(data: Path, key: str) -> None:
    """As people read it: field by field, nested or not, and nothing that stayed."""
    assert key
    done("user", "create", ORG, "ada", "--name", "Ada", "--capacity", "chat=2", *at(data))
    done("user", "change", ORG, "ada", "--name", "Ada B", "--role", "agent", "--role", "supervisor", *at(data))
    done("worktype", "rules", ORG, "100", "--priority", "3", *at(data))
    rules, changed, made = done("audit", "list", ORG, "--limit", "3", *at(data)).splitlines()[4:7]
    assert rules.rpartition(" 100 ")[2].strip() == "rules.priority: 0 → 3"
    assert "name: Ada → Ada B, roles: agent → agent supervisor" in changed
    assert "login=ada, roles=agent" in made
    assert "capacity" not in changed


def test_an_agent_who_serves_nothing_is_pointed_out(data: Path, key: str) -> None:
    """Nothing would come to them; a supervisor has no need of it."""
    assert key
    hint = f"frontdesk user change {ORG} ada --work-type"
    assert hint in done("user", "create", ORG, "ada", *at(data))
    for more in (("bo", "--work-type", "100"), ("cy", "--role", "supervisor")):
        assert "--work-type" not in done("user", "create", ORG, *more, *at(data))


def test_yes_and_no_are_written_out(data: Path, key: str) -> None:
    """A table is for people."""
    assert key
    done("client", "create", ORG, "--scope", "desk", *at(data))
    row = done("client", "list", ORG, *at(data)).splitlines()[4]
    assert " no " in row
    assert "False" not in row
