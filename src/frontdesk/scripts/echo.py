"""The script of the benchmarks: says every text back at once."""

from __future__ import annotations

from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import Input, Outcome, Say


class Echo:
    """Answers each text with the same text, and nothing else with anything."""

    name = "echo"
    title = "Echo"

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """The text again."""
        if happened.kind == "messaging.Text":
            return Outcome((Say(happened.body),))
        return Outcome()
