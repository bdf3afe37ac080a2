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
from benchmarks.peers import agents
from benchmarks.peers.agents import Asks, post
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
        """Open the sessions and connect each: to the echo script, to agents, or in `post` to a mere queue."""
        facts = self.facts(server)
        work_type = facts["workTypes"]["agents"] if scenario in ("post", "agent") else ECHO
        organization = f"/via/v2/organizations/{facts['orgId']}"
        key = {"x-api-key": facts["apiKey"], "Accept": "application/json"}
        token = wire.make_many(server.port, 1, partial(web_token, organization, key))[0]
        shift = agents.begun(server.port, facts, sessions) if scenario == "agent" else None
        desk = Desk(organization, {**key, "Authorization": f"Bearer {token}"}, work_type, shift)
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
    # -P: the folder of the benchmarks has modules with the names of packages, which must not be found first.
    command = (sys.executable, "-P", str(Path(__file__).parents[1] / "lane_alone.py"))


@dataclass(frozen=True)
class Desk:
    """Where sessions are opened: the organization's path, the headers of every request, the work type."""

    organization: str
    headers: dict[str, str]
    work_type: str
    # Who answers, and then is the one who sends; nobody where a script does.
    shift: agents.Shift | None = None

    async def open(self, connection: Asks, number: int) -> list[Record]:
        """Make one session, connect it, take its first events, and return its poll and its send."""
        path = f"{self.organization}/streaming/session/webClient"
        made = json.loads(await post(connection, path, self.headers, {"inactivityDelay": INACTIVITY_SECONDS}))
        headers = {**self.headers, "via-client-sessionid": made["sessionId"]}
        connect = {"workTypeId": self.work_type, "contactName": f"Contact {number}"}
        await post(connection, f"{self.organization}/messaging/connect", headers, connect)
        poll = wire.request("GET", f"{self.organization}/streaming/events/webClient?maxEvents=10", headers)
        connected = await _until(connection, poll, "messaging.Connected")
        if self.shift is not None:
            await self.shift.accept(connection, connected["interactionId"])
            joined = await _until(connection, poll, "messaging.ParticipantJoined")
            send = self.shift.send(joined["entityName"], connected["interactionId"])
            return [Record("P", poll), Record("S", send)]
        target = f"{self.organization}/messaging/sendText"
        typed = {**headers, "Content-Type": "application/json"}
        return [Record("P", poll), Record("S", wire.request("POST", target, typed, sessions.send_body()))]


async def web_token(organization: str, headers: dict[str, str], connection: Asks, _: int = 0) -> str:
    """A bearer for contacts."""
    token: str = json.loads(await post(connection, f"{organization}/webToken", headers, {}))["tokenId"]
    return token


async def _until(connection: Asks, poll: bytes, kind: str) -> dict[str, Any]:
    """Take events up to one of that kind, and return its payload: what is measured are the quiet polls after it."""
    answers: list[wire.Answer] = []
    while len(answers) < POLLS_BEFORE_CONNECTED:
        answers.append(await connection.ask(poll))
        for event in json.loads(answers[-1].body).get("events", ()):
            if event["kind"] == kind:
                payload: dict[str, Any] = json.loads(event["payload"])
                return payload
    raise RuntimeError(f"no {kind} came, only {answers[-1]}")


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
