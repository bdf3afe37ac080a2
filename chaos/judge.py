"""What must hold after everything that happened: rules as functions of records. No I/O, no clock."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from chaos.record import TEXT, Record, Reply

# Seconds without any delivered message that a fault may cost.
RECOVERY_SECONDS = 10.0


class Fault(NamedTuple):
    """Something that was broken on purpose.

    From `healed` on the cluster had all it needs: when a database serves again; at once when it is a node that died.
    """

    name: str
    struck: float
    healed: float


class Row(NamedTuple):
    """An entry of an interaction's log, as the database has it."""

    seq: int
    stream_seq: int
    kind: str
    author: str
    payload: str


class Owner(NamedTuple):
    """An open conversation of agents, with one of those who have it now or are offered it; "" when nobody is."""

    interaction_id: int
    state: str
    owner: str
    user_id: str
    stage: str


class Silence(NamedTuple):
    """A stretch without a delivered message; `seconds` leaves out the time in which no database served."""

    began: float
    ended: float
    seconds: float


@dataclass
class Verdict:
    """Counts of what must not be, and a sentence for each case."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, cases: Iterable[str]) -> None:
        """Count the cases and keep their sentences."""
        sentences = list(cases)
        self.counts[what] += len(sentences)
        self.wrong += sentences


LOST, TWICE, ORDER, NUMBERS = "acknowledged texts lost", "rendered twice", "out of order", "numbers with gaps"
LOG, SESSIONS, UNANSWERED, RECOVERY = "log differs", "sessions lost", "texts never answered", "recovery too slow"
OWNERS, DESKS = "not one owner", "wrong on an agent's desk"
ALL = (LOST, TWICE, ORDER, NUMBERS, LOG, SESSIONS, UNANSWERED, RECOVERY, OWNERS, DESKS)
# States of a conversation that is a matter of agents, and what has it taken on their side.
ACTIVE, QUEUED, OFFERED, HELD = "active", "queued", "offered", "held"


def of_record(record: Record, verdict: Verdict) -> None:
    """Hold one contact's memory against what it was promised."""
    echoes = [text for event in record.events if (text := event.echo())]
    times = Counter(echoes)
    accepted = [said.text for said in record.texts if said.accepted]
    name = record.name
    verdict.add(LOST, (f"{name}: {text!r} was accepted and never echoed" for text in accepted if not times[text]))
    verdict.add(TWICE, (f"{name}: {text!r} came {count} times" for text, count in times.items() if count > 1))
    verdict.add(ORDER, _order(name, [said.text for said in record.texts], echoes))
    verdict.add(NUMBERS, _numbers(record))
    verdict.add(SESSIONS, (f"{name}: {refusal}" for refusal in record.refusals))
    verdict.add(
        UNANSWERED, (f"{name}: {said.text!r} was not accepted to the end" for said in record.texts if not said.accepted)
    )


def _order(name: str, said: Sequence[str], echoes: Sequence[str]) -> Iterable[str]:
    """Echoes that follow one that was said later; and those of nothing that was said."""
    place = {text: number for number, text in enumerate(said)}
    yield from (f"{name}: {text!r} came and was never said" for text in echoes if text not in place)
    known = [text for text in echoes if text in place]
    yield from (f"{name}: {b!r} came after {a!r}" for a, b in pairwise(known) if place[b] < place[a])


def _numbers(record: Record) -> Iterable[str]:
    numbers = [event.number for event in record.events]
    for expected, number in enumerate(numbers, 1):
        if number != expected:
            yield f"{record.name}: event {number} came where {expected} was due"
            break
    if record.changed:
        yield f"{record.name}: {record.changed} numbers came again with another content"


def of_log(record: Record, rows: Sequence[Row], verdict: Verdict) -> None:
    """Hold one contact's memory against its interaction's log."""
    name = record.name
    if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
        verdict.add(LOG, [f"{name}: the log's numbers are not 1 to {len(rows)}"])
    shown = [(row.stream_seq, row.payload) for row in rows if row.stream_seq]
    if shown != [(event.number, event.payload) for event in record.events]:
        verdict.add(LOG, [f"{name}: {len(shown)} events in the log, {len(record.events)} rendered, and they differ"])
    texts = [json.loads(row.payload)["text"] for row in rows if (row.author, row.kind) == ("Contact", TEXT)]
    if texts != [each.text for each in record.texts if each.accepted]:
        verdict.add(LOG, [f"{name}: the log's {len(texts)} texts are not the {record.accepted} accepted ones"])


def of_replies(name: str, replies: Iterable[Reply], rows: Sequence[Row], verdict: Verdict) -> None:
    """Hold what agents were promised of a conversation against its log."""
    promised = Counter(reply.text for reply in replies)
    logged = Counter(json.loads(row.payload)["text"] for row in rows if (row.author, row.kind) == ("Agent", TEXT))
    verdict.add(LOST, (f"{name}: the reply {text!r} was accepted and is not in the log" for text in promised - logged))
    verdict.add(TWICE, (f"{name}: the reply {text!r} is in the log {n} times" for text, n in logged.items() if n > 1))
    verdict.add(LOG, (f"{name}: the reply {text!r} is in the log and was not accepted" for text in logged - promised))


def of_owners(interaction_ids: Iterable[int], owners: Sequence[Owner], verdict: Verdict) -> None:
    """Each conversation of agents has one owner, or waits for one and is offered to one at most."""
    found: dict[int, list[Owner]] = {interaction_id: [] for interaction_id in interaction_ids}
    for each in owners:
        found.setdefault(each.interaction_id, []).append(each)
    verdict.add(OWNERS, (f"interaction {key}: {held}" for key, held in found.items() if not _one_owner(held)))


def _one_owner(held: Sequence[Owner]) -> bool:
    if len(held) != 1:
        return False
    (one,) = held
    if one.state == ACTIVE:
        return one.owner == one.user_id and one.stage in (ACTIVE, HELD)
    return one.state == QUEUED and one.owner == "" and one.stage in ("", OFFERED)


def silences(times: Sequence[float], faults: Sequence[Fault]) -> list[Silence]:
    """The stretches between deliveries, in order of time."""
    return [Silence(a, b, b - a - _away(a, b, faults)) for a, b in pairwise(sorted(times))]


def _away(began: float, ended: float, faults: Sequence[Fault]) -> float:
    """Seconds between the two in which something was missing that no node can do without."""
    total, until = 0.0, began
    for fault in sorted(faults, key=lambda fault: fault.struck):
        start, stop = max(fault.struck, until), min(fault.healed, ended)
        if stop > start:
            total += stop - start
            until = stop
    return total


def recovery(fault: Fault, next_struck: float, quiet: Sequence[Silence]) -> float:
    """The longest silence that touches the time from this fault to the next one."""
    touched = [each.seconds for each in quiet if each.ended > fault.struck and each.began < next_struck]
    return max(touched, default=0.0)


def of_recovery(times: Sequence[float], faults: Sequence[Fault], verdict: Verdict) -> list[float]:
    """The recovery after each fault, in seconds."""
    quiet = silences(times, faults)
    nexts = [*(fault.struck for fault in faults[1:]), float("inf")]
    found = [recovery(fault, after, quiet) for fault, after in zip(faults, nexts, strict=False)]
    verdict.add(
        RECOVERY,
        (
            f"{fault.name} at {fault.struck:.1f} s: {seconds:.1f} s without a message"
            for fault, seconds in zip(faults, found, strict=True)
            if seconds >= RECOVERY_SECONDS
        ),
    )
    return found
