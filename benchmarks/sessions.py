"""The generator's session file: ready-made requests, one a line, told apart by their first letter."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# The generator overwrites these digits with the time of sending, and looks for them in the answers to polls.
STAMP = "@T" + "0" * 19
BODY_BYTES = 255


@dataclass(frozen=True)
class Record:
    """One line: `kind` is P (poll), S (send), O (pong of engine.io) or D (destination of BOSH)."""

    kind: str
    content: bytes


def message_text(room: int = BODY_BYTES) -> str:
    """A stamped text of exactly `room` characters, all plain ASCII."""
    filler = "hello, I have a question about my last order and its delivery. " * 4
    return (STAMP + " " + filler)[:room]


def send_body(**fields: str) -> bytes:
    """The JSON body of a sendText, exactly BODY_BYTES long; peers carry the same bytes as their message."""
    room = BODY_BYTES - len(_json({**fields, "text": ""}))
    return _json({**fields, "text": message_text(room)}).encode()


def _json(fields: dict[str, str]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def escape(content: bytes) -> bytes:
    """One line of the file: backslash, return, newline and tab written as two characters."""
    for raw, written in ((b"\\", rb"\\"), (b"\r", rb"\r"), (b"\n", rb"\n"), (b"\t", rb"\t")):
        content = content.replace(raw, written)
    return content


def write(path: Path, records: Iterable[Record]) -> None:
    """Write the session file; polls and sends keep their order, the n-th of each is session n's."""
    with path.open("wb") as file:
        for record in records:
            file.write(record.kind.encode() + escape(record.content) + b"\n")
