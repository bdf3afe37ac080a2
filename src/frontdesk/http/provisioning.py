"""The endpoints of administrators: what an organization sets up, each kind with the same five operations.

Unlike those of contacts they wait for each other: a change looks whether names are taken, and stores it only then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from frontdesk.actions.admin import Admin
from frontdesk.actions.api_keys import ApiKeys
from frontdesk.actions.changes import Changes
from frontdesk.actions.provisioning import By, Provisioning, View
from frontdesk.actions.work_types import WorkTypes, rules_text
from frontdesk.domain.catalog import Kind, id_field
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import WorkType
from frontdesk.http.bodies import plain_id
from frontdesk.http.later import Later
from frontdesk.http.paging import page_of, paged
from frontdesk.http.provisioning_bodies import ApiKeyFields, WorkTypeFields
from frontdesk.http.provisioning_users import UserShelf
from frontdesk.http.wire import Answer, Call, Pending, json_answer
from frontdesk.ports import Clock, Store

_encode = msgspec.json.Encoder().encode


class Shelf(Protocol):
    """One kind of what is set up. `id_name` is its id on the wire."""

    id_name: str

    async def views(self, org_id: str) -> list[View]:
        """All, by id."""

    async def view(self, org_id: str, item_id: str) -> View:
        """One. Raises NotFound."""

    async def create(self, by: By, item_id: str, body: Any) -> View:
        """A new one; `item_id` "" leaves its id to us. Raises Invalid."""

    async def replace(self, by: By, item_id: str, body: Any) -> View:
        """Another one under the same id. Raises NotFound, Invalid."""

    async def remove(self, by: By, item_id: str) -> None:
        """End one. Raises NotFound, and Invalid while it is in use."""


class ItemShelf:
    """Items of one kind."""

    def __init__(self, provisioning: Provisioning, kind: Kind) -> None:
        self._provisioning = provisioning
        self._kind = kind
        self.id_name = id_field(kind)

    async def views(self, org_id: str) -> list[View]:
        """See Shelf."""
        return self._provisioning.views(org_id, self._kind)

    async def view(self, org_id: str, item_id: str) -> View:
        """See Shelf."""
        return self._provisioning.view(org_id, self._kind, item_id)

    async def create(self, by: By, item_id: str, body: Any) -> View:
        """See Shelf."""
        return await self._provisioning.create(by, body.thing(by.org_id, item_id or self._provisioning.new_id()))

    async def replace(self, by: By, item_id: str, body: Any) -> View:
        """See Shelf."""
        return await self._provisioning.replace(by, body.thing(by.org_id, item_id))

    async def remove(self, by: By, item_id: str) -> None:
        """See Shelf."""
        await self._provisioning.remove(by, self._kind, item_id)


class WorkTypeShelf:
    """Work types."""

    id_name = "workTypeId"

    def __init__(self, work_types: WorkTypes, new_id: Callable[[], str], clock: Clock) -> None:
        self._work_types = work_types
        self._new_id = new_id
        self._clock = clock

    async def views(self, org_id: str) -> list[View]:
        """See Shelf."""
        return self._work_types.views(org_id)

    async def view(self, org_id: str, item_id: str) -> View:
        """See Shelf."""
        return self._work_types.view(org_id, item_id)

    async def create(self, by: By, item_id: str, body: WorkTypeFields) -> View:
        """See Shelf."""
        return await self._work_types.create(by, self._made(by, item_id or self._new_id(), body))

    async def replace(self, by: By, item_id: str, body: WorkTypeFields) -> View:
        """See Shelf."""
        return await self._work_types.replace(by, self._made(by, item_id, body))

    async def remove(self, by: By, item_id: str) -> None:
        """See Shelf."""
        await self._work_types.remove(by, item_id)

    def _made(self, by: By, item_id: str, body: WorkTypeFields) -> WorkType:
        return WorkType(
            org_id=by.org_id,
            work_type_id=item_id,
            name=body.name,
            channels=body.channels,
            created_ms=self._clock.now_ms(),
            script=body.script,
            rules=rules_text(body.rules),
        )


class ApiKeyShelf:
    """API keys. Their ids are ours."""

    id_name = "apiKeyId"

    def __init__(self, api_keys: ApiKeys) -> None:
        self._api_keys = api_keys

    async def views(self, org_id: str) -> list[View]:
        """See Shelf."""
        return await self._api_keys.views(org_id)

    async def view(self, org_id: str, item_id: str) -> View:
        """See Shelf."""
        return await self._api_keys.view(org_id, item_id)

    async def create(self, by: By, item_id: str, body: ApiKeyFields) -> View:
        """See Shelf."""
        made, secret = await self._api_keys.create(by, body.name)
        return {**await self._api_keys.view(by.org_id, made.key_id), "key": secret}

    async def replace(self, by: By, item_id: str, body: ApiKeyFields) -> View:
        """See Shelf."""
        return await self._api_keys.rename(by, item_id, body.name)

    async def remove(self, by: By, item_id: str) -> None:
        """See Shelf."""
        await self._api_keys.revoke(by, item_id)


class Five:
    """The five operations on one shelf, as endpoints."""

    def __init__(self, shelf: Shelf, changes: Changes, store: Store) -> None:
        self.shelf = shelf
        self._changes = changes
        self._later = Later(store)

    def show_all(self, call: Call) -> Pending:
        """All that are set up, a page at a time, in the order of their ids; a removed one is there no more."""
        after, limit = page_of(call.request.query)

        async def work() -> Answer:
            views = await self.shelf.views(call.organization.org_id)
            return json_answer(paged(views, self.shelf.id_name, after, limit))

        return self._later(work)

    def show(self, call: Call) -> Pending:
        """One of them."""

        async def work() -> Answer:
            return json_answer(await self.shelf.view(call.organization.org_id, self._id(call)))

        return self._later(work)

    def create(self, call: Call) -> Pending:
        """A new one, stored and in force when this is answered."""
        item_id = self._id_in(call.body) or ""
        by = By(call.organization.org_id, call.bearer.actor, lambda view: call.extra(200, _encode(view)))

        async def work() -> Answer:
            return json_answer(await self.shelf.create(by, item_id, call.body))

        return self._later(partial(self._changes.alone, work))

    def replace(self, call: Call) -> Pending:
        """Another one under the same id: what is left out has its default again. In force when this is answered."""
        item_id = self._id(call)
        if self._id_in(call.body) not in (None, item_id):
            raise Invalid("idMismatch", "Send the id that stands in the path, or none.", scope=self.shelf.id_name)

        async def work() -> Answer:
            return json_answer(await self.shelf.replace(_by(call), item_id, call.body))

        return self._later(partial(self._changes.alone, work))

    def remove(self, call: Call) -> Pending:
        """End one. What happened with it stays on record; while something refers to it, it is refused: `stillInUse`."""

        async def work() -> Answer:
            await self.shelf.remove(_by(call), self._id(call))
            return Answer(204)

        return self._later(partial(self._changes.alone, work))

    def _id(self, call: Call) -> str:
        return call.parameters["id"]

    def _id_in(self, body: Any) -> str | None:
        # Bodies name their fields as Python does; those of API keys have no id.
        name = next((f for f, wire in _wire_names(type(body)) if wire == self.shelf.id_name), "")
        found = getattr(body, name) if name else None
        return None if found is None else plain_id(found, self.shelf.id_name)


def _wire_names(body: type[Any]) -> list[tuple[str, str]]:
    return list(zip(body.__struct_fields__, body.__struct_encode_fields__, strict=True))


def _by(call: Call) -> By:
    return By(call.organization.org_id, call.bearer.actor)


class ProvisioningApi:
    """All shelves with their endpoints, by how paths name them."""

    def __init__(self, admin: Admin, store: Store, clock: Clock) -> None:
        new_id = admin.provisioning.new_id
        shelves: dict[str, Shelf] = {kind.value: ItemShelf(admin.provisioning, kind) for kind in Kind}
        shelves["workTypes"] = WorkTypeShelf(admin.work_types, new_id, clock)
        shelves["apiKeys"] = ApiKeyShelf(admin.api_keys)
        shelves["users"] = UserShelf(admin.users, new_id)
        self.five = {path: Five(shelf, admin.changes, store) for path, shelf in shelves.items()}
