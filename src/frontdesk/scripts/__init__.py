"""The self-service scripts that come with frontdesk. Pure functions: they import the domain and nothing else."""

from __future__ import annotations

from frontdesk.domain.scripts import Script
from frontdesk.scripts.callback import Callback
from frontdesk.scripts.concierge import Concierge
from frontdesk.scripts.echo import Echo

BUILT_IN: dict[str, Script] = {script.name: script for script in (Callback(), Concierge(), Echo())}
