"""frontdesk's agents for a benchmark: people who take chats and talk in them, over one program's streaming session."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks import sessions, wire
from frontdesk import control

# Of one agent, above what anybody can bear: the fewer agents, the sooner they are set up.
CHATS = 50
INACTIVITY_SECONDS = 3600


# An operator's command, by its name and arguments.
Run = Callable[[str, dict[str, Any]], Awaitable[object]]


class Asks(Protocol):
    """A connection to the server: as `wire.Connection`, or one without a socket."""

    async def ask(self, request: bytes) -> wire.Answer:
        """Send one whole request and read its answer."""


@dataclass(frozen=True)
class Shift:
    """Agents at work: where requests go, and the headers of the program that acts for them."""

    organization: str
    headers: dict[str, str]

    async def accept(self, connection: Asks, interaction_id: str) -> None:
        """Take a contact that is offered to one of the agents."""
        target = f"{self.organization}/engagementCenter/interactions/{interaction_id}/accept"
        await post(connection, target, self.headers, {})

    def send(self, user_id: str, interaction_id: str) -> bytes:
        """The request in which an agent says something to a contact."""
        target = f"{self.organization}/messaging/users/{user_id}/sendText"
        typed = {**self.headers, "Content-Type": "application/json"}
        return wire.request("POST", target, typed, sessions.send_body(interactionId=interaction_id))


async def begin(connection: Asks, run: Run, facts: dict[str, Any], chats: int) -> Shift:
    """Make as many agents as that many chats need, sign them in, and let all be ready. Raises RuntimeError."""
    organization = f"/via/v2/organizations/{facts['orgId']}"
    users = [f"agent-{number:03}" for number in range(-(-chats // CHATS))]
    for user in users:
        await run("user.create", _user(facts, user))
    headers = {"Authorization": f"Bearer {await _access_token(connection, facts)}", "Accept": "application/json"}
    session = {"inactivityDelay": INACTIVITY_SECONDS}
    made = json.loads(await post(connection, f"{organization}/streaming/session", headers, session))
    headers["via-client-sessionid"] = made["sessionId"]
    for user in users:
        for act in ("connect", "ready"):
            await post(connection, f"{organization}/engagementCenter/users/{user}/{act}", headers, {})
    return Shift(organization, headers)


async def post(connection: Asks, target: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    """The answer's body. Raises RuntimeError when it is a refusal."""
    typed = {**headers, "Content-Type": "application/json"}
    answer = await connection.ask(wire.request("POST", target, typed, json.dumps(body).encode()))
    if answer.status >= 300:
        raise RuntimeError(f"POST {target} answered {answer.status}: {answer.body[:200]!r}")
    return answer.body


def _user(facts: dict[str, Any], user_id: str) -> dict[str, Any]:
    return {
        "org_id": facts["orgId"],
        "login": user_id,
        "user_id": user_id,
        "name": user_id,
        "oidc": True,
        "roles": ["agent"],
        "workTypeIds": [facts["workTypes"]["agents"]],
        "capacity": {"chat": CHATS},
    }


async def _access_token(connection: Asks, facts: dict[str, Any]) -> str:
    """By client_credentials (RFC 6749, 4.4), as any program gets one."""
    client = b64encode(f"{facts['client']['id']}:{facts['client']['secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {client}", "Content-Type": "application/x-www-form-urlencoded"}
    form = f"grant_type=client_credentials&scope=desk&realm={facts['orgId']}".encode()
    answer = await connection.ask(wire.request("POST", "/tokenservice/oauth2/access_token", headers, form))
    if answer.status >= 300:
        raise RuntimeError(f"no access token: {answer.status} {answer.body[:200]!r}")
    token: str = json.loads(answer.body)["access_token"]
    return token


def begun(port: int, facts: dict[str, Any], chats: int) -> Shift:
    """`begin` at a server of its own, for who has no loop."""
    return asyncio.run(begin(wire.Connection(port), partial(control.ask, Path(facts["data"])), facts, chats))
