"""The command line: which servers, which scenarios, how many rounds."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, NamedTuple, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from benchmarks import document, generator, machine, processes
from benchmarks.paths import DOCUMENT, SCALE_OUT
from benchmarks.peers import Missing, Peer, all_peers, bus_servers
from benchmarks.results import Cell, Results, Sample
from benchmarks.scenarios import QUICK, QUICK_POINTS, SCENARIOS, Plan, Scenario
from benchmarks.tables import Table, comparison, scenario_table
from frontdesk import telemetry

console = Console()
Named = TypeVar("Named")
# What a server that breaks down, refuses, or answers nonsense shows up as here.
FAILURES = (OSError, RuntimeError, ValueError, LookupError, EOFError, TimeoutError, Missing, ExceptionGroup)


class Run(NamedTuple):
    """One measurement to make."""

    round: int
    scenario: Scenario
    point: int
    peer: Peer


def bench(  # noqa: PLR0913  each argument is an option of the command
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; all servers run in each, the numbers are medians.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of one measurement, after one second of it.")] = 4.0,
    only: Annotated[str, typer.Option(help="Servers to measure, separated by commas; all when empty.")] = "",
    scenarios: Annotated[str, typer.Option(help="Scenarios to run, separated by commas; all when empty.")] = "",
    points: Annotated[str, typer.Option(help="Connections, senders or held polls instead of the usual.")] = "",
    server_cpus: Annotated[str, typer.Option(help="CPUs of the measured server, as taskset writes them.")] = "0",
    client_cpus: Annotated[str, typer.Option(help="CPUs of the generator.")] = "1",
    quick: Annotated[bool, typer.Option("--quick", help="One short round at small points: does it all run?")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Add to the samples of the last run, on the same machine.")
    ] = False,
    nodes: Annotated[
        bool,
        typer.Option("--nodes", help="Write the section of docs/how-to/scale-out.md only, not docs/benchmarks.md."),
    ] = False,
    docs: Annotated[bool, typer.Option(help="Write docs/benchmarks.md; --quick never does.")] = True,
) -> None:
    """Measure frontdesk and its peers side by side on this machine."""
    plan = replace(QUICK if quick else Plan(seconds=seconds), server_cpus=server_cpus, client_cpus=client_cpus)
    rounds = 1 if quick else rounds
    chosen = _chosen(scenarios, SCENARIOS, "scenario")
    peers = _chosen(only, {peer.name: peer for peer in (*all_peers(), *bus_servers())}, "server")
    facts = machine.facts() | {
        "run": f"{rounds} rounds of {plan.seconds:g} s, server on CPU {server_cpus}, generator on CPU {client_cpus}"
    }
    results = document.load() if add else Results()
    ready = _prepare(peers, results, client_cpus)
    at = {scenario.name: _points(scenario, points, quick=quick) for scenario in chosen}
    for done in _measured(order_of_runs(rounds, at, ready), plan, results):
        # After each sample: who stops a run of an hour keeps what was measured.
        document.save(done, facts)
    _show(results)
    console.print(f"Every sample: {os.path.relpath(document.SAMPLES)}")
    if nodes and not quick:
        document.publish_nodes(results, facts)
        console.print(f"Written: {os.path.relpath(SCALE_OUT)}")
    elif docs and not quick:
        document.publish(results, facts)
        console.print(f"Written: {os.path.relpath(DOCUMENT)}, {os.path.relpath(SCALE_OUT)}")


def main() -> None:
    """Run the command."""
    # Nodes are furnished in this process, and would log through the bar of progress.
    telemetry.configure("warning", as_json=False)
    typer.run(bench)


def _chosen(names: str, known: Mapping[str, Named], what: str) -> list[Named]:
    """The named ones in the order of the tables, or all."""
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    if unknown := wanted - set(known):
        raise typer.BadParameter(f"no {what} {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [thing for name, thing in known.items() if not wanted or name in wanted]


def _points(scenario: Scenario, asked: str, *, quick: bool) -> tuple[int, ...]:
    if asked:
        return tuple(int(point) for point in asked.split(","))
    return QUICK_POINTS[scenario.name] if quick else scenario.points


def _prepare(peers: list[Peer], results: Results, client_cpus: str) -> list[Peer]:
    """Build, install what is absent, and move this process off the servers' CPUs; returns the peers that are here."""
    generator.build()
    processes.raise_file_limit()
    for peer in peers:
        with console.status(f"Looking for {peer.name}"):
            _install(peer, results)
    processes.pin(client_cpus)
    return [peer for peer in peers if peer.name in results.versions]


def _install(peer: Peer, results: Results) -> None:
    try:
        results.versions[peer.name] = peer.install()
    except Missing as absence:
        results.missing[peer.name] = str(absence)
        console.print(f"[yellow]{peer.name} is missing:[/] {absence}")


def order_of_runs(rounds: int, points: Mapping[str, tuple[int, ...]], peers: list[Peer]) -> list[Run]:
    """Servers take turns at every point, so that a machine that drifts slows all of them alike."""
    return [
        Run(number, SCENARIOS[name], point, peer)
        for number in range(rounds)
        for name, at in points.items()
        for point in at
        for peer in peers
        if SCENARIOS[name].is_for(peer.name)
    ]


def _measured(runs: list[Run], plan: Plan, results: Results) -> Iterator[Results]:
    """Make the runs, showing how far they are; yields the results after each."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(runs))
        for run in runs:
            progress.update(task, description=f"{run.scenario.name} {run.point:,} {run.peer.name}")
            measure_one(run, plan, results)
            progress.advance(task)
            yield results


def measure_one(run: Run, plan: Plan, results: Results) -> None:
    """One sample; a server that breaks down is named in the result and the others go on."""
    cell = Cell(run.scenario.name, run.point, run.peer.name)
    try:
        results.samples.append(Sample(run.round, cell, run.scenario.run(run.peer, plan, run.point)))
    except FAILURES as failure:
        what = f"{cell.server}, {cell.scenario} at {cell.point:,}, round {run.round + 1}: {_reason(failure)}"
        results.failures.append(what)
        console.print(f"[red]failed:[/] {what}")


def _reason(failure: BaseException) -> str:
    """The innermost cause in words: a task group wraps what went wrong in its tasks."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return f"{type(failure).__name__}: {failure}"


def _show(results: Results) -> None:
    for name in SCENARIOS:
        if results.points(name):
            console.print(_rich(scenario_table(results, name)))
    if (compared := comparison(results)) is not None:
        console.print(_rich(compared))


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title)
    for number, heading in enumerate(table.headings):
        shown.add_column(heading, justify="left" if number < table.names else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown
