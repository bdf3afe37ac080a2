"""Users: who works here. Every change is on record; whoever makes one calls it inside `Changes.alone`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.actions.changes import Changes
from frontdesk.actions.context import Context
from frontdesk.actions.passwords import Passwords, new_password
from frontdesk.actions.provisioning import By, View
from frontdesk.actions.references import References
from frontdesk.domain.catalog import check_id, check_name
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.model import Channel
from frontdesk.domain.passwords import check_login, check_password
from frontdesk.domain.people import Role, User
from frontdesk.domain.times import rfc3339

# At one time on one channel; above it nobody talks any more.
CAPACITY_MAX = 100
# Of one organization: all of them are in memory.
USERS_MAX = 100_000


class Fields(Struct, frozen=True, rename="camel"):
    """What is said of a user, as it is sent and shown."""

    login: str
    name: str = ""
    roles: tuple[Role, ...] = (Role.AGENT,)
    team_id: str = ""
    skills: dict[str, int] = {}
    work_type_ids: tuple[str, ...] = ()
    capacity: dict[str, int] = {}


class Users:
    """The users of every organization."""

    def __init__(self, context: Context, changes: Changes, references: References) -> None:
        self._context = context
        self._directory = context.directory
        self._changes = changes
        self._references = references
        self.passwords = Passwords()

    def views(self, org_id: str) -> list[View]:
        """All, by id."""
        return sorted(map(view, self._directory.users(org_id)), key=lambda shown: str(shown["userId"]))

    def one(self, org_id: str, user_id: str) -> User:
        """Raises NotFound."""
        found = self._directory.user(org_id, user_id)
        if found is None:
            raise NotFound("unknownUser", "There is no such user; list them to see who there is.", scope="userId")
        return found

    def of_login(self, org_id: str, login: str) -> User:
        """Raises NotFound."""
        found = self._directory.user_of_login(org_id, login)
        if found is None:
            raise NotFound("unknownUser", f"Nobody signs in as {login}; list the users to see who does.", scope="login")
        return found

    async def create(self, by: By, user_id: str, fields: Fields, password: str) -> User:
        """A new user; with `password` "" one who signs in elsewhere (OIDC) only. Raises Invalid."""
        check_id(user_id, "userId")
        if self._directory.user(by.org_id, user_id) is not None:
            raise Invalid("idTaken", "There is one with this id already; choose another.", scope="userId")
        if len(self._directory.users(by.org_id)) >= USERS_MAX:
            raise Invalid("tooManyItems", f"There are {USERS_MAX} of these already; remove some.", scope="userId")
        now_ms = self._context.clock.now_ms()
        made = _with(User(org_id=by.org_id, user_id=user_id, login="", name="", roles=(), created_ms=now_ms), fields)
        self._check(made)
        if password:
            made = await self._with_password(made, password)
        await self._store(by, made, "created", login=made.login, roles=made.roles)
        return made

    async def replace(self, by: By, user_id: str, fields: Fields, password: str | None = None) -> User:
        """The same user with other fields; who was disabled is back. Raises NotFound, Invalid."""
        before = self.one(by.org_id, user_id)
        changed = msgspec.structs.replace(_with(before, fields), disabled_ms=0)
        self._check(changed)
        if set(changed.roles) != set(before.roles):
            # What a token may do is said in it: with other roles another one is needed.
            changed = self._signed_out(changed)
        if password:
            changed = self._signed_out(await self._with_password(changed, password))
        await self._store(by, changed, "changed", was=_short(before), **{"is": _short(changed)})
        return changed

    async def set_password(self, by: By, user_id: str, password: str) -> User:
        """Another password; whoever used the old one is signed out everywhere. Raises NotFound, Invalid."""
        changed = self._signed_out(await self._with_password(self.one(by.org_id, user_id), password))
        await self._store(by, changed, "passwordChanged")
        return changed

    async def sign_out(self, by: By, user_id: str) -> User:
        """End all tokens of a user: everywhere, at once. Raises NotFound."""
        changed = self._signed_out(self.one(by.org_id, user_id))
        await self._store(by, changed, "signedOut")
        return changed

    async def disable(self, by: By, user_id: str) -> User:
        """They can't sign in, and their tokens end. What they did stays on record. Raises NotFound."""
        before = self.one(by.org_id, user_id)
        now_ms = self._context.clock.now_ms()
        changed = msgspec.structs.replace(self._signed_out(before), disabled_ms=before.disabled_ms or now_ms)
        await self._store(by, changed, "disabled")
        return changed

    async def know_by(self, by: By, user_id: str, subject: str) -> User:
        """From now on they are known by this subject of a provider (`User.subject`). Raises NotFound."""
        changed = msgspec.structs.replace(self.one(by.org_id, user_id), subject=subject)
        await self._store(by, changed, "linked")
        return changed

    def _signed_out(self, user: User) -> User:
        # One later: what was issued in this millisecond ends as well.
        return msgspec.structs.replace(user, valid_from_ms=self._context.clock.now_ms() + 1)

    async def _with_password(self, user: User, password: str) -> User:
        check_password(password, user.login)
        return msgspec.structs.replace(user, password=await self.passwords.hash(password))

    def _check(self, user: User) -> None:
        check_login(user.login)
        check_name(user.name)
        other = self._directory.user_of_login(user.org_id, user.login)
        if other is not None and other.user_id != user.user_id:
            raise Invalid("loginTaken", "Somebody signs in so already; choose another login.", scope="login")
        if not user.roles:
            raise Invalid("noRole", f"Give a role: {', '.join(Role)}.", scope="roles")
        for channel, most in user.capacity.items():
            if channel not in set(Channel) or not 0 <= most <= CAPACITY_MAX:
                raise Invalid(
                    "invalidCapacity",
                    f"Say for {' or '.join(Channel)} how many at one time, 0 to {CAPACITY_MAX}.",
                    scope="capacity",
                )
        self._references.check_user(user)

    async def _store(self, by: By, user: User, what: str, **detail: Any) -> None:
        note = self._changes.note(by.org_id, by.actor, f"user.{what}", user.user_id, **detail)
        await self._changes.store([user, note, *by.keep(view(user))])


