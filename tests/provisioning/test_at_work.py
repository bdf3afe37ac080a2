"""What was set up, at work: agents give the reasons and dispositions that their organization has."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import ORG
from tests.support.desk import Desk, rules, user
from tests.support.server import Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """The demo's organization, with reasons and dispositions."""
    with running() as server:
        for name, fields in (
            ("reason.create", {"item_id": "lunch"}),
            ("reason.create", {"item_id": "busy", "use": "decline"}),
            ("disposition.create", {"item_id": "solved"}),
            ("disposition.create", {"item_id": "called", "workTypeIds": ["32"]}),
        ):
            server.admin(name, org_id=ORG, **fields)
        yield server


def reason(answer: Any) -> tuple[int, str]:
    """Why something was refused."""
    return answer.status, answer.json()["errors"][0]["reason"]


def test_each_reason_has_its_use(server: Running) -> None:
    """One for declining is none for a break, nor the other way round."""
    with Desk(server, user(server, "ann")) as ann, server.contact() as contact:
        ann.at_work()
        not_ready = f"engagementCenter/users/{ann.user_id}/notReady"
        assert reason(ann.post(not_ready, {"reasonId": "busy"})) == (404, "unknownReason")
        contact.connect("79")
        offered = ann.offered()
        reject = f"engagementCenter/interactions/{offered}/reject"
        assert reason(ann.post(reject, {"reasonId": "lunch"})) == (404, "unknownReason")
        ann.done(reject, {"reasonId": "busy"})
        ann.done(not_ready, {"reasonId": "lunch"})
        assert ann.state()["reasonId"] == "lunch"
        contact.disconnect()


def test_a_disposition_fits_the_work_type(server: Running) -> None:
    """One that is limited to another is refused, and so is none where one is required."""
    rules(server, disposition_required=True)
    with Desk(server, user(server, "bob")) as bob, server.contact() as contact:
        bob.at_work()
        contact.connect("79")
        interaction_id = bob.take()
        bob.act("disconnect", interaction_id)
        dispose = f"engagementCenter/interactions/{interaction_id}/dispose"
        assert reason(bob.post(dispose, {"dispositionId": "called"})) == (404, "unknownDisposition")
        assert reason(bob.post(dispose, {})) == (400, "dispositionRequired")
        bob.done(dispose, {"dispositionId": "solved"})
