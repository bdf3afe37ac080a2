"""The command line of a run, what it shows meanwhile, and the tables at its end."""

import random
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Self

import typer
import uvloop
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from chaos import judge, plan
from chaos.crowd import Crowd
from chaos.faults import Breaker
from chaos.run import ENDED, Options, Result, run

console = Console()
# Seconds between two lines where there is no terminal to draw on.
LINE_SECONDS = 5.0
# Sentences shown of what was wrong; a cluster that fell over would fill the screen.
WRONG_MAX = 30


def chaos(  # noqa: PLR0913  each argument is an option of the command
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the load.")] = 60.0,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of the cluster; SQLite has one.")] = 3,
    contacts: Annotated[int, typer.Option(min=1, help="Contacts that chat at once.")] = 60,
    agents: Annotated[int, typer.Option(min=0, help="Agents, who answer every third contact; 0: scripts do.")] = 4,
    rate: Annotated[float, typer.Option(min=1, help="Texts a second, all contacts together.")] = 200.0,
    seed: Annotated[int | None, typer.Option(help="What decides the faults; any when left out.")] = None,
    on: Annotated[str, typer.Option(help="What the nodes store in: postgres or sqlite.")] = "postgres",
    bus: Annotated[str, typer.Option(help="What carries words between nodes: pg or nats.")] = "pg",
    faults: Annotated[
        str, typer.Option(help="Only faults that contain one of these words, by commas; - for none.")
    ] = "",
    sabotage: Annotated[bool, typer.Option("--sabotage", help="A client drops one event: the run must fail.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with the nodes' logs.")] = False,
) -> None:
    """Break a cluster under load again and again, and judge what its contacts saw. Status 1 when anything is wrong."""
    chosen = _chosen(plan.kinds(on=on, bus=bus), faults)
    drawn = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    options = Options(seconds, 1 if on == "sqlite" else nodes, contacts, agents, rate, drawn, on, bus, chosen, sabotage)
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-chaos-"))
    console.print(
        f"Seed {drawn}: {options.nodes} nodes on {on}, words by {bus}, {contacts} contacts, "
        f"{agents} agents, {rate:g} texts/s"
    )
    try:
        with Screen() as screen:
            result = uvloop.run(run(options, folder, screen.show))
    finally:
        if keep:
            console.print(f"Logs of the nodes: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _report(result, options)
    raise typer.Exit(1 if result.verdict.wrong else 0)


def main() -> None:
    """Run the command."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(chaos)
    app()


def _chosen(known: tuple[str, ...], words: str) -> tuple[str, ...]:
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    if wanted == ["-"]:
        return ()
    chosen = tuple(name for name in known if not wanted or any(word in name for word in wanted))
    if not chosen:
        raise typer.BadParameter(f"no fault like that; there are {', '.join(known)}")
    return chosen


class Screen:
    """The counts while it runs: drawn over and over on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._live = Live(console=console, transient=True, refresh_per_second=8) if console.is_terminal else None
        self._next = 0.0

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, seconds: float, crowd: Crowd, breaker: Breaker) -> None:
        """Show how things stand."""
        facts = {
            "seconds": f"{seconds:.0f}",
            "faults": f"{len(breaker.faults)}",
            "accepted": f"{crowd.accepted:,}",
            "echoed": f"{crowd.echoes:,}",
            "repeated": f"{crowd.failures.total():,}",
            "again": f"{crowd.again:,}",
            "lost": f"{len(crowd.lost)}",
            "now": ", ".join(breaker.now),
        }
        if self._live is not None:
            self._live.update(_drawn(facts))
        elif seconds >= self._next:
            self._next = seconds + LINE_SECONDS
            console.print(
                "  ".join(f"{name} {value}" for name, value in facts.items() if value), highlight=False, soft_wrap=True
            )


def _drawn(facts: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(*(f"[dim]{name}[/]" for name in facts))
    table.add_row(*(f"[bold]{value}[/]" for value in facts.values()))
    return table


def _report(result: Result, options: Options) -> None:
    console.print(_faults(result))
    console.print(_table(result))
    for sentence in result.refused[:WRONG_MAX]:
        console.print(f"[dim]refused:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    for sentence in result.verdict.wrong[:WRONG_MAX]:
        console.print(f"[red]wrong:[/] {escape(sentence)}", highlight=False)
    if len(result.verdict.wrong) > WRONG_MAX:
        console.print(f"… and {len(result.verdict.wrong) - WRONG_MAX} more")
    if result.verdict.wrong:
        again = f"--seed {options.seed} --seconds {options.seconds:g} --nodes {options.nodes} --on {options.on}"
        console.print(f"[red]Failed.[/] The same faults again: make chaos ARGS='{again} --bus {options.bus} --keep'")


def _faults(result: Result) -> Table:
    table = Table(title="Faults", caption="Recovery: longest time without a message, without that of a database away.")
    for heading in ("at (s)", "fault", "away (s)", "recovery (s)", "of one contact (s)", "who"):
        table.add_column(heading, justify="left" if heading in ("fault", "who") else "right")
    each = zip(result.faults, result.recoveries, result.one_contact, strict=True)
    for fault, recovery, alone in each:
        away = f"{fault.healed - fault.struck:.1f}"
        table.add_row(f"{fault.struck:.1f}", fault.name, away, f"{recovery:.1f}", f"{alone[0]:.1f}", alone[1])
    return table


def _table(result: Result) -> Table:
    table = Table(title="Counts", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in result.counts.items():
        table.add_row(name, f"{count:,}")
    for name in (*judge.ALL, ENDED):
        count = result.verdict.counts[name]
        table.add_row(name, f"[{'red' if count else 'green'}]{count:,}[/]")
    table.add_row("longest recovery", f"{max(result.recoveries, default=0.0):.1f} s")
    return table
