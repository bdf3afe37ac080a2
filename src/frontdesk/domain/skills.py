"""Skills: what an interaction needs, and how that is relaxed with waiting time (the "bullseye")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from frontdesk.domain.errors import Invalid
from frontdesk.domain.limits import ID_MAX

LEVEL_MIN, LEVEL_MAX = 1, 10
# Entries: each ring costs a line in every queue, and nobody oversees more.
RINGS_MAX = 10
NEEDS_MAX = 20
# Seconds: a day.
AFTER_MAX = 86_400


class Need(Struct, frozen=True, order=True, rename="camel"):
    """A skill, and the level (1 to 10) from which it is enough."""

    skill: str
    level: int = LEVEL_MIN


class Ring(Struct, frozen=True, rename="camel"):
    """What is needed from `after_seconds` of waiting on, until the next ring. Without needs everybody will do.

    Spanish 8 at first, Spanish 5 after a minute, nobody in particular after three:
    `(Ring(0, (Need("spanish", 8),)), Ring(60, (Need("spanish", 5),)), Ring(180))`.
    """

    after_seconds: int = 0
    needs: tuple[Need, ...] = ()


def needs_after(rings: Sequence[Ring], waited_ms: int) -> tuple[Need, ...]:
    """What the last ring reached asks for; nothing where there are no rings."""
    needs: tuple[Need, ...] = ()
    for ring in rings:
        if ring.after_seconds * 1000 > waited_ms:
            break
        needs = ring.needs
    return needs


def next_ring_ms(rings: Sequence[Ring], waited_ms: int) -> int | None:
    """The waiting time at which the next ring begins, in ms; None in the last one."""
    return next((ring.after_seconds * 1000 for ring in rings if ring.after_seconds * 1000 > waited_ms), None)


def lacking(needs: Sequence[Need], skills: Mapping[str, int]) -> Need | None:
    """The first need that these skills (name and level) don't meet."""
    for need in needs:
        if skills.get(need.skill, 0) < need.level:
            return need
    return None


def check_rings(rings: Sequence[Ring]) -> None:
    """Raises Invalid when rings don't follow each other from 0 seconds on, or a need makes no sense."""
    if len(rings) > RINGS_MAX or any(len(ring.needs) > NEEDS_MAX for ring in rings):
        raise Invalid(
            "tooManySkills", f"Send at most {RINGS_MAX} rings, with at most {NEEDS_MAX} skills each.", scope="rings"
        )
    begins = [ring.after_seconds for ring in rings]
    if rings and (begins[0] != 0 or begins != sorted(set(begins)) or begins[-1] > AFTER_MAX):
        raise Invalid(
            "invalidRings",
            "Let the first ring begin after 0 seconds, and each other one later than the one before, within a day.",
            scope="rings",
        )
    for ring in rings:
        _check_needs(ring.needs)


def _check_needs(needs: Sequence[Need]) -> None:
    if len({need.skill for need in needs}) < len(needs):
        raise Invalid("repeatedSkill", "Name each skill once in a ring.", scope="rings")
    for need in needs:
        check_skill(need.skill, need.level, scope="rings")


def check_skill(skill: str, level: int, *, scope: str = "skills") -> None:
    """Raises Invalid when the name is empty or too long, or the level is not from 1 to 10."""
    if not 0 < len(skill) <= ID_MAX:
        raise Invalid("invalidSkill", f"Send a skill's name of 1 to {ID_MAX} characters.", scope=scope)
    if not LEVEL_MIN <= level <= LEVEL_MAX:
        raise Invalid("invalidLevel", f"Send a level from {LEVEL_MIN} to {LEVEL_MAX}.", scope=scope)
