"""What a server of tests finds when it starts: two organizations with the demo's work types, made once a run.

Each test begins with a copy of that: making tables and organizations anew takes ten times as long.
"""

import asyncio
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from frontdesk.cli.demo import BENCH, WORK_TYPES
from frontdesk.engines.sqlite import FILE
from frontdesk.server import App
from frontdesk.settings import Settings
from tests.support import postgres
from tests.support.clock import FakeClock

ORG, KEY = "viademo", "demo-key"
OTHER_ORG, OTHER_KEY = "acme", "acme-key"
"""A second organization with the same work types: what belongs to one must not be seen by the other."""

# A clock that stands still: what calls clock_timestamp() in this database finds this one before PostgreSQL's own.
_CLOCK = """
CREATE TABLE hands AS SELECT pg_catalog.clock_timestamp() AS now;
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT now FROM public.hands';
"""
_FIRST = "ALTER DATABASE {} SET search_path = public, pg_catalog"


def folder(data: Path) -> None:
    """Put the file there, unless a server has been at work there before."""
    if not (data / FILE).exists():
        data.mkdir(parents=True, exist_ok=True)
        (data / FILE).write_bytes(_file())
        (data / FILE).chmod(0o600)


def database() -> str:
    """The address of a database of one's own, with a clock that is moved by hand."""
    return postgres.shared().fresh(like=_database(), also=_FIRST)


@functools.cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="frontdesk-") as name:
        asyncio.run(_furnish(_settings(data=Path(name))))
        return (Path(name) / FILE).read_bytes()


@functools.cache
def _database() -> str:
    made = postgres.fresh()
    name = tempfile.mkdtemp(prefix="frontdesk-")
    asyncio.run(_furnish(_settings(data=Path(name), database=made)))
    shutil.rmtree(name)
    postgres.shared().sql(_CLOCK, made.rpartition("/")[2])
    return made


def _settings(**fields: Any) -> Settings:
    return Settings(port=0, **fields)


async def _furnish(settings: Settings) -> None:
    app = await App.open(settings, clock=FakeClock())
    await app.admin.run("signing-key.rotate", {})
    for org, key in ((ORG, KEY), (OTHER_ORG, OTHER_KEY)):
        await app.admin.run("org.create", {"org_id": org})
        await app.admin.run("apikey.create", {"org_id": org, "key": key})
        for work_type_id, fields in {**WORK_TYPES, **BENCH}.items():
            await app.admin.run("worktype.create", {"org_id": org, "work_type_id": work_type_id, **fields})
    # A node that ends without a word would be one that the next ones have to shut out.
    await app.hand_over()
    await app.close()
