"""The concierge of the demo: greets, answers a few questions, pushes a link, books a callback, hands off, ends.

State is one word, what it waits for: "" (a question), "digits" (a phone number), "minutes <number>" (a delay).
"""

from __future__ import annotations

import re

from frontdesk.domain.contacts import check_digits
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import BookCallBack, Effect, Goodbye, HandOff, Input, Outcome, Push, Say

DOCS_URL = "https://www.rfc-editor.org/rfc/rfc6202"
AGENTS_WORK_TYPE = "79"
CALL_BACK_WORK_TYPE = "32"
# Long enough to be seen as typing, short enough not to be waited for.
COMPOSING_MS = 700

_MENU = (
    "You can ask me about opening hours, prices or how this chat works, ask for a call back, "
    "talk to a person, or just say goodbye."
)
_ANSWERS: tuple[tuple[str, tuple[Effect, ...]], ...] = (
    (r"\b(hours?|open|close[ds]?|when)\b", (Say("We are here Monday to Friday, 8:00 to 18:00, and I never sleep."),)),
    (r"\b(prices?|cost|pay|free)\b", (Say("frontdesk is free and open source: you run it on your own machine."),)),
    (
        r"\b(how|work|docs?|documentation|poll|api)\b",
        (
            Say("Your browser holds a long poll open, and I answer through it. This page explains the idea:"),
            Push(DOCS_URL),
        ),
    ),
    (r"\b(hi|hello|hey)\b", (Say("Hello again! " + _MENU),)),
    (r"\b(thanks?|thank you)\b", (Say("You are welcome. Anything else?"),)),
)


class Concierge:
    """A menu in plain words."""

    name = "concierge"
    title = "Concierge"

    def step(self, state: str, contact: Contact, happened: Input) -> Outcome:
        """Answer one line of the contact."""
        if happened.kind == "messaging.Connected":
            return _say(f"Hello {contact.name}, I am the concierge. {_MENU}")
        if happened.kind == "messaging.PushUrl":
            return _say("Thank you for the link; a person will look at it when you ask for one.")
        if happened.kind == "messaging.DialRequest":
            return _ask_minutes(happened.body)
        if happened.kind != "messaging.Text":
            return Outcome(state=state)
        return _reply(state, happened.body)


def _say(text: str, state: str = "") -> Outcome:
    return Outcome((Say(text),), state, COMPOSING_MS)


def _reply(state: str, text: str) -> Outcome:
    if state == "digits":
        return _ask_minutes(text)
    if state.startswith("minutes "):
        return _book(state.removeprefix("minutes "), text)
    return _answer(text)


def _answer(text: str) -> Outcome:
    line = text.casefold()
    if re.search(r"\b(bye|goodbye|end|quit)\b", line):
        return Outcome((Say("Goodbye, and thank you for trying frontdesk."), Goodbye()), "", COMPOSING_MS)
    if re.search(r"\b(agent|human|person|someone|people)\b", line):
        return Outcome(
            (Say("I am putting you through. Please stay here."), HandOff(AGENTS_WORK_TYPE)), "", COMPOSING_MS
        )
    if re.search(r"\bcall ?(me|back)?\b|\bphone\b", line):
        return _say("Gladly. On which number may we call you?", "digits")
    for pattern, effects in _ANSWERS:
        if re.search(pattern, line):
            return Outcome(effects, "", COMPOSING_MS)
    return _say("I am a simple script and did not understand that. " + _MENU)


def _ask_minutes(digits: str) -> Outcome:
    if digits.casefold().strip() in ("no", "stop", "cancel", "never mind"):
        return _say("No call then. What else can I do?")
    try:
        check_digits(digits.strip())
    except Invalid:
        return _say('I can\'t read a phone number in that. Send just the digits, or "no" to leave it.', "digits")
    return _say("In how many minutes shall we call?", f"minutes {digits.strip()}")


def _book(digits: str, text: str) -> Outcome:
    number = re.search(r"\b\d{1,4}\b", text)
    if number is None:
        return _say("A number of minutes, please: 30, for example.", f"minutes {digits}")
    minutes = int(number.group())
    booked = BookCallBack(digits, minutes, CALL_BACK_WORK_TYPE)
    return Outcome((booked, Say(f"Done: we call {digits} in {minutes} minutes. Anything else?")), "", COMPOSING_MS)
