"""What may be sent to `provisioning/…`, and the shapes of its answers. The rules are in the domain."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.domain import catalog, hours, limits
from frontdesk.domain.model import Channel
from frontdesk.domain.rules import Rules
from frontdesk.http.bodies import plain_id

_TIME = Meta(extra_json_schema={"format": "date-time"})
Time = Annotated[str, _TIME]
NewId = Annotated[
    str | int | None, Meta(description="Its id: letters, digits, dots, dashes, underscores; made when left out.")
]
Name = Annotated[
    str, Meta(description="Name for people.", extra_json_schema={"minLength": 1, "maxLength": catalog.NAME_MAX})
]
WorkTypeIds = Annotated[tuple[str | int, ...], Meta(description="Only for these work types; for all when empty.")]


def _ids(found: tuple[str | int, ...], scope: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain_id(each, scope) for each in found))


# ---- what may be sent; `thing` makes the record


class SkillFields(Struct, frozen=True, rename="camel"):
    """A skill."""

    name: Name
    skill_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> catalog.Skill:
        """The record."""
        return catalog.Skill(item_id, self.name)


class TeamFields(Struct, frozen=True, rename="camel"):
    """A team."""

    name: Name
    team_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> catalog.Team:
        """The record."""
        return catalog.Team(item_id, self.name)


class ReasonFields(Struct, frozen=True, rename="camel"):
    """A reason."""

    name: Name
    use: Annotated[catalog.Use, Meta(description="What it is given for.")] = catalog.Use.NOT_READY
    reason_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> catalog.Reason:
        """The record."""
        return catalog.Reason(item_id, self.name, self.use)


class DispositionFields(Struct, frozen=True, rename="camel"):
    """A disposition."""

    name: Name
    work_type_ids: WorkTypeIds = ()
    disposition_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> catalog.Disposition:
        """The record. Raises Invalid."""
        return catalog.Disposition(item_id, self.name, _ids(self.work_type_ids, "workTypeIds"))


class HoursFields(Struct, frozen=True, rename="camel"):
    """Hours of operation."""

    name: Name
    zone: Annotated[str, Meta(description="A zone of the IANA database, such as Europe/Berlin.")]
    spans: Annotated[
        tuple[hours.Span, ...],
        Meta(
            description="Of every week; day 0 is Monday, minutes count from midnight. An earlier closing is next day's."
        ),
    ] = ()
    dated: Annotated[
        tuple[hours.Dated, ...], Meta(description="Dates with spans of their own; none for a holiday.")
    ] = ()
    hours_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> hours.Hours:
        """The record."""
        return hours.Hours(item_id, org_id, self.name, self.zone, self.spans, self.dated)


class CannedResponseFields(Struct, frozen=True, rename="camel"):
    """A canned response."""

    name: Name
    text: Annotated[
        str,
        Meta(
            description="What is sent; {contactName} and {agentName} stand for the names.",
            extra_json_schema={"minLength": 1, "maxLength": limits.TEXT_MAX},
        ),
    ]
    shortcut: Annotated[
        str,
        Meta(
            description="What agents type to find it, without the slash.",
            extra_json_schema={"maxLength": catalog.SHORTCUT_MAX},
        ),
    ] = ""
    work_type_ids: WorkTypeIds = ()
    canned_response_id: NewId = None

    def thing(self, org_id: str, item_id: str) -> catalog.CannedResponse:
        """The record. Raises Invalid."""
        work_type_ids = _ids(self.work_type_ids, "workTypeIds")
        return catalog.CannedResponse(item_id, self.name, self.text, self.shortcut, work_type_ids)


class WorkTypeFields(Struct, frozen=True, rename="camel"):
    """A work type."""

    name: Name
    channels: Annotated[tuple[Channel, ...], Meta(description="What it takes.", extra_json_schema={"minItems": 1})] = (
        Channel.CHAT,
    )
    script: Annotated[str, Meta(description="The self-service script that answers first.")] = ""
    rules: Annotated[Rules, Meta(description="How agents are chosen; what is left out has its default.")] = Rules()
    work_type_id: NewId = None


class ApiKeyFields(Struct, frozen=True, rename="camel"):
    """An API key."""

    name: Name


# ---- what is answered


class Skill(Struct, frozen=True, rename="camel"):
    """A skill as it is set up."""

    skill_id: str
    name: str
    created_time: Time


class Team(Struct, frozen=True, rename="camel"):
    """A team as it is set up."""

    team_id: str
    name: str
    created_time: Time


class Reason(Struct, frozen=True, rename="camel"):
    """A reason as it is set up."""

    reason_id: str
    name: str
    use: catalog.Use
    created_time: Time


class Disposition(Struct, frozen=True, rename="camel"):
    """A disposition as it is set up."""

    disposition_id: str
    name: str
    work_type_ids: tuple[str, ...]
    created_time: Time


class Hours(Struct, frozen=True, rename="camel"):
    """Hours of operation as they are set up."""

    hours_id: str
    name: str
    zone: str
    spans: tuple[hours.Span, ...]
    dated: tuple[hours.Dated, ...]
    created_time: Time


class CannedResponse(Struct, frozen=True, rename="camel"):
    """A canned response as it is set up."""

    canned_response_id: str
    name: str
    text: str
    shortcut: str
    work_type_ids: tuple[str, ...]
    created_time: Time


class WorkType(Struct, frozen=True, rename="camel"):
    """A work type as it is set up, with all of its rules."""

    work_type_id: str
    name: str
    channels: tuple[Channel, ...]
    script: str
    rules: Rules
    created_time: Time


class ApiKey(Struct, frozen=True, rename="camel"):
    """An API key, known by its first letters. `revokedTime`: it has ended."""

    api_key_id: str
    name: str
    hint: str
    created_time: Time
    revoked_time: Time | None = None


class NewApiKey(Struct, frozen=True, rename="camel"):
    """A new API key: the only answer that has the key itself."""

    api_key_id: str
    name: str
    hint: str
    created_time: Time
    key: str


class Page(Struct, frozen=True, rename="camel"):
    """A page of what is set up, by id. `next`, where there is more, is the `after` of the next page."""

    total_items: int
    next: str | None = None


class Skills(Page, frozen=True, rename="camel", kw_only=True):
    """A page of skills."""

    items: list[Skill]


class Teams(Page, frozen=True, rename="camel", kw_only=True):
    """A page of teams."""

    items: list[Team]


class Reasons(Page, frozen=True, rename="camel", kw_only=True):
    """A page of reasons."""

    items: list[Reason]


class Dispositions(Page, frozen=True, rename="camel", kw_only=True):
    """A page of dispositions."""

    items: list[Disposition]


class HoursList(Page, frozen=True, rename="camel", kw_only=True):
    """A page of hours of operation."""

    items: list[Hours]


class CannedResponses(Page, frozen=True, rename="camel", kw_only=True):
    """A page of canned responses."""

    items: list[CannedResponse]


class WorkTypes(Page, frozen=True, rename="camel", kw_only=True):
    """A page of work types."""

    items: list[WorkType]


class ApiKeys(Page, frozen=True, rename="camel", kw_only=True):
    """A page of API keys."""

    items: list[ApiKey]
