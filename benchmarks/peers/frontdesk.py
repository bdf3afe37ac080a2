"""frontdesk itself, spoken to through its public API like any client would."""

import json
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import sessions, wire
from benchmarks.peers.base import Missing, output
from benchmarks.processes import Server, free_port, running
from benchmarks.sessions import Record

COMMAND = Path(sys.executable).parent / "frontdesk"
# Work type of `demo --bench` whose script echoes every text: the chat runs through two stored entries a message.
ECHO = "1"
# Sessions are made long before the last of them is polled, and in `post` nobody polls at all.
INACTIVITY_SECONDS = 3600
FACTS_SECONDS = 30.0
POLLS_BEFORE_CONNECTED = 4


class Frontdesk:
    """`frontdesk demo --bench` on a fresh data folder."""

    name = "frontdesk"
    rules = "via"
    command: tuple[str, ...] = (str(COMMAND),)

    def install(self) -> str:
        """It is this checkout's own command."""
        if not COMMAND.exists():
            raise Missing(f"{COMMAND.name} is not installed beside {Path(sys.executable).name} (make install)")
        return output(str(COMMAND), "--version").removeprefix("frontdesk ")

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Run the demo with its database in `folder`."""
        port = free_port()
        data = str(folder / "data")
        command = [*self.command, "demo", "--bench", "--port", str(port), "--data", data, "--json"]
        return running(command, cpus=cpus, port=port, folder=folder)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Open the sessions and connect each: to the echo script, or in `post` to a queue that only stores."""
        facts = self.facts(server)
        work_type = facts["workTypes"]["agents"] if scenario == "post" else ECHO
        organization = f"/via/v2/organizations/{facts['orgId']}"
        key = {"x-api-key": facts["apiKey"], "Accept": "application/json"}
        token = wire.make_many(server.port, 1, partial(_web_token, organization, key))[0]
        desk = _Desk(organization, {**key, "Authorization": f"Bearer {token}"}, work_type)
        made = [wire.make_many(port, count, desk.open) for port, count in shares(self.homes(server), sessions)]
        return [record for part in made for session in part for record in session]

    def homes(self, server: Server) -> list[int]:
        """The ports at which the sessions are made."""
        return [server.port]

    def facts(self, server: Server) -> dict[str, Any]:
        """What has to be known to talk to it: the line `demo --json` prints once it serves."""
        return _facts(server)


def shares(ports: list[int], sessions: int) -> list[tuple[int, int]]:
    """How many sessions are made at which port: a block at each.

    The generator's poll i asks port i modulo their number, so in every block all ports are asked alike.
    """
    return [(port, (sessions + number) // len(ports)) for number, port in enumerate(ports)]


class LaneAlone(Frontdesk):
    """The same server on an engine that stores nothing: like against like beside peers that store nothing."""

    name = "frontdesk-unstored"
    command = (sys.executable, str(Path(__file__).parents[1] / "lane_alone.py"))


@dataclass(frozen=True)
class _Desk:
    """Where sessions are opened: the organization's path, the headers of every request, the work type."""

    organization: str
    headers: dict[str, str]
    work_type: str

    async def open(self, connection: wire.Connection, number: int) -> list[Record]:
        """Make one session, connect it, take its first events, and return its poll and its send."""
        path = f"{self.organization}/streaming/session/webClient"
        made = json.loads(await _post(connection, path, self.headers, {"inactivityDelay": INACTIVITY_SECONDS}))
        headers = {**self.headers, "via-client-sessionid": made["sessionId"]}
        connect = {"workTypeId": self.work_type, "contactName": f"Contact {number}"}
        await _post(connection, f"{self.organization}/messaging/connect", headers, connect)
        poll = wire.request("GET", f"{self.organization}/streaming/events/webClient?maxEvents=10", headers)
        await _until_connected(connection, poll)
        target = f"{self.organization}/messaging/sendText"
        typed = {**headers, "Content-Type": "application/json"}
        return [Record("P", poll), Record("S", wire.request("POST", target, typed, sessions.send_body()))]


async def _web_token(organization: str, headers: dict[str, str], connection: wire.Connection, _: int) -> str:
    token: str = json.loads(await _post(connection, f"{organization}/webToken", headers, {}))["tokenId"]
    return token


async def _post(connection: wire.Connection, target: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    typed = {**headers, "Content-Type": "application/json"}
    answer = await connection.ask(wire.request("POST", target, typed, json.dumps(body).encode()))
    if answer.status >= 300:
        raise RuntimeError(f"POST {target} answered {answer.status}: {answer.body[:200]!r}")
    return answer.body


async def _until_connected(connection: wire.Connection, poll: bytes) -> None:
    """Take the events of connecting, so that the measured polls are quiet ones."""
    answers: list[wire.Answer] = []
    while len(answers) < POLLS_BEFORE_CONNECTED:
        answers.append(await connection.ask(poll))
        if b"messaging.Connected" in answers[-1].body:
            return
    raise RuntimeError(f"no messaging.Connected came, only {answers[-1]}")


def _facts(server: Server) -> dict[str, Any]:
    """The line `demo --json` prints once it serves."""
    deadline = time.monotonic() + FACTS_SECONDS
    while time.monotonic() < deadline:
        for line in (server.folder / "server.log").read_text(errors="replace").splitlines():
            if line.startswith("{") and '"orgId"' in line:
                facts: dict[str, Any] = json.loads(line)
                return facts
        time.sleep(0.05)
    raise RuntimeError("frontdesk demo --json printed no facts")
