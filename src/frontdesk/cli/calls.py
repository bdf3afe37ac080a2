"""What commands share: reading the settings, reaching the data, and sentences for what can go wrong.

Whatever is heavy is imported where it is used: `frontdesk --help` and a command that a running server carries out
need neither the database nor the HTTP server.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from frontdesk.cli.output import fail

if TYPE_CHECKING:
    from frontdesk.settings import Settings

T = TypeVar("T")
INTERRUPTED = 130

Data = Annotated[Path | None, typer.Option("--data", help="Folder that holds the data.", show_default=False)]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql://user@host/name in place of the folder. Others see a password here in `ps`: "
        "put it into FRONTDESK_DATABASE or PGPASSWORD.",
        show_default=False,
    ),
]
Bus = Annotated[
    str | None,
    typer.Option(
        "--bus",
        help="nats://host:4222 to carry words between nodes. A password belongs into FRONTDESK_BUS.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def load(**given: Any) -> Settings:
    """The settings, with what the command line gives. Ends the command when one is wrong."""
    from frontdesk.settings import WrongSettings, read

    try:
        return read(**given)
    except WrongSettings as wrong:
        fail("\n".join((*wrong.problems, "`frontdesk settings --help` tells where settings come from.")))


def guarded(work: Callable[[], T]) -> T:
    """Run, and turn what can be expected to go wrong into a sentence and an exit status."""
    from frontdesk.domain.errors import Refusal

    try:
        return work()
    except KeyboardInterrupt:
        fail("Interrupted.", status=INTERRUPTED)
    except Refusal as refusal:
        fail(refusal.message)
    except OSError as error:
        fail(_in_words(error))
    except UnicodeEncodeError:
        # Python hands bytes that are no text on as they are, from the command line and from standard input.
        fail("Something given here is not UTF-8 text. Is the terminal's encoding UTF-8 (locale)?")
    except Exception as error:
        if type(error).__module__.startswith("frontdesk."):
            # Ours (DataInUse, UnsafeStorage, TooNew): its text is a sentence for people.
            fail(str(error))
        said = _broken(error)
        if said:
            fail(said)
        raise


def _broken(error: BaseException | None) -> str:
    """A sentence about a database that can't be used; "" when it is something else."""
    while error is not None:
        if isinstance(error, sqlite3.Error):
            return f"The database can't be used: {error}. `frontdesk doctor` says more."
        if type(error).__module__.startswith("asyncpg."):
            from frontdesk.cli.remote import in_words

            return in_words(error)
        # SQLAlchemy wraps the driver's error in one of its own, and that in another.
        error = error.__cause__
    return ""


def _in_words(error: OSError) -> str:
    if error.filename is None:
        return str(error)
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{error.filename} can't be used: {error.strerror}. Run this as the user who owns it."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{error.filename} is in the way: a folder is needed there. Choose another with --data."
    if error.errno == errno.ENOSPC:
        return f"{error.filename}: the disk is full. Free some space; nothing that was accepted is lost."
    return f"{error.filename}: {error.strerror}."


def run(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a command that serves."""

    def work() -> None:
        from frontdesk.serving import main

        main(make)

    guarded(work)


def command(data: Path | None, database: str | None, name: str, /, **arguments: Any) -> Any:
    """Carry out an operator's command: in the server that has the data open, or else here."""
    settings = load(data=data, database=database)
    return guarded(lambda: asyncio.run(_command(settings, name, arguments)))


def set_up(data: Path | None, database: str | None, name: str, /, **arguments: Any) -> Any:
    """As `command`, also where there is no data yet."""
    settings = load(data=data, database=database)
    return guarded(lambda: asyncio.run(_command(settings, name, arguments, makes=True)))


async def _command(settings: Settings, name: str, arguments: dict[str, Any], *, makes: bool = False) -> Any:
    if settings.database:
        from frontdesk.cli.remote import carry_out

        return await carry_out(settings, name, arguments, makes=makes)
    from frontdesk import control

    try:
        return await control.ask(settings.data, name, arguments)
    except control.Unreachable:
        return await _here(settings, name, arguments, makes=makes)


async def _here(settings: Settings, name: str, arguments: dict[str, Any], *, makes: bool) -> Any:
    from frontdesk import telemetry
    from frontdesk.cli.administered import administered
    from frontdesk.engines.sqlite import FILE, SqliteStore

    if not makes and not (settings.data / FILE).exists():
        fail(nothing_in(settings))
    telemetry.configure("error", as_json=False)
    store = SqliteStore(settings.data)
    try:
        return await (await administered(store)).run(name, arguments)
    finally:
        await store.close()


def nothing_in(settings: Settings) -> str:
    """The sentence about a folder or database without an installation."""
    if settings.database:
        from frontdesk.settings import masked

        return f"Nothing is set up in {masked(settings.database)}. Run frontdesk init ORG on it."
    return f"Nothing is set up in {settings.data}. Run: frontdesk init ORG --data {settings.data}"
