"""Which faults strike when, drawn from a seed."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Seconds of peace at the beginning, at the end, and between two strikes.
PEACE_SECONDS = 4.0
LAST_SECONDS = 6.0
APART_SECONDS = (4.0, 7.0)
# How often two faults come at once.
PAIRS = 0.25

KILL_NODE, PAUSE, ROLLING, RESET = "node killed", "node paused", "rolling restart", "clients cut off"
KILL_DATABASE, CUT, KILL_NATS = "database killed", "database connections cut", "NATS killed"
ALWAYS = (KILL_NODE, PAUSE, ROLLING, RESET)


class Strike(NamedTuple):
    """Faults that come at once, so many seconds after the load began or, when that lasts, after the strike before."""

    at: float
    faults: tuple[str, ...]


def kinds(*, on: str, bus: str) -> tuple[str, ...]:
    """The faults that there can be."""
    database = (KILL_DATABASE, CUT) if on == "postgres" else ()
    return (*ALWAYS, *database, *((KILL_NATS,) if bus == "nats" else ()))


def plan(seed: int, seconds: float, faults: Sequence[str]) -> list[Strike]:
    """The strikes of a run. Every fault comes once before any comes again; most come alone."""
    dice = random.Random(seed)
    deck = _deck(dice, faults)
    strikes, at = [], PEACE_SECONDS
    while faults and at <= seconds - LAST_SECONDS:
        chosen = {next(deck)} | ({next(deck)} if dice.random() < PAIRS else set())
        strikes.append(Strike(at, tuple(sorted(chosen))))
        at += dice.uniform(*APART_SECONDS)
    return strikes


def _deck(dice: random.Random, faults: Sequence[str]) -> Iterator[str]:
    """All faults in some order, and all over again."""
    while True:
        yield from dice.sample(faults, len(faults))
