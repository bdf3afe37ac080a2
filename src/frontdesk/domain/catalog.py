"""What an organization sets up beside users and work types: small records that are stored as items (`people.Item`).

Hours of operation are in `domain/hours.py`. Who refers to what is looked at in `actions/references.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from frontdesk.domain.errors import Invalid
from frontdesk.domain.hours import Hours, check_hours
from frontdesk.domain.limits import TEXT_MAX

NAME_MAX = 200
SHORTCUT_MAX = 40
# Letters, digits, dots, dashes and underscores: an id stands in paths, in command lines and in logs.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHORTCUT = re.compile(r"[^\s/{}]+")
_FIELD = re.compile(r"\{([^{}]*)\}")
# What stands for something in a canned response.
FIELDS = ("contactName", "agentName")

# What else is set up, as paths name it; these are no items.
USERS, WORK_TYPES, API_KEYS = "users", "workTypes", "apiKeys"


class Kind(StrEnum):
    """A kind of item, as paths name it (contract, `wire.md`, Agents)."""

    SKILLS = "skills"
    TEAMS = "teams"
    REASONS = "reasons"
    DISPOSITIONS = "dispositions"
    HOURS = "hours"
    CANNED_RESPONSES = "cannedResponses"


class Skill(Struct, frozen=True, rename="camel"):
    """Something that an agent can do. Users have it, and work types need it, by this id."""

    skill_id: str
    name: str


class Team(Struct, frozen=True, rename="camel"):
    """Users who are looked after together."""

    team_id: str
    name: str


class Use(StrEnum):
    """What a reason is given for."""

    NOT_READY = "notReady"
    DECLINE = "decline"


class Reason(Struct, frozen=True, rename="camel"):
    """Why an agent takes no work, or declines an offer."""

    reason_id: str
    name: str
    use: Use = Use.NOT_READY


class Disposition(Struct, frozen=True, rename="camel"):
    """An outcome that is chosen in wrap-up. Without work types it is one of all."""

    disposition_id: str
    name: str
    work_type_ids: tuple[str, ...] = ()

    def fits(self, work_type_id: str) -> bool:
        """Whether it can be the outcome of such work."""
        return not self.work_type_ids or work_type_id in self.work_type_ids


class CannedResponse(Struct, frozen=True, rename="camel"):
    """A text that agents send often; they find it by typing its shortcut. Without work types it is for all.

    `{contactName}` and `{agentName}` in it stand for the names of the two (`filled`).
    """

    canned_response_id: str
    name: str
    text: str
    shortcut: str = ""
    work_type_ids: tuple[str, ...] = ()


Thing = Skill | Team | Reason | Disposition | Hours | CannedResponse
TYPES: dict[Kind, type[Thing]] = {
    Kind.SKILLS: Skill,
    Kind.TEAMS: Team,
    Kind.REASONS: Reason,
    Kind.DISPOSITIONS: Disposition,
    Kind.HOURS: Hours,
    Kind.CANNED_RESPONSES: CannedResponse,
}
KINDS: dict[type[Thing], Kind] = {kind: name for name, kind in TYPES.items()}


def id_of(thing: Thing) -> str:
    """The id: always the first field."""
    return str(getattr(thing, thing.__struct_fields__[0]))


def id_field(kind: Kind) -> str:
    """What the id is called on the wire, as "skillId"."""
    return TYPES[kind].__struct_encode_fields__[0]


def check(thing: Thing) -> Thing:
    """The same thing. Raises Invalid, with the field as scope, where it makes no sense by itself."""
    check_id(id_of(thing), id_field(KINDS[type(thing)]))
    check_name(thing.name)
    if isinstance(thing, Hours):
        check_hours(thing)
    elif isinstance(thing, CannedResponse):
        _check_canned(thing)
    return thing


def check_id(value: str, scope: str) -> str:
    """The same id. Raises Invalid."""
    if not _ID.fullmatch(value):
        raise Invalid("invalidId", "Use 1 to 63 letters, digits, dots, dashes and underscores.", scope=scope)
    return value


def check_name(name: str) -> str:
    """The same name. Raises Invalid when there is nothing to show, or a line break would tear a list."""
    if not (1 <= len(name) <= NAME_MAX and name.isprintable() and name.strip()):
        raise Invalid("invalidName", f"Send a name of 1 to {NAME_MAX} printable characters.", scope="name")
    return name


def _check_canned(canned: CannedResponse) -> None:
    if not (1 <= len(canned.text) <= TEXT_MAX and canned.text.strip()):
        raise Invalid("invalidText", f"Send a text of 1 to {TEXT_MAX} characters.", scope="text")
    for field in _FIELD.findall(canned.text):
        if field not in FIELDS:
            raise Invalid("unknownField", "Use only {contactName} and {agentName} in braces.", scope="text")
    if canned.shortcut and not (len(canned.shortcut) <= SHORTCUT_MAX and _SHORTCUT.fullmatch(canned.shortcut)):
        raise Invalid(
            "invalidShortcut",
            f"Send at most {SHORTCUT_MAX} characters without spaces, slashes and braces.",
            scope="shortcut",
        )


def filled(text: str, names: Mapping[str, str]) -> str:
    """A canned response's text with `names` (by field) in it; a field without one stays as it is."""
    # In one pass: a contact who is called "{agentName}" is not replaced again.
    return _FIELD.sub(lambda found: names.get(found[1], found[0]), text)
