"""Who refers to what among all that is set up: nothing may name what is not there, or lose what it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from frontdesk.actions.directory import LiveDirectory
from frontdesk.domain.catalog import WORK_TYPES, CannedResponse, Disposition, Kind
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Channel, WorkType
from frontdesk.domain.people import User
from frontdesk.domain.rules import Detour, Instead, Rules
from frontdesk.domain.skills import check_skill

# Places that a refusal names; the first ones are enough to begin with.
PLACES_MAX = 3
# What a work type that a detour leads to must take.
_CHANNELS = {Instead.WORK_TYPE: Channel.CHAT, Instead.CALLBACK: Channel.CALLBACK}


class References:
    """Looks into the directory of one process. `things` gives an organization's dispositions and canned responses."""

    def __init__(self, directory: LiveDirectory, things: Callable[[str, Kind], Sequence[object]]) -> None:
        self._directory = directory
        self._things = things

    # ---- what is named must be there

    def check_skills(self, org_id: str, skill_ids: set[str], scope: str) -> None:
        """Raises Invalid when one of them is no skill of the organization."""
        for skill_id in sorted(skill_ids):
            if self._directory.item(org_id, Kind.SKILLS, skill_id) is None:
                raise Invalid("unknownSkill", f"There is no skill {skill_id}; make it first.", scope=scope)

    def check_work_types(self, org_id: str, work_type_ids: tuple[str, ...], scope: str = "workTypeIds") -> None:
        """Raises Invalid when one of them is no work type of the organization."""
        for work_type_id in work_type_ids:
            self._work_type(org_id, work_type_id, scope)

    def check_team(self, org_id: str, team_id: str) -> None:
        """Raises Invalid when it is named and not there."""
        if team_id and self._directory.item(org_id, Kind.TEAMS, team_id) is None:
            raise Invalid("unknownTeam", f"There is no team {team_id}; make it first.", scope="teamId")

    def check_user(self, user: User) -> None:
        """Raises Invalid when their team, skills or work types are not there, or a level makes no sense."""
        self.check_team(user.org_id, user.team_id)
        for skill_id, level in user.skills.items():
            check_skill(skill_id, level)
        self.check_skills(user.org_id, set(user.skills), "skills")
        self.check_work_types(user.org_id, user.work_type_ids)

    def check_rules(self, org_id: str, work_type_id: str, rules: Rules) -> None:
        """Raises Invalid when a work type's rules name what is not there, or lead a contact round in a circle."""
        self.check_skills(org_id, {need.skill for ring in rules.rings for need in ring.needs}, "rings")
        if rules.hours_id and self._directory.item(org_id, Kind.HOURS, rules.hours_id) is None:
            raise Invalid("unknownHours", f"There are no hours {rules.hours_id}; make them first.", scope="hoursId")
        for way, scope in ((rules.after_hours, "afterHours"), (rules.overflow, "overflow")):
            self._check_detour(org_id, way, scope)
        self._check_circle(org_id, work_type_id, rules)
        if rules.disposition_required and not self._outcomes(org_id, work_type_id):
            raise Invalid(
                "noDisposition", "Make a disposition that fits this work type first.", scope="dispositionRequired"
            )

    def _check_detour(self, org_id: str, way: Detour, scope: str) -> None:
        channel = _CHANNELS.get(way.instead)
        if channel is not None and channel not in self._work_type(org_id, way.target, scope).channels:
            raise Invalid("wrongChannel", f"Work type {way.target} does not take {channel}.", scope=scope)

    def _work_type(self, org_id: str, work_type_id: str, scope: str) -> WorkType:
        found = self._directory.work_type(org_id, work_type_id)
        if found is None:
            raise Invalid("unknownWorkType", f"There is no work type {work_type_id}; make it first.", scope=scope)
        return found

    def _check_circle(self, org_id: str, work_type_id: str, rules: Rules) -> None:
        """A closed work type that leads to a full one that leads back would pass its contact on without end."""
        seen: set[str] = set()
        ahead = _leads_to(rules, Instead.WORK_TYPE)
        while ahead:
            target = ahead.pop()
            if target == work_type_id:
                raise Invalid("detourCircle", "Its detours lead back to the work type itself.", scope="overflow")
            if target not in seen:
                seen.add(target)
                ahead += _leads_to(self._directory.rules(org_id, target), Instead.WORK_TYPE)

    def _outcomes(self, org_id: str, work_type_id: str, without: str = "") -> list[Disposition]:
        found = self._things(org_id, Kind.DISPOSITIONS)
        return [d for d in found if isinstance(d, Disposition) and d.disposition_id != without and d.fits(work_type_id)]

    # ---- what is there must not be lost

    def check_unused(self, org_id: str, kind: str, item_id: str) -> None:
        """Raises Invalid when something refers to it, and says what."""
        places = list(self._places(org_id, kind, item_id))
        if places:
            where = ", ".join(places[:PLACES_MAX]) + (" and others" if len(places) > PLACES_MAX else "")
            raise Invalid("stillInUse", f"It is in use: {where}. Change that first.", scope="id")

    def check_outcomes(self, org_id: str, changed: Disposition) -> None:
        """Raises Invalid when, with this change, a work type that requires a disposition has none."""
        for work_type in self._strict(org_id, changed.disposition_id):
            if not changed.fits(work_type.work_type_id):
                raise Invalid(
                    "stillInUse",
                    f"It is the only disposition of work type {work_type.work_type_id}, which requires one.",
                    scope="workTypeIds",
                )

    def check_channels(self, org_id: str, changed: WorkType) -> None:
        """Raises Invalid when, with this change, a detour leads to where its contacts are not taken any more."""
        for other in self._others(org_id, changed.work_type_id):
            rules = self._directory.rules(org_id, other.work_type_id)
            for instead, channel in _CHANNELS.items():
                if changed.work_type_id in _leads_to(rules, instead) and channel not in changed.channels:
                    raise Invalid(
                        "stillInUse",
                        f"Work type {other.work_type_id} leads here and needs {channel}. Change that first.",
                        scope="channels",
                    )

    def _strict(self, org_id: str, without: str) -> Iterator[WorkType]:
        """Work types that require a disposition, and without this one would have none."""
        for work_type in self._directory.work_types(org_id):
            rules = self._directory.rules(org_id, work_type.work_type_id)
            if rules.disposition_required and not self._outcomes(org_id, work_type.work_type_id, without):
                yield work_type

    def _places(self, org_id: str, kind: str, item_id: str) -> Iterator[str]:
        if kind == Kind.DISPOSITIONS:
            yield from (f"work type {w.work_type_id} requires one" for w in self._strict(org_id, item_id))
            return
        for work_type in self._others(org_id, item_id if kind == WORK_TYPES else ""):
            if item_id in _named(self._directory.rules(org_id, work_type.work_type_id), kind):
                yield f"work type {work_type.work_type_id}"
        for user in self._directory.users(org_id):
            if not user.disabled_ms and item_id in _held(user, kind):
                yield f"user {user.login}"
        if kind == WORK_TYPES:
            yield from self._limited_to(org_id, item_id)

    def _others(self, org_id: str, than: str) -> list[WorkType]:
        return [w for w in self._directory.work_types(org_id) if w.work_type_id != than]

    def _limited_to(self, org_id: str, work_type_id: str) -> Iterator[str]:
        for kind in (Kind.DISPOSITIONS, Kind.CANNED_RESPONSES):
            for thing in self._things(org_id, kind):
                if isinstance(thing, Disposition | CannedResponse) and work_type_id in thing.work_type_ids:
                    yield f"{'disposition' if kind is Kind.DISPOSITIONS else 'canned response'} {thing.name}"


def _leads_to(rules: Rules, *kinds: Instead) -> list[str]:
    return [way.target for way in (rules.after_hours, rules.overflow) if way.instead in kinds]


def _named(rules: Rules, kind: str) -> set[str]:
    """The ids of this kind that rules name."""
    if kind == Kind.SKILLS:
        return {need.skill for ring in rules.rings for need in ring.needs}
    if kind == Kind.HOURS:
        return {rules.hours_id}
    return set(_leads_to(rules, Instead.WORK_TYPE, Instead.CALLBACK)) if kind == WORK_TYPES else set()


def _held(user: User, kind: str) -> set[str]:
    """The ids of this kind that a user has."""
    if kind == Kind.SKILLS:
        return set(user.skills)
    if kind == Kind.TEAMS:
        return {user.team_id}
    return set(user.work_type_ids) if kind == WORK_TYPES else set()
