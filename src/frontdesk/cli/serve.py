"""`frontdesk serve` and `frontdesk migrate`, and what every command that serves makes sure of first."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import ssl

from frontdesk import control, telemetry
from frontdesk.cli.calls import nothing_in
from frontdesk.cli.output import as_json, console, fail
from frontdesk.engines.migrate import upgrade
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.sqlite import FILE, LOCK, lock, open_writer
from frontdesk.server import App
from frontdesk.serving import run
from frontdesk.settings import Settings, masked, unknown_variables

# Ports below it belong to root.
_FIRST_FREE_PORT = 1024


async def serve(settings: Settings, *, json: bool) -> None:
    """Serve until told to stop."""
    telemetry.configure(settings.log_level, as_json=settings.log_json)
    for name in unknown_variables():
        telemetry.log.warning("settings.unknown", variable=name)
    if settings.database:
        await _make_sure_there(settings)
    elif not (settings.data / FILE).exists():
        fail(nothing_in(settings))
    else:
        await make_sure(settings)
    app = await App.open(settings)
    if not app.context.directory.signing_keys:
        await app.close()
        fail(nothing_in(settings))

    def started(port: int) -> None:
        url = url_of(settings, port)
        telemetry.log.info("serving", url=url)
        if json:
            as_json({"url": url, **_where(settings), "pid": os.getpid()})

    await run(app, started)
    telemetry.log.info("stopped")


def _where(settings: Settings) -> dict[str, str]:
    if settings.database:
        return {"database": masked(settings.database)}
    return {"data": str(settings.data.resolve())}


def url_of(settings: Settings, port: int) -> str:
    """Where it serves, as one would type it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls_certificate else 'http'}://{host}:{port}"


async def make_sure(settings: Settings) -> None:
    """What would stop the start half-way, found before anything is opened. Raises OSError that says what to do."""
    control.check_path(settings.data)
    if await _serves_already(settings):
        owner = (settings.data / LOCK).read_text()
        raise OSError(
            f"A frontdesk (process {owner}) serves {settings.data} already. "
            "Stop it first, or choose another data folder with --data."
        )
    _make_sure_of_the_machine(settings)


async def _make_sure_there(settings: Settings) -> None:
    """As `make_sure`, for a node on PostgreSQL; the data folder plays no part."""
    from frontdesk.cli.remote import make_sure_it_is_set_up, reached

    async with reached(settings.database) as db:
        await make_sure_it_is_set_up(settings, db)
    _make_sure_of_the_machine(settings)


def _make_sure_of_the_machine(settings: Settings) -> None:
    check_port(settings)
    check_tls(settings)
    allow_connections()


async def _serves_already(settings: Settings) -> bool:
    try:
        await control.ask(settings.data, "org.list", {})
    except control.Unreachable:
        return False
    return True


def check_port(settings: Settings) -> None:
    """Raises OSError, with what to do, when the server could not listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server will: a port that only waits for late packets of an earlier run is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise OSError(_why_not_listening(settings, error)) from None


def _why_not_listening(settings: Settings, error: OSError) -> str:
    port = settings.port
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {settings.host} is taken by another program. Choose another with --port, or 0 for any."
    if error.errno == errno.EACCES and port < _FIRST_FREE_PORT:
        return (
            f"Port {port} is for root only. Choose one from {_FIRST_FREE_PORT} on with --port, and a proxy before it."
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"This machine has no address {settings.host}. Use 127.0.0.1 (only here) or 0.0.0.0 (from everywhere)."
    return f"Listening on {settings.host}, port {port}, fails: {error.strerror}."


def check_tls(settings: Settings) -> None:
    """Raises OSError, with what to do, when the certificate or its key can't be used."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    for path in (settings.tls_certificate, settings.tls_key):
        path.open("rb").close()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except ssl.SSLError:
        raise OSError(
            f"{settings.tls_certificate} and {settings.tls_key} are no PEM certificate and the private key of it."
        ) from None


def allow_connections() -> None:
    """Every held poll is an open file; the usual 1024 are soon used up, and more may be had for the asking."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            # macOS names a limit that it does not grant; `frontdesk doctor` tells what there is.
            return


def migrate(settings: Settings) -> None:
    """Migrate the data folder's database, or PostgreSQL's."""
    if settings.database:
        from frontdesk.cli.remote import migrate_there

        before = asyncio.run(migrate_there(settings))
    else:
        if not (settings.data / FILE).exists():
            fail(nothing_in(settings))
        held = lock(settings.data)
        before = bring_up_to_date(settings)
        held.close()
    if before == HEAD:
        console.print(f"Nothing to do: the data is at revision {HEAD}.")
    else:
        console.print(f"Migrated from {before or 'nothing'} to {HEAD}.")


def bring_up_to_date(settings: Settings) -> str:
    """Migrate the data folder's database if need be; returns the revision it came from. The caller holds the lock."""
    db = open_writer(settings.data / FILE)
    before = upgrade(settings.data / FILE, db)
    db.close()
    return before
