"""What the buses share: words as frames, a bounded outbox, and a link that is made again for ever.

A frame is what one notification carries: several small words, or one piece of a large one.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import struct
import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from frontdesk import telemetry

WORD_BYTES_MAX = 1024 * 1024

# A node that can't get its words out must not fill its memory with them: what waits longest is still the likeliest
# to be in time, so the newest are dropped.
WAITING_MAX = 20_000
WAITING_BYTES_MAX = 64 * 1024 * 1024

# What one statement or one flush carries. More would keep a lone word waiting behind it.
BATCH_BYTES = 512 * 1024

# A large word whose other pieces were lost must not stay in memory.
JOINING_SECONDS = 10
JOINING_MAX = 256
JOINING_BYTES_MAX = 64 * 1024 * 1024

# An open that hangs keeps a node from starting, and nobody knows why.
OPEN_SECONDS = 5
# How often a link is asked whether it still lives, and how long it may take to say so: a machine that lost its power
# closes no connection.
LOOK_SECONDS = 2
# The last words of a node that stops, answers among them, may take so long.
CLOSE_SECONDS = 1
BACK_OFF_SECONDS, BACK_OFF_SECONDS_MAX = 0.1, 2.0

# What is safe in the name of a channel and of a subject. A word to another name is to nobody: one bad name would
# fail all words that go with it.
NAME = re.compile(r"[A-Za-z0-9_-]{1,48}")
PORT = re.compile(r":\d+$")

# Of each piece: the word's number, which piece of how many, its length.
HEAD = struct.Struct(">QHHI")

Word = tuple[int, bytes]
Frame = tuple[str, bytes]


def frames(words: Iterable[Word], size: int) -> Iterator[bytes]:
    """Numbered words as frames of at most `size` bytes: small ones together, large ones cut."""
    filling = bytearray()
    for number, word in words:
        for piece in _pieces(number, word, size - HEAD.size):
            if filling and len(filling) + len(piece) > size:
                yield bytes(filling)
                filling = bytearray()
            filling += piece
    if filling:
        yield bytes(filling)


def _pieces(number: int, word: bytes, room: int) -> Iterator[bytes]:
    count = max(1, -(-len(word) // room))
    for index in range(count):
        data = word[index * room : (index + 1) * room]
        yield HEAD.pack(number, index, count, len(data)) + data


class Joining(Struct):
    """A word of which some pieces are missing."""

    since: float
    count: int
    pieces: dict[int, bytes]
    size: int = 0


class Joiner:
    """Puts words together again. What is not a frame is passed over: anyone may write to a channel."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._joining: dict[int, Joining] = {}
        self._size = 0

    def take(self, frame: bytes) -> list[bytes]:
        """The words that are whole with this frame."""
        words, at = [], 0
        while at + HEAD.size <= len(frame):
            number, index, count, length = HEAD.unpack_from(frame, at)
            at += HEAD.size + length
            data = frame[at - length : at]
            if len(data) == length and index < count:
                words.extend([data] if count == 1 else self._join(number, index, count, data))
        return words

    def _join(self, number: int, index: int, count: int, data: bytes) -> list[bytes]:
        if number not in self._joining:
            self._joining[number] = Joining(since=self._now(), count=count, pieces={})
        joining = self._joining[number]
        if joining.count == count and index not in joining.pieces:
            joining.pieces[index] = data
            joining.size += len(data)
            self._size += len(data)
        if len(joining.pieces) == joining.count:
            self._forget(number)
            return [b"".join(joining.pieces[at] for at in range(joining.count))]
        self._make_room()
        return []

    def _make_room(self) -> None:
        late = self._now() - JOINING_SECONDS
        for number, joining in list(self._joining.items()):
            many = len(self._joining) > JOINING_MAX or self._size > JOINING_BYTES_MAX
            if not many and joining.since > late:
                return
            self._forget(number)

    def _forget(self, number: int) -> None:
        self._size -= self._joining.pop(number).size


