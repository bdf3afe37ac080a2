"""Small charts as SVG text, readable on light and on dark pages; no I/O."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 74, 130, 52, 52
BAR_HEIGHT, BAR_GAP = 22, 12
LABEL_HEIGHT = 17
# Mid-tones that keep their contrast on white and on near-black, told apart by lightness as well as by hue.
COLOURS = ("#d9480f", "#1c7ed6", "#2f9e44", "#9c36b5", "#b08900", "#868e96")
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #343a40 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #adb5bd; stroke-opacity: .45 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { text { fill: #dee2e6 } }
"""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels with its ticks."""

    place: Callable[[float], float]
    ticks: list[float]


def line_chart(title: str, x_name: str, lines: Mapping[str, Points], *, log: bool = False) -> str:
    """Lines over a linear x; y starts at zero, or is logarithmic."""
    every = [point for points in lines.values() for point in points]
    x = _linear(0, max(point[0] for point in every), LEFT, WIDTH - RIGHT)
    heights = [point[1] for point in every]
    y = _logarithmic(heights, HEIGHT - BOTTOM, TOP) if log else _linear(0, max(heights), HEIGHT - BOTTOM, TOP)
    parts = [_grid(x, y), _axis_name(x_name)]
    parts += [_line(points, x, y, colour) for points, colour in zip(lines.values(), _colours(lines), strict=True)]
    parts.append(_line_labels(lines, y))
    return _document(title, HEIGHT, parts)


def bar_chart(title: str, unit: str, values: Mapping[str, float]) -> str:
    """One horizontal bar a name, each with its number."""
    x = _linear(0, max(values.values()), LEFT + 20, WIDTH - RIGHT)
    parts = [
        _bar(number, name, value, unit, x.place, colour)
        for number, ((name, value), colour) in enumerate(zip(values.items(), _colours(values), strict=True))
    ]
    return _document(title, TOP + len(values) * (BAR_HEIGHT + BAR_GAP) + BAR_GAP, parts)


def _document(title: str, height: int, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    name = f'<title>{escape(title)}</title>\n<text class="title" x="16" y="26">{escape(title)}</text>'
    return "\n".join([head, f"<style>{STYLE}</style>", name, *parts, "</svg>", ""])


def _colours(names: Mapping[str, object]) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(len(names))]


def _linear(low: float, high: float, start: float, end: float) -> Axis:
    step = _nice_step((high - low) / 5)
    count = math.ceil((high - low) / step) or 1
    top = low + count * step
    return Axis(lambda v: start + (v - low) / (top - low) * (end - start), [low + n * step for n in range(count + 1)])


def _logarithmic(values: list[float], start: float, end: float) -> Axis:
    positive = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    high = max(high, low + 1)

    def place(value: float) -> float:
        return start + (math.log10(max(value, 10.0**low)) - low) / (high - low) * (end - start)

    return Axis(place, [10.0**power for power in range(low, high + 1)])


def _nice_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _grid(x: Axis, y: Axis) -> str:
    across = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.place(tick):.1f}" y2="{y.place(tick):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y.place(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>'
        for tick in y.ticks
    ]
    under = [
        f'<text x="{x.place(tick):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{tick:,g}</text>'
        for tick in x.ticks
    ]
    return "\n".join([*across, *under])


def _axis_name(name: str) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(name)}</text>'


def _line(points: Points, x: Axis, y: Axis, colour: str) -> str:
    places = [(x.place(across), y.place(up)) for across, up in points]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
    dots = "".join(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.5" fill="{colour}"/>' for across, up in places)
    return f'<polyline class="line" points="{path}" stroke="{colour}"/>{dots}'


def _line_labels(lines: Mapping[str, Points], y: Axis) -> str:
    """Each line's name at its end, moved down where it would cover the one above."""
    ends = sorted((y.place(points[-1][1]), name) for name, points in lines.items())
    colours = dict(zip(lines, _colours(lines), strict=True))
    texts, free = [], 0.0
    for wanted, name in ends:
        at = max(wanted, free)
        free = at + LABEL_HEIGHT
        swatch = f'<rect x="{WIDTH - RIGHT + 12}" y="{at - 5:.1f}" width="10" height="10" fill="{colours[name]}"/>'
        texts.append(f'{swatch}<text x="{WIDTH - RIGHT + 28}" y="{at + 4:.1f}">{escape(name)}</text>')
    return "\n".join(texts)


def _bar(number: int, name: str, value: float, unit: str, place: Callable[[float], float], colour: str) -> str:
    top = TOP + number * (BAR_HEIGHT + BAR_GAP)
    start, end = place(0), place(max(value, 0))
    return (
        f'<text x="{start - 8:.1f}" y="{top + 16}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{start:.1f}" y="{top}" width="{end - start:.1f}" height="{BAR_HEIGHT}" fill="{colour}"/>'
        f'<text x="{end + 8:.1f}" y="{top + 16}">{value:,.1f} {escape(unit)}</text>'
    )
