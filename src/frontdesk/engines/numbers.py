"""The numbers of entries: gap-free for each log and each stream, taken on the thread that decides."""

from __future__ import annotations

from frontdesk.domain.model import Entry


def take_numbers(entry: Entry) -> None:
    """Give the entry the next numbers of its log and its stream."""
    interaction, session = entry.interaction, entry.session
    interaction.seq += 1
    entry.seq = interaction.seq
    if session is not None:
        session.stream_seq += 1
        entry.stream_seq = session.stream_seq
