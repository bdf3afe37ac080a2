"""Homes that are looked up many at a time: each asker hears of its own, and a storm is few queries."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection

from frontdesk.engines.lookups import Homes, LookUps
from frontdesk.ports import Found, switchboard
from tests.contracts.engines import Bench
from tests.contracts.records import chat, session

MANY = 300


def test_each_of_many_hears_of_its_own(bench: Bench) -> None:
    """Living ones, ended ones with and without a conversation, unknown ones and a switchboard, all at once."""
    bench.commit(*(session(f"s{n}") for n in range(MANY)))
    bench.commit(session("over", ended_ms=2), session("waits", ended_ms=2), chat(1, "waits"))
    here = getattr(bench.store, "node", "")
    wanted = {**{f"s{n}": here for n in range(MANY)}, "over": None, "waits": here, "unknown": None}
    wanted[switchboard("viademo")] = ""
    answers: dict[str, Any] = {}
    for key in wanted:
        bench.store.find_home(key, partial(answers.__setitem__, key))
    bench.run(until(lambda: len(answers) == len(wanted)))

    assert answers == wanted


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds; the bench gives up after a while."""
    while not condition():  # noqa: ASYNC110 - nothing would set an event for it
        await asyncio.sleep(0)


class Slow:
    """An engine that answers when told to."""

    def __init__(self) -> None:
        self.waiting: list[Found[Homes]] = []

    def later(self, query: Callable[[Connection], Homes], found: Found[Homes]) -> None:
        """See Reads._later."""
        self.waiting.append(found)


def test_what_is_asked_during_a_query_goes_into_one_more() -> None:
    """However many that are; and each is answered, also who asks for the same and when another one fails."""
    heard: list[Any] = []

    async def storm() -> None:
        engine = Slow()
        look_ups = LookUps(engine.later)
        look_ups.find("first", heard.append)
        look_ups.find("a", lambda home: 1 / 0)  # type: ignore[arg-type]
        for key in ("a", "b", "a"):
            look_ups.find(key, heard.append)
        assert len(engine.waiting) == 1
        engine.waiting.pop()({"first": "here"})
        assert len(engine.waiting) == 1
        engine.waiting.pop()({"a": "there", "b": None})
        assert engine.waiting == []
        look_ups.find("c", heard.append)
        engine.waiting.pop()(OSError("away"))
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: heard.append(type(context["exception"])))
    loop.run_until_complete(storm())
    loop.close()
    assert heard[:5] == ["here", ZeroDivisionError, "there", "there", None]
    assert isinstance(heard[5], OSError)
