"""How soon a contact is offered to an agent who becomes ready: `python -m benchmarks.offers`.

A whole server in this process, on a SQLite file that syncs: 500 agents with held polls, 5,000 contacts who wait with
theirs. Measured from `ready` being handed in to the offer being written to the agent's held poll: it is stored, with
who was considered, before it is shown. No sockets and no parser; both together cost some 40 µs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import typer
import uvloop

from benchmarks.paths import BUILD
from frontdesk import telemetry
from frontdesk.cli.demo import KEY, ORG, settings_for
from frontdesk.domain.model import Contact, Session
from frontdesk.domain.people import Bearer, Role, User
from frontdesk.domain.scopes import DESK
from frontdesk.domain.timers import WIDTH
from frontdesk.ports import Carrier
from frontdesk.server import App
from frontdesk.serving import spare_collector

# Contacts that are made between two looks at the loop.
AT_ONCE = 100
INACTIVITY_SECONDS = 3600
EVENTS_MAX = 100
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


class Wire:
    """A connection on which everything arrives (`ports.Carrier`)."""

    def delivered(self) -> bool:
        """See ports.Carrier."""
        return True


class HeldPoll:
    """A poll that comes again as soon as it is answered (`ports.Poll`), and notes when it brought an offer."""

    carrier: Carrier = Wire()

    def __init__(self, app: App, session: Session) -> None:
        self._app = app
        self._session = session
        self.offered = asyncio.Event()
        self.offered_at = 0.0

    def hold(self) -> None:
        """Ask for what comes."""
        self._app.hub.poll(self._session, self, EVENTS_MAX, None, self._app.clock.now_ms())

    def answer(self, body: bytes) -> None:
        """See ports.Poll."""
        if b"InteractionOffered" in body:
            self.offered_at = perf_counter()
            self.offered.set()
        asyncio.get_running_loop().call_soon(self.hold)

    def refuse(self, error: BaseException) -> None:
        """See ports.Poll."""
        raise error


class Floor:
    """The people of one measurement."""

    def __init__(self, app: App, work_types: int) -> None:
        self.app = app
        self.work_types = [f"w{number}" for number in range(work_types)]
        self.polls: list[HeldPoll] = []
        self.users: list[User] = []

    async def furnish(self, agents: int) -> None:
        """An organization, its work types and its agents; each agent serves all of them and takes one chat."""
        run = self.app.admin.run
        await run("signing-key.rotate", {})
        await run("org.create", {"org_id": ORG, "name": "Offers"})
        await run("apikey.create", {"org_id": ORG, "name": "offers", "key": KEY})
        now_ms = self.app.clock.now_ms()
        for work_type in self.work_types:
            fields = {"name": work_type, "channels": ["chat"], "script": ""}
            await run("worktype.create", {"org_id": ORG, "work_type_id": work_type, **fields})
        self.users = [self._user(number, now_ms) for number in range(agents)]
        await self.app.admin.changes.store(self.users)

    def _user(self, number: int, now_ms: int) -> User:
        name = f"agent-{number:03}"
        return User(
            org_id=ORG, user_id=name, login=name, name=name, roles=(Role.AGENT,), created_ms=now_ms,
            work_type_ids=tuple(self.work_types), capacity={"chat": 1},
        )  # fmt: skip

    async def agents(self) -> None:
        """All of them sign in, with a held poll each; none is ready."""
        board = self.app.boards.of(ORG)
        for user in self.users:
            bearer = Bearer(
                org_id=ORG, user_id=user.user_id, client_id="desk", scopes=frozenset((DESK,)), family="offers",
                issued_ms=0, expires_ms=2**52,
            )  # fmt: skip
            await _done(partial(self.app.agents.connect, user, (), 0))
            session = self.app.desks.open(board, bearer, INACTIVITY_SECONDS, require_acknowledgement=False)
            self.polls.append(self._held(session))

    async def contacts(self, count: int) -> None:
        """They connect, wait, and hold a poll each."""
        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(self._contact(number) for number in range(begin, min(begin + AT_ONCE, count))))

    async def _contact(self, number: int) -> None:
        opened: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self.app.sessions.create(ORG, opened.set_result, inactivity_delay=INACTIVITY_SECONDS)  # type: ignore[arg-type]
        session = await opened
        self._held(session)
        work_type = self.work_types[number % len(self.work_types)]
        await _done(partial(self.app.messaging.connect, session, work_type, Contact(name=f"Contact {number}")))

    def _held(self, session: Session) -> HeldPoll:
        poll = HeldPoll(self.app, session)
        poll.hold()
        return poll

    async def offer(self, number: int) -> float:
        """An agent becomes ready, and is offered a contact: after so many seconds."""
        begun = perf_counter()
        self.app.agents.ready(self.users[number], lambda error: None)
        poll = self.polls[number]
        await poll.offered.wait()
        return poll.offered_at - begun


async def _done(act: Any) -> None:
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    act(told.set_result)
    error = await told
    if error is not None:
        raise error


async def _tick(app: App) -> None:
    while True:
        await asyncio.sleep(WIDTH / 1000)
        app.tick()


async def measure(folder: Path, *, agents: int, contacts: int, work_types: int, tries: int) -> list[float]:
    """Seconds of each try, on an empty folder."""
    app = await App.open(settings_for(0, folder, bench=True))
    spare_collector()
    ticking = asyncio.get_running_loop().create_task(_tick(app))
    floor = Floor(app, work_types)
    try:
        await floor.furnish(agents)
        await floor.agents()
        await floor.contacts(contacts)
        taken = []
        for number in range(tries):
            # Not in step with the rounds in which positions are told.
            await asyncio.sleep(0.013 + number % 7 / 1000)
            taken.append(await floor.offer(number))
        return taken
    finally:
        ticking.cancel()
        await app.close()


def quantiles(seconds: Iterable[float]) -> dict[str, float]:
    """Milliseconds: the middle, the slow end and the slowest."""
    ordered = sorted(seconds)
    return {name: ordered[round(at * (len(ordered) - 1))] * 1000 for name, at in QUANTILES.items()}


def offers(
    *,
    agents: Annotated[int, typer.Option(min=1, help="Agents at work.")] = 500,
    contacts: Annotated[int, typer.Option(min=1, help="Contacts who wait.")] = 5000,
    work_types: Annotated[int, typer.Option(min=1, help="Queues that they wait in.")] = 1,
    tries: Annotated[int, typer.Option(min=1, help="Agents who become ready, one after the other.")] = 200,
) -> None:
    """Measure how soon an offer leaves."""
    telemetry.configure("warning", as_json=False)
    BUILD.mkdir(exist_ok=True)
    # In the checkout, not in /tmp, which may be memory and make every fsync free.
    with TemporaryDirectory(prefix="offers-", dir=BUILD) as name:
        run = measure(
            Path(name), agents=agents, contacts=contacts, work_types=work_types, tries=min(tries, agents, contacts)
        )
        taken = uvloop.run(run)
    shown = "  ".join(f"{name} {ms:.1f} ms" for name, ms in quantiles(taken).items())
    print(f"{agents} agents, {contacts:,} contacts in {work_types} queues, {len(taken)} offers: {shown}")


if __name__ == "__main__":
    typer.run(offers)
