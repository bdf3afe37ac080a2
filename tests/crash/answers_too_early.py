"""The server with its promise broken on purpose: it answers first and commits later. A program for the control."""

from collections.abc import Sequence
from typing import Final

from frontdesk.cli import main
from frontdesk.domain.model import Entry
from frontdesk.engines.writer import Writer
from frontdesk.ports import Done, Record

LATE_SECONDS: Final = 1
"""How long an answered message is in memory only: a slow machine's kill must find it there, so that the control is
no matter of luck."""

_submit = Writer.submit


def _answer_first(self: Writer, records: Sequence[Record], done: Done) -> None:
    """Messages only: what the operator sets up at the start is read back at once."""
    if any(isinstance(record, Entry) for record in records):
        self._loop.call_soon(done, None)
        self._loop.call_later(LATE_SECONDS, _submit, self, records, _told_already)
    else:
        _submit(self, records, done)


def _told_already(_: BaseException | None) -> None:
    """The commit's own word comes too late to matter."""


if __name__ == "__main__":
    Writer.submit = _answer_first  # type: ignore[method-assign,assignment]  # the very fault that the crash test must find
    main()
