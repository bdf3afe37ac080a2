"""The records that an organization sets up, each by itself."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.catalog import (
    TYPES,
    CannedResponse,
    Disposition,
    Kind,
    Skill,
    Thing,
    check,
    filled,
    id_field,
    id_of,
)
from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import Hours


def canned(**fields: str) -> CannedResponse:
    """A canned response with these fields."""
    known = {"canned_response_id": "hello", "name": "Greeting", "text": "Hello {contactName}, I am {agentName}."}
    return CannedResponse(**{**known, **fields})  # type: ignore[arg-type]


def test_a_canned_response_is_filled_with_the_names() -> None:
    """Each field that it has is replaced, also where it comes twice."""
    text = "{contactName}, {contactName}: {agentName}"
    assert filled(text, {"contactName": "Ada", "agentName": "Bob"}) == "Ada, Ada: Bob"


def test_a_field_without_a_name_stays() -> None:
    """Nobody is greeted as "None"."""
    assert filled("Hello {contactName}", {}) == "Hello {contactName}"


@given(st.text(), st.text())
def test_names_are_put_in_as_they_are(contact: str, agent: str) -> None:
    """A contact who calls themselves "{agentName}" is not filled in again."""
    assert filled("{contactName}|{agentName}", {"contactName": contact, "agentName": agent}) == f"{contact}|{agent}"


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (Skill("", "x"), "invalidId"),
        (Skill("a b", "x"), "invalidId"),
        (Skill("-a", "x"), "invalidId"),
        (Skill("a" * 64, "x"), "invalidId"),
        (Skill("a", ""), "invalidName"),
        (Skill("a", " "), "invalidName"),
        (Skill("a", "x\ny"), "invalidName"),
        (Skill("a", "x" * 201), "invalidName"),
        (Hours("h", "acme", "Office", "Mars/Olympus"), "unknownZone"),
        (canned(text=""), "invalidText"),
        (canned(text="x" * 2001), "invalidText"),
        (canned(text="Hello {contact}"), "unknownField"),
        (canned(text="Hello {}"), "unknownField"),
        (canned(shortcut="two words"), "invalidShortcut"),
        (canned(shortcut="/hello"), "invalidShortcut"),
        (canned(shortcut="x" * 41), "invalidShortcut"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(thing: Thing, reason: str) -> None:
    """With a reason of its own."""
    with pytest.raises(Invalid) as refused:
        check(thing)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "thing",
    [
        Skill("spanish", "Español 🇪🇸"),
        canned(),
        canned(shortcut="hello"),
        canned(text="Set {not closed"),
        Skill("1", "x"),
    ],
    ids=str,
)
def test_what_makes_sense_passes_as_it_is(thing: Thing) -> None:
    """Nothing is changed on its way."""
    assert check(thing) is thing


def test_a_disposition_without_work_types_fits_all() -> None:
    """One that names some fits those alone."""
    assert Disposition("sold", "Sold").fits("79")
    assert Disposition("sold", "Sold", ("79",)).fits("79")
    assert not Disposition("sold", "Sold", ("79",)).fits("32")


@pytest.mark.parametrize("kind", Kind)
def test_the_id_of_each_kind_is_its_first_field(kind: Kind) -> None:
    """`id_of` and `id_field` count on it."""
    assert TYPES[kind].__struct_fields__[0].endswith("_id")
    assert id_field(kind).endswith("Id")
    make: Callable[..., Thing] = TYPES[kind]
    required = len(TYPES[kind].__struct_fields__) - len(TYPES[kind].__struct_defaults__)
    assert id_of(make(*map(str, range(required)))) == "0"
