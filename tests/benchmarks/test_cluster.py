"""Nodes as one measured server: who is asked, where sessions are at home, what its parts cost, what a node logged."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import nats, postgres
from benchmarks.peers.cluster import (
    ACROSS,
    ACROSS_WITH_NATS,
    ALONE,
    COMPLAINTS,
    TWO,
    TWO_WITH_NATS,
    Cluster,
    Shape,
    complain,
    together,
)
from benchmarks.peers.frontdesk import shares
from benchmarks.processes import NODES, PASSING, TICKS_PER_SECOND, Server, free_port, running

# Long enough to be told from a start of Python, which is counted as well.
WORK_SECONDS = 0.6
USE = f"import time\nwhile time.process_time() < {WORK_SECONDS}: pass"
LISTEN = "import signal, socket, sys; open_port = socket.create_server(('127.0.0.1', int(sys.argv[1])))"


@contextmanager
def serving(folder: Path, work: str) -> Iterator[Server]:
    """A process that does some work, then listens and waits."""
    folder.mkdir()
    port = free_port()
    script = f"import sys\n{work}\n{LISTEN}\nsignal.pause()"
    with running([sys.executable, "-c", script, str(port)], cpus="0", port=port, folder=folder) as made:
        yield made


def busy_seconds(made: Server) -> float:
    """CPU seconds of the root process alone, without its children."""
    fields = Path(f"/proc/{made.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def server(port: int, part: str = NODES) -> Server:
    """A server of which only its port and its part are looked at."""
    with subprocess.Popen(["true"]) as ended:
        return Server(ended, port, Path(), part=part)


@pytest.mark.parametrize(
    ("shape", "homes", "asked"),
    [
        (ALONE, [1], (1,)),
        (ACROSS, [1], (2,)),
        (ACROSS_WITH_NATS, [1], (2,)),
        (TWO, [1, 2], (1, 2)),
        (TWO_WITH_NATS, [1, 2], (1, 2)),
    ],
    ids=["alone", "across", "across-with-nats", "two", "two-with-nats"],
)
def test_sessions_are_made_and_asked_for_at_the_nodes_of_the_shape(
    shape: Shape, homes: list[int], asked: tuple[int, ...]
) -> None:
    """Across, nothing may be asked of the node where the sessions are; servers below nodes are never asked."""
    nodes = [server(number + 1) for number in range(shape.nodes)]
    cluster = together(nodes, [server(5432, postgres.PART), server(4222, nats.PART)], shape)

    assert Cluster("", shape).homes(cluster) == homes
    assert cluster.ports == asked
    assert [each.port for each in cluster.all()] == [*range(1, shape.nodes + 1), 5432, 4222]


def test_what_passing_on_costs_is_told_apart() -> None:
    """The node that no session is at home on has a part of its own; where all are homes there is none."""
    nodes = [server(1), server(2)]

    assert [each.part for each in together(nodes, [], ACROSS).all()] == [NODES, PASSING]
    assert [each.part for each in together(nodes, [], TWO).all()] == [NODES, NODES]


def test_sessions_are_made_in_blocks_so_that_every_port_polls_for_every_home() -> None:
    """In turns, poll i would always come to the port at which session i was made, and nothing would be passed on."""
    assert shares([8001, 8002], 1000) == [(8001, 500), (8002, 500)]
    assert sum(count for _, count in shares([8001, 8002], 3)) == 3
    assert shares([8001], 7) == [(8001, 7)]


def test_cpu_is_told_apart_by_part(tmp_path: Path) -> None:
    """The cost of the database must not hide in that of the nodes."""
    with serving(tmp_path / "busy", USE) as busy, serving(tmp_path / "quiet", "") as quiet:
        used = replace(quiet, others=(replace(busy, part="other"),)).cpu_of_parts()

        assert list(used) == [NODES, "other"]
        assert used["other"] >= busy_seconds(busy) > 0
        assert used[NODES] < used["other"]


def test_cpu_of_a_child_that_ended_is_counted(tmp_path: Path) -> None:
    """Workers of PostgreSQL come and go; what they used would go with them."""
    with serving(tmp_path / "parent", f"import subprocess; subprocess.run([sys.executable, '-c', {USE!r}])") as parent:
        assert parent.cpu() - busy_seconds(parent) >= WORK_SECONDS / 2


def test_what_a_node_logged_is_shown_and_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its files are gone after the run; the line that it serves is no complaint."""
    (tmp_path / "server.log").write_text("\n".join(['{"url": "http://x"}', *["trouble"] * (COMPLAINTS + 2)]))
    complain(tmp_path)

    shown = capsys.readouterr().out.splitlines()
    assert shown[:-1] == [f"{tmp_path.name}: trouble"] * COMPLAINTS
    assert shown[-1] == f"{tmp_path.name}: and 2 lines more"


def test_node_that_logged_nothing_is_not_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without trouble prints numbers only."""
    (tmp_path / "server.log").write_text('{"url": "http://x"}\n')
    complain(tmp_path)

    assert capsys.readouterr().out == ""
