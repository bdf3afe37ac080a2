"""Users as administrators set them up over HTTP; a password goes in, and nothing of it ever comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.actions.provisioning import By, View
from frontdesk.actions.users import CAPACITY_MAX, Fields, Users, view
from frontdesk.domain.model import Channel
from frontdesk.domain.passwords import check_password
from frontdesk.domain.people import Role
from frontdesk.domain.skills import LEVEL_MAX, LEVEL_MIN
from frontdesk.http.bodies import plain_id
from frontdesk.http.provisioning_bodies import NewId, Page, Time

Level = Annotated[int, Meta(extra_json_schema={"minimum": LEVEL_MIN, "maximum": LEVEL_MAX})]
Capacity = Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": CAPACITY_MAX})]


class UserFields(Struct, frozen=True, rename="camel"):
    """A user."""

    login: Annotated[str, Meta(description="What they sign in with; upper and lower case are the same.")]
    name: Annotated[str, Meta(description="Name for people; the login when left out.")] = ""
    roles: Annotated[tuple[Role, ...], Meta(description="What they are for.", extra_json_schema={"minItems": 1})] = (
        Role.AGENT,
    )
    password: Annotated[
        str | None,
        Meta(description="A new password. Without one the old one stays, and somebody new signs in by OIDC only."),
    ] = None
    team_id: Annotated[str | int, Meta(description="Their team.")] = ""
    skills: Annotated[dict[str, Level], Meta(description="Levels from 1 to 10, by skill.")] = {}
    work_type_ids: Annotated[tuple[str | int, ...], Meta(description="The work types that they serve.")] = ()
    capacity: Annotated[
        dict[Channel, Capacity], Meta(description="How many interactions at one time, by channel.")
    ] = {}
    user_id: NewId = None

    def secret(self) -> str | None:
        """The password, if one is given. Raises Invalid: an empty field of a form is a slip, and no wish for none."""
        return None if self.password is None else check_password(self.password, self.login)

    def fields(self) -> Fields:
        """What of it is stored as it is. Raises Invalid."""
        return Fields(
            login=self.login,
            name=self.name,
            roles=tuple(dict.fromkeys(self.roles)),
            team_id=str(self.team_id),
            skills=self.skills,
            work_type_ids=tuple(dict.fromkeys(plain_id(each, "workTypeIds") for each in self.work_type_ids)),
            capacity={channel.value: most for channel, most in self.capacity.items()},
        )


class User(Struct, frozen=True, rename="camel"):
    """A user as they are set up. `disabledTime`: they can't sign in any more."""

    user_id: str
    login: str
    name: str
    roles: tuple[Role, ...]
    team_id: str
    skills: dict[str, int]
    work_type_ids: tuple[str, ...]
    capacity: dict[str, int]
    created_time: Time
    disabled_time: Time | None = None


class UserPage(Page, frozen=True, rename="camel", kw_only=True):
    """A page of users."""

    items: list[User]


class UserShelf:
    """Users. Whoever is removed is disabled, and stays listed; replaced, they are back."""

    id_name = "userId"

    def __init__(self, users: Users, new_id: Callable[[], str]) -> None:
        self._users = users
        self._new_id = new_id

    async def views(self, org_id: str) -> list[View]:
        """See Shelf."""
        return self._users.views(org_id)

    async def view(self, org_id: str, item_id: str) -> View:
        """See Shelf."""
        return view(self._users.one(org_id, item_id))

    async def create(self, by: By, item_id: str, body: UserFields) -> View:
        """See Shelf."""
        return view(await self._users.create(by, item_id or self._new_id(), body.fields(), body.secret() or ""))

    async def replace(self, by: By, item_id: str, body: UserFields) -> View:
        """See Shelf."""
        return view(await self._users.replace(by, item_id, body.fields(), body.secret()))

    async def remove(self, by: By, item_id: str) -> None:
        """See Shelf."""
        await self._users.disable(by, item_id)
