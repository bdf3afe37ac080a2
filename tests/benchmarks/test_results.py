"""Medians, ratios, tables and the document, from made-up samples."""

import pytest

from benchmarks import document
from benchmarks.paths import DOCUMENT
from benchmarks.results import Cell, Results, Sample
from benchmarks.scenarios import for_each_message
from benchmarks.tables import comparison, scenario_table

QUIET = {"p50": 1.0, "p99": 2.0, "errors": 0.0}


def results_of(*rounds: dict[str, float], scenario: str = "post", point: int = 64, **values: float) -> Results:
    """One sample for each server and round; each dict is one round's rates by server."""
    return Results(
        [
            Sample(number, Cell(scenario, point, server), {**QUIET, "rate": rate, **values})
            for number, rates in enumerate(rounds)
            for server, rate in rates.items()
        ]
    )


def test_value_is_the_median_of_the_rounds() -> None:
    """One outlier among three rounds changes nothing; what was not measured has no value."""
    results = results_of({"nchan": 10.0}, {"nchan": 90.0}, {"nchan": 20.0})

    assert results.value(Cell("post", 64, "nchan"), "rate") == 20.0
    assert results.value(Cell("post", 512, "nchan"), "rate") is None


def test_ratio_is_taken_within_each_round_before_the_median() -> None:
    """In a machine that halves its speed after one round, the ratio of the medians would be 0.5."""
    results = results_of(
        {"frontdesk": 40.0, "nchan": 100.0}, {"frontdesk": 20.0, "nchan": 50.0}, {"frontdesk": 50.0, "nchan": 125.0}
    )

    assert results.ratio(Cell("post", 64, "frontdesk"), Cell("post", 64, "nchan"), "rate") == pytest.approx(0.4)


def test_ratio_uses_only_rounds_in_which_both_ran() -> None:
    """A round in which the peer failed has nothing to be compared with."""
    results = results_of({"frontdesk": 30.0}, {"frontdesk": 20.0, "nchan": 40.0})

    assert results.ratio(Cell("post", 64, "frontdesk"), Cell("post", 64, "nchan"), "rate") == 0.5
    assert results.ratio(Cell("post", 64, "frontdesk"), Cell("post", 64, "faye"), "rate") is None


def test_table_has_a_row_for_each_server_with_its_ratio_to_nchan() -> None:
    """Rows keep the order of measuring, numbers are written for reading."""
    table = scenario_table(results_of({"frontdesk": 40_000.0, "nchan": 80_000.0}), "post")

    assert table.headings[:4] == ["connections", "server", "POST/s", "\N{MULTIPLICATION SIGN} nchan"]
    assert table.rows == [
        ["64", "frontdesk", "40,000", "0.50", "1.00", "2.00", "0"],
        ["64", "nchan", "80,000", "1.00", "1.00", "2.00", "0"],
    ]


def test_table_without_nchan_leaves_the_ratio_open() -> None:
    """A run of one server alone still prints its numbers."""
    assert scenario_table(results_of({"frontdesk": 40.0}), "post").rows[0][3] == "-"


def test_rate_is_marked_when_the_generator_had_no_time_left() -> None:
    """A server that outruns the generator must not look as if this were its limit."""
    table = scenario_table(results_of({"epoll": 150_000.0}, generator_cpu=0.99), "post")

    assert table.rows[0][2] == "150,000 †"


def test_comparison_divides_frontdesk_by_every_other_server() -> None:
    """The table that the project is judged by."""
    table = comparison(results_of({"frontdesk": 30.0, "nchan": 60.0, "faye": 10.0}))

    assert table is not None
    assert table.rows == [["nchan", "0.50"], ["faye", "3.00"]]


def test_comparison_is_left_out_when_frontdesk_did_not_run() -> None:
    """A table of nothing but dashes helps nobody."""
    assert comparison(results_of({"nchan": 60.0})) is None


