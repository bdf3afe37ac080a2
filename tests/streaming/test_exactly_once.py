"""Chats across a network that cuts, delays and repeats, and a server that is killed."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.streaming.rough import Contact, Proxy
from tests.support.cluster import sqlite_only
from tests.support.server import DEMO, Process

pytestmark = sqlite_only("a server in a process of its own is the demo on SQLite")
BENCH = (*DEMO, "--bench")
ASKED = ["hello", "what does it cost?", "when are you open?", "qwertz", "thanks"]


@pytest.mark.parametrize("seed", [20260101])
def test_careful_clients_render_everything_exactly_once(tmp_path: Path, seed: int) -> None:
    """Same keys, followed numbers: whatever the network and `kill -9` do, each message once and in order."""
    with Process(tmp_path / "data", command=BENCH) as process:
        contacts, proxy = asyncio.run(careful(process, random.Random(seed)))
    for contact in contacts:
        numbers = [event["sequenceNumber"] for event in contact.events]
        assert numbers == list(range(1, len(numbers) + 1))
        if contact.work_type == "1":
            assert contact.answers == contact.lines
        else:
            assert len(contact.answers) == 1 + len(contact.lines)
            assert len(set(contact.answers)) == len(contact.answers)
    assert proxy.cuts > 100, "the network was too kind to show anything"
    assert proxy.copied > 50


async def careful(process: Process, dice: random.Random) -> tuple[list[Contact], Proxy]:
    """Let everyone talk, and kill the server at four moments of the conversation."""
    async with Proxy(dice, copies=True) as proxy:
        proxy.target = process.port

        def contact(name: str, lines: list[str], work_type: str) -> Contact:
            mine = random.Random(dice.random())
            return Contact(name, lines, lambda: proxy.port, lambda: proxy.port, mine, work_type)

        echoes = [contact(f"e{i}", [f"e{i} says {j}" for j in range(50)], "1") for i in range(30)]
        visitors = [contact(f"c{i}", ASKED, "100") for i in range(6)]
        everyone = [*echoes, *visitors]
        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            for one in everyone:
                tasks.create_task(one.talk())
            for heard in (100, 400, 800, 1200):
                while sum(len(one.answers) for one in echoes) < heard:  # noqa: ASYNC110 - counted over all of them
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(process.restart)
                proxy.target = process.port
        return everyone, proxy


@pytest.mark.parametrize("seed", [20260102])
def test_plain_clients_lose_nothing_that_breaks_on_its_way(tmp_path: Path, seed: int) -> None:
    """No keys, no numbers, as the document's sample: an answer whose connection broke comes again, until it arrives."""
    with Process(tmp_path / "data", command=BENCH) as process:
        contacts, proxy = asyncio.run(plain(process, random.Random(seed)))
    for contact in contacts:
        assert contact.answers == contact.lines
    # How many depends on how soon answers come: about 50 where they come at once.
    assert proxy.cuts > 20, "the network was too kind to show anything"


async def plain(process: Process, dice: random.Random) -> tuple[list[Contact], Proxy]:
    """Polls take the rough way; messages, which such a client could not repeat, the straight one."""
    async with Proxy(dice, copies=False) as proxy:
        proxy.target = process.port
        contacts = [
            Contact(
                f"p{i}", [f"p{i} says {j}" for j in range(60)], lambda: process.port, lambda: proxy.port,
                random.Random(dice.random()), plain=True,
            )
            for i in range(20)
        ]  # fmt: skip
        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            for one in contacts:
                tasks.create_task(one.talk())
        return contacts, proxy
