"""The URLs of `provisioning/…`: nine kinds with the same five operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from frontdesk.http import provisioning_bodies as bodies
from frontdesk.http import provisioning_users as users
from frontdesk.http.guard import Guard
from frontdesk.http.provisioning import Five, ProvisioningApi
from frontdesk.http.routes import Route

_TAG = "Provisioning"
# A desk shows these; it may read, and not change them.
_READ = "provisioning desk"


class Row(NamedTuple):
    """A kind: how paths and people name it, what is sent, and what is answered for one, for a page, for a new one.

    `secret`: what is sent or answered holds one, so it must not be kept to be answered again.
    """

    path: str
    one: str
    many: str
    body: type[Any]
    answer: type[Any]
    page: type[Any]
    read: str = "provisioning"
    made: type[Any] | None = None
    secret: bool = False


ROWS = (
    Row("skills", "a skill", "skills", bodies.SkillFields, bodies.Skill, bodies.Skills, _READ),
    Row("users", "a user", "users", users.UserFields, users.User, users.UserPage, secret=True),
    Row("teams", "a team", "teams", bodies.TeamFields, bodies.Team, bodies.Teams),
    Row("reasons", "a reason", "reasons", bodies.ReasonFields, bodies.Reason, bodies.Reasons, _READ),
    Row("dispositions", "a disposition", "dispositions",
        bodies.DispositionFields, bodies.Disposition, bodies.Dispositions, _READ),
    Row("hours", "hours of operation", "hours of operation", bodies.HoursFields, bodies.Hours, bodies.HoursList),
    Row("cannedResponses", "a canned response", "canned responses",
        bodies.CannedResponseFields, bodies.CannedResponse, bodies.CannedResponses, _READ),
    Row("workTypes", "a work type", "work types", bodies.WorkTypeFields, bodies.WorkType, bodies.WorkTypes, _READ),
    Row("apiKeys", "an API key", "API keys",
        bodies.ApiKeyFields, bodies.ApiKey, bodies.ApiKeys, made=bodies.NewApiKey, secret=True),
)  # fmt: skip


def routes(api: ProvisioningApi) -> tuple[Route, ...]:
    """Every operation on what an organization sets up."""
    return tuple(route for row in ROWS for route in _five(row, api.five[row.path]))


def _five(row: Row, five: Five) -> Iterator[Route]:
    path = f"provisioning/{row.path}"
    single = f"{path}/{{id}}"
    change = {"body": row.body, "decoder": msgspec.json.Decoder(row.body), "scope": "provisioning"}
    for method, where, endpoint, verb, more in (
        ("GET", path, five.show_all, "list", {"answer": row.page, "scope": row.read}),
        (
            "POST",
            path,
            five.create,
            "create",
            {**change, "answer": row.made or row.answer, "repeatable": not row.secret},
        ),
        ("GET", single, five.show, "show", {"answer": row.answer, "scope": row.read}),
        ("PUT", single, five.replace, "replace", {**change, "answer": row.answer}),
        ("DELETE", single, five.remove, "remove", {"success": 204, "scope": "provisioning"}),
    ):
        fields: dict[str, Any] = {"success": 200, **more}
        summary = f"{verb.capitalize()} {row.many if verb == 'list' else row.one}"
        yield Route(
            method, where, endpoint, name=f"{verb}_{row.path}", tag=_TAG, summary=summary, guard=Guard.BEARER, **fields
        )
