"""Samples of a run, their medians and their ratios; no I/O, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple


class Cell(NamedTuple):
    """Where a number was taken: the scenario, its point, the server."""

    scenario: str
    point: int
    server: str


@dataclass(frozen=True)
class Sample:
    """The numbers of one run of one server."""

    round: int
    cell: Cell
    values: dict[str, float]


@dataclass
class Results:
    """All samples of one invocation, with what could not be measured and why."""

    samples: list[Sample] = field(default_factory=list)
    # Server name to version, or to the reason for its absence.
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def servers(self, scenario: str, point: int) -> list[str]:
        """The servers that have a sample there, in the order they were measured."""
        found = (sample.cell for sample in self.samples)
        return list(dict.fromkeys(cell.server for cell in found if (cell.scenario, cell.point) == (scenario, point)))

    def points(self, scenario: str) -> list[int]:
        """The points a scenario has samples at, ascending."""
        return sorted({sample.cell.point for sample in self.samples if sample.cell.scenario == scenario})

    def value(self, cell: Cell, metric: str) -> float | None:
        """The median over the rounds, or None when nothing was measured."""
        return _median(self._by_round(cell, metric).values())

    def ratio(self, cell: Cell, base: Cell, metric: str) -> float | None:
        """The median of the rounds' own ratios: a machine that drifts between rounds doesn't move it."""
        above, below = self._by_round(cell, metric), self._by_round(base, metric)
        return _median(above[number] / below[number] for number in above if below.get(number))

    def _by_round(self, cell: Cell, metric: str) -> dict[int, float]:
        return {s.round: s.values[metric] for s in self.samples if s.cell == cell and metric in s.values}


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None
