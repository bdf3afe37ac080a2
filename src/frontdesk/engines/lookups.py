"""Where sessions are at home, looked up for many at one time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection

from frontdesk.engines import queries
from frontdesk.ports import Found

Homes = Mapping[str, str | None]
Later = Callable[[Callable[[Connection], Homes], Found[Homes]], None]


class LookUps:
    """One query at a time, for all that was asked while the last one ran.

    When a node dies, every other one asks for each of its sessions in the same moment. A query costs more than a
    millisecond of the processor, and one for a thousand hardly more than one for one.
    """

    def __init__(self, later: Later) -> None:
        self._later = later
        self._asked: dict[str, list[Found[str | None]]] = {}
        self._under_way = False

    def find(self, key: str, found: Found[str | None]) -> None:
        """See ports.Store.find_home."""
        self._asked.setdefault(key, []).append(found)
        self._go_on()

    def _go_on(self) -> None:
        if self._asked and not self._under_way:
            self._under_way = True
            asked, self._asked = self._asked, {}
            self._later(lambda db: queries.homes(db, list(asked)), partial(self._found, asked))

    def _found(self, asked: dict[str, list[Found[str | None]]], homes: Homes | BaseException) -> None:
        self._under_way = False
        self._go_on()
        loop = asyncio.get_running_loop()
        for key, waiting in asked.items():
            result = homes if isinstance(homes, BaseException) else homes[key]
            for found in waiting:
                # Not called here: one listener's mistake must not leave the others untold.
                loop.call_soon(found, result)
