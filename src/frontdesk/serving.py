"""Serving an App: uvicorn with our protocol, the ticking of its timers, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn
import uvloop

from frontdesk import control, telemetry
from frontdesk.domain.timers import WIDTH
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.http.connection import Connection
from frontdesk.http.lane import Lane
from frontdesk.http.outbox import Outbox
from frontdesk.server import AnyStore, App

# Seconds that a connection may be idle between requests: longer than the usual 60 of proxies before us, so that it
# is they who close, and no request meets a closing connection.
_KEEP_ALIVE_SECONDS = 75


class _Uvicorn(uvicorn.Server):
    """uvicorn, with a word to the held polls before it closes their connections."""

    def __init__(self, config: uvicorn.Config, app: App, started: Callable[[int], None]) -> None:
        super().__init__(config)
        self._app = app
        self._started = started

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        if self.started:
            self._started(self.servers[0].sockets[0].getsockname()[1])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but it does not raise the signal again at the end: what is pending must still be written."""
        loop = asyncio.get_running_loop()
        # Python hears signals in the main thread alone; elsewhere `App.stop` is the way.
        in_main = threading.current_thread() is threading.main_thread()
        stopping = (signal.SIGINT, signal.SIGTERM) if in_main else ()
        for each in stopping:
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in stopping:
                loop.remove_signal_handler(each)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Held polls are answered empty; whoever comes meanwhile is told to come again."""
        self._app.dispatcher.stopping = True
        self._app.hub.drain()
        await self._app.hand_over()
        await super().shutdown(sockets)


def _config(app: App) -> uvicorn.Config:
    s = app.settings
    return uvicorn.Config(
        app.asgi,
        host=s.host,
        port=s.port,
        http=partial(Lane, app.dispatcher, app.timers, app.clock, app.doors, Outbox()) if s.lane else Connection,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=4096,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=s.stop_seconds,
        ssl_certfile=s.tls_certificate,
        ssl_keyfile=s.tls_key,
    )


def _about(store: AnyStore) -> dict[str, str]:
    """What an operator wants to know about the store, without secrets."""
    if isinstance(store, SqliteStore):
        return {"engine": "SQLite", "path": str(store.path), "version": sqlite3.sqlite_version}
    return {"engine": "PostgreSQL", "node": store.node}


async def _tick(app: App) -> None:
    while True:
        await asyncio.sleep(WIDTH / 1000)
        app.tick()


def spare_collector() -> None:
    """Let the garbage collector look seldom, and not at what exists by now: it lives as long as the process."""
    gc.collect()
    gc.freeze()
    # Almost nothing here is a cycle, so counting references frees it. Looking for the rest after every 700th new
    # object cost 3 % of the time, and a full look at 20,000 sessions stops everything for 20 ms.
    gc.set_threshold(50_000, 20, 100)


async def run(app: App, started: Callable[[int], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM, `app.stop`); `started` gets the port once connections are taken."""
    telemetry.log.info("store.opened", **_about(app.store))
    spare_collector()
    ticking = asyncio.get_running_loop().create_task(_tick(app))
    commands = None if app.settings.database else await control.listen(app.settings.data, app.admin.run)
    server = _Uvicorn(_config(app), app, started)
    app.stop = partial(server.handle_exit, signal.SIGTERM, None)
    try:
        await server.serve()
    finally:
        if commands is not None:
            commands.close()
        ticking.cancel()
        await app.close()


def main(make: Callable[[], Any]) -> None:
    """Run the coroutine that `make` gives, on the loop that the server is built for."""
    uvloop.run(make())
