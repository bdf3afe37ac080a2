"""The operator's commands for what an organization sets up: plain values in and out, as in `actions/admin.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.provisioning import By, Provisioning, View
from frontdesk.actions.work_types import WorkTypes
from frontdesk.domain.catalog import TYPES, Kind, Thing, Use, id_field
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Channel, WorkType

# What the shell calls one of each kind.
NOUNS = {
    "skill": Kind.SKILLS,
    "team": Kind.TEAMS,
    "reason": Kind.REASONS,
    "disposition": Kind.DISPOSITIONS,
    "hours": Kind.HOURS,
    "canned": Kind.CANNED_RESPONSES,
}


class SettingUp:
    """The commands, by name: "skill.create", "worktype.rules" …; each is run inside `Changes.alone`."""

    def __init__(
        self, directory: LiveDirectory, provisioning: Provisioning, work_types: WorkTypes, now_ms: Callable[[], int]
    ) -> None:
        self._directory = directory
        self._provisioning = provisioning
        self._work_types = work_types
        self._now_ms = now_ms
        self.commands: dict[str, Callable[..., Any]] = {
            "worktype.create": self.create_work_type,
            "worktype.list": self.list_work_types,
            "worktype.rules": self.rules,
            "worktype.remove": self.remove_work_type,
        }
        for noun, kind in NOUNS.items():
            self.commands[f"{noun}.create"] = partial(self.create, kind)
            self.commands[f"{noun}.list"] = partial(self.show_all, kind)
            self.commands[f"{noun}.remove"] = partial(self.remove, kind)

    async def create(self, kind: Kind, org_id: str, item_id: str, *, replace: bool = False, **fields: Any) -> View:
        """A new one, or with `replace` another under the same id; fields as in the API. Raises NotFound, Invalid."""
        self._directory.organization(org_id)
        thing = _thing(kind, org_id, item_id, fields)
        make = self._provisioning.replace if replace else self._provisioning.create
        return await make(By(org_id), thing)

    def show_all(self, kind: Kind, org_id: str) -> list[View]:
        """All of the kind. Raises NotFound."""
        self._directory.organization(org_id)
        return self._provisioning.views(org_id, kind)

    async def remove(self, kind: Kind, org_id: str, item_id: str) -> View:
        """End one. Raises NotFound, Invalid."""
        self._directory.organization(org_id)
        await self._provisioning.remove(By(org_id), kind, item_id)
        return {id_field(kind): item_id}

    async def create_work_type(
        self, org_id: str, work_type_id: str, name: str = "", channels: Sequence[str] = ("chat",), script: str = ""
    ) -> View:
        """A new kind of work. Raises NotFound, Invalid."""
        self._directory.organization(org_id)
        if not channels or any(c not in set(Channel) for c in channels):
            raise Invalid("unknownChannel", f"Channels are {', '.join(Channel)}.", scope="channels")
        made = WorkType(
            org_id=org_id,
            work_type_id=work_type_id,
            name=name or work_type_id,
            channels=tuple(Channel(c) for c in channels),
            created_ms=self._now_ms(),
            script=script,
        )
        return _short(await self._work_types.create(By(org_id), made))

    def list_work_types(self, org_id: str) -> list[View]:
        """The organization's work types. Raises NotFound."""
        self._directory.organization(org_id)
        return [_short(view) for view in self._work_types.views(org_id)]

    async def rules(
        self, org_id: str, work_type_id: str, changes: dict[str, Any] | None = None, *, anew: bool = False
    ) -> View:
        """The rules of a work type, after these changes if there are any. Raises NotFound, Invalid."""
        self._directory.organization(org_id)
        if not changes and not anew:
            return self._rules_of(self._work_types.view(org_id, work_type_id))
        return self._rules_of(await self._work_types.change_rules(By(org_id), work_type_id, changes or {}, anew=anew))

    async def remove_work_type(self, org_id: str, work_type_id: str) -> View:
        """End a kind of work. Raises NotFound, Invalid."""
        self._directory.organization(org_id)
        await self._work_types.remove(By(org_id), work_type_id)
        return {"workTypeId": work_type_id}

    @staticmethod
    def _rules_of(view: View) -> View:
        rules: View = view["rules"]
        return rules


def _thing(kind: Kind, org_id: str, item_id: str, fields: dict[str, Any]) -> Thing:
    if kind is Kind.REASONS and fields.get("use", Use.NOT_READY) not in set(Use):
        raise Invalid("unknownUse", f"A reason is given for {' or '.join(Use)}.", scope="use")
    own = {"orgId": org_id} if kind is Kind.HOURS else {}
    try:
        return msgspec.convert({"name": item_id, **fields, **own, id_field(kind): item_id}, TYPES[kind])
    except msgspec.ValidationError as error:
        raise Invalid("invalidFields", f"This can't be set up: {error}.") from None


def _short(view: View) -> View:
    return {name: view[name] for name in ("workTypeId", "name", "channels", "script")}
