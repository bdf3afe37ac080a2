"""What is measured: each scenario runs one server once and returns its numbers."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import buses, generator, sessions, slow
from benchmarks.generator import Load
from benchmarks.paths import BUILD
from benchmarks.peers import Peer, all_peers, bus_servers, clusters
from benchmarks.peers.bus import BusServer
from benchmarks.processes import Server

Values = dict[str, float]
POLL_COUNT = 1000
POST_SESSIONS = 1000
CURVE_SENDERS = 64
# 20,000 open files are a usual hard limit: 19,000 polls leave room for the senders and the server's own.
CURVE_POINTS = (1000, 5000, 10_000, 15_000, 19_000)
# Held polls for each second of the curve's warm-up: most sessions have spoken by its end. What a server does once for
# each session is no price of holding many, and at 19,000 polls nearly every text would be a session's first.
CURVE_POLLS_PER_SECOND = 2000
# A server's own housekeeping after the polls were opened is not part of what holding them costs.
SETTLE_SECONDS = 2.0
# Messages a second offered while slow clients attack: far below any server's maximum, so that only the attack shows.
ATTACKED_RATE = 1000
# Messages a second of the chat by the clock, which two nodes bear with PostgreSQL beside them on two CPUs.
PACED_RATE = 2000
# Messages a second of the soak: busy, and no more than any of the servers can take.
SOAK_RATE = 1000


@dataclass(frozen=True)
class Plan:
    """How long and on which CPUs a run goes."""

    seconds: float = 4.0
    # One hold of a poll is 15 s: over a whole cycle every poll is answered and asked again exactly once.
    idle_seconds: float = 15.0
    # Long enough to work off what opening the polls left behind: under a clock that backlog would count as latency.
    paced_warm_seconds: float = 3.0
    soak_warm_seconds: float = 10.0
    soak_seconds: float = 60.0
    server_cpus: str = "0"
    client_cpus: str = "1"


QUICK = Plan(seconds=1.0, idle_seconds=3.0, soak_warm_seconds=1.0, soak_seconds=4.0)


@dataclass(frozen=True)
class Stage:
    """One started server with its sessions and a load that is ready to run."""

    server: Server
    load: Load
    plan: Plan
    bytes_before_sessions: int

    def run(self, **changes: Any) -> Values:
        """Run the generator with some of the load changed; answers and CPU of the server come with it."""
        numbers = generator.run(replace(self.load, **changes), cpus=self.plan.client_cpus)
        return _floats(numbers)


@contextmanager
def stage(peer: Peer, plan: Plan, *, mode: str, polls: int, senders: int, scenario: str = "") -> Iterator[Stage]:
    """Start a server on an empty folder and make its sessions, as `scenario` needs them: the mode's, when left out."""
    with _folder() as folder, peer.start(folder, cpus=plan.server_cpus) as server:
        before = server.memory()
        session_file = folder / "sessions"
        made = peer.records(server, scenario=scenario or mode, sessions=polls or POST_SESSIONS, senders=senders)
        sessions.write(session_file, made)
        load = Load(
            mode, server.ports or (server.port,), peer.rules, session_file, plan.seconds, polls=polls, senders=senders
        )
        yield Stage(server, load, plan, before)


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty folder: in the checkout, not in /tmp, which may be memory and make every fsync free."""
    BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="run-", dir=BUILD, ignore_cleanup_errors=True) as name:
        yield Path(name)


def post(peer: Peer, plan: Plan, senders: int) -> Values:
    """Closed loop of sends over keep-alive connections; nobody polls."""
    with stage(peer, plan, mode="post", polls=0, senders=senders) as ready:
        numbers = ready.run()
    return {"rate": numbers["post_rps"], "p50": numbers["post_p50"], "p99": numbers["post_p99"], **_health(numbers)}


def chat(peer: Peer, plan: Plan, senders: int) -> Values:
    """Sends into 1,000 held polls; a message counts when the poll's answer was read."""
    return _chat(peer, plan, polls=POLL_COUNT, senders=senders)


def curve(peer: Peer, plan: Plan, polls: int) -> Values:
    """The chat of 64 senders into more and more held polls."""
    return _chat(peer, plan, polls=polls, senders=CURVE_SENDERS, warm_up=max(1.0, polls / CURVE_POLLS_PER_SECOND))


