"""How long a wait will be, as a range in seconds, learnt from what happened and measured against it.

A place is worth so many seconds (its pace): what those who were answered lately waited, by how many places they moved
up. A wait over p places is p such paces; it strays from that by some multiple of the square root of p, as the sum of p
gaps does, and the multiples seen lately give the range. They are kept by scale (places 1, 2 to 3, 4 to 7 and so on): a
pace that is a tenth wrong hardly matters for the next in turn, and is most of the error at place 50.

Every prediction is kept until its wait is over, told or not: only so is known whether the range can be told.
"""

from __future__ import annotations

from collections import deque
from math import ceil, sqrt

from msgspec import Struct

from frontdesk.domain.events import Wait

# Waits that are remembered for each scale: enough for quantiles, few enough to follow the day.
SAMPLES = 100
# Waits that the pace is taken from: once this many are answered after a change of staff, the old pace is forgotten.
PACE_SAMPLES = 30
# Fewer say nothing about a spread.
SAMPLES_MIN = 10
# From this position on waits overlap so much that a hundred of them are a handful of independent ones, and look too
# much alike. There the range is at least that of gaps at random: NORMAL standard deviations of their sum to each side,
# as 80 % of a normal distribution.
OVERLAP_FROM, NORMAL = 8, 1.2816
# Two hours, in ms: the pace of the night says nothing about the morning.
REMEMBERED_MS = 7_200_000
# The share of waits meant to be inside the range, and the share below which it is not told: a range that is wrong twice
# in five times is worse than none.
MEANT, COVERAGE_MIN = 0.8, 0.6
# A range is told while high ≤ 4 x low + 120 s: "10 to 50 minutes" helps nobody to decide whether to stay.
WIDE_TIMES, WIDE_SECONDS = 4, 120


class _Prediction(Struct, frozen=True):
    """Made at `made_ms`, `position` places before the answer. `range_ms` is None when too little was known."""

    position: int
    made_ms: int
    pace_ms: float
    range_ms: tuple[float, float] | None


class _Sample(Struct, frozen=True):
    """What became of a prediction. `stray`: in paces times the square root of the position."""

    answered_ms: int
    stray: float
    was_inside: bool | None


class _Scale:
    """What became of the predictions around one position: how far waits strayed, and how often the range was right."""

    def __init__(self) -> None:
        self.samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self._strays: tuple[float, float] | None = None
        self._coverage: float | None = None

    def add(self, sample: _Sample) -> None:
        self.samples.append(sample)
        self._learn()

    def forget(self, before_ms: int) -> None:
        if self.samples and self.samples[0].answered_ms < before_ms:
            while self.samples and self.samples[0].answered_ms < before_ms:
                self.samples.popleft()
            self._learn()

    @property
    def strays(self) -> tuple[float, float] | None:
        """Below and above; None when fewer than 10 are known."""
        return self._strays

    @property
    def coverage(self) -> float | None:
        """The share of judged predictions that came true; None when fewer than 10 were judged."""
        return self._coverage

    def _learn(self) -> None:
        """Only when a sample came or went: a long queue asks for each of its places once a second."""
        found = sorted(sample.stray for sample in self.samples)
        enough = len(found) >= SAMPLES_MIN
        self._strays = (_quantile(found, (1 - MEANT) / 2), _quantile(found, (1 + MEANT) / 2)) if enough else None
        judged = [sample.was_inside for sample in self.samples if sample.was_inside is not None]
        self._coverage = None if len(judged) < SAMPLES_MIN else sum(judged) / len(judged)


class Waits:
    """The waits of one queue, for those who have to wait: who is matched at once says nothing about a queue."""

    def __init__(self) -> None:
        self._predictions: dict[int, list[_Prediction]] = {}
        self._scales: dict[int, _Scale] = {}
        self._answered: deque[tuple[int, int, int]] = deque(maxlen=PACE_SAMPLES)
        self._pace_ms = 0.0

    def estimate(self, interaction_id: int, position: int, now_ms: int) -> Wait | None:
        """What to tell an interaction at `position` (1 is next) about its wait from now on; None while that is poor.

        The first call for an interaction, and one at each halving of its position, is a prediction to learn from.
        """
        position = max(1, position)
        range_ms = self._range(position, now_ms)
        made = self._predictions.setdefault(interaction_id, [])
        if not made or position * 2 <= made[-1].position:
            made.append(_Prediction(position, now_ms, self._pace_ms, range_ms))
        coverage = self.coverage(position)
        if range_ms is None or coverage is None or coverage < COVERAGE_MIN:
            return None
        return _narrow(range_ms)

    def answered(self, interaction_id: int, now_ms: int) -> None:
        """Its wait is over: an agent has taken it."""
        made = self._predictions.pop(interaction_id, [])
        for one in made:
            if one.pace_ms:
                self._scale(one.position).add(_judge(one, now_ms))
        for one in made[:1]:
            self._answered.append((one.position, max(0, now_ms - one.made_ms), now_ms))
            self._learn_pace()

    def left(self, interaction_id: int) -> None:
        """It gave up or went elsewhere. What its wait would have been nobody knows."""
        self._predictions.pop(interaction_id, None)

    def coverage(self, position: int) -> float | None:
        """The share of ranges for places like this one that came true; None when fewer than 10 were judged."""
        return self._scale(position).coverage

    def _range(self, position: int, now_ms: int) -> tuple[float, float] | None:
        scale = self._scale(position)
        scale.forget(now_ms - REMEMBERED_MS)
        while self._answered and self._answered[0][2] < now_ms - REMEMBERED_MS:
            self._answered.popleft()
            self._learn_pace()
        strays, pace_ms = scale.strays, self._pace_ms
        if strays is None or not pace_ms:
            return None
        below, above = strays
        if position >= OVERLAP_FROM:
            # The pace itself is known from so many gaps only.
            least = NORMAL * sqrt(1 + position / PACE_SAMPLES)
            below, above = min(below, -least), max(above, least)
        middle, step = position * pace_ms, sqrt(position) * pace_ms
        return max(0.0, middle + step * below), max(0.0, middle + step * above)

    def _learn_pace(self) -> None:
        places = sum(position for position, _, _ in self._answered)
        self._pace_ms = sum(waited_ms for _, waited_ms, _ in self._answered) / places if places else 0.0

    def _scale(self, position: int) -> _Scale:
        return self._scales.setdefault(max(1, position).bit_length(), _Scale())


def _narrow(range_ms: tuple[float, float]) -> Wait | None:
    """In whole seconds, rounded outwards; None when it is too wide to help."""
    wait = Wait(int(range_ms[0] / 1000), ceil(range_ms[1] / 1000))
    return wait if wait.high <= WIDE_TIMES * wait.low + WIDE_SECONDS else None


def _judge(made: _Prediction, now_ms: int) -> _Sample:
    waited_ms = max(0, now_ms - made.made_ms)
    stray = (waited_ms - made.position * made.pace_ms) / (sqrt(made.position) * made.pace_ms)
    was_inside = None
    if made.range_ms is not None:
        # As it would be told: in whole seconds, rounded outwards.
        was_inside = made.range_ms[0] // 1000 * 1000 <= waited_ms <= ceil(made.range_ms[1] / 1000) * 1000
    return _Sample(now_ms, stray, was_inside)


def _quantile(values: list[float], share: float) -> float:
    """Of sorted values, between the two nearest; the share is first widened, as n values reach a little short of it."""
    at = share * (len(values) + 1) - 1
    low = min(max(int(at), 0), len(values) - 1)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * min(max(at - low, 0.0), 1.0)
