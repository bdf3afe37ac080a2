"""An agent that follows the contract: it takes what is offered, and says back what contacts say.

After each loss it comes back to a snapshot of all its work, and goes on from there.
"""

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import Iterable

from chaos.client import FIRST_WAIT, Client, Json, Lost
from chaos.line import Lines, Upstream
from chaos.record import TEXT, Reply, Shift
from tests.support.client import ORG, path_of

CLIENT = "chaos"
TOKEN = "/tokenservice/oauth2/access_token"  # noqa: S105 - a path
# Stages of an interaction on a desk.
OFFERED, ACTIVE = "offered", "active"
INACTIVITY_SECONDS = 120


class Duties:
    """What is to be done, one after the other, and the connections for it. Listening goes on meanwhile."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.left: asyncio.Queue[tuple[str, Json, Reply | None]] = asyncio.Queue()


class Agent(Client):
    """One agent at its desk, until `close`. `secret` is that of the program that acts for all of them."""

    def __init__(self, shift: Shift, upstream: Upstream, dice: random.Random, secret: str) -> None:
        super().__init__(shift.name, shift.failures, upstream, dice)
        self.shift = shift
        self._login = b64encode(f"{CLIENT}:{secret}".encode()).decode()
        self._user = f"engagementCenter/users/{shift.name}"
        self._upstream = upstream
        # What is to be done in each conversation, in order, and for itself ("").
        self._duties: dict[str, Duties] = {}
        self._tasks = asyncio.TaskGroup()
        # Texts that are answered, or about to be: a snapshot shows them again.
        self._answered: set[Reply] = set()
        self._last = 0
        # Messages that this session has shown.
        self._shown: set[str] = set()

    async def work(self) -> None:
        """Sign in and work, for as long as the task runs."""
        await self._sign_in()
        async with self._tasks:
            await self._listen()

    async def finish(self) -> None:
        """Wait until all that was to be done is done."""
        for duties in self._duties.values():
            await duties.left.join()

    def reset(self) -> None:
        """See Client."""
        super().reset()
        for duties in self._duties.values():
            duties.lines.reset()

    def close(self) -> None:
        """See Client."""
        super().close()
        for duties in self._duties.values():
            duties.lines.close()

    async def _sign_in(self) -> None:
        form = f"grant_type=client_credentials&scope=desk&realm={ORG}".encode()
        headers = {"Authorization": f"Basic {self._login}", "Content-Type": "application/x-www-form-urlencoded"}
        wait = FIRST_WAIT
        while (answer := await self._try(self._says, "POST", TOKEN, headers, form)) is None:
            wait = await self._back_off(wait)
        self._headers["Authorization"] = f"Bearer {json.loads(answer.body)['access_token']}"

    # ---- listening

    async def _listen(self) -> None:
        """Open a desk, and another one whenever it is lost."""
        while True:
            try:
                await self._open()
                await self._poll_on()
            except Lost as loss:
                self.shift.desks_lost.append(str(loss))

    async def _open(self) -> None:
        made = await self._post(self._hears, "streaming/session", {"inactivityDelay": INACTIVITY_SECONDS})
        self._headers["via-client-sessionid"] = made["sessionId"]
        self._last, self._shown = 0, set()
        for verb in ("connect", "ready"):
            await self._post(self._hears, f"{self._user}/{verb}", {})

    async def _poll_on(self) -> None:
        wait = FIRST_WAIT
        while True:
            path = path_of(f"streaming/events?maxEvents=100&afterSequenceNumber={self._last}")
            answer = await self._try(self._hears, "GET", path, {})
            if answer is None:
                wait = await self._back_off(wait)
                continue
            wait = FIRST_WAIT
            for event in json.loads(answer.body)["events"]:
                self._see(event)

    def _see(self, event: Json) -> None:
        """Show an event, but not a second time."""
        number = event.get("sequenceNumber", 0)
        if not number or number <= self._last:
            return
        if number != self._last + 1:
            self.shift.wrong.append(f"{self.name}: event {number} came where {self._last + 1} was due")
        self._last = number
        said = json.loads(event["payload"])
        kind = event["kind"]
        if kind == TEXT:
            self._show_text(said, again=False)
        elif kind == "engagementCenter.Snapshot":
            for subject in said.get("interactions", ()):
                self._take(subject)
        elif kind in ("engagementCenter.InteractionOffered", "engagementCenter.Active"):
            self._take(said["interaction"])
        elif kind == "engagementCenter.NotReady":
            self._do("", f"{self._user}/ready", {})
        elif kind == "engagementCenter.Disconnected":
            self._do("", f"{self._user}/connect", {})
            self._do("", f"{self._user}/ready", {})

    def _take(self, subject: Json) -> None:
        """Accept it, or go on with it where the transcript ends."""
        if subject["stage"] == OFFERED:
            about = subject["interactionId"]
            self._do(about, f"engagementCenter/interactions/{about}/accept", {})
        elif subject["stage"] == ACTIVE:
            said = [json.loads(line["payload"]) for line in subject.get("transcript", ()) if line["kind"] == TEXT]
            self._remember(said)
            for text in said:
                self._show_text(text, again=True)

    def _remember(self, said: Iterable[Json]) -> None:
        """What an agent said is answered, whoever that was."""
        self._answered |= {Reply(text["interactionId"], text["text"]) for text in said if text["entityType"] == "Agent"}

    def _show_text(self, said: Json, *, again: bool) -> None:
        """Show a text, and answer it if it is a contact's. `again`: it may have been shown before."""
        if said["messageId"] in self._shown and not again:
            self.shift.wrong.append(f"{self.name}: {said['text']!r} was shown twice")
        self._shown.add(said["messageId"])
        reply = Reply(said["interactionId"], said["text"])
        if said["entityType"] == "Contact" and reply not in self._answered:
            self._answered.add(reply)
            body = {"interactionId": reply.interaction_id, "text": reply.text}
            self._do(reply.interaction_id, f"messaging/users/{self.name}/sendText", body, reply)

    # ---- doing

    def _do(self, about: str, operation: str, body: Json, reply: Reply | None = None) -> None:
        """Let it be done, behind what is to be done in the same conversation; others don't wait for it."""
        if about not in self._duties:
            self._duties[about] = Duties(Lines(self._upstream, self._dice))
            self._tasks.create_task(self._do_all(self._duties[about]))
        self._duties[about].left.put_nowait((operation, body, reply))

    async def _do_all(self, duties: Duties) -> None:
        while True:
            operation, body, reply = await duties.left.get()
            try:
                await self._post(duties.lines, operation, body)
                if reply is not None:
                    self.shift.replies.append(reply)
            except Lost as loss:
                # An offer that is over, or a conversation that another has: who has it answers.
                self.shift.refused.append(str(loss))
                if reply is not None:
                    self._answered.discard(reply)
            duties.left.task_done()
