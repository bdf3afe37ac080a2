"""The servers that carry words between nodes, measured without any node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import buses, nats, postgres
from benchmarks.peers.base import Missing, output
from benchmarks.processes import Server
from benchmarks.sessions import Record


class BusServer:
    """PostgreSQL or NATS as a bus. Nobody polls it."""

    rules = ""

    def __init__(self, kind: str) -> None:
        self.name = f"bus-{kind}"
        self.kind = kind

    def install(self) -> str:
        """See Peer; both come with the packages of the development tools."""
        try:
            program = nats.program() if self.kind == buses.NATS else str(postgres.programs() / "postgres")
        except LookupError as absence:
            raise Missing(str(absence)) from None
        return output(program, "--version")

    @contextmanager
    def start(self, folder: Path, *, cpus: str) -> Iterator[Server]:
        """See Peer."""
        below = nats if self.kind == buses.NATS else postgres
        with below.serving(folder / self.kind, cpus=cpus) as server:
            yield server

    def url(self, server: Server) -> str:
        """Where nodes find it."""
        return f"nats://127.0.0.1:{server.port}" if self.kind == buses.NATS else postgres.url(server.port)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """See Peer: there are none."""
        return []
