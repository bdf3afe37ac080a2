"""What the benchmark without sockets measures."""

from pathlib import Path

import pytest
import uvloop

from benchmarks import inside
from frontdesk import server


@pytest.mark.parametrize("browsers", [True, False])
def test_contacts_talk_and_their_heads_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, browsers: bool
) -> None:
    """Every text is taken and its echo read: of each contact the heads of its texts and of its polls are known."""
    # The benchmark puts its own store there.
    monkeypatch.setattr(server, "SqliteStore", server.SqliteStore)  # type: ignore[attr-defined]
    room = uvloop.run(inside.run(tmp_path, contacts=3, seconds=0.1, browsers=browsers, fresh=0.1))
    assert room.spent
    assert all(min(times) > 0 for times in room.spent)
    assert len(room.app.dispatcher.heads) == 2 * len(room.contacts)
    # Also to those who were held in the rounds that only warm up.
    assert room.app.hub.delivered >= len(room.spent) * len(room.contacts)
