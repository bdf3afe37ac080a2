"""A client that follows the contract: what got no answer, or a passing fault, is sent again with the same key."""

import asyncio
import json
import random
from collections import Counter
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from typing import Any

from benchmarks.wire import Answer, request
from chaos.line import BROKEN, Lines, Upstream
from tests.support.client import path_of

Json = dict[str, Any]
# Seconds of the first wait before a repeat, and of the longest.
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0


class Lost(Exception):
    """What was asked for is refused for good: nothing a client does brings it about."""


class Client:
    """One client, with connections for what it says and others for what it hears."""

    def __init__(self, name: str, failures: Counter[str], upstream: Upstream, dice: random.Random) -> None:
        self.name = name
        self._failures = failures
        self._dice = dice
        self._says, self._hears = Lines(upstream, dice), Lines(upstream, dice)
        self._headers = {"Accept": "application/json"}
        self._keys = 0

    def reset(self) -> None:
        """Break its connections."""
        self._says.reset()
        self._hears.reset()

    def close(self) -> None:
        """Hang up."""
        self._says.close()
        self._hears.close()

    async def _post(self, lines: Lines, operation: str, body: Json | None) -> Json:
        """One POST, repeated with its key until it is accepted. Raises Lost."""
        headers = {"Idempotency-Key": self._key()}
        data = b"" if body is None else json.dumps(body).encode()
        wait = FIRST_WAIT
        while True:
            async with self._turn(lines):
                answer = await self._try(lines, "POST", path_of(operation), headers, data)
            if answer is not None:
                return json.loads(answer.body) if answer.body else {}
            wait = await self._back_off(wait)

    def _turn(self, lines: Lines) -> AbstractAsyncContextManager[Any]:
        """Within it a try is made."""
        return nullcontext()

    def _key(self) -> str:
        """The next Idempotency-Key."""
        self._keys += 1
        return f"{self.name} {self._keys}"

    async def _try(
        self, lines: Lines, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer | None:
        """The answer, or None when the same is to be sent again. Raises Lost."""
        typed = {"Content-Type": "application/json"} if body else {}
        try:
            answer = await lines.ask(request(method, path, {**self._headers, **typed, **headers}, body))
        except BROKEN as broken:
            self._note(broken)
            return None
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        self._check(answer.status, path, answer.body)
        return None

    def _check(self, status: int, path: str, body: bytes = b"") -> None:
        """Raises Lost when repeating won't help."""
        if status not in (429, 500, 503):
            raise Lost(f"{path} was refused with {status} {body.decode(errors='replace')}")
        reason = json.loads(body)["errors"][0]["reason"] if body else "of a stream"
        self._failures[f"{status} {reason}"] += 1

    def _note(self, broken: BaseException) -> None:
        """Count what broke."""
        silent = isinstance(broken, TimeoutError)
        what = "no answer" if silent else "no connection" if isinstance(broken, ConnectionRefusedError) else "a break"
        self._failures[what] += 1

    async def _back_off(self, wait: float) -> float:
        """Wait, longer each time and with some randomness."""
        await asyncio.sleep(wait * (0.5 + self._dice.random()))
        return min(wait * 2, LONGEST_WAIT)
