"""Many contacts at once, and what they saw together."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

from chaos.contact import Contact, Style
from chaos.line import Upstream
from chaos.record import Event, Record

# Seconds after the load's end in which the last echo must be there: the faults are healed by then.
DRAIN_SECONDS = 30.0
# The echo that a doctored contact does not render: not the first, so that it is no start that failed.
DROPPED = 5


class Crowd:
    """The contacts of a run; they talk until `stop` and drain after it."""

    def __init__(self, upstream: Upstream, *, count: int, rate: float, seed: int, sabotage: bool) -> None:
        styles = list(Style)
        self.records = [Record(f"c{number}", styles[number % len(styles)]) for number in range(count)]
        doctor = _drops_one(DROPPED) if sabotage else None
        self.contacts = [
            Contact(
                record, upstream, random.Random(f"{seed} {record.name}"), rate=rate / count,
                doctor=doctor if record is self.records[0] else None,
            )
            for record in self.records
        ]  # fmt: skip
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """All begin to talk."""
        self._tasks = [asyncio.create_task(contact.talk(self._stop)) for contact in self.contacts]

    async def drain(self) -> None:
        """Nobody says more; wait until all has been echoed, or can't be any more."""
        self._stop.set()
        _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled():
                # A fault of the contact itself must not look like a quiet one.
                task.result()

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
        return sum((record.failures for record in self.records), Counter())

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
