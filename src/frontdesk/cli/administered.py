"""An operator's commands on a store that nobody serves from here: no HTTP, no sessions, nothing is taken over."""

from __future__ import annotations

from typing import cast

from frontdesk.actions.admin import Admin
from frontdesk.actions.context import Context
from frontdesk.actions.tokens import Keys
from frontdesk.domain.timers import Timers
from frontdesk.engines.system import RandomIds, SystemClock
from frontdesk.ports import Store, Streams
from frontdesk.scripts import BUILT_IN


async def administered(store: Store) -> Admin:
    """The commands, with what is set up there in memory."""
    clock = SystemClock()
    # Nothing that an operator does is delivered to a contact.
    context = Context(store, cast("Streams", None), clock, RandomIds(clock), Timers())
    admin = Admin(context, Keys(), BUILT_IN.__contains__)
    await admin.load()
    return admin
