"""frontdesk as nodes on PostgreSQL: one, or two that pass requests on to each other."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import nats, postgres
from benchmarks.nodes import UNLIMITED, furnish
from benchmarks.peers.base import Missing, output
from benchmarks.peers.frontdesk import COMMAND, Frontdesk
from benchmarks.processes import NODES, PASSING, Server, free_port, running
from frontdesk.cli.demo import BENCH, KEY, ORG, WORK_TYPES


@dataclass(frozen=True)
class Shape:
    """How many nodes there are, which of them make the sessions, which are asked, and what carries their words."""

    nodes: int = 1
    homes: tuple[int, ...] = (0,)
    asked: tuple[int, ...] = (0,)
    nats: bool = False


# Lines of a node's log that are shown.
COMPLAINTS = 5
ALONE = Shape()
# Sessions are at home on the first, every request comes to the second: each is passed on.
ACROSS = Shape(nodes=2, homes=(0,), asked=(1,))
ACROSS_WITH_NATS = replace(ACROSS, nats=True)
# As behind a balancer: half of all requests come to the wrong one.
TWO = Shape(nodes=2, homes=(0, 1), asked=(0, 1))
TWO_WITH_NATS = replace(TWO, nats=True)


class Cluster(Frontdesk):
    """`frontdesk serve`, once for each node, on a fresh PostgreSQL that syncs every commit."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self._shape = shape

    def install(self) -> str:
        """See Peer; PostgreSQL and NATS come with the packages of the development tools."""
        try:
            below = [output(str(postgres.programs() / "postgres"), "--version")]
            below += [output(nats.program(), "--version")] if self._shape.nats else []
        except LookupError as absence:
            raise Missing(str(absence)) from None
        return f"{super().install()} on {' and '.join(below)}"

    @contextmanager
    def start(self, folder: Path, *, cpus: str) -> Iterator[Server]:
        """Run all parts on the same CPUs, each with its files in a folder of its own."""
        with ExitStack() as stack:
            database = stack.enter_context(postgres.serving(folder / "postgres", cpus=cpus))
            below, settings = [database], {"FRONTDESK_DATABASE": postgres.url(database.port)}
            if self._shape.nats:
                below.append(stack.enter_context(nats.serving(folder / "nats", cpus=cpus)))
                settings["FRONTDESK_BUS"] = f"nats://127.0.0.1:{below[-1].port}"
            _furnish(settings["FRONTDESK_DATABASE"], folder)
            nodes = [
                stack.enter_context(_node(folder / f"node{number}", settings, cpus))
                for number in range(self._shape.nodes)
            ]
            try:
                yield together(nodes, below, self._shape)
            finally:
                for node in nodes:
                    complain(node.folder)

    def homes(self, server: Server) -> list[int]:
        """See Frontdesk."""
        nodes = [node for node in server.all() if node.part in (NODES, PASSING)]
        return [nodes[number].port for number in self._shape.homes]

    def facts(self, server: Server) -> dict[str, Any]:
        """See Frontdesk."""
        return {"orgId": ORG, "apiKey": KEY, "workTypes": {"agents": "79"}}


def together(nodes: Sequence[Server], below: Sequence[Server], shape: Shape) -> Server:
    """All parts as one server, which the generator asks at the ports of the shape."""
    ports = tuple(nodes[number].port for number in shape.asked)
    first, *more = (replace(node, part=NODES if n in shape.homes else PASSING) for n, node in enumerate(nodes))
    return replace(first, ports=ports, others=(*more, *below))


def complain(folder: Path) -> None:
    """Print what a node logged, from warnings on: its files go with the run, and a number from a sick node is none."""
    lines = (folder / "server.log").read_text(errors="replace").splitlines()
    logged = [line for line in lines if line and not line.startswith('{"url"')]
    for line in logged[:COMPLAINTS]:
        print(f"{folder.name}: {line}")
    if len(logged) > COMPLAINTS:
        print(f"{folder.name}: and {len(logged) - COMPLAINTS} lines more")


def _furnish(database: str, folder: Path) -> None:
    work_types = {**WORK_TYPES, **BENCH}
    asyncio.run(furnish(database, folder / "data", org=ORG, key=KEY, work_types=work_types))


def _node(folder: Path, settings: dict[str, str], cpus: str) -> AbstractContextManager[Server]:
    folder.mkdir()
    port = free_port()
    own = {"FRONTDESK_PORT": str(port), "FRONTDESK_DATA": str(folder / "data"), "FRONTDESK_LOG_LEVEL": "warning"}
    environment = {**UNLIMITED, **settings, **own}
    return running([str(COMMAND), "serve", "--json"], cpus=cpus, port=port, folder=folder, environment=environment)
