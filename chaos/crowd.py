"""Many contacts at once, their agents, and what they saw together."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from chaos.agent import Agent
from chaos.contact import Contact, Style
from chaos.record import Event, Record, Reply, Shift
from chaos.servers import Cluster

# Seconds after the load's end in which the last echo must be there: the faults are healed by then.
DRAIN_SECONDS = 30.0
# The echo that a doctored contact does not render: not the first, so that it is no start that failed.
DROPPED = 5
# One contact in so many talks to an agent. No multiple of the number of styles: each style does so.
WITH_AGENT = 3


class Crowd:
    """The contacts of a run; they talk until `drain`. Agents answer every third of them, a script the others."""

    def __init__(
        self, cluster: Cluster, *, count: int, agents: Sequence[str], rate: float, seed: int, sabotage: bool
    ) -> None:
        styles = list(Style)
        self.records = [
            Record(f"c{n}", styles[n % len(styles)], with_agent=bool(agents) and n % WITH_AGENT == 0)
            for n in range(count)
        ]
        self.shifts = [Shift(name) for name in agents]
        self.agents = [
            Agent(shift, cluster, random.Random(f"{seed} {shift.name}"), cluster.secret) for shift in self.shifts
        ]
        doctor = _drops_one(DROPPED) if sabotage else None
        self.contacts = [
            Contact(
                record, cluster, random.Random(f"{seed} {record.name}"), rate=rate / count,
                doctor=doctor if record is self.records[0] else None,
            )
            for record in self.records
        ]  # fmt: skip
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._work: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """All begin to talk."""
        self._work = [asyncio.create_task(agent.work()) for agent in self.agents]
        self._tasks = [asyncio.create_task(contact.talk(self._stop)) for contact in self.contacts]

    async def drain(self) -> None:
        """Nobody says more; wait until all has been echoed, or can't be any more."""
        self._stop.set()
        await self._drain_contacts()
        await self._end_shifts()

    async def _drain_contacts(self) -> None:
        _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled():
                # A fault of the contact itself must not look like a quiet one.
                task.result()

    async def _end_shifts(self) -> None:
        """The last reply has reached its contact; its agent may not know yet that it is stored."""
        finishing = [asyncio.create_task(agent.finish()) for agent in self.agents]
        if finishing:
            await asyncio.wait(finishing, timeout=DRAIN_SECONDS)
        for task in (*finishing, *self._work):
            task.cancel()
        ended = await asyncio.gather(*self._work, return_exceptions=True)
        for agent in self.agents:
            agent.close()
        for failure in ended:
            if isinstance(failure, Exception):
                # A fault of the agent itself must not look like a quiet one.
                raise failure

    # ---- what was seen so far

    @property
    def sent(self) -> int:
        """Texts said, accepted or not."""
        return sum(len(record.texts) for record in self.records)

    @property
    def accepted(self) -> int:
        """Texts answered 202."""
        return sum(record.accepted for record in self.records)

    @property
    def echoes(self) -> int:
        """Texts that came back."""
        return sum(record.echoes for record in self.records)

    @property
    def failures(self) -> Counter[str]:
        """Requests that had to be sent again, by why."""
        contacts: Counter[str] = sum((record.failures for record in self.records), Counter())
        return sum((shift.failures for shift in self.shifts), contacts)

    @property
    def replies(self) -> Sequence[Reply]:
        """What agents said and was answered 202."""
        return [reply for shift in self.shifts for reply in shift.replies]

    @property
    def again(self) -> int:
        """Events that came again and were dropped by their number."""
        return sum(record.again for record in self.records)

    @property
    def lost(self) -> Sequence[str]:
        """What contacts were refused for good."""
        return [f"{record.name}: {refusal}" for record in self.records for refusal in record.refusals]


def times(record: Record) -> list[float]:
    """When its messages were delivered."""
    return [event.at for event in record.events]


def _drops_one(number: int) -> Callable[[Event], bool]:
    """A client that throws the so-many-th event away, and believes that it has it."""
    dropped: list[int] = []

    def doctor(event: Event) -> bool:
        if event.number == number:
            dropped.append(number)
        return event.number == number

    return doctor
