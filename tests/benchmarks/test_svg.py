"""The charts: well-formed, in proportion, readable on both kinds of page."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

from benchmarks import svg

SVG = "{http://www.w3.org/2000/svg}"


def elements(drawing: str, name: str) -> list[ET.Element]:
    """All elements of one name; fails when the drawing is not well-formed."""
    return list(ET.fromstring(drawing).iter(SVG + name))  # noqa: S314  our own text


def heights(line: ET.Element) -> list[float]:
    """The y coordinates of a line, from left to right; up is less."""
    return [float(pair.split(",")[1]) for pair in line.attrib["points"].split()]


def test_each_line_is_drawn_with_its_name_and_a_mark_for_each_point() -> None:
    """Colours alone would not tell the servers apart for everyone."""
    drawing = svg.line_chart("Rate", "polls", {"a<b": [(1, 10), (2, 20)], "other": [(1, 5), (2, 5)]})

    assert len(elements(drawing, "polyline")) == 2
    assert len(elements(drawing, "circle")) == 4
    assert {"Rate", "a<b", "other", "polls"} <= {text.text for text in elements(drawing, "text")}


def test_linear_axis_starts_at_zero_so_that_heights_are_in_proportion() -> None:
    """Twice the rate is twice as high."""
    drawing = svg.line_chart("Rate", "polls", {"a": [(0, 0), (1, 10), (2, 20)]})
    zero, half, full = heights(elements(drawing, "polyline")[0])

    assert abs((zero - full) - 2 * (zero - half)) < 0.2


def test_logarithmic_axis_gives_each_power_of_ten_the_same_height() -> None:
    """Latencies of 1 ms and of 1 s stay readable in one picture."""
    drawing = svg.line_chart("p99", "polls", {"a": [(0, 1), (1, 10), (2, 100)]}, log=True)
    one, ten, hundred = heights(elements(drawing, "polyline")[0])

    assert abs((one - ten) - (ten - hundred)) < 0.2


def test_names_of_lines_that_end_together_do_not_cover_each_other() -> None:
    """Four servers with the same number have four readable names."""
    lines = {name: [(1, 10.0), (2, 10.0)] for name in "abcd"}
    labels = [text for text in elements(svg.line_chart("t", "x", lines), "text") if text.text in lines]
    tops = sorted(float(text.attrib["y"]) for text in labels)

    assert all(below - above >= svg.LABEL_HEIGHT for above, below in pairwise(tops))


def test_bars_are_in_proportion_and_say_their_number() -> None:
    """A server that needs nothing has a bar of no width."""
    drawing = svg.bar_chart("Memory", "KiB", {"a": 2.0, "b": 4.0, "none": 0.0})
    short, long, none = (float(bar.attrib["width"]) for bar in elements(drawing, "rect"))

    assert abs(long - 2 * short) < 0.2
    assert none == 0.0
    assert {"2.0 KiB", "4.0 KiB"} <= {text.text for text in elements(drawing, "text")}


def test_text_changes_its_colour_on_a_dark_page() -> None:
    """Dark text on a dark page cannot be read."""
    assert re.search(r"prefers-color-scheme: dark\) \{ text", svg.bar_chart("t", "KiB", {"a": 1.0}))
