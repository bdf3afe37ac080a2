"""What a run says about many nodes, as it stands where scaling out is explained."""

from benchmarks.document import between_markers
from benchmarks.paths import SCALE_OUT
from benchmarks.results import Cell, Results, Sample
from benchmarks.scale import BUSES, SETUPS, section
from benchmarks.scenarios import SCENARIOS

FACTS = {"date": "2026-01-01 00:00 UTC", "CPU": "one, 2 cores", "memory": "1 GiB"}


def measured(scenario: str, point: int, server: str, **values: float) -> Sample:
    """One sample."""
    return Sample(0, Cell(scenario, point, server), values)


def test_numbers_stand_where_they_belong() -> None:
    """Each part has a column of its own, and what was not measured is a gap."""
    told = section(
        Results(
            [
                measured("post", 512, "frontdesk-postgres", rate=12345.6),
                measured("paced", 64, "frontdesk-across", p50=1.24, p99=9.96, cpu_nodes=100.2, cpu_passing=50.4),
                measured("words", 300, "bus-nats", rate=1e5, p50=0.123, p99=0.456, cpu_server=3.21, cpu_ends=9.87),
            ]
        ),
        FACTS,
    ).splitlines()

    assert [line for line in told if line.startswith("| PostgreSQL, one")] == [
        "| PostgreSQL, one node | 12,346 | - | - | - | - | - | - | - |"
    ]
    assert [line for line in told if line.startswith("| two nodes, every")] == [
        "| two nodes, every request passed on, words by PostgreSQL | - | - | 1.2 | 10.0 | 100 | 50 | - | - |"
    ]
    assert [line for line in told if line.startswith("| NATS")] == ["| NATS | 100,000 | 0.12 | 0.46 | 3.2 | 9.9 |"]
    assert told[-1] == "Measured: date 2026-01-01 00:00 UTC, CPU one, 2 cores."
    assert not any(line.startswith("| SQLite") for line in told)


def test_numbers_of_a_busy_machine_say_so() -> None:
    """Nobody may take them for what a machine of one's own does."""
    results = Results([measured("chat", 64, "frontdesk", rate=1)])

    assert "shared" in section(results, FACTS | {"load average before": "8.37, 7.04, 6.47"})
    assert "shared" not in section(results, FACTS | {"load average before": "1.24, 1.12, 1.08"})


def test_a_run_without_nodes_says_nothing_about_them() -> None:
    """What was measured before stays as it is."""
    assert section(Results([measured("chat", 64, "nchan", rate=1)]), FACTS) == ""


def test_every_setup_is_one_that_is_measured() -> None:
    """One that was given another name would be a gap for ever."""
    assert all(SCENARIOS[name].is_for(server) for name in ("post", "chat", "paced") for server in SETUPS)
    assert all(SCENARIOS["words"].is_for(server) for server in BUSES)


def test_the_page_has_a_place_for_it() -> None:
    """Between its markers."""
    assert "| gap |" in between_markers(SCALE_OUT.read_text(), "| gap |")
