"""The streaming sessions of agents, where their clients don't come for them."""

from frontdesk.domain import desk_events
from frontdesk.streaming.feed import UNSTORED_MAX
from tests.support.client import ORG, path_of
from tests.support.desk import Desk, user
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

PIECE = 100


def tell(server: Running, count: int) -> None:
    """So many events for ann."""
    board = server.app.boards.of(ORG)
    for _ in range(count):
        server.app.desks.tell(board, "ann", desk_events.Activate(user_id="ann", interaction_id="1"))


def test_who_falls_too_far_behind_begins_anew_with_a_snapshot(server: Running) -> None:
    """Nothing more is kept for a screen that nobody reads; its next poll is told to open another."""
    with Desk(server, user(server, "ann")) as ann:
        ann.at_work()
        server.call(tell, server, UNSTORED_MAX + 1)
        answer = ann.ask("GET", "streaming/events")
        assert (answer.status, answer.json()["errors"][0]["reason"]) == (400, "invalidSession")
        assert ann.open()["userId"] == "ann"


def test_who_reads_everything_and_confirms_nothing_goes_on(server: Running) -> None:
    """A stream whose reader is there is not lost, however much of it is unacknowledged."""
    with Desk(server, user(server, "ann")) as ann, Wire(ann.port) as wire:
        ann.open(requireAcknowledgement=True)
        headers = {**ann.credentials, "accept": "text/event-stream"}
        wire.send(request_bytes("GET", path_of("streaming/events"), headers))
        wire.receive_head()
        for _ in range(UNSTORED_MAX // PIECE + 2):
            server.call(tell, server, PIECE)
            heard = 0
            while heard < PIECE:
                heard += wire.receive_chunk().count(b'"kind":"engagementCenter.ActivateInteraction"')
