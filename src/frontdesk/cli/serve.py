"""`frontdesk serve` and `frontdesk migrate`."""

from __future__ import annotations

from frontdesk import telemetry
from frontdesk.cli.output import console, fail
from frontdesk.engines.migrate import upgrade
from frontdesk.engines.migrations import HEAD
from frontdesk.engines.sqlite import FILE, lock, open_writer
from frontdesk.server import App, run
from frontdesk.settings import Settings


async def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    telemetry.configure(settings.log_level, as_json=settings.log_json)
    app = App(settings)
    if not app.context.directory.signing_keys:
        app.close()
        fail(f"Nothing is set up in {settings.data}. Run: frontdesk init ORG --data {settings.data}")
    scheme = "https" if settings.tls_certificate else "http"

    def started(port: int) -> None:
        telemetry.log.info("serving", url=f"{scheme}://{settings.host}:{port}")

    await run(app, started)
    telemetry.log.info("stopped")


def migrate(settings: Settings) -> None:
    """Migrate the data folder's database."""
    held = lock(settings.data)
    db = open_writer(settings.data / FILE)
    before = upgrade(settings.data / FILE, db)
    db.close()
    held.close()
    if before == HEAD:
        console.print(f"Nothing to do: the data is at revision {HEAD}.")
    else:
        console.print(f"Migrated from {before or 'nothing'} to {HEAD}.")
