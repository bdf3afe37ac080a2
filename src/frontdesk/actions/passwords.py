"""Hashing passwords: argon2id (RFC 9106), beside the loop, as one costs a tenth of a second and 64 MiB."""

from __future__ import annotations

import asyncio
import secrets
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Hashed at one time: each takes 64 MiB, and a burst of sign-ins must leave the processors to the chats.
_AT_ONCE = 2


def new_password() -> str:
    """120 random bits, to be typed once."""
    return secrets.token_urlsafe(15)


class Passwords:
    """Hashes and verifies with the second choice of RFC 9106, 4: 3 passes over 64 MiB."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """What is stored in place of a password."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, _typed(password))

    async def fits(self, stored: str, password: str) -> bool:
        """Whether this is the password. With "" as `stored` it is not, and that takes as long to say."""
        if not stored and not self._nobody:
            # Else the time of an answer would tell which logins there are.
            self._nobody = await self.hash(secrets.token_hex())
        async with self._room:
            fits = await asyncio.to_thread(self._verify, stored or self._nobody, password)
        return fits and bool(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _typed(password))
        except (VerificationError, InvalidHashError):
            return False


def _typed(password: str) -> str:
    """The same whatever keyboard it was typed on: some send "é" as one sign, others as two (RFC 8265, 4.2.2)."""
    return normalize("NFC", password)
