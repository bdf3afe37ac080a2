"""What an organization sets up in small: skills, teams, reasons, dispositions, hours, canned responses.

Work types are in `actions/work_types.py`, API keys in `actions/api_keys.py`. Every change is on record, and whoever
makes one calls it inside `Changes.alone`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from frontdesk.actions.changes import OPERATOR, Changes
from frontdesk.actions.context import Context
from frontdesk.actions.references import References
from frontdesk.domain.catalog import KINDS, TYPES, CannedResponse, Disposition, Kind, Thing, check, id_field, id_of
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.hours import Hours
from frontdesk.domain.people import Item
from frontdesk.domain.times import rfc3339
from frontdesk.ports import Record

View = dict[str, Any]
Keep = Callable[[View], Sequence[Record]]
_encode = msgspec.json.Encoder().encode
# As the audit log names them: "provisioning.skill.changed".
_NOUNS = {
    Kind.SKILLS: "skill",
    Kind.TEAMS: "team",
    Kind.REASONS: "reason",
    Kind.DISPOSITIONS: "disposition",
    Kind.HOURS: "hours",
    Kind.CANNED_RESPONSES: "cannedResponse",
}
# Items of one kind: above it somebody's import runs wild, and every node holds all of them in memory.
ITEMS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something in which organization. `keep` gives what is stored beside a new one's view."""

    org_id: str
    actor: str = OPERATOR
    keep: Keep = lambda view: ()


class Provisioning:
    """The items of every organization."""

    def __init__(self, context: Context, changes: Changes) -> None:
        self._context = context
        self._directory = context.directory
        self._changes = changes
        self.references = References(context.directory, self.things)

    def things(self, org_id: str, kind: Kind) -> list[Thing]:
        """All of a kind."""
        return [_thing(kind, item) for item in self._directory.items(org_id, kind)]

    def views(self, org_id: str, kind: Kind) -> list[View]:
        """All of a kind as the API shows them, by id."""
        return sorted(map(_view, self._directory.items(org_id, kind)), key=lambda view: str(view[id_field(kind)]))

    def view(self, org_id: str, kind: Kind, item_id: str) -> View:
        """One as the API shows it. Raises NotFound."""
        return _view(self._item(org_id, kind, item_id))

    def new_id(self) -> str:
        """An id for what comes without one."""
        return str(self._context.ids.number())

    async def create(self, by: By, thing: Thing) -> View:
        """A new one. Raises Invalid when it makes no sense, or its id is taken."""
        kind, item_id = KINDS[type(thing)], id_of(thing)
        self._check(by.org_id, thing)
        if self._directory.item(by.org_id, kind, item_id) is not None:
            raise Invalid("idTaken", "There is one with this id already; choose another.", scope=id_field(kind))
        if len(self._directory.items(by.org_id, kind)) >= ITEMS_MAX:
            raise Invalid("tooManyItems", f"There are {ITEMS_MAX} of these already; remove some.", scope="kind")
        item = self._item_of(by.org_id, thing, self._context.clock.now_ms())
        await self._changes.store([item, self._note(by, kind, "created", item), *by.keep(_view(item))])
        return _view(item)

    async def replace(self, by: By, thing: Thing) -> View:
        """Another one under the same id. Raises NotFound, Invalid."""
        kind = KINDS[type(thing)]
        before = self._item(by.org_id, kind, id_of(thing))
        self._check(by.org_id, thing)
        if isinstance(thing, Disposition):
            self.references.check_outcomes(by.org_id, thing)
        item = self._item_of(by.org_id, thing, before.created_ms)
        await self._changes.store([item, self._note(by, kind, "changed", item, before)])
        return _view(item)

    async def remove(self, by: By, kind: Kind, item_id: str) -> None:
        """End one; what happened with it keeps its id. Raises NotFound, and Invalid when it is in use."""
        before = self._item(by.org_id, kind, item_id)
        self.references.check_unused(by.org_id, kind, item_id)
        item = msgspec.structs.replace(before, removed_ms=self._context.clock.now_ms())
        await self._changes.store([item, self._note(by, kind, "removed", before)])

    def _check(self, org_id: str, thing: Thing) -> None:
        check(thing)
        if isinstance(thing, Disposition | CannedResponse):
            self.references.check_work_types(org_id, thing.work_type_ids)
        if isinstance(thing, CannedResponse) and thing.shortcut:
            self._check_shortcut(org_id, thing)

    def _check_shortcut(self, org_id: str, canned: CannedResponse) -> None:
        for other in self.things(org_id, Kind.CANNED_RESPONSES):
            if (
                isinstance(other, CannedResponse)
                and other.canned_response_id != canned.canned_response_id
                and other.shortcut.casefold() == canned.shortcut.casefold()
            ):
                raise Invalid("shortcutTaken", f"{other.name} has this shortcut already.", scope="shortcut")

    def _item(self, org_id: str, kind: Kind, item_id: str) -> Item:
        found = self._directory.item(org_id, kind, item_id)
        if found is None:
            raise NotFound("unknownId", "There is none with this id; list them to see which there are.", scope="id")
        return found

    def _item_of(self, org_id: str, thing: Thing, created_ms: int) -> Item:
        body = _encode(thing).decode()
        return Item(org_id=org_id, kind=KINDS[type(thing)], item_id=id_of(thing), body=body, created_ms=created_ms)

    def _note(self, by: By, kind: Kind, what: str, now: Item, before: Item | None = None) -> Record:
        detail = {"is": msgspec.Raw(now.body.encode())}
        if before is not None:
            detail["was"] = msgspec.Raw(before.body.encode())
        return self._changes.note(by.org_id, by.actor, f"provisioning.{_NOUNS[kind]}.{what}", now.item_id, **detail)


def _thing(kind: Kind, item: Item) -> Thing:
    return msgspec.json.decode(item.body, type=TYPES[kind])


def _view(item: Item) -> View:
    thing = _thing(Kind(item.kind), item)
    view: View = msgspec.to_builtins(thing)
    if isinstance(thing, Hours):
        del view["orgId"]
    return {**view, "createdTime": rfc3339(item.created_ms)}
