"""The API's sizes, each with its unit and source; and how often something may happen."""

from __future__ import annotations

from msgspec import Struct

# Document, "SendText": characters; we count code points.
TEXT_MAX = 2000
# Contract, wire.md "Messaging": characters.
URL_MAX = 2000
CONTACT_NAME_MAX = 200
CONTACT_DATA_KEY_MAX = 100
CONTACT_DATA_VALUE_MAX = 2000
# Document, "Messaging for WebChat": items.
CONTACT_DATA_MAX_ITEMS = 20
# RFC 5321, 4.5.3.1.3: a path is at most 256 octets with its angle brackets.
EMAIL_MAX = 254
# Room for a number with separators and an extension; E.164 itself has 15 digits.
DIGITS_MAX = 40
# Document, "Notification": seconds.
NOTIFICATION_SECONDS_MAX = 30
# Contract: seconds.
INACTIVITY_DELAY_MIN, INACTIVITY_DELAY_MAX, INACTIVITY_DELAY_DEFAULT = 15, 3600, 60
MAX_EVENTS_MAX = 100
# A request that names an id or a key longer than this is wrong, and would fill the log.
ID_MAX = 100
IDEMPOTENCY_KEY_MAX = 200
# Characters of what agents note for each other.
MEMO_MAX = 2000
NAME_MAX = 200
API_KEY_MAX = 200
# Contract: hours an Idempotency-Key is remembered.
IDEMPOTENCY_HOURS = 24
# Two years ahead, in minutes: a callback later than that is a slip of the finger.
CALL_BACK_MINUTES_MAX = 2 * 366 * 24 * 60
# Whoever was not reached ten times is no longer waiting for a call.
CALL_BACK_TRIES_MAX = 10
# Document: seconds a poll is held when nothing is queued.
POLL_HOLD_SECONDS = 15
# Contract: seconds a web token is valid.
WEB_TOKEN_SECONDS = 3600


class Rate(Struct, frozen=True):
    """`count` events are allowed in `seconds`, all at once or spread."""

    count: int
    seconds: float


# Tolerance: sums of floats must not refuse the last of `count` calls.
_HAIR_SECONDS = 1e-9


def gcra(rate: Rate, theoretical: float, now: float) -> tuple[float, float]:
    """The generic cell rate algorithm: one number per caller remembers its whole past.

    `theoretical` is the caller's stored number (0.0 at first), `now` any rising clock in seconds. Returns the
    number to store and the seconds to wait: 0.0 when allowed, else nothing is to be stored.
    """
    interval = rate.seconds / rate.count
    start = max(theoretical, now)
    wait = start + interval - rate.seconds - now
    if wait > _HAIR_SECONDS:
        return theoretical, wait
    return start + interval, 0.0
