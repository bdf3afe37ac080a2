"""What a run says about many nodes: the generated section of docs/how-to/scale-out.md. No I/O."""

from collections.abc import Iterable

from benchmarks import nats, postgres
from benchmarks.processes import NODES, PASSING
from benchmarks.results import Cell, Results
from benchmarks.scenarios import PACED_RATE, SCENARIOS
from benchmarks.tables import NOTHING

POSTS, ROOM = 512, 64
WORD_BYTES = SCENARIOS["words"].points[0]
# What is measured, as it is called in the scenarios, and as it is called here.
SETUPS = {
    "frontdesk": "SQLite, one node",
    "frontdesk-postgres": "PostgreSQL, one node",
    "frontdesk-across": "two nodes, every request passed on, words by PostgreSQL",
    "frontdesk-across-nats": "the same, words by NATS",
    "frontdesk-two-nodes": "two nodes, half of the requests passed on, words by PostgreSQL",
    "frontdesk-two-nodes-nats": "the same, words by NATS",
}
PARTS = {NODES: "home", PASSING: "passing on", postgres.PART: "PostgreSQL", nats.PART: "NATS"}
BUSES = {"bus-postgres": "PostgreSQL", "bus-nats": "NATS"}
# Facts of the machine that such a number is worth nothing without.
LOAD = "load average before"
FACTS = ("date", "CPU", LOAD, "run")
# Processes that were ready to run before the run, from which on others must have had their share of it.
BUSY = 2.5
SHARED = " **The machine was shared with other work: a quiet one is faster, and its latencies are a fraction.**"


def section(results: Results, facts: dict[str, str]) -> str:
    """Both tables, and when and where they were measured; "" when nothing of it was."""
    tables = [table for table in (_nodes(results), _words(results)) if table]
    measured = ", ".join(f"{name} {facts[name]}" for name in FACTS if name in facts)
    return "\n\n".join([*tables, f"Measured: {measured}.{_doubt(facts)}"]) if tables else ""


def _doubt(facts: dict[str, str]) -> str:
    """What to think of numbers from a machine that had other work."""
    load = float(facts.get(LOAD, "0").partition(",")[0])
    return "" if load < BUSY else SHARED


def _nodes(results: Results) -> str:
    columns = [
        f"texts/s, {POSTS} connections", "messages/s, 64 senders", f"p50 ms at {PACED_RATE:,}/s", "p99 ms",
        *(f"CPU µs: {name}" for name in PARTS.values()),
    ]  # fmt: skip
    rows = [[name, *_of_setup(results, server)] for server, name in SETUPS.items()]
    return _table(["", *columns], rows)


def _of_setup(results: Results, server: str) -> list[str]:
    paced = Cell("paced", ROOM, server)
    return [
        _number(results, Cell("post", POSTS, server), "rate", 0),
        _number(results, Cell("chat", ROOM, server), "rate", 0),
        *(_number(results, paced, metric, 1) for metric in ("p50", "p99")),
        *(_number(results, paced, f"cpu_{part}", 0) for part in PARTS),
    ]


def _words(results: Results) -> str:
    columns = {"rate": "words/s", "p50": "round trip of a lone one, p50 ms", "p99": "p99 ms"}
    cpu = {"cpu_server": "CPU µs a word: server", "cpu_ends": "both ends"}
    digits = {"rate": 0, "p50": 2, "p99": 2, "cpu_server": 1, "cpu_ends": 1}
    rows = [
        [name, *(_number(results, Cell("words", WORD_BYTES, server), metric, digits[metric]) for metric in digits)]
        for server, name in BUSES.items()
    ]
    return _table([f"words of {WORD_BYTES} bytes by", *columns.values(), *cpu.values()], rows)


def _number(results: Results, cell: Cell, metric: str, digits: int) -> str:
    value = results.value(cell, metric)
    return NOTHING if value is None else f"{value:,.{digits}f}"


def _table(headings: list[str], rows: Iterable[list[str]]) -> str:
    """As Markdown, without rows that say nothing; "" when none is left."""
    told = [row for row in rows if set(row[1:]) != {NOTHING}]
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *told)) if told else ""
