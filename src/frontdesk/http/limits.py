"""Limits per caller, and who the caller is behind a proxy."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from frontdesk import telemetry
from frontdesk.domain.errors import TooMany
from frontdesk.domain.limits import Rate, gcra
from frontdesk.ports import Membership

Network = IPv4Network | IPv6Network
# Callers remembered by one limiter. When it is full, those whose allowance is whole again are forgotten.
CALLERS_MAX = 100_000


class Limiter:
    """One rate for many callers; a caller costs one number."""

    def __init__(self, reason: str, what: str, rate: Rate | None) -> None:
        self.reason = reason
        self.rate = rate
        self._what = what
        self._callers: dict[str, float] = {}
        self.refused = 0

    def check(self, caller: str, now_ms: int) -> None:
        """Count one call. Raises TooMany."""
        rate = self.rate
        if rate is None:
            return
        now = now_ms / 1000
        theoretical, wait = gcra(rate, self._callers.get(caller, 0.0), now)
        if wait:
            raise self.refusal(rate, math.ceil(wait))
        if len(self._callers) >= CALLERS_MAX:
            self._forget(now)
        self._callers[caller] = theoretical

    def refusal(self, rate: Rate, wait: int) -> TooMany:
        """What the one too many is told; `wait` in seconds."""
        self.refused += 1
        message = f"At most {rate.count} {self._what} in {rate.seconds:g} seconds; wait and repeat."
        return TooMany(self.reason, message, limit=rate.count, retry_after=wait)

    def _forget(self, now: float) -> None:
        kept = {caller: t for caller, t in self._callers.items() if t > now}
        # Most of them still count: starting anew is kinder than refusing everyone, or than looking through all of
        # them again for each new caller.
        self._callers = kept if len(kept) <= CALLERS_MAX // 2 else {}


class Shared:
    """The rates of limiters counted over all nodes, for calls that their own node let pass."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._tasks: set[asyncio.Task[None]] = set()

    def check(self, asked: Sequence[tuple[Limiter, str]], told: Callable[[TooMany | None], None]) -> None:
        """Count one call of each caller; `told` gets the refusal of the first limiter that has none left."""
        task = asyncio.get_running_loop().create_task(self._check(asked, told))
        # The loop keeps only a weak reference to a task.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, asked: Sequence[tuple[Limiter, str]], told: Callable[[TooMany | None], None]) -> None:
        for limiter, caller in asked:
            rate = limiter.rate
            wait = await self._take(limiter, caller, rate) if rate is not None else 0
            if rate is not None and wait:
                told(limiter.refusal(rate, wait))
                return
        told(None)

    async def _take(self, limiter: Limiter, caller: str, rate: Rate) -> int:
        try:
            return await self._membership.take([f"{limiter.reason} {caller}"], rate.count, round(rate.seconds))
        except Exception as error:  # noqa: BLE001 - the database is away: this node's own count has to do
            telemetry.log.warning("limits.not_shared", error=repr(error))
            return 0


@lru_cache(maxsize=4096)
def whose(address: str) -> str:
    """Whom an address counts for: itself, or its /64 in IPv6, as every customer there has all of one to choose from."""
    parsed = _parse(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


class Doors:
    """How many connections each address has open. Each can hold a poll, and costs memory for as long as it likes."""

    def __init__(self, most: int, proxies: Proxies) -> None:
        """`most` for one address, 0 for any number; trusted proxies speak for many and are not counted."""
        self._most = most
        self._proxies = proxies
        self._open: dict[str, int] = {}
        self.refused = 0

    def enter(self, peer: str) -> bool:
        """One more connection. False when it is one too many; it is counted all the same until it leaves."""
        household = whose(peer)
        count = self._open[household] = self._open.get(household, 0) + 1
        if not self._most or count <= self._most or self._proxies.trusts(peer):
            return True
        self.refused += 1
        return False

    def leave(self, peer: str) -> None:
        """A connection is closed."""
        household = whose(peer)
        count = self._open.get(household, 0) - 1
        if count > 0:
            self._open[household] = count
        else:
            self._open.pop(household, None)

    def refusal(self) -> TooMany:
        """What the one too many is told."""
        message = "This address has too many connections open; close some."
        return TooMany("tooManyConnections", message, limit=self._most, retry_after=5)


class Proxies:
    """Finds the client's address. Only trusted proxies may name it in X-Forwarded-For."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted` holds addresses and networks (CIDR). Raises ValueError."""
        self._trusted: list[Network] = [ip_network(t, strict=False) for t in trusted]
        self.trusts = lru_cache(maxsize=1024)(self._check)

    def client(self, peer: str, forwarded: bytes) -> str:
        """Whom the request counts for: the rightmost address that is not a trusted proxy (see `whose`).

        Further left stands what the client claims.
        """
        return whose(self._client(peer, forwarded))

    def _client(self, peer: str, forwarded: bytes) -> str:
        if not self._trusted or not forwarded or not self.trusts(peer):
            return peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            address = hop.strip()
            if not self.trusts(address):
                return address if _parse(address) is not None else peer
        return peer

    def _check(self, address: str) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
