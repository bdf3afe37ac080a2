"""How `frontdesk org create` reaches a running server: one JSON line each way over a socket in the data folder.

Only one process may have the data open, so the command is carried out there, and takes effect at once. The socket
is for its owner alone; whoever can open it could also read the database.
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
# sockaddr_un holds 108 bytes, with the zero at its end; 104 where BSD's is used (macOS).
PATH_MAX = 103
# A command is a few words; what is longer is no command.
_COMMAND_MAX = 1 << 20

Run = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Unreachable(Exception):
    """No server listens on this data folder."""


def check_path(folder: Path) -> None:
    """Raises OSError when the folder's path is too long for a socket in it."""
    too_long = len(os.fsencode(folder / FILE)) - PATH_MAX
    if too_long > 0:
        raise OSError(
            f"The path of the data folder is {too_long} bytes too long for the control socket in it: {folder}. "
            "Choose a folder with a shorter path, or go near it and name it relatively."
        )


async def listen(folder: Path, run: Run) -> asyncio.Server:
    """Take commands for the server on `folder`. Raises OSError when its path is too long for a socket."""
    check_path(folder)
    path = folder / FILE
    path.unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(msgspec.json.encode(await _answer(reader, run)) + b"\n")
            await writer.drain()
        except ConnectionError:
            # The CLI was interrupted; what it asked for is done all the same.
            return
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path, limit=_COMMAND_MAX)
    path.chmod(0o600)
    return server


async def _answer(reader: asyncio.StreamReader, run: Run) -> dict[str, Any]:
    try:
        command = msgspec.json.decode(await reader.readline())
        return {"result": await run(command["name"], command["arguments"])}
    except Refusal as refusal:
        return {"reason": refusal.reason, "message": refusal.message, "scope": refusal.scope}
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        return {"reason": "invalidCommand", "message": f"The server does not understand this: {error}.", "scope": ""}
    except Exception as error:  # noqa: BLE001 - a full disk, say: the operator wants to read it, not a closed socket
        return {"reason": "failed", "message": f"The server could not do it: {error}.", "scope": ""}


async def ask(folder: Path, name: str, arguments: dict[str, Any]) -> Any:
    """Have the server on `folder` carry out a command. Raises Unreachable, or the server's Refusal."""
    try:
        reader, writer = await asyncio.open_unix_connection(folder / FILE)
    except PermissionError:
        raise
    except (OSError, ValueError):
        raise Unreachable(str(folder)) from None
    try:
        writer.write(msgspec.json.encode({"name": name, "arguments": arguments}) + b"\n")
        # To the end, not one line: a long list is longer than a reader's line may be.
        answer = msgspec.json.decode(await reader.read(-1))
    except (ConnectionError, msgspec.DecodeError):
        raise Refusal(
            "noAnswer", "The server stopped before it answered. Look whether it was done; if not, repeat the command."
        ) from None
    finally:
        writer.close()
    if "result" not in answer:
        raise Refusal(answer["reason"], answer["message"], scope=answer["scope"])
    return answer["result"]
