"""Texts that an organization set up, said by their id."""

from contextlib import ExitStack

import msgspec
import pytest

from frontdesk.domain.catalog import CannedResponse
from frontdesk.domain.people import Item
from tests.support.client import ORG, payloads
from tests.support.desk import Desk, store, user
from tests.support.server import Running


@pytest.mark.parametrize(("name", "said"), [(None, "Hello Ada, I am Ann."), ("Support", "Hello Ada, I am Support.")])
def test_the_names_are_put_into_a_canned_response(server: Running, name: str | None, said: str) -> None:
    """The contact's, and the agent's as the contact knows them."""
    canned = CannedResponse("hello", "Hello", "Hello {contactName}, I am {agentName}.")
    body = msgspec.json.encode(canned).decode()
    store(server, Item(org_id=ORG, kind="cannedResponses", item_id="hello", body=body, created_ms=1))
    with ExitStack() as stack:
        ann = stack.enter_context(Desk(server, user(server, "ann")))
        ann.at_work()
        ada = stack.enter_context(server.contact())
        ada.connect()
        sent = {"interactionId": ann.take(), "cannedResponseId": "hello", "entityName": name}
        ann.done("messaging/users/ann/sendText", sent)
        (text,) = [p for p in payloads(ada.until("Text")) if p["kind"] == "messaging.Text"]
    assert text["text"] == said
