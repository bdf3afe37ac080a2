"""A self-service script: asks for a rating, and hands over to a person when it is poor.

State is the name of the question that is open: "" at first, then "rating", then "reason".
"""

from __future__ import annotations

import re

from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import Goodbye, HandOff, Input, Outcome, Say

# Where people work who want to hear of it.
PEOPLE = "79"
# From here on a rating is good.
GOOD = 4


class Survey:
    """Asks how we did."""

    name = "survey"
    title = "Survey"

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """Answer one line of the contact."""
        if happened.kind == "messaging.Connected":
            return Outcome((Say(f"Hello {contact.name}. How was our service, from 1 (poor) to 5 (great)?"),), "rating")
        if happened.kind != "messaging.Text":
            return Outcome(state=state)
        if state == "reason":
            return Outcome((Say("Thank you. A person will read that and talk to you now."), HandOff(PEOPLE)))
        return self._rated(happened.body)

    def _rated(self, text: str) -> Outcome:
        rating = re.search(r"\b[1-5]\b", text)
        if rating is None:
            return Outcome((Say("A number from 1 to 5, please."),), "rating")
        if int(rating.group()) >= GOOD:
            return Outcome((Say("Thank you, that is good to hear. Goodbye!"), Goodbye()))
        return Outcome((Say("I am sorry. What went wrong?"),), "reason")