def _chat(peer: Peer, plan: Plan, *, polls: int, senders: int, warm_up: float = 1.0) -> Values:
    with stage(peer, plan, mode="chat", polls=polls, senders=senders) as ready:
        return _delivery(ready.run(warm_up=warm_up))


def agent(peer: Peer, plan: Plan, senders: int) -> Values:
    """Agents' texts into 1,000 held polls of contacts; a message counts when the poll's answer was read."""
    with stage(peer, plan, mode="chat", polls=POLL_COUNT, senders=senders, scenario="agent") as ready:
        return _delivery(ready.run())


def half(peer: Peer, plan: Plan, senders: int) -> Values:
    """The chat's latency when half as much is sent, by the clock, as the same server could take just before."""
    with stage(peer, plan, mode="chat", polls=POLL_COUNT, senders=senders) as ready:
        most = ready.run()["deliv_rps"]
    with stage(peer, plan, mode="chat", polls=POLL_COUNT, senders=senders) as ready:
        return _delivery(ready.run(sends_per_second=most / 2)) | {"offered": most / 2}


def paced(peer: Peer, plan: Plan, senders: int) -> Values:
    """The chat at 2,000 messages/s by the clock, and what each part of the server spends on one of them.

    On all CPUs: two nodes and a database on one would measure how they wait for each other. The generator needs little.
    """
    plan = replace(plan, server_cpus=f"{plan.server_cpus},{plan.client_cpus}")
    with stage(peer, plan, mode="chat", polls=POLL_COUNT, senders=senders) as ready:
        load = replace(ready.load, warm_up=plan.paced_warm_seconds, sends_per_second=PACED_RATE)
        with generator.holding(load, cpus=plan.client_cpus) as process:
            time.sleep(load.warm_up)
            used = _cpu_shares(ready.server, plan.seconds)
            numbers = _floats(generator.finish(process))
    return _delivery(numbers) | for_each_message(used, numbers["deliv_rps"])


def for_each_message(shares: Mapping[str, float], rate: float) -> Values:
    """CPU µs of each part for a delivered message, from its CPU seconds a second; nothing when none came."""
    return {f"cpu_{part}": share / rate * 1e6 for part, share in shares.items()} if rate else {}


def words(peer: Peer, plan: Plan, size: int) -> Values:
    """Words between two processes over a bus; both ends share the generator's CPU."""
    assert isinstance(peer, BusServer)
    with _folder() as folder, peer.start(folder, cpus=plan.server_cpus) as server:
        return asyncio.run(buses.measure(peer.kind, peer.url(server), server, size=size, seconds=plan.seconds))


def idle(peer: Peer, plan: Plan, polls: int) -> Values:
    """Memory of a held poll, and the CPU that many quiet polls cost over one cycle."""
    with stage(peer, plan, mode="idle", polls=polls, senders=0) as ready:
        with_sessions = ready.server.memory()
        # One second more than is measured: the window must end before the generator hangs up.
        load = replace(ready.load, warm_up=0.0, seconds=SETTLE_SECONDS + plan.idle_seconds + 1)
        with generator.holding(load, cpus=plan.client_cpus) as process:
            time.sleep(SETTLE_SECONDS)
            held = ready.server.memory()
            share = sum(_cpu_shares(ready.server, plan.idle_seconds).values())
            numbers = generator.finish(process)
    return {
        "kib": (held - with_sessions) / polls / 1024,
        "kib_with_session": (held - ready.bytes_before_sessions) / polls / 1024,
        "cpu": share * 100,
        "errors": float(numbers["poll_err"] + numbers["reconn"]),
    }


def soak(peer: Peer, plan: Plan, polls: int) -> Values:
    """A minute of chat into held polls: what memory does once everything is warm."""
    with stage(peer, plan, mode="chat", polls=polls, senders=CURVE_SENDERS) as ready:
        load = replace(
            ready.load, warm_up=plan.soak_warm_seconds, seconds=plan.soak_seconds, sends_per_second=SOAK_RATE
        )
        with generator.holding(load, cpus=plan.client_cpus) as process:
            time.sleep(plan.soak_warm_seconds)
            warm = ready.server.memory()
            time.sleep(plan.soak_seconds - 1)
            late = ready.server.memory()
            numbers = generator.finish(process)
    growth = {"warm_mib": warm / 2**20, "late_mib": late / 2**20}
    return _delivery(_floats(numbers)) | growth


