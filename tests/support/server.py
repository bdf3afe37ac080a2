"""The real server for tests: in a thread with a clock that is moved by hand, or as a process that can be killed.

>>> with running() as server, server.contact() as contact:
...     contact.connect()
...     server.advance(61)

>>> with Process(tmp_path / "data") as process:
...     process.kill()
...     process.restart()
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, Self, TypeVar

import uvloop

from frontdesk.domain.model import Interaction, Session
from frontdesk.domain.nodes import BEAT_MS, LEASE_MS
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.http.relay import Relay
from frontdesk.http.words import Greeting
from frontdesk.server import App
from frontdesk.serving import run
from frontdesk.settings import Settings
from tests.support.client import KEY, ORG, Client
from tests.support.clock import START_MS, FakeClock
from tests.support.cluster import ON, Place, any_of, rows
from tests.support.furnished import OTHER_KEY, OTHER_ORG
from tests.support.wire import PATIENCE_SECONDS

__all__ = ["OTHER_KEY", "OTHER_ORG", "START_MS", "FakeClock", "Process", "Running", "running"]

T = TypeVar("T")

UNLIMITED = dict.fromkeys(
    (
        "tokens_per_address",
        "tokens_per_organization",
        "sessions_per_address",
        "messages_per_session",
        "polls_per_session",
    ),
    0,
)


@dataclass
class Running:
    """A server in this process, or all nodes of a cluster. What touches their parts runs on their loop: see `call`."""

    apps: list[App]
    clock: FakeClock
    ports: list[int]
    loop: asyncio.AbstractEventLoop
    place: Place
    # Nodes that do nothing any more, and are no longer among `apps`.
    silent: list[App] = field(default_factory=list)

    @property
    def app(self) -> App:
        """The only one, or the first."""
        return self.apps[0]

    @property
    def port(self) -> int:
        """Where it serves; with several nodes any of them, each time."""
        return any_of(self.ports)

    @property
    def polls(self) -> int:
        """How many polls and streams are held, over all nodes."""
        return sum(app.hub.held for app in self.apps)

    @property
    def delivered(self) -> int:
        """How many events were handed to clients, over all nodes."""
        return sum(app.hub.delivered for app in self.apps)

    @property
    def redelivered(self) -> int:
        """How many of these had been handed to them before."""
        return sum(app.hub.redelivered for app in self.apps)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sessions(self) -> dict[str, Session]:
        """Streaming sessions alive, on all nodes."""
        return {known: session for app in self.apps for known, session in app.context.floor.sessions.items()}

    @property
    def interactions(self) -> dict[int, Interaction]:
        """Open conversations, on all nodes."""
        return {known: one for app in self.apps for known, one in app.context.floor.interactions.items()}

    @property
    def resting(self) -> dict[str, Session]:
        """Sessions that are over and whose conversation waits, on all nodes."""
        return {known: session for app in self.apps for known, session in app.context.floor.resting.items()}

    def stopping(self, now: int) -> None:
        """Let all nodes say that they are about to stop, or no longer."""
        for app in self.apps:
            self.call(setattr, app.dispatcher, "stopping", now)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The function's result, run on the server's loop between two of its events."""

        async def work() -> T:
            return function(*arguments)

        return self.wait(work())

    def wait(self, work: Awaitable[T]) -> T:
        """The coroutine's result, run on the server's loop."""

        async def bounded() -> T:
            return await asyncio.wait_for(work, PATIENCE_SECONDS)

        return asyncio.run_coroutine_threadsafe(bounded(), self.loop).result()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, looked at on the server's loop."""

        async def look() -> None:
            while not condition():  # noqa: ASYNC110
                # The condition is anything at all: nothing would set an event for it.
                await asyncio.sleep(0.001)

        self.wait(look())

    def held(self, count: int = 1) -> None:
        """Wait until so many polls and streams are held."""
        self.until(lambda: self.polls == count)

    def advance(self, seconds: float) -> None:
        """Move the clock and run what became due; what that reads anew is read when this returns."""

        def move() -> None:
            self.clock.move(seconds)
            for app in self.apps:
                app.tick()

        self.known()
        self.wait(self.place.clock(self.clock.now_ms() + round(seconds * 1000)))
        self.call(move)
        self._read()
        if self.place.database:
            # Nodes look into the database for what they don't know, and again after a moment of a clock that stands.
            self.stored()

    def silence(self, number: int) -> App:
        """Let a node stand still with all it knows, as one that is stopped by SIGSTOP; those behind it move up."""
        app = self.apps.pop(number)
        self.ports.pop(number)
        self.silent.append(app)
        self.call(setattr, app, "tick", lambda: None)
        return app

    def outlast(self) -> None:
        """Let a lease pass, beat by beat, until those that fell silent are shut out and what they had is taken."""
        for _ in range(LEASE_MS // BEAT_MS + 2):
            self.advance(BEAT_MS / 1000)
        self.known()

    def recover(self, times: int = 1) -> None:
        """Let it read everything anew, as often as said, and wait until it has."""

        def again() -> None:
            for _ in range(times):
                for app in self.apps:
                    app.recover()

        self.call(again)
        self._read()

    def _read(self) -> None:
        """After a leap of the clock a node is sure of what it remembers once it has looked around."""
        # What is read anew may itself ask for more, as scripts do for what they have not answered.
        self.until(lambda: not any(app.dispatcher.reading or app.store.reading for app in self.apps))
        self.until(lambda: all(app.together is None or app.together.cluster.sure for app in self.apps))

    def known(self) -> None:
        """Wait until the home of each session knows which answers arrived at its client, over whatever node.

        Nodes tell each other within a moment: of a clock that stands here, and leaps over it.
        """
        # A look that a leap of the clock overtakes would leave its node unsure until the clock moves again.
        self.until(lambda: not any(app.together is not None and app.together.cluster.looking for app in self.apps))
        if len(self.apps) > 1:
            self.until(lambda: not any(_untold(app) for app in self.apps))
            self.wait(self.said())

    def met(self) -> None:
        """Wait until all nodes know each other: a home taken for dead is looked for again by a clock that stands."""
        names = {app.context.node for app in self.apps}
        clusters = [app.together.cluster for app in self.apps if app.together is not None]
        self.until(lambda: all(names <= set(cluster.everyone()) for cluster in clusters))

    async def said(self) -> None:
        """Wait until every node heard what the others said before: words of one to another keep their order."""
        heard = asyncio.Event()
        waiting = set(permutations([app.context.node for app in self.apps], 2))

        def greeted(me: str, node: str) -> None:
            waiting.discard((node, me))
            if not waiting:
                heard.set()

        for app in self.apps:
            assert app.together is not None
            app.together.cluster.joined = partial(greeted, app.context.node)  # type: ignore[method-assign]
        for node, other in list(waiting):
            self._relay(node).send(other, Greeting(node))
        await heard.wait()
        for app in self.apps:
            assert app.together is not None
            del app.together.cluster.joined

    def _relay(self, node: str) -> Relay:
        return next(app.together.relay for app in self.apps if app.together is not None and app.context.node == node)

    def stored(self) -> None:
        """Wait until everything handed to the store is durable."""
        self.until(lambda: all(app.store.writer.pending == 0 for app in self.apps))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is in the database."""
        store = self.app.store
        if isinstance(store, SqliteStore):
            return store.read(lambda db: [tuple(row) for row in db.exec_driver_sql(query)])
        return self.wait(rows(self.place.database, query))

    def admin(self, command: str, **arguments: Any) -> Any:
        """An operator's command, as the CLI sends it; every node has seen what it changed when this returns."""
        result = self.wait(self.app.admin.run(command, arguments))
        self.looked()
        return result

    def looked(self) -> None:
        """Let every node look around now, and wait until they have."""
        clusters = [app.together.cluster for app in self.apps if app.together is not None]
        # One that is under way may have seen what was before.
        self.until(lambda: not any(cluster.looking for cluster in clusters))
        for cluster in clusters:
            self.call(cluster.look_now)
        self.until(lambda: not any(cluster.looking for cluster in clusters))

    def client(self, *, org: str = ORG, key: str = KEY) -> Client:
        """A client without token and session."""
        return Client(*self.ports, org=org, key=key)

    def contact(self, *, org: str = ORG, key: str = KEY, **fields: Any) -> Client:
        """A client with a web token and a streaming session (`fields` go into its creation)."""
        client = self.client(org=org, key=key)
        client.token()
        client.session(**fields)
        return client


def _untold(app: App) -> bool:
    assert app.together is not None
    app.together.relay.tell_fates(app.clock.now_ms())
    return bool(app.together.relay.untold)


@contextmanager
def running(
    data: Path | None = None, *, clock: FakeClock | None = None, on: str = ON, **settings: Any
) -> Iterator[Running]:
    """The real server on a real socket, or a cluster (see `cluster`), without limits on rates but those in `settings`.

    Both organizations have the demo's work types 79, 32 and 100, and 1 that echoes (`tests/support/furnished.py`).
    Without `data` its folder is gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:
        place = Place(data, Path(folder), on)
        shared: dict[str, Any] = {**UNLIMITED, "stop_seconds": 1, **settings}
        chosen = [Settings(port=0, **place.settings(number), **shared) for number in range(place.nodes)]
        ready: Future[Running] = Future()
        thread = threading.Thread(target=_thread, args=(chosen, clock or FakeClock(), place, ready), name="server")
        thread.start()
        try:
            server = ready.result(PATIENCE_SECONDS)
            server.met()
            yield server
        finally:
            if ready.done() and not ready.exception():
                server = ready.result()
                for app in (*server.apps, *server.silent):
                    server.loop.call_soon_threadsafe(app.stop)
            thread.join(PATIENCE_SECONDS)
            place.leave()
        assert not thread.is_alive(), "the server did not stop"


def _thread(settings: list[Settings], clock: FakeClock, place: Place, ready: Future[Running]) -> None:
    try:
        uvloop.run(_serve(settings, clock, place, ready))
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


async def _serve(settings: list[Settings], clock: FakeClock, place: Place, ready: Future[Running]) -> None:
    await place.clock(clock.now_ms())
    first = await App.open(settings[0], clock=clock, facts={"orgId": ORG})
    apps = [first, *[await App.open(each, clock=clock, facts={"orgId": ORG}) for each in settings[1:]]]
    server = Running(apps, clock, [0] * len(apps), asyncio.get_running_loop(), place)

    def started(number: int, port: int) -> None:
        server.ports[number] = port
        if all(server.ports):
            ready.set_result(server)

    async with asyncio.TaskGroup() as tasks:
        for number, app in enumerate(apps):
            tasks.create_task(run(app, partial(started, number)))


DEMO = ("demo", "--json", "--port", "0")


class Process:
    """`frontdesk demo` as a process of its own; as a context it is gone at the end, whatever happened inside.

    `facts` is the line that it prints once it serves; `log` is the file with its standard error.
    """

    def __init__(
        self, data: Path, *, command: Sequence[str] = DEMO, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = (sys.executable, "-m", "frontdesk", *command, "--data", str(data))
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None
        self.log = data.parent / f"{data.name}.log"
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Start it."""
        return self.restart()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def port(self) -> int:
        """Where it serves; another one after each restart."""
        return int(self.facts["url"].rpartition(":")[2])

    def restart(self) -> Self:
        """Start it on its data; returns once it serves. What still runs is killed before."""
        self.kill()
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, env=self._environment, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended before it served: {self.log.read_text()}"
        self.facts = json.loads(line)
        return self

    def kill(self) -> None:
        """End it where it stands (SIGKILL); returns once it is gone."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def stop(self) -> int:
        """Ask it to stop (SIGTERM); returns its exit status once it is gone."""
        assert self._process is not None
        self._process.terminate()
        return self._ended()

    def client(self) -> Client:
        """A client without token and session."""
        return Client(self.port)

    def contact(self, **fields: Any) -> Client:
        """A client with a web token and a streaming session."""
        client = self.client()
        client.token()
        client.session(**fields)
        return client

    def _ended(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        status = process.wait(PATIENCE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()
        return status
