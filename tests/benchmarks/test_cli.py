"""The order of a run, and what becomes of a server that breaks down in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import generator
from benchmarks.cli import Run, measure_one, order_of_runs
from benchmarks.peers import Peer, all_peers, bus_servers
from benchmarks.peers.epoll import Epoll
from benchmarks.processes import Server, running
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, Plan


class Broken(Epoll):
    """A server that ends at once with a word on why."""

    name = "broken"

    @contextmanager
    def start(self, folder: Path, *, cpus: str) -> Iterator[Server]:
        """Run a command that never listens."""
        with running(["sh", "-c", "echo no licence; exit 3"], cpus=cpus, port=1, folder=folder) as server:
            yield server


def named(*names: str) -> list[Peer]:
    """The peers of these names."""
    return [peer for peer in all_peers() if peer.name in names]


def test_servers_take_turns_at_every_point_of_every_round() -> None:
    """A machine that gets slower during the run slows all of them alike."""
    runs = order_of_runs(2, {"post": (64, 512)}, named("frontdesk", "nchan"))

    assert [(run.round, run.point, run.peer.name) for run in runs] == [
        (number, point, server) for number in (0, 1) for point in (64, 512) for server in ("frontdesk", "nchan")
    ]


def test_scenario_for_some_servers_leaves_out_the_others() -> None:
    """Attacks take long and say little about servers nobody would expose."""
    runs = order_of_runs(1, {"slow-body": (5000,)}, named("frontdesk", "faye"))

    assert [run.peer.name for run in runs] == ["frontdesk"]


def test_scenario_names_only_servers_that_there_are() -> None:
    """A server that was given another name would be left out in silence."""
    known = {peer.name for peer in (*all_peers(), *bus_servers())}

    assert all(set(scenario.servers) <= known for scenario in SCENARIOS.values())


def test_paced_chat_is_for_frontdesk_and_idle_for_servers_without_shared_memory() -> None:
    """Clusters are compared with frontdesk on its file; their resident memory would count shared pages many times."""
    paced = [run.peer.name for run in order_of_runs(1, {"paced": (64,)}, all_peers())]
    idle = [run.peer.name for run in order_of_runs(1, {"idle": (1000,)}, all_peers())]

    assert paced == [
        "frontdesk",
        "frontdesk-postgres",
        "frontdesk-across",
        "frontdesk-across-nats",
        "frontdesk-two-nodes",
        "frontdesk-two-nodes-nats",
    ]
    assert set(idle) & set(paced) == {"frontdesk"}


def test_buses_carry_words_and_hold_no_polls() -> None:
    """A scenario for all servers is none for what lies below them."""
    every = [*all_peers(), *bus_servers()]

    assert [run.peer.name for run in order_of_runs(1, {"words": (300,)}, every)] == ["bus-postgres", "bus-nats"]
    assert [run.peer for run in order_of_runs(1, {"post": (64,)}, every)] == every[:-2]


def test_server_that_does_not_start_is_named_with_its_last_words() -> None:
    """The run goes on and its result says what is not in it."""
    results = Results()
    measure_one(Run(0, SCENARIOS["post"], 64, Broken()), Plan(server_cpus="0", client_cpus="0"), results)

    assert results.samples == []
    assert results.failures == [
        "broken, post at 64, round 1: RuntimeError: did not start listening: no licence",
    ]


def test_measuring_adds_a_sample_with_the_numbers_of_its_scenario() -> None:
    """One real run of the limit server, far too short to mean anything."""
    generator.build()
    results = Results()
    measure_one(Run(0, SCENARIOS["post"], 2, Epoll()), Plan(seconds=0.2, server_cpus="0", client_cpus="0"), results)

    assert results.failures == []
    assert results.samples[0].cell == ("post", 2, "epoll")
    assert results.samples[0].values["rate"] > 0
    assert results.samples[0].values["errors"] == 0
