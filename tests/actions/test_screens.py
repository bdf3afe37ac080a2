"""The streaming sessions of agents, where their clients don't come for them."""

from frontdesk.domain import desk_events
from frontdesk.streaming.feed import UNSTORED_MAX
from tests.support.client import ORG
from tests.support.desk import Desk, user
from tests.support.server import Running


def test_who_falls_too_far_behind_begins_anew_with_a_snapshot(server: Running) -> None:
    """Nothing more is kept for a screen that nobody reads; its next poll is told to open another."""
    with Desk(server, user(server, "ann")) as ann:
        ann.at_work()
        event = desk_events.Activate(user_id="ann", interaction_id="1")

        def tell() -> None:
            board = server.app.boards.of(ORG)
            for _ in range(UNSTORED_MAX + 1):
                server.app.desks.tell(board, "ann", event)

        server.call(tell)
        answer = ann.ask("GET", "streaming/events")
        assert (answer.status, answer.json()["errors"][0]["reason"]) == (400, "invalidSession")
        assert ann.open()["userId"] == "ann"
