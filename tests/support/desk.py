"""An agent's client in a few lines, and the people for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from frontdesk.domain.model import WorkType
from frontdesk.domain.people import Bearer, Role, User
from frontdesk.domain.people import Client as Program
from frontdesk.domain.rules import Rules
from frontdesk.domain.scopes import of_roles
from frontdesk.ports import Record
from tests.support.client import ORG, Client, Held, Json, _events_of, path_of
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

HOUR_MS = 3600 * 1000


def store(server: Running, *records: Record) -> None:
    """Put records of the directory where they belong, and let every node know them."""
    server.wait(server.app.admin.changes.store(records))
    server.looked()


def user(
    server: Running, user_id: str, *work_type_ids: str, roles: tuple[Role, ...] = (Role.AGENT,), **fields: Any
) -> User:
    """Someone who works on these work types (79 when none is named)."""
    made = User(
        org_id=ORG,
        user_id=user_id,
        login=user_id,
        name=fields.pop("name", user_id.title()),
        roles=roles,
        created_ms=server.clock.now_ms(),
        work_type_ids=work_type_ids or ("79",),
        **fields,
    )
    store(server, made)
    return made


def rules(server: Running, work_type_id: str = "79", **fields: Any) -> None:
    """Route a work type by these rules."""
    found = server.app.context.directory.work_type(ORG, work_type_id)
    assert isinstance(found, WorkType)
    store(server, msgspec.structs.replace(found, rules=msgspec.json.encode(Rules(**fields)).decode()))


def token(server: Running, made: User) -> str:
    """An access token of a user's."""
    now_ms = server.clock.now_ms()
    bearer = Bearer(
        org_id=ORG,
        user_id=made.user_id,
        client_id="desk",
        scopes=of_roles(made.roles),
        family="test",
        issued_ms=now_ms,
        expires_ms=now_ms + 24 * HOUR_MS,
    )
    return server.call(server.app.access.issue, bearer)


class Desk(Client):
    """One agent at work."""

    def __init__(self, server: Running, made: User) -> None:
        super().__init__(*server.ports)
        self.user_id = made.user_id
        self.credentials = {"authorization": f"Bearer {token(server, made)}"}

    def open(self, **fields: Any) -> Json:
        """A streaming session; returns the snapshot that it begins with."""
        answer = self.post("streaming/session", fields or None)
        assert answer.status == 200, answer
        self.credentials["via-client-sessionid"] = answer.json()["sessionId"]
        # Only the first: what happens meanwhile comes behind it.
        (first,) = self.poll(1)
        assert first["kind"] == "engagementCenter.Snapshot"
        said: Json = json.loads(first["payload"])
        return said

    def hold(self, most: int = 100, *, after: int | None = None, wire: Wire | None = None, **headers: str) -> Held:
        """See Client."""
        query = f"?maxEvents={most}" + ("" if after is None else f"&afterSequenceNumber={after}")
        request = request_bytes("GET", path_of(f"streaming/events{query}", self.org), {**self.credentials, **headers})
        return Held(wire or Wire(self.port), request, own=wire is None)

    def status(self, verb: str, body: Any = None) -> None:
        """Connect, ready, notReady, disconnect: it must be accepted."""
        self.done(f"engagementCenter/users/{self.user_id}/{verb}", body)

    def at_work(self, **fields: Any) -> None:
        """A streaming session, connected and ready; the events of that are read."""
        self.open(**fields)
        self.status("connect")
        self.status("ready")
        self.hear("engagementCenter.Ready")

    def act(self, verb: str, interaction_id: str, body: Any = None) -> None:
        """On an interaction: it must be accepted."""
        self.done(f"engagementCenter/interactions/{interaction_id}/{verb}", body)

    def send(self, interaction_id: str, text: str, **fields: Any) -> None:
        """A text."""
        self.done(f"messaging/users/{self.user_id}/sendText", {"interactionId": interaction_id, "text": text, **fields})

    def hear(self, kind: str, where: Callable[[Json], object] = lambda said: True) -> Json:
        """Poll until an event of this kind says what is wanted; what comes before it is passed over."""
        while True:
            for event in self.poll(1):
                said: Json = json.loads(event["payload"])
                if event["kind"] == kind and where(said):
                    return said

    def offered(self) -> str:
        """The next interaction that is offered."""
        return str(self.hear("engagementCenter.InteractionOffered")["interaction"]["interactionId"])

    def take(self) -> str:
        """Accept the next one that is offered, and wait until it is shown."""
        interaction_id = self.offered()
        self.act("accept", interaction_id)
        self.hear("engagementCenter.Active")
        return interaction_id

    def state(self) -> Json:
        """Where the agent stands."""
        answer = self.ask("GET", f"engagementCenter/users/{self.user_id}/state")
        assert answer.status == 200, answer
        said: Json = answer.json()
        return said


__all__ = ["Desk", "Program", "_events_of", "rules", "store", "token", "user"]
