"""What a check of `frontdesk doctor` comes back with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: "ok", "note" (worth knowing) or "wrong", and what to do unless it is ok."""

    check: str
    state: str
    found: str
    todo: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def note(check: str, found: str, todo: str) -> Finding:
    """It works, and could be better."""
    return Finding(check, "note", found, todo)


def wrong(check: str, found: str, todo: str) -> Finding:
    """It does not work, or not safely."""
    return Finding(check, "wrong", found, todo)
