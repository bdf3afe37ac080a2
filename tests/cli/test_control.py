"""The control socket: what goes through it, and what does not."""

import asyncio
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from frontdesk import control
from frontdesk.domain.errors import NotFound, Refusal

T = TypeVar("T")
LONG = [{"name": "x" * 1000}] * 1000


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as name:
        yield Path(name)


async def carry_out(name: str, arguments: dict[str, Any]) -> Any:
    """Some outcomes that commands have."""
    if name == "long":
        return LONG
    if name == "broken":
        raise RuntimeError("the disk is full")
    if name == "missing":
        raise NotFound("unknownThing", "There is no such thing.", scope="thing")
    return arguments


def beside(folder: Path, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work` while a server listens on the folder."""

    async def both() -> T:
        server = await control.listen(folder, carry_out)
        try:
            return await work()
        finally:
            server.close()

    return asyncio.run(both())


def test_arguments_arrive_and_the_result_comes_back(folder: Path) -> None:
    """As they are, letters beyond ASCII included."""
    assert beside(folder, lambda: control.ask(folder, "echo", {"a": [1, "ä"]})) == {"a": [1, "ä"]}


def test_a_long_list_comes_back_whole(folder: Path) -> None:
    """It is longer than a stream reader's line may be."""
    assert beside(folder, lambda: control.ask(folder, "long", {})) == LONG


def test_a_refusal_comes_back_as_it_is(folder: Path) -> None:
    """The command line says the same whether a server runs or not."""
    with pytest.raises(Refusal) as refusal:
        beside(folder, lambda: control.ask(folder, "missing", {}))
    assert (refusal.value.reason, refusal.value.scope) == ("unknownThing", "thing")
    assert refusal.value.message == "There is no such thing."


def test_a_failure_is_told_and_not_a_closed_socket(folder: Path) -> None:
    """The operator reads the cause."""
    with pytest.raises(Refusal) as refusal:
        beside(folder, lambda: control.ask(folder, "broken", {}))
    assert "the disk is full" in refusal.value.message


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"name": 1}\n', b"\n", b"x" * ((1 << 20) + 10)])
def test_nonsense_is_answered(folder: Path, line: bytes) -> None:
    """Whatever arrives, the server answers and goes on."""

    async def send() -> bytes:
        reader, writer = await asyncio.open_unix_connection(folder / control.FILE)
        writer.write(line)
        answer = await reader.read()
        writer.close()
        return answer

    assert b"invalidCommand" in beside(folder, send)


def test_the_socket_is_for_its_owner_alone(folder: Path) -> None:
    """Who can write to it can do everything."""

    async def mode() -> int:
        return stat.S_IMODE((folder / control.FILE).stat().st_mode)

    assert beside(folder, mode) == 0o600


def test_nobody_there_is_told_from_a_refusal(folder: Path) -> None:
    """Then the command line does the work itself."""
    with pytest.raises(control.Unreachable):
        asyncio.run(control.ask(folder, "echo", {}))


def test_a_server_that_stops_meanwhile_is_told(folder: Path) -> None:
    """Whether the command was carried out is not known; the sentence says so."""

    async def hang_up() -> Any:
        async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.close()

        server = await asyncio.start_unix_server(close, folder / control.FILE)
        try:
            return await control.ask(folder, "echo", {})
        finally:
            server.close()

    with pytest.raises(Refusal, match="noAnswer"):
        asyncio.run(hang_up())
