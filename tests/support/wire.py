"""HTTP/1.1 over a bare socket: what a test sends is what arrives, and what comes back is seen byte by byte."""

import json
import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

PATIENCE_SECONDS = 30
"""A bound for waiting on what must come, far above what a slow machine needs."""

Headers = Mapping[str, str]


class Gone(Exception):
    """The server closed the connection where an answer was expected."""


@dataclass(frozen=True)
class Answer:
    """One whole answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The machine word of a refusal; "" of an answer that is none."""
        if self.status < 400:
            return ""
        return str(self.json()["errors"][0]["reason"])


def request_bytes(method: str, path: str, headers: Headers | None = None, body: bytes | None = None) -> bytes:
    """One request as it goes over the wire; Content-Length is added for a body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Wire:
    """One connection to 127.0.0.1, kept alive."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._input = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        """Use as a context; it closes the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close both directions."""
        self._input.close()
        self._socket.close()

    def reset(self) -> None:
        """Break the connection, as a crashing client or a dropped network does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def is_over(self) -> bool:
        """Whether the server has closed it; only to be asked while no answer is due."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def send(self, data: bytes) -> None:
        """Send these bytes and nothing else."""
        self._socket.sendall(data)

    def ask(self, method: str, path: str, headers: Headers | None = None, body: bytes | None = None) -> Answer:
        """Send one request and wait for its answer."""
        self.send(request_bytes(method, path, headers, body))
        return self.receive(head_only=method == "HEAD")

    def receive(self, *, head_only: bool = False) -> Answer:
        """The next answer. Raises Gone when the server closed instead."""
        status, headers = self.receive_head()
        if head_only or status == 204:
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join(iter(self.receive_chunk, b"")))
        return Answer(status, headers, self._exactly(int(headers["content-length"])))

    def receive_head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer; its body is still to come."""
        line = self._input.readline()
        if not line:
            raise Gone
        headers: dict[str, str] = {}
        for raw in iter(self._input.readline, b"\r\n"):
            name, _, value = raw.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers

    def receive_chunk(self) -> bytes:
        """The next piece of a body without a known length; b"" at its end."""
        size = int(self._input.readline() or b"0", 16)
        piece = self._exactly(size)
        self._input.readline()
        return piece

    def ends(self) -> bool:
        """Wait for the server to close the connection; False when it sends something instead."""
        return self._input.read(1) == b""

    def _exactly(self, size: int) -> bytes:
        data = self._input.read(size)
        if len(data) != size:
            raise Gone
        return data
