"""Results as tables of text, for the terminal and for the document alike; no I/O."""

from dataclasses import dataclass

from benchmarks import nats, postgres
from benchmarks.peers import REFERENCE
from benchmarks.processes import NODES, PASSING
from benchmarks.results import Cell, Results
from benchmarks.scenarios import SCENARIOS

OURS = "frontdesk"
# Above this share of its CPU the generator itself was the limit, and the server could do more.
GENERATOR_BUSY = 0.95
BUSY_MARK = " †"
NOTHING = "-"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Column:
    """One number of a scenario: its name in the samples, its heading, how it is written, what it is compared with."""

    metric: str
    heading: str
    digits: int = 0
    # "": no ratio · "reference": to the reference server · "first": to the same server at the first point
    ratio: str = ""


@dataclass(frozen=True)
class Table:
    """A heading, the names of the columns, and the cells as text."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    # How many columns from the left hold names, which stand left; numbers stand right.
    names: int = 2


RATE = Column("rate", "messages/s", 0, "reference")
LATENCY = (Column("p50", "p50 ms", 2), Column("p99", "p99 ms", 2))
TROUBLE = (Column("lost", "lost"), Column("errors", "errors"))
PACED = (Column("rate", "messages/s"), *LATENCY, Column("max", "max ms", 1), *TROUBLE)
# What a delivered message costs each part; a part that a server does not have stays open.
COST = tuple(
    Column(f"cpu_{part}", f"{name} CPU µs")
    for part, name in ((NODES, "homes"), (PASSING, "passing"), (postgres.PART, "PostgreSQL"), (nats.PART, "NATS"))
)
SLOW = (Column("slow", "held open"), *PACED)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "post": (Column("rate", "POST/s", 0, "reference"), *LATENCY, Column("errors", "errors")),
    "chat": (RATE, *LATENCY, *TROUBLE),
    "agent": (RATE, *LATENCY, *TROUBLE),
    "half": (Column("offered", "offered/s"), *PACED),
    "paced": (*PACED, *COST),
    "words": (
        Column("rate", "words/s"),
        Column("p50", "round trip p50 ms", 2),
        Column("p99", "p99 ms", 2),
        Column("cpu_server", "server CPU µs a word", 1),
        Column("cpu_ends", "both ends CPU µs", 1),
    ),
    "idle": (
        Column("kib", "KiB a held poll", 1, "reference"),
        Column("kib_with_session", "KiB with its session", 1),
        Column("cpu", "CPU % of a core", 2, "reference"),
        Column("errors", "errors"),
    ),
    "curve": (RATE, Column("rate", "", 0, "first"), *LATENCY, *TROUBLE),
    "soak": (
        RATE,
        Column("warm_mib", "MiB after 10 s", 1),
        Column("late_mib", "MiB at the end", 1),
        *LATENCY,
        *TROUBLE,
    ),
    "slow-headers": SLOW,
    "slow-body": SLOW,
    "slow-read": SLOW,
}


def scenario_table(results: Results, scenario: str) -> Table:
    """A row for each point and server of one scenario."""
    about, columns = SCENARIOS[scenario], COLUMNS[scenario]
    headings = [about.point_name, "server", *(heading for column in columns for heading in _headings(column))]
    rows = [
        [f"{point:,}", server, *_numbers(results, Cell(scenario, point, server), columns)]
        for point in results.points(scenario)
        for server in results.servers(scenario, point)
    ]
    return Table(about.title, headings, rows)


def comparison(results: Results) -> Table | None:
    """Frontdesk divided by each other server, from the rounds both ran in; None where there is nothing to divide."""
    cells = [(name, point) for name in ("post", "chat", "agent", "idle") for point in results.points(name)]
    columns = [(name, point, c) for name, point in cells for c in COLUMNS[name] if c.ratio]
    if not columns or all(sample.cell.server != OURS for sample in results.samples):
        return None
    others = {s.cell.server: None for s in results.samples if s.cell.server != OURS and s.cell[:2] in cells}
    rows = [[other, *(_against(results, other, *column) for column in columns)] for other in others]
    headings = [f"{column.heading}, {point:,} {SCENARIOS[name].point_name}" for name, point, column in columns]
    return Table(f"{OURS} divided by …", ["server", *headings], rows, names=1)


def _against(results: Results, other: str, scenario: str, point: int, column: Column) -> str:
    ratio = results.ratio(Cell(scenario, point, OURS), Cell(scenario, point, other), column.metric)
    return _times(ratio)


def _headings(column: Column) -> list[str]:
    ratios = {"reference": [f"{TIMES} {REFERENCE}"], "first": [f"{TIMES} first point"], "": []}
    return [heading for heading in (column.heading, *ratios[column.ratio]) if heading]


def _numbers(results: Results, cell: Cell, columns: tuple[Column, ...]) -> list[str]:
    return [text for column in columns for text in _texts(results, cell, column)]


def _texts(results: Results, cell: Cell, column: Column) -> list[str]:
    texts = [_written(results, cell, column)] if column.heading else []
    if column.ratio == "reference":
        texts.append(_times(results.ratio(cell, cell._replace(server=REFERENCE), column.metric)))
    if column.ratio == "first":
        first = results.points(cell.scenario)[0]
        texts.append(_times(results.ratio(cell, cell._replace(point=first), column.metric)))
    return texts


def _written(results: Results, cell: Cell, column: Column) -> str:
    value = results.value(cell, column.metric)
    if value is None:
        return NOTHING
    busy = column.metric == "rate" and (results.value(cell, "generator_cpu") or 0) > GENERATOR_BUSY
    return f"{value:,.{column.digits}f}{BUSY_MARK if busy else ''}"


def _times(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{ratio:.2f}"
