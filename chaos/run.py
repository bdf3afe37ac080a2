"""One run: a cluster, a crowd, a plan of faults, and the verdict."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos import judge, plan
from chaos.crowd import Crowd, times
from chaos.faults import Breaker
from chaos.servers import Cluster, running

# Seconds between two looks at the counts.
LOOK_SECONDS = 0.25
ENDED = "nodes ended by themselves"


@dataclass(frozen=True)
class Options:
    """What is run."""

    seconds: float
    nodes: int
    contacts: int
    agents: int
    rate: float
    seed: int
    on: str
    bus: str
    faults: tuple[str, ...]
    sabotage: bool = False


@dataclass
class Result:
    """What came of it. Times are seconds since the load began."""

    counts: dict[str, int]
    verdict: judge.Verdict
    faults: list[judge.Fault]
    recoveries: list[float] = field(default_factory=list)
    # Of the one contact that waited longest, and who that was.
    one_contact: list[tuple[float, str]] = field(default_factory=list)
    # What agents were refused for good, and is no fault as long as somebody has the conversation.
    refused: list[str] = field(default_factory=list)


Shows = Callable[[float, Crowd, Breaker], None]


async def run(options: Options, folder: Path, show: Shows) -> Result:
    """Load a cluster and break it, for as long as said; then heal it, drain it and judge."""
    agents = [f"agent{number}" for number in range(1, options.agents + 1)]
    async with running(folder, on=options.on, bus=options.bus, nodes=options.nodes, agents=agents) as cluster:
        crowd = Crowd(
            cluster, count=options.contacts, agents=agents, rate=options.rate,
            seed=options.seed, sabotage=options.sabotage,
        )  # fmt: skip
        breaker = Breaker(cluster, [*crowd.contacts, *crowd.agents], options.seed)
        began = time.monotonic()
        crowd.start()
        async with _shown(lambda: show(time.monotonic() - began, crowd, breaker)):
            await _load(options, crowd, breaker)
            await crowd.drain()
        return await _judged(cluster, crowd, breaker, began)


async def _load(options: Options, crowd: Crowd, breaker: Breaker) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(breaker.run(plan.plan(options.seed, options.seconds, options.faults)))
        tasks.create_task(asyncio.sleep(options.seconds))


@asynccontextmanager
async def _shown(show: Callable[[], None]) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            show()
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        show()


async def _judged(cluster: Cluster, crowd: Crowd, breaker: Breaker, began: float) -> Result:
    verdict = judge.Verdict()
    for record in crowd.records:
        rows = await cluster.storage.log(record.interaction_id)
        judge.of_record(record, verdict)
        judge.of_log(record, rows, verdict)
        theirs = [reply for reply in crowd.replies if int(reply.interaction_id) == record.interaction_id]
        judge.of_replies(record.name, theirs, rows, verdict)
    with_agents = [record.interaction_id for record in crowd.records if record.with_agent]
    judge.of_owners(with_agents, await cluster.storage.owners(), verdict)
    verdict.add(judge.DESKS, [each for shift in crowd.shifts for each in shift.wrong])
    interactions = await cluster.storage.interactions()
    if interactions != len(crowd.records):
        verdict.add(judge.LOG, [f"the database has {interactions} interactions for {len(crowd.records)} contacts"])
    verdict.add(ENDED, [each for node in cluster.nodes for each in node.ended_by_itself])
    together = [at for record in crowd.records for at in times(record)]
    recoveries = judge.of_recovery(together, breaker.faults, verdict)
    alone = [
        [(seconds, str(record)) for seconds in judge.of_recovery(times(record), breaker.faults, judge.Verdict())]
        for record in crowd.records
    ]
    faults = [fault._replace(struck=fault.struck - began, healed=fault.healed - began) for fault in breaker.faults]
    longest = [max(each) for each in zip(*alone, strict=True)]
    refused = [f"{shift.name}: {each}" for shift in crowd.shifts for each in shift.refused]
    return Result(_counts(crowd), verdict, faults, recoveries, longest, refused)


def _counts(crowd: Crowd) -> dict[str, int]:
    return {
        "texts accepted": crowd.accepted,
        "echoes rendered": crowd.echoes,
        "of these, agents' texts accepted": len(crowd.replies),
        "agents' desks opened again": sum(len(shift.desks_lost) for shift in crowd.shifts),
        "agents' acts refused": sum(len(shift.refused) for shift in crowd.shifts),
        "events that came again": crowd.again,
        **{f"repeated after {why}": count for why, count in crowd.failures.most_common()},
    }
