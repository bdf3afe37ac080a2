"""Who else is there: whom an agent may consult, or hand an interaction to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.actions.directory import LiveDirectory
from frontdesk.actions.switchboard import Switchboard, Switchboards
from frontdesk.actions.views import when
from frontdesk.domain.people import User
from frontdesk.domain.scopes import DESK, of_roles
from frontdesk.http.paging import page_of, paged
from frontdesk.http.provisioning_bodies import Page
from frontdesk.http.wire import Call, Result, json_answer


class Colleague(Struct, frozen=True, rename="camel"):
    """A user who can work here, and how busy they are: what they hold of how much at most, by channel."""

    user_id: str
    name: str
    team_id: str
    state: str
    since_time: str
    reason_id: str
    work_type_ids: list[str]
    load: dict[str, int]
    capacity: dict[str, int]


class Colleagues(Page, frozen=True, rename="camel", kw_only=True):
    """A page of colleagues."""

    items: list[Colleague]


@dataclass(slots=True)
class ColleagueApi:
    """Read only; nothing of it is anybody's secret within an organization."""

    directory: LiveDirectory
    boards: Switchboards

    def list_colleagues(self, call: Call) -> Result:
        """All who can work, a page at a time, in the order of their ids."""
        after, limit = page_of(call.request.query)
        board = self.boards.of(call.organization.org_id)
        able = sorted(filter(_can_work, self.directory.users(board.org_id)), key=lambda user: user.user_id)
        return json_answer(paged([_view(board, user) for user in able], "userId", after, limit))


def _can_work(user: User) -> bool:
    return not user.disabled_ms and DESK in of_roles(user.roles)


def _view(board: Switchboard, user: User) -> dict[str, Any]:
    status, seen = board.status(user.user_id), board.agent(user)
    found = Colleague(
        user_id=user.user_id,
        name=user.name,
        team_id=user.team_id,
        state=status.state.value,
        since_time=when(status.since_ms),
        reason_id=status.reason_id,
        work_type_ids=sorted(seen.work_type_ids),
        load={channel.value: count for channel, count in seen.load.items()},
        capacity={channel.value: count for channel, count in seen.capacity.items()},
    )
    view: dict[str, Any] = msgspec.to_builtins(found)
    return view
