"""One server without sockets: what people do is called on its loop, act by act, on a real SQLite file.

>>> with House(folder) as house:
...     ann = house.agent("ann")
...     ada = house.contact("ada")
...     house.act(house.app.handling.accept, ann.user, ada.interaction_id)
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from frontdesk.actions.context import result_of
from frontdesk.domain.errors import Refusal
from frontdesk.domain.model import Channel, Contact, Organization, Session, SigningKey, WorkType
from frontdesk.domain.people import Bearer, Role, User
from frontdesk.domain.rules import Rules
from frontdesk.domain.scopes import of_roles
from frontdesk.engines.batch import Batch
from frontdesk.engines.sqlite import FILE, SqliteStore
from frontdesk.ports import Carrier, Done, Found, Record, Said
from frontdesk.server import App
from frontdesk.settings import Settings
from tests.agents.soundness import as_stored, sound_in_memory
from tests.support.client import ORG, Json
from tests.support.server import FakeClock

CHAT, SALES = "chat", "sales"
PEOPLE = {"ann": (CHAT,), "bob": (SALES,), "cat": (CHAT, SALES)}


class _Arrives:
    """`ports.Carrier` of a client that reads everything."""

    def delivered(self) -> bool | None:
        """See ports.Carrier."""
        return True


@dataclass(eq=False)
class Stream:
    """A client that always polls, and keeps the numbered events it was given. A `ports.Poll`."""

    house: "House"
    session: Session
    events: list[Json] = field(default_factory=list)
    refused: BaseException | None = None
    carrier: Carrier = field(default_factory=_Arrives)

    def poll(self) -> None:
        """Ask for what comes after the last one."""
        newest = self.events[-1]["sequenceNumber"] if self.events else None
        try:
            self.house.app.hub.poll(self.session, self, 100, newest, self.house.app.clock.now_ms())
        except Refusal as error:
            self.refused = error

    def answer(self, body: bytes) -> None:
        """See ports.Poll."""
        self.events += [e for e in json.loads(body)["events"] if "sequenceNumber" in e]
        self.house.loop.call_soon(self.poll)

    def refuse(self, error: BaseException) -> None:
        """See ports.Poll."""
        self.refused = error

    def said(self, kind: str) -> list[Json]:
        """What the events of a kind say."""
        return [json.loads(e["payload"]) for e in self.events if e["kind"] == kind]


@dataclass(eq=False)
class Agent:
    """Someone at work, with at most one screen."""

    house: "House"
    user: User
    screen: Stream | None = None

    def open(self) -> None:
        """A screen; what it showed before is gone."""
        self.house.run(self.opens)

    def opens(self) -> None:
        """The same, without waiting for what follows; to be called on the loop."""
        app, user = self.house.app, self.user
        bearer = Bearer(
            org_id=ORG,
            user_id=user.user_id,
            client_id="desk",
            scopes=of_roles(user.roles),
            family="",
            issued_ms=0,
            expires_ms=1 << 62,
        )
        session = app.desks.open(app.boards.of(ORG), bearer, 3600, require_acknowledgement=False)
        self.screen = Stream(self.house, session)
        self.screen.poll()

    def close(self) -> None:
        """The screen is lost."""
        if self.screen is not None:
            app, session = self.house.app, self.screen.session
            self.screen = None
            self.house.run(lambda: app.desks.close(app.boards.of(ORG), session))

    def at_work(self) -> None:
        """A screen, connected and ready."""
        agents = self.house.app.agents
        if self.screen is None:
            self.open()
        self.house.act(agents.connect, self.user, (), 0)
        self.house.act(agents.ready, self.user)

    def does(self, act: Callable[..., None], interaction_id: int, *arguments: Any, **fields: Any) -> str:
        """An act on an interaction; see House.act."""
        return self.house.act(act, self.user, interaction_id, *arguments, **fields)

    def says(self, interaction_id: int, text: str) -> str:
        """A text to the contact; kept among what was promised once it is accepted."""
        said = self.does(self.house.app.handling.send_text, interaction_id, text, name="", audience="contact")
        return self.house.promise(interaction_id, text, said)


@dataclass(eq=False)
class Visitor:
    """A contact with a streaming session."""

    house: "House"
    stream: Stream

    @property
    def session(self) -> Session:
        """It, as it is in memory now."""
        return self.house.app.context.floor.sessions[self.stream.session.session_id]

    @property
    def interaction_id(self) -> int:
        """The open one."""
        assert self.session.interaction is not None
        return self.session.interaction.interaction_id

    def connects(self, work_type_id: str = CHAT) -> str:
        """A chat; its streaming session follows it."""
        return self.house.act(self.house.app.messaging.connect, self.session, work_type_id, Contact("Ada"))

    def says(self, text: str) -> str:
        """A text; kept among what was promised once it is accepted."""
        interaction_id = self.interaction_id
        said = self.house.act(self.house.app.messaging.send_text, self.session, text)
        return self.house.promise(interaction_id, text, said)

    def leaves(self) -> str:
        """Ends the chat."""
        return self.house.act(self.house.app.messaging.disconnect, self.session)


class House:
    """A server on a folder, and the people in it. Each commit is a transaction of its own, `on_stored` after each."""

    def __init__(self, folder: Path, clock: FakeClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or FakeClock()
        self.loop = asyncio.new_event_loop()
        self.promised: list[tuple[int, str]] = []
        self.on_stored: Callable[[sqlite3.Connection], None] = lambda db: None
        self.app: App

    def __enter__(self) -> Self:
        """Open it; on an empty folder, furnish it."""
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.loop.close()

    def _open(self) -> None:
        # No machine starts within the same millisecond, and ids are made of those.
        self.clock.move(0.001)
        chosen: dict[str, Any] = {"port": 0, "data": self.folder}
        self.app = self.loop.run_until_complete(App.open(Settings(**chosen), clock=self.clock))
        # A fault in a timer must not be a line in a log here.
        self.app.timers.on_failed = None
        self._one_by_one()
        if not self.app.context.directory.users(ORG):
            self.loop.run_until_complete(self.app.admin.changes.store(_furniture(self.clock.now_ms())))
        # What it takes up is read and stored, too.
        self.loop.run_until_complete(self._read())
        self.run(self.app.tick)

    async def _read(self) -> None:
        """Wait until both readers have done what they were given before."""
        store, both = self.app.store, threading.Barrier(2)
        assert isinstance(store, SqliteStore)
        pool = store._pool  # noqa: SLF001 - nothing else knows when a recovery has read all
        await asyncio.gather(*(asyncio.wrap_future(pool.submit(both.wait)) for _ in range(2)))

    def close(self) -> None:
        """Stop it."""
        self.loop.run_until_complete(self.app.close())

    def restart(self) -> None:
        """Stop it and open it again: everybody's connection is gone."""
        self.close()
        self._open()

    def _one_by_one(self) -> None:
        """Every commit alone, so that each is a moment to die at; else those of one act would share a transaction."""
        store = self.app.store
        assert isinstance(store, SqliteStore)
        writer, write = store.writer, store.writer._commit  # noqa: SLF001 - as said above

        def submit(records: Sequence[Record], done: Done) -> None:
            writer.pending += 1
            batch = Batch()
            batch.add(records, done)
            writer._carry(batch)  # noqa: SLF001 - as said above

        def commit(batch: Batch) -> None:
            write(batch)
            self.on_stored(writer._db)  # noqa: SLF001 - what it has just written

        writer.submit = submit  # type: ignore[method-assign] # the seam of this test
        writer._commit = commit  # type: ignore[method-assign] # noqa: SLF001 - as said above

    # ---- acting

    def run(self, work: Callable[[], object]) -> None:
        """Do it, and wait until all that follows from it at this moment has happened."""

        async def until_quiet() -> None:
            work()
            quiet = 0
            while quiet < 3:
                await asyncio.sleep(0)
                quiet = 0 if self.app.store.writer.pending or self.app.store.reading else quiet + 1

        self.loop.run_until_complete(until_quiet())

    def act(self, act: Callable[..., None], *arguments: Any, **fields: Any) -> str:
        """The reason of a refusal, "" for what was accepted, "unanswered" when nobody was told anything."""
        outcome = ["unanswered"]

        def done(error: BaseException | None) -> None:
            outcome[0] = "" if error is None else "failed"

        def work() -> None:
            try:
                act(*arguments, done, **fields)
            except Refusal as refusal:
                outcome[0] = refusal.reason

        self.run(work)
        return outcome[0]

    def rules(self, work_type_id: str, **fields: Any) -> None:
        """Route a work type by these rules from now on."""
        made = _work_type(work_type_id, self.clock.now_ms(), **fields)
        self.loop.run_until_complete(self.app.admin.changes.store([made]))

    def advance(self, seconds: float) -> None:
        """Let time pass, and what becomes due happen."""
        self.clock.move(seconds)
        self.run(self.app.tick)

    def promise(self, interaction_id: int, text: str, outcome: str) -> str:
        """Keep in mind what was accepted."""
        if outcome == "":
            self.promised.append((interaction_id, text))
        return outcome

    # ---- people

    def agent(self, user_id: str) -> Agent:
        """One of PEOPLE."""
        user = self.app.context.directory.user(ORG, user_id)
        assert user is not None
        return Agent(self, user)

    def contact(self) -> Visitor:
        """Someone with a streaming session that no time ends."""
        made: list[Session] = []

        def opened(session: Session | BaseException) -> None:
            assert isinstance(session, Session)
            made.append(session)

        self.run(lambda: self.app.sessions.create(ORG, opened, inactivity_delay=3600))
        return self.back(Stream(self, made[0]))

    def back(self, stream: Stream) -> Visitor:
        """The same contact, who polls (again) after the last number they saw."""
        session = self.app.context.floor.sessions[stream.session.session_id]
        visitor = Visitor(self, Stream(self, session, list(stream.events)))
        self.run(visitor.stream.poll)
        return visitor

    # ---- looking

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is stored."""
        store = self.app.store
        assert isinstance(store, SqliteStore)
        return store.read(lambda db: [tuple(row) for row in db.exec_driver_sql(query)])

    def sound(self) -> None:
        """See tests/agents/soundness.py."""
        sound_in_memory([self.app], ORG)
        as_stored([self.app], ORG, self.rows)

    def log(self, interaction_id: int) -> list[str]:
        """All texts of a conversation, in order."""
        store = self.app.store

        def read(found: Found[list[Said]]) -> None:
            store.log(interaction_id, 0, 1000, found)

        said = self.loop.run_until_complete(result_of(read))
        return [json.loads(s.payload)["text"] for s in said if s.kind == "messaging.Text"]


def copy_to(db: sqlite3.Connection, folder: Path) -> Path:
    """The data as it is on disk at this moment: what a machine that lost its power finds."""
    folder.mkdir(mode=0o700)
    with sqlite3.connect(folder / FILE) as copy:
        db.backup(copy)
    copy.close()
    return folder


def _furniture(now_ms: int) -> list[Record]:
    work_types = [_work_type(name, now_ms) for name in (CHAT, SALES)]
    users = [
        User(
            org_id=ORG,
            user_id=user_id,
            login=user_id,
            name=user_id.title(),
            roles=(Role.AGENT,),
            created_ms=now_ms,
            work_type_ids=served,
            capacity={"chat": 2},
        )
        for user_id, served in PEOPLE.items()
    ]
    return [Organization(ORG, ORG, now_ms, grace_seconds=120), SigningKey("k", "5" * 64, now_ms), *work_types, *users]


def _work_type(name: str, now_ms: int, **fields: Any) -> WorkType:
    chosen: dict[str, Any] = {"wrap_seconds": 30, "ask_again_seconds": 5, **fields}
    rules = msgspec.json.encode(Rules(**chosen)).decode()
    return WorkType(ORG, name, name, tuple(Channel), now_ms, rules=rules)