def test_comparison_is_left_out_when_nothing_of_it_was_measured() -> None:
    """A run of other scenarios has no ratios; a table of names alone says nothing."""
    assert comparison(results_of({"frontdesk": 2000.0, "frontdesk-across": 2000.0}, scenario="paced")) is None


def test_paced_chat_shows_what_each_part_costs_and_leaves_open_what_is_not_there() -> None:
    """Nobody may read a 0 for a NATS that never ran."""
    results = results_of({"frontdesk": 2000.0}, scenario="paced", cpu_nodes=81.6)
    parts = {"cpu_nodes": 300.0, "cpu_passing": 110.0, "cpu_postgres": 90.0, "cpu_nats": 20.0}
    results.samples.append(Sample(0, Cell("paced", 64, "frontdesk-across-nats"), parts))
    table = scenario_table(results, "paced")

    assert table.headings[-4:] == ["homes CPU µs", "passing CPU µs", "PostgreSQL CPU µs", "NATS CPU µs"]
    assert [row[-4:] for row in table.rows] == [["82", "-", "-", "-"], ["300", "110", "90", "20"]]


def test_cost_of_a_message_is_the_part_s_share_of_the_processor_by_the_rate() -> None:
    """A fifth of a core at 2,000 messages/s is 100 µs of it for each; without messages there is no cost of one."""
    assert for_each_message({"nodes": 0.2, "nats": 0.0}, 2000.0) == {"cpu_nodes": 100.0, "cpu_nats": 0.0}
    assert for_each_message({"nodes": 0.2}, 0.0) == {}


def test_curve_is_compared_with_its_own_first_point() -> None:
    """What counts in the curve is how little a server loses on the way to many polls."""
    results = results_of({"frontdesk": 100.0}, scenario="curve", point=1000, lost=0.0)
    results.samples += results_of({"frontdesk": 90.0}, scenario="curve", point=19_000, lost=0.0).samples

    assert [row[4] for row in scenario_table(results, "curve").rows] == ["1.00", "0.90"]


def test_section_names_what_is_missing_and_what_failed() -> None:
    """No absence is silent."""
    results = results_of({"nchan": 60.0})
    results.missing["faye"] = "no npm"
    results.failures.append("prosody, post at 64, round 1: RuntimeError: gone")
    text = document.section(results, {"CPU": "a machine"}, [])

    assert "- CPU: a machine" in text
    assert "**faye is missing**: no npm" in text
    assert "**failed**: prosody, post at 64" in text
    assert "| 64 | nchan | 60 | 1.00 |" in text


def test_publishing_replaces_only_what_stands_between_the_markers() -> None:
    """Written prose around the numbers stays."""
    before = f"# Title\n{document.BEGIN}\nold\n{document.END}\nafter\n"

    assert document.between_markers(before, "new") == f"# Title\n{document.BEGIN}\nnew\n{document.END}\nafter\n"


def test_publishing_refuses_a_document_without_markers() -> None:
    """Better no numbers than a document overwritten by them."""
    with pytest.raises(ValueError, match="no lines"):
        document.between_markers("# Title\n", "new")


def test_the_project_s_own_document_has_the_markers() -> None:
    """Otherwise a run of an hour would end in an error."""
    assert "new" in document.between_markers(DOCUMENT.read_text(), "new")


def test_pictures_are_drawn_for_what_was_measured() -> None:
    """Curves and bars where there are numbers, nothing where there are none."""
    results = results_of({"frontdesk": 100.0, "nchan": 90.0}, scenario="curve", point=1000)
    results.samples += results_of({"frontdesk": 1.0}, scenario="idle", point=10_000, kib=3.5).samples

    drawn = document.pictures(results)

    assert set(drawn) == {document.RATE_PICTURE, document.P99_PICTURE, document.MEMORY_PICTURE}
    assert "3.5 KiB" in drawn[document.MEMORY_PICTURE]
    assert document.pictures(results_of({"nchan": 60.0})) == {}
