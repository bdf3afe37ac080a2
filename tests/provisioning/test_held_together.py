"""Whatever is set up in whatever order: nothing names what is not there, and no detours lead round in a circle."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.actions.directory import LiveDirectory
from frontdesk.domain.catalog import Disposition, Kind
from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.rules import Instead
from tests.support.server import Running

ORGS = count(1)
# Few of each, so that commands meet.
WORK_TYPES, SKILLS, HOURS, OUTCOMES = ("w1", "w2"), ("s1",), ("h1",), ("d1",)
Command = tuple[str, dict[str, Any]]


def some(ids: tuple[str, ...]) -> st.SearchStrategy[str]:
    """One of them."""
    return st.sampled_from(ids)


def command(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """A command with such arguments."""
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


DETOURS = st.fixed_dictionaries(
    {"instead": st.sampled_from(["workType", "workType", "callback", "wait"]), "target": some(WORK_TYPES)}
)
RINGS = st.sampled_from(
    [[], [{"needs": [{"skill": SKILLS[0]}]}], [{}, {"afterSeconds": 60, "needs": [{"skill": SKILLS[0]}]}]]
)


def rule(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """A command that changes one rule: several at one time would mostly be refused for one of them."""
    return command("worktype.rules", work_type_id=some(WORK_TYPES), changes=values.map(lambda value: {name: value}))


LIMITS = st.lists(some(WORK_TYPES), max_size=2, unique=True)
COMMANDS = st.one_of(
    command(
        "worktype.create", work_type_id=some(WORK_TYPES), channels=st.sampled_from([["chat"], ["chat", "callback"]])
    ),
    command("worktype.remove", work_type_id=some(WORK_TYPES)),
    rule("rings", RINGS),
    rule("hoursId", st.sampled_from(["", *HOURS])),
    rule("afterHours", DETOURS),
    rule("overflow", DETOURS),
    rule("dispositionRequired", st.just(value=True)),
    command("skill.create", item_id=some(SKILLS)),
    command("skill.remove", item_id=some(SKILLS)),
    command("hours.create", item_id=some(HOURS), zone=st.just("UTC")),
    command("hours.remove", item_id=some(HOURS)),
    command("disposition.create", item_id=some(OUTCOMES), workTypeIds=LIMITS, replace=st.booleans()),
    command("disposition.remove", item_id=some(OUTCOMES)),
)
BEGINNING: list[Command] = [
    *[("worktype.create", {"work_type_id": each, "channels": ["chat", "callback"]}) for each in WORK_TYPES],
    *[("skill.create", {"item_id": each}) for each in SKILLS],
    *[("hours.create", {"item_id": each, "zone": "UTC"}) for each in HOURS],
    *[("disposition.create", {"item_id": each}) for each in OUTCOMES],
]


def broken(server: Running, org_id: str) -> Iterator[str]:
    """All that does not hold together."""
    directory = server.app.context.directory
    here = {w.work_type_id for w in directory.work_types(org_id)}
    outcomes = [
        d for d in server.app.admin.provisioning.things(org_id, Kind.DISPOSITIONS) if isinstance(d, Disposition)
    ]
    for one in outcomes:
        yield from (f"{one.disposition_id} → {each}" for each in one.work_type_ids if each not in here)
    for work_type_id in here:
        rules = directory.rules(org_id, work_type_id)
        named = [(Kind.SKILLS, need.skill) for ring in rules.rings for need in ring.needs]
        named += [(Kind.HOURS, rules.hours_id)] if rules.hours_id else []
        yield from (f"{work_type_id} → {each}" for kind, each in named if not directory.item(org_id, kind, each))
        for way in (rules.after_hours, rules.overflow):
            channel = {Instead.WORK_TYPE: "chat", Instead.CALLBACK: "callback"}.get(way.instead)
            target = directory.work_type(org_id, way.target)
            if channel and (target is None or channel not in target.channels):
                yield f"{work_type_id} → {way}"
        if rules.disposition_required and not any(one.fits(work_type_id) for one in outcomes):
            yield f"{work_type_id} has no outcome"
        if work_type_id in reached(directory, org_id, work_type_id):
            yield f"{work_type_id} leads to itself"


def reached(directory: LiveDirectory, org_id: str, begin: str) -> set[str]:
    """Every work type that detours lead to from one, over however many."""
    found: set[str] = set()
    ahead = [begin]
    while ahead:
        rules = directory.rules(org_id, ahead.pop())
        for way in (rules.after_hours, rules.overflow):
            if way.instead is Instead.WORK_TYPE and way.target not in found:
                found.add(way.target)
                ahead.append(way.target)
    return found


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMANDS, min_size=15, max_size=40))
def test_what_is_set_up_holds_together(server: Running, commands: list[Command]) -> None:
    """Some of the commands are refused; those that are carried out leave nothing broken."""
    org_id = f"held{next(ORGS)}"
    server.admin("org.create", org_id=org_id)
    for name, arguments in (*BEGINNING, *commands):
        with suppress(Invalid, NotFound):
            server.admin(name, org_id=org_id, **arguments)
        assert list(broken(server, org_id)) == []
