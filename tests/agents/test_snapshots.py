"""A stream begins with a snapshot of all the user's work, whoever opened it; what happens meanwhile comes behind it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.agents.house import House
from tests.agents.test_on_record import Robot
from tests.agents.test_shift import contact
from tests.support.cluster import sqlite_only
from tests.support.desk import user
from tests.support.server import Running


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes the connections of a test."""
    with ExitStack() as made:
        yield made


def test_a_programs_stream_begins_with_a_snapshot_too(server: Running, stack: ExitStack) -> None:
    """It shows nobody's work before `connect`, and all of it then, though its transcripts are read meanwhile."""
    user(server, "ann")
    first = stack.enter_context(Robot(server, "ann"))
    first.begin()
    contact(server, stack)
    interaction_id = first.take()
    second = stack.enter_context(Robot(server, "ann"))
    second.begin()
    (snapshot,) = second.poll(1)
    assert snapshot["kind"] == "engagementCenter.Snapshot"
    (shown,) = json.loads(snapshot["payload"])["interactions"]
    assert shown["interactionId"] == interaction_id
    assert second.hear("engagementCenter.Connected")
    assert second.hear("engagementCenter.Ready")


@sqlite_only("it holds back a read of one process")
def test_what_happens_while_a_snapshot_is_read_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot is as things are when it is shown; what its user was told since it was asked for is not lost."""
    with House(tmp_path / "data") as house:
        ann = house.agent("ann")
        ann.at_work()
        ada = house.contact()
        ada.connects()
        assert ann.does(house.app.handling.accept, ada.interaction_id) == ""
        asked: list[tuple[Any, ...]] = []
        with monkeypatch.context() as patch:
            patch.setattr(house.app.store, "log", lambda *arguments: asked.append(arguments))
            other = house.agent("ann")
            other.open()
        assert ada.leaves() == ""
        assert other.screen is not None
        assert other.screen.events == []
        house.run(lambda: house.app.store.log(*asked[0]))
        assert [e["kind"] for e in other.screen.events] == ["engagementCenter.Snapshot", "engagementCenter.Wrap"]
        (shown,) = other.screen.said("engagementCenter.Snapshot")[0]["interactions"]
        assert (shown["stage"], shown["transcript"][-1]["kind"]) == ("wrap", "messaging.Disconnected")
