"""How long to wait after wrong passwords: longer each time, and never for ever."""

from __future__ import annotations

import math

from msgspec import Struct

# Milliseconds: the first wait, which doubles with each further wrong try, and the longest one.
FIRST_MS = 1000
LONGEST_MS = 15 * 60 * 1000


class Patience(Struct, frozen=True):
    """`free` wrong tries cost no wait; one is forgotten every `forget_ms`."""

    free: int
    forget_ms: int


# Of one login. Whoever guesses on and on gets 96 tries a day, as a wrong one is forgotten in a quarter of an hour:
# fewer than the 100 in a row that NIST SP 800-63B, 3.2.2 allows.
LOGIN = Patience(free=5, forget_ms=LONGEST_MS)
# Of one address. A whole office may sit behind it: its slips of the finger must be forgotten faster than they come.
ADDRESS = Patience(free=20, forget_ms=60 * 1000)


class Tries(Struct, frozen=True):
    """Wrong tries that are not forgotten yet, as they stood at the last one."""

    count: float = 0.0
    last_ms: int = 0


NONE = Tries()


def left(tries: Tries, patience: Patience, now_ms: int) -> float:
    """How many are not forgotten now."""
    # A clock that was put back forgets nothing.
    passed = max(now_ms - tries.last_ms, 0)
    return max(tries.count - passed / patience.forget_ms, 0.0)


def one_more(tries: Tries, patience: Patience, now_ms: int) -> Tries:
    """With another wrong one, now."""
    return Tries(left(tries, patience, now_ms) + 1, now_ms)


def one_less(tries: Tries) -> Tries:
    """Without the last one: it was right after all."""
    return Tries(max(tries.count - 1, 0.0), tries.last_ms)


def wait_ms(tries: Tries, patience: Patience, now_ms: int) -> int:
    """Milliseconds until the next try is looked at; 0: at once."""
    # Rounded up: what was forgotten between five quick tries must not give a sixth.
    beyond = math.ceil(tries.count) - patience.free
    if beyond < 0:
        return 0
    # Above that the longest wait is reached; the power of a large count would be a large number.
    doublings = min(beyond, (LONGEST_MS // FIRST_MS).bit_length())
    return max(tries.last_ms + min(FIRST_MS << doublings, LONGEST_MS) - now_ms, 0)
