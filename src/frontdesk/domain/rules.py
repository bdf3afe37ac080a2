"""The rules of a work type: who may take its interactions, in which order, and what happens when nobody can."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import ID_MAX, TEXT_MAX
from frontdesk.domain.skills import AFTER_MAX, Ring, check_rings

PRIORITY_MAX = 10
# Seconds. An hour a level: the highest priority then overtakes what came up to ten hours earlier.
AGEING_MAX = 3600
# Seconds: an offer that is answered in less was answered by nobody, and one that rings longer holds up the contact.
OFFER_MIN, OFFER_MAX = 5, 300
WRAP_MAX = 3600
LOAD_MAX = 100
WAITING_MAX = 1_000_000


class Choice(StrEnum):
    """Whom to take among several able agents."""

    LONGEST_IDLE = "longestIdle"
    LEAST_LOADED = "leastLoaded"


class Instead(StrEnum):
    """What a contact is given instead of an agent. `WAIT`: nothing, it waits."""

    WAIT = "wait"
    MESSAGE = "message"
    CALLBACK = "callback"
    SCRIPT = "script"
    WORK_TYPE = "workType"


class Detour(Struct, frozen=True, rename="camel"):
    """What happens instead. `target` names the script or the work type (for callbacks, the one that takes them).

    `text` is told to the contact; a message needs one.
    """

    instead: Instead = Instead.WAIT
    target: str = ""
    text: str = ""


class Rules(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a work type is routed; stored as JSON with it. Everything has a default.

    `rings`: the skills needed, relaxed with waiting time. `priority` 0 to 10, each level worth `ageing_seconds` of
    waiting. `last_agent_seconds`: for so long only the contact's last agent is taken. `offer_seconds`: how long an
    offer rings. `ask_again_seconds`: how long who let one pass is not asked about it again. `load`: how much of an
    agent's capacity one interaction takes. `hours_id`: "" is always open. The overflow takes place after
    `overflow_seconds` of waiting, and for those who find `overflow_waiting` before them; 0 is never.
    `sneak_peek`: agents see what the contact types before it is sent, and the contact is told so.
    """

    rings: tuple[Ring, ...] = ()
    priority: int = 0
    ageing_seconds: int = 60
    choice: Choice = Choice.LONGEST_IDLE
    last_agent_seconds: int = 0
    offer_seconds: int = 20
    ask_again_seconds: int = 60
    wrap_seconds: int = 30
    disposition_required: bool = False
    load: int = 1
    hours_id: str = ""
    after_hours: Detour = Detour()
    overflow: Detour = Detour()
    overflow_seconds: int = 0
    overflow_waiting: int = 0
    sneak_peek: bool = False


def detour(rules: Rules, *, is_open: bool, waited_ms: int, ahead: int) -> Detour | None:
    """What happens instead of waiting for an agent, if anything. `ahead`: how many wait before this one."""
    if not is_open:
        return _real(rules.after_hours)
    too_long = 0 < rules.overflow_seconds * 1000 <= waited_ms
    too_many = waited_ms == 0 and 0 < rules.overflow_waiting <= ahead
    return _real(rules.overflow) if too_long or too_many else None


def _real(way: Detour) -> Detour | None:
    return None if way.instead is Instead.WAIT else way


def check_rules(rules: Rules) -> Rules:
    """The same rules. Raises Invalid, with the field as scope, where a number or a detour makes no sense."""
    check_rings(rules.rings)
    for low, high, name in (
        (0, PRIORITY_MAX, "priority"),
        (1, AGEING_MAX, "ageing_seconds"),
        (0, AFTER_MAX, "last_agent_seconds"),
        (OFFER_MIN, OFFER_MAX, "offer_seconds"),
        (0, AFTER_MAX, "ask_again_seconds"),
        (0, WRAP_MAX, "wrap_seconds"),
        (1, LOAD_MAX, "load"),
        (0, AFTER_MAX, "overflow_seconds"),
        (0, WAITING_MAX, "overflow_waiting"),
    ):
        if not low <= getattr(rules, name) <= high:
            field = _camel(name)
            raise Invalid("outOfRange", f"Send {field} from {low} to {high}.", scope=field)
    if len(rules.hours_id) > ID_MAX:
        raise Invalid("invalidHours", f"Send an hoursId of at most {ID_MAX} characters.", scope="hoursId")
    _check_detour(rules.after_hours, "afterHours")
    _check_detour(rules.overflow, "overflow")
    return rules


def _check_detour(way: Detour, scope: str) -> None:
    if way.instead in (Instead.SCRIPT, Instead.WORK_TYPE, Instead.CALLBACK) and not way.target:
        raise Invalid("targetMissing", "Name the script or the work type as target.", scope=scope)
    if way.instead is Instead.MESSAGE and not way.text:
        raise Invalid("textMissing", "Send the text that the contact is told.", scope=scope)
    if len(way.target) > ID_MAX or len(way.text) > TEXT_MAX:
        raise Invalid(
            "detourTooLong",
            f"Send a target of at most {ID_MAX} and a text of at most {TEXT_MAX} characters.",
            scope=scope,
        )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