class UserCommands:
    """The operator's commands for users: plain values in and out, as in `actions/setting_up.py`."""

    def __init__(self, context: Context, users: Users) -> None:
        self._context = context
        self._users = users
        self.commands: dict[str, Callable[..., Any]] = {
            "user.create": self.create,
            "user.list": self.show_all,
            "user.password": self.password,
            "user.disable": self.disable,
            "user.change": self.change,
            "user.signout": self.sign_out,
        }

    async def create(
        self, org_id: str, login: str, password: str = "", user_id: str = "", *, oidc: bool = False, **fields: Any
    ) -> View:
        """A new user; with a new password in the answer where none is given. Raises NotFound, Invalid."""
        self._context.directory.organization(org_id)
        secret = "" if oidc else password or new_password()
        made = await self._users.create(
            By(org_id), user_id or str(self._context.ids.number()), _fields({"name": login, **fields, "login": login}),
            secret,
        )  # fmt: skip
        return {**view(made), "password": secret} if secret and not password else view(made)

    def show_all(self, org_id: str) -> list[View]:
        """All users. Raises NotFound."""
        self._context.directory.organization(org_id)
        return self._users.views(org_id)

    async def change(self, org_id: str, login: str, **fields: Any) -> View:
        """Another login, name, role, skill, work type, team or capacity. Raises NotFound, Invalid."""
        known = self._users.of_login(org_id, login)
        whole = {name: value for name, value in view(known).items() if name in _NAMES}
        return view(await self._users.replace(By(org_id), known.user_id, _fields({**whole, **fields})))

    async def password(self, org_id: str, login: str, password: str = "") -> View:
        """Another password, a new one in the answer where none is given. Raises NotFound, Invalid."""
        secret = password or new_password()
        changed = await self._users.set_password(By(org_id), self._users.of_login(org_id, login).user_id, secret)
        return view(changed) if password else {**view(changed), "password": secret}

    async def disable(self, org_id: str, login: str) -> View:
        """They can't sign in any more. Raises NotFound."""
        return view(await self._users.disable(By(org_id), self._users.of_login(org_id, login).user_id))

    async def sign_out(self, org_id: str, login: str) -> View:
        """End all tokens of a user. Raises NotFound."""
        return view(await self._users.sign_out(By(org_id), self._users.of_login(org_id, login).user_id))


_NAMES = Fields.__struct_encode_fields__


def _fields(given: dict[str, Any]) -> Fields:
    if not set(given.get("roles", ())) <= set(Role):
        raise Invalid("unknownRole", f"Roles are {', '.join(Role)}.", scope="roles")
    try:
        return msgspec.convert(given, Fields)
    except msgspec.ValidationError as error:
        raise Invalid("invalidFields", f"This can't be set up: {error}.") from None


def _with(user: User, fields: Fields) -> User:
    values = {name: getattr(fields, name) for name in Fields.__struct_fields__}
    return msgspec.structs.replace(user, **{**values, "name": fields.name or fields.login})


def _short(user: User) -> View:
    """What of a user is worth a line on record: nothing secret."""
    shown = view(user)
    return {name: shown[name] for name in _NAMES}


def view(user: User) -> View:
    """A user as the API and the commands show them: never with the hash of their password."""
    shown = {
        "userId": user.user_id,
        "login": user.login,
        "name": user.name,
        "roles": [role.value for role in user.roles],
        "teamId": user.team_id,
        "skills": user.skills,
        "workTypeIds": list(user.work_type_ids),
        "capacity": user.capacity,
        "createdTime": rfc3339(user.created_ms),
    }
    return {**shown, "disabledTime": rfc3339(user.disabled_ms)} if user.disabled_ms else shown
