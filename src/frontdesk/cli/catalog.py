"""What agents need, set up from the shell: skills, teams, reasons, dispositions, hours, canned responses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from frontdesk.cli.calls import Data, Database, Json, command, guarded
from frontdesk.cli.output import as_json, console, listed

OrgId = Annotated[str, typer.Argument(help="The organization's id.")]
Name = Annotated[str, typer.Option(help="Name for people.")]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of the one with this id.")]
WorkTypes = Annotated[
    list[str] | None, typer.Option("--work-type", help="Only for this work type; repeatable. Without: for all.")
]


def _group(noun: str, plural: str, what: str) -> typer.Typer:
    """A group with the commands that are alike for all: list and remove."""
    group = typer.Typer(name=noun, help=f"{what}: create, list, remove.", no_args_is_help=True)

    def show_all(org_id: OrgId, data: Data = None, database: Database = None, json: Json = False) -> None:
        rows = command(data, database, f"{noun}.list", org_id=org_id)
        shown = rows if json else [_row(noun, row) for row in rows]
        listed(what, shown, f"No {plural}.", json=json)

    def remove(
        org_id: OrgId,
        item_id: Annotated[str, typer.Argument(help="Its id.")],
        data: Data = None,
        database: Database = None,
    ) -> None:
        command(data, database, f"{noun}.remove", org_id=org_id, item_id=item_id)
        console.print(f"Removed {noun} {item_id}.", highlight=False, markup=False)

    group.command("list", help=f"Show an organization's {plural}.")(show_all)
    group.command("remove", help="Remove one that nothing refers to. What happened with it stays on record.")(remove)
    return group


skill = _group("skill", "skills", "Skills")
team = _group("team", "teams", "Teams")
reason = _group("reason", "reasons", "Reasons")
disposition = _group("disposition", "dispositions", "Dispositions")
hours = _group("hours", "hours of operation", "Hours of operation")
canned = _group("canned", "canned responses", "Canned responses")
GROUPS = (skill, team, reason, disposition, hours, canned)


def _create(
    noun: str, org_id: str, item_id: str, data: Path | None, database: str | None, json: bool, **fields: Any
) -> None:
    # An option that is not given takes its default where the record is made.
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    made = command(data, database, f"{noun}.create", org_id=org_id, item_id=item_id, **given)
    if json:
        as_json(made)
    else:
        console.print(
            f"{'Changed' if fields.get('replace') else 'Made'} {noun} {item_id}.", highlight=False, markup=False
        )


@skill.command("create")
def skill_create(
    org_id: OrgId,
    skill_id: Annotated[str, typer.Argument(help="Its id, as users and work types name it.")],
    name: Name = "",
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a skill that users have on a level from 1 to 10, and work types need."""
    _create("skill", org_id, skill_id, data, database, json, name=name, replace=replace)


@team.command("create")
def team_create(
    org_id: OrgId,
    team_id: Annotated[str, typer.Argument(help="Its id.")],
    name: Name = "",
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a team."""
    _create("team", org_id, team_id, data, database, json, name=name, replace=replace)


@reason.command("create")
def reason_create(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    reason_id: Annotated[str, typer.Argument(help="Its id.")],
    name: Name = "",
    use: Annotated[str, typer.Option(help="What it is given for: notReady or decline.")] = "notReady",
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a reason for which agents take no work, or decline an offer."""
    _create("reason", org_id, reason_id, data, database, json, name=name, use=use, replace=replace)


@disposition.command("create")
def disposition_create(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    disposition_id: Annotated[str, typer.Argument(help="Its id.")],
    name: Name = "",
    work_type: WorkTypes = None,
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make an outcome that agents choose in wrap-up."""
    fields = {"name": name, "workTypeIds": work_type, "replace": replace}
    _create("disposition", org_id, disposition_id, data, database, json, **fields)


@hours.command("create")
def hours_create(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    hours_id: Annotated[str, typer.Argument(help="Their id.")],
    zone: Annotated[str, typer.Option(help="Zone of the IANA database, as Europe/Berlin.")],
    span: Annotated[
        list[str] | None,
        typer.Option("--open", help='As "mon-fri 09:00-17:00"; "22:00-06:00" ends on the next day. Repeatable.'),
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(
            help='A date that is different: "2026-12-24 09:00-12:00", or "2026-12-25" for closed. Repeatable.'
        ),
    ] = None,
    name: Name = "",
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make hours of operation: spans of every week in the wall time of a zone, and dates that are different."""
    fields = {"name": name, "zone": zone, **guarded(lambda: _opening(span or [], on or [])), "replace": replace}
    _create("hours", org_id, hours_id, data, database, json, **fields)


def _opening(weekly: list[str], dates: list[str]) -> dict[str, Any]:
    import msgspec

    from frontdesk.domain import notation

    spans = [span for text in weekly for span in notation.spans(text)]
    found: dict[str, Any] = msgspec.to_builtins({"spans": spans, "dated": [notation.dated(text) for text in dates]})
    return found


@canned.command("create")
def canned_create(  # noqa: PLR0913, PLR0917 - as above
    org_id: OrgId,
    canned_response_id: Annotated[str, typer.Argument(help="Its id.")],
    text: Annotated[str, typer.Option(help="What is sent; {contactName} and {agentName} stand for the names.")],
    shortcut: Annotated[str, typer.Option(help="What agents type to find it, without the slash.")] = "",
    work_type: WorkTypes = None,
    name: Name = "",
    replace: Replace = False,
    data: Data = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a canned response: a text that agents send often."""
    fields = {"name": name, "text": text, "shortcut": shortcut, "workTypeIds": work_type, "replace": replace}
    _create("canned", org_id, canned_response_id, data, database, json, **fields)


def _row(noun: str, row: dict[str, Any]) -> dict[str, Any]:
    """A line of a table: what people look for, as they would type it."""
    shown = {name: value for name, value in row.items() if name != "createdTime"}
    if noun == "hours":
        import msgspec

        from frontdesk.domain import notation
        from frontdesk.domain.hours import Hours

        known = msgspec.convert({**row, "orgId": ""}, Hours)
        shown["spans"] = notation.written_spans(known.spans)
        shown["dated"] = [notation.written_dated(each) for each in known.dated]
    return shown
