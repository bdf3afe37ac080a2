"""What a contact may say of themselves."""

from __future__ import annotations

import re
import unicodedata

from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import DIGITS_MAX, EMAIL_MAX

# A space is the only blank: a line break would tear the agent's line, or a log's, in two.
_DIALABLE = re.compile(r"\+?[\d ().\-/]+(?:(?:x|ext\.?|#) *\d{1,8})?", re.IGNORECASE | re.ASCII)
# Three for emergency and service numbers, fifteen by E.164; an extension stands outside.
_DIGITS = range(3, 16)


def check_email(email: str) -> str:
    """The address as sent. Raises Invalid unless it has the form of one (RFC 5321: local part, @, domain)."""
    local, at, domain = email.rpartition("@")
    printable = email.isprintable() and not any(c.isspace() for c in email)
    labels = domain.split(".")
    if at and local and all(labels) and printable and "@" not in local and len(email) <= EMAIL_MAX:
        return email
    raise Invalid("invalidEmail", "Send an address such as name@example.com, or leave it out.", scope="contactEmail")


def check_name(name: str) -> str:
    """The name as sent. Raises Invalid when there is nothing to show an agent."""
    if not any(unicodedata.category(c)[0] in "LNPS" for c in name):
        raise Invalid("missingContactName", "Send a name that can be shown to the agent.", scope="contactName")
    return name


def check_digits(digits: str) -> str:
    """The number as sent. Raises Invalid unless a person could dial it.

    Local numbers ("555 1234") are right, so nothing is resolved to a country here.
    """
    number = re.split(r"[x#e]", digits, maxsplit=1, flags=re.IGNORECASE)[0]
    count = sum(c.isdigit() for c in number)
    if len(digits) <= DIGITS_MAX and _DIALABLE.fullmatch(digits.strip(" ")) and count in _DIGITS:
        return digits
    raise Invalid("invalidDigits", "Send a phone number as a person would dial it, 3 to 15 digits.", scope="digits")
