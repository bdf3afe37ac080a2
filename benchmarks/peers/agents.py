"""frontdesk's agents for a benchmark: people who take chats and talk in them, over one program's streaming session."""

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import sessions, wire
from frontdesk import control

# Of one agent, above what anybody can bear: the fewer agents, the sooner they are set up.
CHATS = 50
INACTIVITY_SECONDS = 3600


@dataclass(frozen=True)
class Shift:
    """Agents at work: where requests go, and the headers of the program that acts for them."""

    organization: str
    headers: dict[str, str]

    async def accept(self, connection: wire.Connection, interaction_id: str) -> None:
        """Take a contact that is offered to one of the agents."""
        target = f"{self.organization}/engagementCenter/interactions/{interaction_id}/accept"
        await post(connection, target, self.headers, {})

    def send(self, user_id: str, interaction_id: str) -> bytes:
        """The request in which an agent says something to a contact."""
        target = f"{self.organization}/messaging/users/{user_id}/sendText"
        typed = {**self.headers, "Content-Type": "application/json"}
        return wire.request("POST", target, typed, sessions.send_body(interactionId=interaction_id))


async def begin(port: int, facts: dict[str, Any], chats: int) -> Shift:
    """Make as many agents as that many chats need, sign them in, and let all be ready. Raises RuntimeError."""
    organization = f"/via/v2/organizations/{facts['orgId']}"
    users = [f"agent-{number:03}" for number in range(-(-chats // CHATS))]
    await _create(Path(facts["data"]), facts["orgId"], facts["workTypes"]["agents"], users)
    connection = wire.Connection(port)
    headers = {"Authorization": f"Bearer {await _access_token(connection, facts)}", "Accept": "application/json"}
    session = {"inactivityDelay": INACTIVITY_SECONDS}
    made = json.loads(await post(connection, f"{organization}/streaming/session", headers, session))
    headers["via-client-sessionid"] = made["sessionId"]
    for user in users:
        for act in ("connect", "ready"):
            await post(connection, f"{organization}/engagementCenter/users/{user}/{act}", headers, {})
    connection.close()
    return Shift(organization, headers)


async def post(connection: wire.Connection, target: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    """The answer's body. Raises RuntimeError when it is a refusal."""
    typed = {**headers, "Content-Type": "application/json"}
    answer = await connection.ask(wire.request("POST", target, typed, json.dumps(body).encode()))
    if answer.status >= 300:
        raise RuntimeError(f"POST {target} answered {answer.status}: {answer.body[:200]!r}")
    return answer.body


async def _create(data: Path, org_id: str, work_type_id: str, users: list[str]) -> None:
    for user in users:
        await control.ask(
            data,
            "user.create",
            {
                "org_id": org_id,
                "login": user,
                "user_id": user,
                "name": user,
                "oidc": True,
                "roles": ["agent"],
                "workTypeIds": [work_type_id],
                "capacity": {"chat": CHATS},
            },
        )


async def _access_token(connection: wire.Connection, facts: dict[str, Any]) -> str:
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
    """`begin`, for who has no loop."""
    return asyncio.run(begin(port, facts, chats))
