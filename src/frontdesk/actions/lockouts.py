"""Who must wait before the next password is looked at: by login, and by address."""

from __future__ import annotations

import math
from typing import NamedTuple

from frontdesk.domain.errors import TooMany
from frontdesk.domain.lockout import ADDRESS, LOGIN, NONE, Patience, Tries, left, one_less, one_more, wait_ms
from frontdesk.domain.passwords import LOGIN_MAX

# Logins, and addresses, of which wrong tries are remembered. Logins that don't exist count as well: that they never
# have to wait would tell that they don't.
KNOWN_MAX = 100_000


class Caller(NamedTuple):
    """Who tries, as what, from where."""

    org_id: str
    login: str
    address: str

    @property
    def account(self) -> str:
        """The login, as one of all organizations. What is too long for one is cut: it would fill the memory."""
        return f"{self.org_id} {self.login.casefold()[: LOGIN_MAX + 1]}"


class Lockouts:
    """Counts wrong passwords in the memory of this process.

    On several nodes each counts what comes to it; a limit that they share bounds the tries of a login over all of them
    (`http/signin.py`).
    """

    def __init__(self) -> None:
        self._logins: dict[str, Tries] = {}
        self._addresses: dict[str, Tries] = {}

    def enter(self, caller: Caller, now_ms: int) -> None:
        """Count a try as a wrong one until it is known to be right: a hundred at once must not all be looked at.

        Raises TooMany while one must wait; that is not counted.
        """
        kept = self._kept(caller)
        wait = max(wait_ms(known.get(key, NONE), patience, now_ms) for known, key, patience in kept)
        if wait:
            raise TooMany(
                "tooManySignIns", "Too many wrong passwords. Wait as long as Retry-After says before the next try.",
                retry_after=math.ceil(wait / 1000), scope="password",
            )  # fmt: skip
        for known, key, patience in kept:
            tries = one_more(known.pop(key, NONE), patience, now_ms)
            if len(known) >= KNOWN_MAX:
                # The one that was tried longest ago: dicts keep the order of insertion.
                del known[next(iter(known))]
            known[key] = tries

    def right(self, caller: Caller) -> None:
        """It was right: the login begins anew.

        Of the address only this one try is forgotten, as whoever guesses from there may have a login of their own.
        """
        (logins, login, _), (addresses, address, _) = self._kept(caller)
        logins.pop(login, None)
        if address in addresses:
            addresses[address] = one_less(addresses[address])

    def wrong_tries(self, caller: Caller, now_ms: int) -> int:
        """Of this login, as far as they are not forgotten."""
        known, key, patience = self._kept(caller)[0]
        return math.ceil(left(known.get(key, NONE), patience, now_ms))

    def _kept(self, caller: Caller) -> tuple[tuple[dict[str, Tries], str, Patience], ...]:
        return (self._logins, caller.account, LOGIN), (self._addresses, caller.address, ADDRESS)
