"""`frontdesk worktype rules` and `remove`: how work is routed, each rule an option."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from frontdesk.cli.calls import Data, Database, Json, command, guarded
from frontdesk.cli.manage import OrgId
from frontdesk.cli.manage import worktype as worktype  # noqa: PLC0414 - the group, with these commands in it
from frontdesk.cli.output import as_json, console, show

WorkTypeId = Annotated[str, typer.Argument(help="The work type's id.")]
_WHERE = "wait, message, callback:ID, script:NAME or worktype:ID"
_FIRST = "Skill needed at first, as spanish=8; repeatable."
_LATER = 'What is needed instead after so many seconds, as "60:spanish=5", or "180:" for anybody; repeatable.'


def _option(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, show_default=False)


@worktype.command("rules")
def worktype_rules(  # noqa: PLR0913, PLR0917 - an option for each rule, as typer reads them from the signature
    org_id: OrgId,
    work_type_id: WorkTypeId,
    priority: Annotated[int | None, _option("0 to 10; the higher goes first.")] = None,
    ageing: Annotated[int | None, _option("Seconds of waiting that weigh as much as one level of priority.")] = None,
    skill: Annotated[list[str] | None, _option(_FIRST)] = None,
    relax: Annotated[list[str] | None, _option(_LATER)] = None,
    no_skills: Annotated[bool, _option("Ask for no skills any more.", "--no-skills")] = False,
    choice: Annotated[str | None, _option("Among able agents: longestIdle or leastLoaded.")] = None,
    last_agent: Annotated[int | None, _option("Seconds for which the contact's last agent alone is asked.")] = None,
    offer: Annotated[int | None, _option("Seconds that an offer rings, 5 to 300.")] = None,
    ask_again: Annotated[int | None, _option("Seconds until who let an offer pass is asked again.")] = None,
    wrap_up: Annotated[int | None, _option("Seconds for wrap-up.")] = None,
    disposition: Annotated[
        bool | None, _option("Whether wrap-up needs a disposition.", "--disposition/--no-disposition")
    ] = None,
    load: Annotated[int | None, _option("How much of an agent's capacity one interaction takes.")] = None,
    hours: Annotated[str | None, _option('Id of the hours of operation; "" is always open.')] = None,
    after_hours: Annotated[str | None, _option(f"What contacts get while it is closed: {_WHERE}.")] = None,
    after_hours_text: Annotated[str, _option("What they are told then.")] = "",
    overflow: Annotated[str | None, _option(f"What contacts get when it is full: {_WHERE}.")] = None,
    overflow_text: Annotated[str, _option("What they are told then.")] = "",
    overflow_seconds: Annotated[int | None, _option("Full for those who waited so long; 0 is never.")] = None,
    overflow_waiting: Annotated[int | None, _option("Full for those who find so many waiting; 0 is never.")] = None,
    sneak_peek: Annotated[
        bool | None,
        _option("Whether agents see what contacts type before they send it.", "--sneak-peek/--no-sneak-peek"),
    ] = None,
    reset: Annotated[bool, _option("Begin from the defaults.", "--reset")] = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show the rules by which a work type's agents are chosen, after changing those that are given."""
    given = {
        "priority": priority,
        "ageingSeconds": ageing,
        "choice": choice,
        "lastAgentSeconds": last_agent,
        "offerSeconds": offer,
        "askAgainSeconds": ask_again,
        "wrapSeconds": wrap_up,
        "dispositionRequired": disposition,
        "load": load,
        "hoursId": hours,
        "afterHours": _detour(after_hours, after_hours_text),
        "overflow": _detour(overflow, overflow_text),
        "overflowSeconds": overflow_seconds,
        "overflowWaiting": overflow_waiting,
        "sneakPeek": sneak_peek,
        "rings": [] if no_skills else _rings(skill, relax),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    rules = command(
        data, database, "worktype.rules", org_id=org_id, work_type_id=work_type_id, changes=changes, anew=reset
    )
    if json:
        as_json(rules)
    else:
        show(f"Rules of work type {work_type_id}", _rows(rules), "")


@worktype.command("remove")
def worktype_remove(org_id: OrgId, work_type_id: WorkTypeId, data: Data = None, database: Database = None) -> None:
    """Remove a work type that nothing leads to, nobody serves and nobody waits for."""
    command(data, database, "worktype.remove", org_id=org_id, work_type_id=work_type_id)
    console.print(f"Removed work type {work_type_id}.", highlight=False, markup=False)


def _detour(typed: str | None, said: str) -> Any:
    if typed is None:
        return None
    import msgspec

    from frontdesk.domain import notation

    return msgspec.to_builtins(guarded(lambda: notation.detour(typed, said)))


def _rings(skill: list[str] | None, relax: list[str] | None) -> Any:
    if not skill and not relax:
        return None
    import msgspec

    from frontdesk.domain import notation

    return msgspec.to_builtins(guarded(lambda: notation.rings(skill or [], relax or [])))


def _rows(shown: dict[str, Any]) -> list[dict[str, str]]:
    """A line for each rule, as it would be typed."""
    import msgspec

    from frontdesk.domain import notation
    from frontdesk.domain.rules import Rules

    rules = msgspec.convert(shown, Rules)
    written = {
        **shown,
        "rings": " ".join(map(notation.written_ring, rules.rings)),
        "afterHours": notation.written_detour(rules.after_hours),
        "overflow": notation.written_detour(rules.overflow),
    }
    return [{"rule": name, "value": _plain(value)} for name, value in written.items()]


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
