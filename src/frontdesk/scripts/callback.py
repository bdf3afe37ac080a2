"""Takes a number and a time for a voice callback, in place of an agent who is not there.

State: the work type that takes the callback, and the number once it is known, parted by a space.
"""

from __future__ import annotations

import re

from frontdesk.domain.contacts import check_digits
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import BookCallBack, Goodbye, Input, Outcome, Say

_NO = frozenset({"no", "stop", "cancel", "never mind", "bye", "goodbye"})


class Callback:
    """Two questions and a goodbye."""

    name = "callback"
    title = "Callback"

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """Answer one line of the contact."""
        work_type_id, _, digits = state.partition(" ")
        if happened.kind == "messaging.Connected":
            return Outcome((Say("On which number may we call you back?"),), state)
        if happened.kind not in ("messaging.Text", "messaging.DialRequest"):
            return Outcome(state=state)
        line = happened.body.strip()
        if line.casefold() in _NO:
            return Outcome((Say("No call then. Goodbye."), Goodbye()), state)
        return _book(work_type_id, digits, line) if digits else _ask_when(work_type_id, line)


def _ask_when(work_type_id: str, line: str) -> Outcome:
    try:
        check_digits(line)
    except Invalid:
        return Outcome((Say('Please send just the digits, or "no" to leave it.'),), work_type_id)
    return Outcome((Say("In how many minutes shall we call?"),), f"{work_type_id} {line}")


def _book(work_type_id: str, digits: str, line: str) -> Outcome:
    state = f"{work_type_id} {digits}"
    number = re.search(r"\b\d{1,4}\b", line)
    if number is None:
        return Outcome((Say("A number of minutes, please: 30, for example."),), state)
    minutes = int(number.group())
    said = Say(f"Thank you: we call {digits} in {minutes} minutes. Goodbye.")
    return Outcome((BookCallBack(digits, minutes, work_type_id), said, Goodbye()), state)
