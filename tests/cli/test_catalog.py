"""Setting up what agents need: the same commands beside a running server, without one, and on a database."""

from pathlib import Path

import pytest

from tests.cli.shell import ORG, at, done, refused, told


def test_what_is_made_is_listed_until_it_is_removed(installation: Path | str) -> None:
    """With its fields as they were typed."""
    done("canned", "create", ORG, "hello", "--text", "Hello {contactName}", "--shortcut", "hi", *at(installation))
    (row,) = told("canned", "list", ORG, data=installation)
    assert (row["cannedResponseId"], row["text"], row["shortcut"]) == ("hello", "Hello {contactName}", "hi")
    assert done("canned", "remove", ORG, "hello", *at(installation)) == "Removed canned hello.\n"
    assert told("canned", "list", ORG, data=installation) == []


def test_rules_are_changed_by_options(installation: Path | str) -> None:
    """Those that are not named stay."""
    done("skill", "create", ORG, "spanish", *at(installation))
    done("worktype", "rules", ORG, "100", "--priority", "3", *at(installation))
    options = ("--skill", "spanish=8", "--relax", "60:spanish=5", "--relax", "180:", "--overflow", "callback:100")
    assert "Work type 100 does not take callback." in refused(
        "worktype", "rules", ORG, "100", *options, *at(installation)
    )
    rules = told("worktype", "rules", ORG, "100", *options[:-2], data=installation)
    assert (rules["priority"], [ring["afterSeconds"] for ring in rules["rings"]]) == (3, [0, 60, 180])
    assert "It is in use: work type 100." in refused("skill", "remove", ORG, "spanish", *at(installation))


def test_hours_are_shown_as_they_are_typed(data: Path, key: str) -> None:
    """A table is for people; JSON has minutes."""
    spans = ("--open", "mon-fri 09:00-17:00", "--open", "sat 22:00-06:00", "--on", "2026-12-25")
    done("hours", "create", ORG, "office", "--zone", "Europe/Berlin", *spans, "--data", str(data))
    shown = done("hours", "list", ORG, "--data", str(data))
    assert "mon-fri 09:00-17:00, sat 22:00-06:00" in shown
    assert "2026-12-25" in shown
    (row,) = told("hours", "list", ORG, data=data)
    assert row["spans"][0] == {"day": 0, "opensMinute": 540, "closesMinute": 1020}


def test_one_takes_the_place_of_another_when_asked_to(data: Path, key: str) -> None:
    """Otherwise its id is taken."""
    done("team", "create", ORG, "north", "--name", "North", "--data", str(data))
    assert "There is one with this id already" in refused("team", "create", ORG, "north", "--data", str(data))
    done("team", "create", ORG, "north", "--name", "Up north", "--replace", "--data", str(data))
    assert [row["name"] for row in told("team", "list", ORG, data=data)] == ["Up north"]


def test_a_work_type_is_removed(data: Path, key: str) -> None:
    """It is listed no more."""
    done("worktype", "create", ORG, "7", "--data", str(data))
    done("worktype", "remove", ORG, "7", "--data", str(data))
    assert [row["workTypeId"] for row in told("worktype", "list", ORG, data=data)] == ["100"]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            ("hours", "create", ORG, "x", "--zone", "UTC", "--open", "monday"),
            'Write "monday" like "mon-fri 09:00-17:00"',
        ),
        (("hours", "create", ORG, "x", "--zone", "Mars"), "Send a zone of the IANA database"),
        (("reason", "create", ORG, "x", "--use", "never"), "A reason is given for notReady or decline."),
        (("disposition", "create", ORG, "x", "--work-type", "8"), "There is no work type 8; make it first."),
        (("worktype", "rules", ORG, "8"), "There is no such work type"),
        (("worktype", "rules", ORG, "100", "--overflow", "fax:1"), 'Write "fax:1" like callback:32'),
        (("team", "list", "nobody"), "There is no such organization here."),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    data: Path, key: str, command: tuple[str, ...], sentence: str
) -> None:
    """And nothing is made."""
    assert sentence in refused(*command, "--data", str(data))
