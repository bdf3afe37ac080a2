"""frontdesk without storage: the lane by itself, to be set beside servers that store nothing.

`python benchmarks/lane_alone.py demo --bench …` is `frontdesk demo --bench …` on an engine that numbers messages and
forgets them. It breaks the promise of every 202, so it lives here and not in the product.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from frontdesk import server
from frontdesk.cli import main
from frontdesk.domain.model import ApiKey, Entry, Organization, SigningKey, WorkType
from frontdesk.domain.people import Audit, Client, Item, User
from frontdesk.engines.numbers import take_numbers
from frontdesk.engines.sqlite import SqliteStore
from frontdesk.ports import Done, Record

_SET_UP = {Organization, ApiKey, SigningKey, WorkType, User, Client, Item, Audit}


class ForgetfulStore(SqliteStore):
    """Stores what the demo sets up; everything of the chat is answered in the next round of the loop, and forgotten."""

    def __init__(self, folder: Path, on_broken: Callable[[BaseException], None] = lambda error: None) -> None:
        super().__init__(folder, on_broken)
        # Of what was handed in since the loop's last round: told together, as a batch of the writer's is.
        self._dones: list[Done] = []

    def commit(self, records: Sequence[Record], done: Done) -> None:
        """See ports.Store, which this does not keep."""
        if not _SET_UP.isdisjoint(map(type, records)):
            super().commit(records, done)
            return
        for record in records:
            if type(record) is Entry:
                take_numbers(record)
        if not self._dones:
            self._loop.call_soon(self._tell)
        self._dones.append(done)

    def _tell(self) -> None:
        dones, self._dones = self._dones, []
        for done in dones:
            done(None)


if __name__ == "__main__":
    server.SqliteStore = ForgetfulStore  # type: ignore[attr-defined]
    main()