class Outbox:
    """Words that wait for the link."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, int, bytes]] = deque()
        self._size = 0
        # Numbers tell the words of all nodes apart. They also keep PostgreSQL from taking the second of two equal
        # words in one transaction for a repeat of the first.
        self._number = secrets.randbits(64)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, node: str, word: bytes) -> bool:
        """Whether it was taken."""
        if len(self._waiting) >= WAITING_MAX or self._size + len(word) > WAITING_BYTES_MAX:
            return False
        self._number = (self._number + 1) % 2**64
        self._waiting.append((node, self._number, word))
        self._size += len(word)
        return True

    def take(self, frame_size: int) -> list[Frame]:
        """About BATCH_BYTES of what waits longest, as frames for each node."""
        words: dict[str, list[Word]] = defaultdict(list)
        taken = 0
        while self._waiting and taken < BATCH_BYTES:
            node, number, word = self._waiting.popleft()
            words[node].append((number, word))
            taken += len(word) + HEAD.size
            self._size -= len(word)
        return [(node, frame) for node, said in words.items() for frame in frames(said, frame_size)]

    def clear(self) -> int:
        """Forget everything; how many words that were."""
        count = len(self._waiting)
        self._waiting.clear()
        self._size = 0
        return count


class Link(Protocol):
    """A connection that is used until it breaks. Its maker is told of words, and of the break if it can be seen."""

    frame_size: int

    async def carry(self, frames: Sequence[Frame]) -> None:
        """Hand frames to the server; returns once more may come. Raises when the link is broken."""

    async def look(self) -> None:
        """Raises when the link is broken or the server does not answer; all that was carried is on its way then."""

    async def end(self) -> None:
        """Give everything back, without waiting for the server. Never raises."""


class Ear:
    """What a link tells its bus. Deaf once the link is given up: callbacks may still be under way then."""

    def __init__(self, take: Callable[[bytes], None], wake: Callable[[], None]) -> None:
        self._take = take
        self._wake = wake
        self.broken = False

    def took(self, frame: bytes) -> None:
        """A frame came."""
        if not self.broken:
            self._take(frame)

    def broke(self) -> None:
        """The link is of no use any more. May be said twice."""
        self.broken = True
        self._wake()


class LinkedBus(ABC):
    """ports.Bus over links. A subclass says how one is made, and names its server for people.

    `dropped` counts the words that were not sent, `gaps` how often the link was made again.
    """

    server: ClassVar[str]
    setting: ClassVar[str]
    default_port: ClassVar[int]

    def __init__(self, url: str) -> None:
        self.dropped = 0
        self.gaps = 0
        self._url = url
        self._node = ""
        self._heard: Callable[[bytes], object] = bytes
        self._gap: Callable[[], object] = bool
        self._outbox = Outbox()
        self._joiner = Joiner()
        self._wake = asyncio.Event()
        self._link: tuple[Link, Ear] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def linked(self) -> bool:
        """Whether there is a link, as far as is known; without one, words are dropped."""
        return self._link is not None

    @abstractmethod
    async def _make(self, node: str, ear: Ear) -> Link:
        """A link that listens as `node`. What was begun is given back when it raises or is cancelled."""

    async def open(self, node: str, heard: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        """See ports.Bus. Raises OSError when the server can't be reached, and then nothing is open."""
        if not NAME.fullmatch(node):
            raise ValueError(f"{node!r} can't name a node on a bus: use 1 to 48 letters, digits, _ or -.")
        await self.close()
        self._node, self._heard, self._gap = node, heard, gap
        try:
            await self._connect()
        except Exception as error:  # noqa: BLE001 - a driver raises what it likes; the caller is promised OSError
            raise OSError(self._advice(error)) from None
        self._keeper = asyncio.create_task(self._keep(), name="bus")

    def send(self, node: str, message: bytes) -> None:
        """See ports.Bus. What can't be sent is counted in `dropped`."""
        usable = self._link is not None and not self._closing and len(message) <= WORD_BYTES_MAX
        if usable and NAME.fullmatch(node) and self._outbox.put(node, message):
            self._wake.set()
        else:
            self.dropped += 1

    async def close(self) -> None:
        """See ports.Bus. What was said before is sent, if that takes no longer than CLOSE_SECONDS."""
        if self._keeper is None:
            return
        keeper, self._keeper = self._keeper, None
        self._closing = True
        self._wake.set()
        await asyncio.wait({keeper}, timeout=CLOSE_SECONDS if self._link else 0)
        keeper.cancel()
        await asyncio.wait({keeper})
        self._closing = False

    async def _connect(self) -> None:
        ear = Ear(self._take, self._wake.set)
        async with asyncio.timeout(OPEN_SECONDS):
            self._link = await self._make(self._node, ear), ear

    async def _keep(self) -> None:
        while self._link is not None:
            try:
                await self._pump(*self._link)
            except Exception as error:  # noqa: BLE001 - whatever broke it: a node that gave up would be deaf for good
                telemetry.log.warning("bus.lost", server=self.server, trace=telemetry.trace(error))
            finally:
                await self._unlink(*self._link)
            await self._again()

    async def _pump(self, link: Link, ear: Ear) -> None:
        """Carry words until the bus is closed. Raises when the link breaks."""
        looked = time.monotonic()
        while not ear.broken:
            if self._outbox:
                await link.carry(self._outbox.take(link.frame_size))
            elif self._closing:
                await link.look()
                return
            else:
                await self._rest()
            if time.monotonic() - looked >= LOOK_SECONDS:
                await link.look()
                looked = time.monotonic()
        raise ConnectionError("the server ended the connection")

    async def _rest(self) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()

    async def _unlink(self, link: Link, ear: Ear) -> None:
        self._link = None
        ear.broken = True
        # A late word is worth less than none: who waited for it has asked again by then.
        self.dropped += self._outbox.clear()
        await link.end()

    async def _again(self) -> None:
        pause = BACK_OFF_SECONDS
        while self._link is None and not self._closing:
            await asyncio.sleep(pause)
            pause = min(2 * pause, BACK_OFF_SECONDS_MAX)
            # Logged once, when it was lost; here it would come every two seconds.
            with suppress(Exception):
                await self._connect()
                self.gaps += 1
                telemetry.log.info("bus.back", server=self.server)
                self._tell(self._gap)

    def _take(self, frame: bytes) -> None:
        for word in self._joiner.take(frame):
            self._tell(self._heard, word)

    def _tell(self, listener: Callable[..., object], *arguments: bytes) -> None:
        try:
            listener(*arguments)
        except Exception as error:  # noqa: BLE001 - a listener's mistake must not cost the words behind this one
            context = {"message": "A listener of the bus failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _advice(self, error: Exception) -> str:
        place = places(self._url, self.default_port)
        right = (
            f"Check that it runs, and that {self.setting} names it, with the right user and password if it wants any."
        )
        return f"Can't reach {self.server} at {place}: {reason(error)}. {right}"


def places(url: str, default_port: int) -> str:
    """Host and port of a URL with one or more servers, without user and password."""
    netloc = urlsplit(url).netloc
    if not netloc or ("@" in url and "@" not in netloc):
        # A slash in the password that is not written as %2F ends the host's part early, in the middle of a secret.
        return "the address that is set"
    hosts = (part.rpartition("@")[2] for part in netloc.split(","))
    return ", ".join(host if PORT.search(host) else f"{host}:{default_port}" for host in hosts)


def reason(error: Exception) -> str:
    """Why it failed, in words that hold nothing of the URL."""
    if isinstance(error, TimeoutError):
        return f"no answer within {OPEN_SECONDS} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return type(error).__name__
