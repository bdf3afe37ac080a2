"""The asker's side: a request that reached this node is passed on to the one that its session is at home on.

Where that is, is remembered, and looked up in the store when it is not known or has changed. A session that is at
home nowhere is claimed here. Words may be lost, so a request is sent again under its number until it is answered; the
host does it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from frontdesk.actions.cluster import Cluster
from frontdesk.actions.context import Context
from frontdesk.actions.homes import Homes
from frontdesk.domain.errors import TooMany, Unavailable
from frontdesk.domain.nodes import chosen
from frontdesk.http.bodies import CreateSession, decode
from frontdesk.http.guard import Guard
from frontdesk.http.passed import Passed
from frontdesk.http.passed_stream import PassedStream
from frontdesk.http.routes import Route
from frontdesk.http.wire import Call, Result
from frontdesk.http.words import (
    Ask,
    Booked,
    Caught,
    Closed,
    Elsewhere,
    Farewell,
    Fate,
    Greeting,
    Handed,
    Left,
    Opened,
    Piece,
    Reply,
    WhatBecame,
    encode,
)
from frontdesk.ports import Bus, Carrier, Found, switchboard

# Where sessions are at home, remembered; and requests under way. Bounded, as anyone can name any session.
HOMES_MAX = 200_000
OUT_MAX = 100_000
# Milliseconds that the fate of an answer waits for the session's next poll to carry it.
FATE_MS = 100
# What changes the directory.
_DIRECTORY = ("provisioning/", "engagementCenter/users/{userId}/signOut")


class Relay:
    """Everything that was passed on from here and is not answered yet."""

    def __init__(
        self, context: Context, cluster: Cluster, bus: Bus, carry_out: Callable[[Route, Call], Result], own: Homes
    ) -> None:
        self.context = context
        # What is on its way to this node or from it.
        self.own = own
        self.cluster = cluster
        self.carry_out = carry_out
        self.homes: dict[str, str] = {}
        self.passed_on = 0
        self.stopping = False
        self._bus = bus
        self._out: dict[int, Passed | PassedStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # The last poll of each session that was given events through here, its answer's serial, and its connection.
        self._last: dict[str, tuple[int, int, Carrier]] = {}
        # Sessions whose home does not know what became of that poll's answer, and their homes.
        self.untold: dict[str, str] = {}

    @property
    def is_sure(self) -> bool:
        """See dispatch.PassOn."""
        return self.cluster.sure

    def pass_on(self, route: Route, call: Call) -> Result | None:
        """What another node answers; None when the call is to be carried out here.

        Raises Invalid, TooMany, Unavailable.
        """
        if not self.cluster.sure:
            # It was paused, or cut off from the database: what it remembers may be old, and would end sessions.
            raise Unavailable("homeAway", "This server is finding its place again; repeat the request in a moment.")
        if route.at_switchboard:
            home = switchboard(call.organization.org_id)
            return None if self.context.floor.has(home) else self._begin(route, call, call.session_id, "", home=home)
        session_id = call.session_id or _resumed(route, call)
        if session_id:
            if self.context.floor.has(session_id):
                return None
            return self._begin(route, call, session_id, "", resumes=not call.session_id)
        what = _belonging(route, call)
        node = chosen(self.cluster.everyone(), what) if what else self.context.node
        return None if node == self.context.node else self._begin(route, call, "", node)

    def is_here(self, route: Route, call: Call) -> bool:
        """See dispatch.PassOn."""
        if not self.cluster.sure:
            return False
        key = switchboard(call.organization.org_id) if route.at_switchboard else call.session_id
        # A session to go on from may be at home nowhere, and is opened here then.
        return self.context.floor.has(key) if key else not self.own.was_given(_resumed(route, call))

    def _begin(
        self, route: Route, call: Call, session_id: str, node: str, *, resumes: bool = False, home: str = ""
    ) -> Passed:
        if len(self._out) >= OUT_MAX:
            raise TooMany("overloaded", "Too many requests wait for other servers; repeat it later.", limit=OUT_MAX)
        self.passed_on += 1
        passed = Passed(self, self.passed_on, route, call, session_id, resumes=resumes, home=home)
        self._out[passed.number] = passed
        passed.begin(node)
        return passed

    def send(self, node: str, word: Ask | Left | Caught | Fate | Farewell | Greeting | Handed | Booked) -> None:
        """Say it."""
        self._bus.send(node, encode(word))

    def hear(self, word: Reply | Elsewhere | Opened | Piece | Closed | WhatBecame) -> None:
        """An answer, or a question about one."""
        if isinstance(word, WhatBecame):
            self._tell_fate(word)
            return
        out = self._out.get(word.number)
        if out is not None:
            out.hear(word)

    def forget(self, number: int) -> None:
        """It is answered, or nobody wants the answer."""
        self._out.pop(number, None)

    def opened(self, stream: PassedStream) -> None:
        """The answer to a request began as a stream."""
        self._out[stream.number] = stream

    def find(self, session_id: str, found: Found[str | None]) -> None:
        """Look up where a session is at home."""
        self.context.store.find_home(session_id, found)

    def find_line(self, session_id: str, found: Found[str | None]) -> None:
        """Look up which living session goes on in the line of a resumed one."""
        self.context.store.find_line(session_id, found)

    def work(self, work: Coroutine[None, None, None]) -> None:
        """Let it run. The loop keeps only a weak reference to a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def remember(self, session_id: str, node: str) -> None:
        """A session is at home there."""
        if len(self.homes) >= HOMES_MAX:
            self.homes.pop(next(iter(self.homes)))
        self.homes[session_id] = node

    def answered(self, session_id: str, answer: tuple[int, int, Carrier], host: str = "") -> None:
        """A poll of the session was answered with events, or a stream began: its number, serial and connection.

        `host` is told whether they arrived: the session may end, or be resumed, before it polls again. A stream tells
        that by itself.
        """
        last = self._last.pop(session_id, None)
        if last is not None and last[0] > answer[0]:
            # Answers overtook each other on the bus: the later request is the one that will be asked about.
            answer = last
        if len(self._last) >= HOMES_MAX:
            self._last.pop(next(iter(self._last)))
        self._last[session_id] = answer
        self.untold.pop(session_id, None)
        if host:
            if not self.untold:
                self._soon()
            self.untold[session_id] = host

    def prior(self, session_id: str, carrier: Carrier) -> tuple[int, bool | None] | None:
        """The session's last answer here, and whether it arrived, now that it asks over `carrier`."""
        last = self._last.get(session_id)
        if last is None:
            return None
        _, serial, before = last
        arrived = True if before is carrier else before.delivered()
        if arrived is not None:
            self.untold.pop(session_id, None)
        return serial, arrived

    def _soon(self) -> None:
        self.context.timers.at(self.context.clock.now_ms() + FATE_MS, self.tell_fates)

    def tell_fates(self, now_ms: int) -> None:
        """Tell what is known of answers whose homes did not hear it yet."""
        for session_id, host in list(self.untold.items()):
            last = self._last.get(session_id)
            arrived = last[2].delivered() if last is not None else False
            if last is None or arrived is not None:
                del self.untold[session_id]
            if last is not None and arrived is not None:
                self.send(host, Fate(self.context.node, last[1], session_id, 0, arrived))
        if self.untold:
            self._soon()

    def _tell_fate(self, word: WhatBecame) -> None:
        last = self._last.get(word.session_id)
        known = last is not None and last[1] == word.serial
        # What is not known any more, or not answered yet, has reached nobody from here.
        arrived = last[2].delivered() if last is not None and known else False
        self.send(word.host, Fate(self.context.node, word.serial, word.session_id, 0, arrived))

    def node_gone(self, node: str) -> None:
        """A node is no more: what waits for it finds its new home."""
        self.homes = {session_id: home for session_id, home in self.homes.items() if home != node}
        for out in [out for out in self._out.values() if out.node == node]:
            out.home_lost()

    def gap(self) -> None:
        """Words may have been lost: say again what is unanswered."""
        for out in list(self._out.values()):
            out.say_again()

    def drain(self) -> None:
        """This node stops: its clients come back to another."""
        self.stopping = True
        for out in list(self._out.values()):
            out.drain()


def _belonging(route: Route, call: Call) -> str:
    """By what the node is chosen for a request that no session says a home of; "" when any will do."""
    if route.path.startswith(_DIRECTORY):
        # It looks into memory whether a name is taken, and who asks next wants to see what was made.
        return f"provisioning {call.organization.org_id}"
    key = call.request.headers.get(b"idempotency-key")
    if key is None or route.method != "POST":
        return ""
    # The same key must find the same node, or it would not be known there.
    caller = call.bearer.actor if route.guard >= Guard.BEARER else f"{call.api_key.key_id} {call.address}"
    return f"{caller} {key.decode('latin-1')}"


def _resumed(route: Route, call: Call) -> str:
    """The session that a new one goes on from: it decides where that is opened. Raises Invalid."""
    if route.body is not CreateSession or not call.request.body:
        return ""
    return decode(route.decoder, call.request.body).resume_session_id or ""
