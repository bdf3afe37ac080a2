"""Which node of a cluster is taken for dead: by its own beats, measured with the observer's clock alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from msgspec import Struct

# Milliseconds between two beats of a node.
BEAT_MS = 500
# Milliseconds that a beat may stand still; then others take over. Long enough for a full collection, a slow disk and
# a lost packet; short enough for a contact not to give up.
LEASE_MS = 3000
# An observer that could not look for so long (milliseconds) was itself paused, or without database: what it remembers
# of others says nothing about them.
BLIND_MS = 3 * BEAT_MS


class Sight(Struct, frozen=True):
    """A node's beat, and since when the observer has seen it stand there."""

    beat: int
    since_ms: int


def look(before: Mapping[str, Sight], looked_ms: int, beats: Mapping[str, int], now_ms: int) -> dict[str, Sight]:
    """What is seen now, after `before` was seen at `looked_ms`. A beat that did not move keeps its moment."""
    known = before if now_ms - looked_ms <= BLIND_MS else {}
    seen: dict[str, Sight] = {}
    for node, beat in beats.items():
        last = known.get(node)
        seen[node] = last if last is not None and last.beat == beat else Sight(beat, now_ms)
    return seen


def silent(seen: Mapping[str, Sight], me: str, now_ms: int) -> list[tuple[str, int]]:
    """The other nodes whose lease is over, with the beat that they stopped at."""
    return [(node, s.beat) for node, s in seen.items() if node != me and now_ms - s.since_ms >= LEASE_MS]


def chosen(nodes: Iterable[str], key: str) -> str:
    """The node among `nodes` that `key` falls to: the same for everyone who sees the same nodes.

    Rendezvous hashing: when a node comes or goes, only what falls to that one moves.
    """
    return max(nodes, key=lambda node: (_weight(node, key), node))


def _weight(node: str, key: str) -> bytes:
    return blake2b(f"{node} {key}".encode(), digest_size=8).digest()
