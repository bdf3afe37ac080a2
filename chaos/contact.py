"""A contact that follows the contract: it repeats with the same key, and drops the events whose number it has."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from enum import StrEnum
from typing import Any

from benchmarks.wire import request
from chaos.client import FIRST_WAIT, Client, Json, Lost
from chaos.line import BROKEN, Lines, Refused, Upstream
from chaos.record import Event, Record, Text
from tests.support.client import EVENTS, KEY, SESSION, path_of

RESUME_SECONDS = 7.0
# Work types: of the script that echoes, and of the agents, who do the same.
SCRIPT, AGENTS = "1", "2"


class Style(StrEnum):
    """How a contact listens."""

    NUMBERS = "numbers"
    PLAIN = "plain"
    STREAM = "stream"
    ACKNOWLEDGE = "acknowledge"
    RESUME = "resume"


class Contact(Client):
    """One contact, until `stop` is set and all that was said has been echoed.

    `doctor` may keep an event from being rendered, which the judge must find out.
    """

    def __init__(
        self,
        record: Record,
        upstream: Upstream,
        dice: random.Random,
        *,
        rate: float,
        doctor: Callable[[Event], bool] | None = None,
    ) -> None:
        super().__init__(record.name, record.failures, upstream, dice)
        self.record = record
        self._rate = rate
        self._doctor = doctor or (lambda event: False)
        self._headers["x-api-key"] = KEY
        # While a session is being resumed nothing is sent on the one before.
        self._session = asyncio.Lock()
        self._said_all = False
        self._resume_at = time.monotonic() + RESUME_SECONDS * (1 + dice.random())

    @property
    def style(self) -> Style:
        """How it listens."""
        return Style(self.record.style)

    def reset(self) -> None:
        """Break its connections. A plain contact can't tell what it lost by that, and is spared."""
        if self.style is not Style.PLAIN:
            super().reset()

    async def talk(self, stop: asyncio.Event) -> None:
        """Come, talk until told to stop, and listen until everything was echoed."""
        try:
            await self._arrive()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._say_all(stop))
                tasks.create_task(self._listen())
        except* Lost as losses:
            self.record.refusals += [str(loss) for loss in losses.exceptions]
        finally:
            self.close()

    async def _arrive(self) -> None:
        token = await self._post(self._says, "webToken", None)
        self._headers["Authorization"] = f"Bearer {token['tokenId']}"
        acknowledge = {"requireAcknowledgement": True} if self.style is Style.ACKNOWLEDGE else {}
        made = await self._post(self._says, SESSION, acknowledge)
        self._headers["via-client-sessionid"] = made["sessionId"]
        connect = {"workTypeId": AGENTS if self.record.with_agent else SCRIPT, "contactName": self.record.name}
        await self._post(self._says, "messaging/connect", connect)

    # ---- saying

    async def _say_all(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            said = Text(f"{self.record.name} says {len(self.record.texts) + 1}", time.monotonic())
            self.record.texts.append(said)
            await self._post(self._says, "messaging/sendText", {"text": said.text})
            said.accepted = time.monotonic()
            await asyncio.sleep(self._dice.expovariate(self._rate))
        self._said_all = True

    def _turn(self, lines: Lines) -> AbstractAsyncContextManager[Any]:
        """See Client."""
        return self._session if lines is self._says else super()._turn(lines)

    # ---- listening

    async def _listen(self) -> None:
        wait = FIRST_WAIT
        while not (self._said_all and self.record.echoes >= len(self.record.texts)):
            if self.style is Style.RESUME and time.monotonic() > self._resume_at:
                await self._resume()
            heard = await (self._follow() if self.style is Style.STREAM else self._poll())
            wait = FIRST_WAIT if heard else await self._back_off(wait)

    async def _poll(self) -> bool:
        """One poll; whether it was answered."""
        after = "" if self.style in (Style.PLAIN, Style.ACKNOWLEDGE) else f"&afterSequenceNumber={self.record.last}"
        answer = await self._try(self._hears, "GET", path_of(f"{EVENTS}?maxEvents=100{after}"), {})
        if answer is None:
            return False
        new = [self._render(event) for event in json.loads(answer.body)["events"]]
        if any(new) and self.style is Style.ACKNOWLEDGE:
            await self._post(self._hears, "streaming/acknowledge/webClient", {"sequenceNumber": self.record.last})
        return True

    async def _follow(self) -> bool:
        """A stream of events, until it breaks or says nothing any more; whether anything came."""
        headers = {**self._headers, "Accept": "text/event-stream", "Last-Event-ID": str(self.record.last)}
        heard, text = False, b""
        try:
            async with aclosing(self._hears.stream(request("GET", path_of(EVENTS), headers))) as pieces:
                async for piece in pieces:
                    *frames, text = (text + piece).split(b"\n\n")
                    new = [self._frame(frame) for frame in frames]
                    heard = heard or any(new)
                    if self._said_all and self.record.echoes >= len(self.record.texts):
                        break
        except BROKEN as broken:
            self._note(broken)
        except Refused as refused:
            self._check(refused.status, EVENTS)
        return heard

    def _frame(self, frame: bytes) -> bool:
        """Take a frame of the stream; whether it was a new event."""
        data = [line[6:] for line in frame.split(b"\n") if line.startswith(b"data: ")]
        return bool(data) and self._render(json.loads(data[0]))

    def _render(self, event: Json) -> bool:
        """Show an event; whether it was new. What has no number is shown and forgotten."""
        if "sequenceNumber" not in event:
            return False
        seen = Event(event["sequenceNumber"], event["kind"], event["payload"], time.monotonic())
        return self._doctor(seen) or self.record.see(seen)

    async def _resume(self) -> None:
        """Go on with the conversation on a new streaming session."""
        async with self._session:
            made = await self._post(self._hears, SESSION, {"resumeSessionId": self._headers["via-client-sessionid"]})
            if "interactionId" not in made:
                raise Lost(f"{SESSION} resumed a session without its conversation")
            self._headers["via-client-sessionid"] = made["sessionId"]
        self._resume_at = time.monotonic() + RESUME_SECONDS * (1 + self._dice.random())
