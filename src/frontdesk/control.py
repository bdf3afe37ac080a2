"""How `frontdesk org create` reaches a running server: one JSON line each way over a socket in the data folder.

Only one process may have the data open, so the command is carried out there, and takes effect at once. The socket's
folder is readable for its owner alone; whoever can open it could also read the database.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from frontdesk.domain.errors import Refusal

FILE = "control.sock"
# sockaddr_un holds 108 bytes, with the zero at its end.
_PATH_MAX = 107

Run = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Unreachable(Exception):
    """No server listens on this data folder."""


async def listen(folder: Path, run: Run) -> asyncio.Server:
    """Take commands for the server on `folder`. Raises OSError when its path is too long for a socket."""
    path = folder / FILE
    if len(os.fsencode(path)) > _PATH_MAX:
        raise OSError(f"{path} is too long for a socket; choose a data folder with a shorter path.")
    path.unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(msgspec.json.encode(await _answer(await reader.readline(), run)) + b"\n")
            await writer.drain()
        except ConnectionError:
            # The CLI was interrupted; what it asked for is done all the same.
            return
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    path.chmod(0o600)
    return server


async def _answer(line: bytes, run: Run) -> dict[str, Any]:
    try:
        command = msgspec.json.decode(line)
        return {"result": await run(command["name"], command["arguments"])}
    except Refusal as refusal:
        return {"reason": refusal.reason, "message": refusal.message, "scope": refusal.scope}
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        return {"reason": "invalidCommand", "message": f"The server does not understand this: {error}.", "scope": ""}


async def ask(folder: Path, name: str, arguments: dict[str, Any]) -> Any:
    """Have the server on `folder` carry out a command. Raises Unreachable, or the server's Refusal."""
    try:
        reader, writer = await asyncio.open_unix_connection(folder / FILE)
    except (OSError, ValueError):
        raise Unreachable(str(folder)) from None
    writer.write(msgspec.json.encode({"name": name, "arguments": arguments}) + b"\n")
    answer = msgspec.json.decode(await reader.readline())
    writer.close()
    if "result" not in answer:
        raise Refusal(answer["reason"], answer["message"], scope=answer["scope"])
    return answer["result"]