def under_attack(peer: Peer, plan: Plan, connections: int, *, attack: str) -> Values:
    """The latency of a modest chat while thousands of slow connections stand open."""
    with (
        stage(peer, plan, mode="chat", polls=POLL_COUNT, senders=CURVE_SENDERS) as ready,
        slow.attack(ready.server, attack, connections=connections, cpus=plan.client_cpus),
    ):
        held = slow.open_connections(ready.server.port)
        return _delivery(ready.run(sends_per_second=ATTACKED_RATE)) | {"slow": float(held)}


def _cpu_shares(server: Server, seconds: float) -> Values:
    """CPU seconds that each part of the server uses in a second, over a window."""
    before, clock = server.cpu_of_parts(), time.monotonic()
    time.sleep(seconds)
    after, passed = server.cpu_of_parts(), time.monotonic() - clock
    return {part: (after[part] - before[part]) / passed for part in after}


def _floats(numbers: Mapping[str, Any]) -> Values:
    """What the generator prints, without what is no number."""
    return {name: float(value) for name, value in numbers.items() if isinstance(value, int | float)}


def _delivery(numbers: Values) -> Values:
    lost = numbers["sent"] - numbers["delivered"]
    latency = {"p50": numbers["lat_p50"], "p99": numbers["lat_p99"], "max": numbers["lat_max"]}
    return {"rate": numbers["deliv_rps"], **latency, "lost": lost, **_health(numbers)}


def _health(numbers: Values) -> Values:
    """What tells a bad run from a good one: refused requests, and a generator that was itself the limit."""
    errors = numbers["send_err"] + numbers["poll_err"] + numbers["reconn"]
    return {"errors": errors, "generator_cpu": numbers["gen_cpu"]}


@dataclass(frozen=True)
class Scenario:
    """A named measurement with the points it is taken at."""

    name: str
    title: str
    points: tuple[int, ...]
    point_name: str
    run: Callable[[Peer, Plan, int], Values]
    # The servers it is for; all but buses when empty.
    servers: tuple[str, ...] = ()

    def is_for(self, server: str) -> bool:
        """Whether it is measured on this server."""
        return server in (self.servers or SERVERS)


SERVERS = tuple(peer.name for peer in all_peers())
BUSES = tuple(peer.name for peer in bus_servers())
CLUSTERS = tuple(peer.name for peer in clusters())
# Resident memory counts PostgreSQL's shared part once for each connection, and the curve is about a node's own polls.
NO_CLUSTERS = tuple(name for name in SERVERS if name not in CLUSTERS)

# Nobody is an agent in the others: a publisher of Nchan's is as good as one, and its chat is one message, one delivery.
AGENTS = ("frontdesk", "frontdesk-unstored", "nchan")


def _attacked(attack: str) -> Scenario:
    title = f"1,000 messages/s under {attack.replace('-', ' ')} ({slow.TOOL})"
    run = partial(under_attack, attack=attack)
    return Scenario(attack, title, (5000,), "slow connections", run, ("frontdesk", "nchan"))


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("post", "POST sendText", (64, 512), "connections", post),
        Scenario("chat", "Chat round trip, 1,000 held polls", (64, 512), "senders", chat),
        Scenario("agent", "Agent to contact, 1,000 held polls", (64, 512), "senders", agent, AGENTS),
        Scenario("half", "Chat at half of the server's maximum rate", (64,), "senders", half, NO_CLUSTERS),
        Scenario("paced", "Chat at 2,000 messages/s", (64,), "senders", paced, ("frontdesk", *CLUSTERS)),
        Scenario("words", "Words between two processes", (300,), "bytes a word", words, BUSES),
        Scenario("idle", "Held polls at rest", (10_000,), "held polls", idle, NO_CLUSTERS),
        Scenario("curve", "Chat against held polls, 64 senders", CURVE_POINTS, "held polls", curve, NO_CLUSTERS),
        Scenario("soak", "A minute of chat, 1,000 messages/s", (2000,), "held polls", soak, ("frontdesk",)),
        *(_attacked(attack) for attack in slow.ATTACKS),
    )
}
QUICK_POINTS = {
    "post": (64,),
    "chat": (64,),
    "agent": (64,),
    "half": (64,),
    "paced": (64,),
    "words": (300,),
    "idle": (1000,),
    "curve": (1000, 2000),
    "soak": (500,),
    **dict.fromkeys(slow.ATTACKS, (500,)),
}
