"""What nodes say to each other about a request that one was asked and another is home to.

`number` is the asker's own for each request; with the asker's id it names the request everywhere. The asker is the
node that the client reached, the host the one that its session is at home on. `serial` is the host's own for each
time that it carried a poll out: asked for twice, one request can have two answers, of which one reached nobody.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from frontdesk.http.wire import Headers


class Ask(Struct, tag=0, array_like=True):
    """Carry this request out. `prior` is the serial of the session's last answer from here, and its fate."""

    number: int
    asker: str
    session_id: str
    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    address: str
    prior: tuple[int, bool | None] | None = None
    # What it is about, where that is no session of a contact's: a switchboard.
    home: str = ""


class Reply(Struct, tag=1, array_like=True):
    """Its answer."""

    number: int
    status: int
    body: bytes
    headers: Headers
    serial: int = 0


class Elsewhere(Struct, tag=2, array_like=True):
    """Not at home here, or not any more."""

    number: int


class Opened(Struct, tag=3, array_like=True):
    """Its answer is a stream, which begins."""

    number: int
    headers: Headers
    serial: int = 0


class Piece(Struct, tag=4, array_like=True):
    """A piece of a stream, counted from 1."""

    number: int
    turn: int
    body: bytes


class Closed(Struct, tag=5, array_like=True):
    """The stream is over after so many pieces."""

    number: int
    turn: int


class Caught(Struct, tag=6, array_like=True):
    """The reader of a stream has taken so many bytes."""

    asker: str
    number: int
    taken: int


class Left(Struct, tag=7, array_like=True):
    """The client went away: nobody wants the answer any more. `turn` is the last piece of a stream that it was sent."""

    asker: str
    number: int
    turn: int = 0


class WhatBecame(Struct, tag=8, array_like=True):
    """Asks whether that answer reached its client."""

    host: str
    serial: int
    session_id: str


class Fate(Struct, tag=9, array_like=True):
    """It did, did not, or that is unknown yet; of a stream, as far as piece `turn`."""

    asker: str
    serial: int
    session_id: str
    turn: int
    arrived: bool | None


class Farewell(Struct, tag=10, array_like=True):
    """This node has given everything back: nobody needs to wait for its beat to stand still."""

    node: str


class Greeting(Struct, tag=11, array_like=True):
    """This node has joined: nobody needs to wait for a beat to know it."""

    node: str


class Handed(Struct, tag=12, array_like=True):
    """Sessions were given to the node that hears this."""

    node: str


class Booked(Struct, tag=13, array_like=True):
    """A callback of this organization is stored, and soon due."""

    org_id: str
    due_ms: int


Word = (
    Ask | Reply | Elsewhere | Opened | Piece | Closed | Caught | Left | WhatBecame | Fate
    | Farewell | Greeting | Handed | Booked
)  # fmt: skip

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Word).decode
