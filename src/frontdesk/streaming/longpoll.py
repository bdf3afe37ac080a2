"""The body of a poll's answer (contract: `{totalItems, events}`)."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = b'{"totalItems":0,"events":[]}'


def body(events: Sequence[bytes]) -> bytes:
    """`events` are encoded envelopes, joined without a further copy of each."""
    if not events:
        return NOTHING
    return b'{"totalItems":%d,"events":[%b]}' % (len(events), b",".join(events))
