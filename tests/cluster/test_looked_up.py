"""While a key is looked up, the session may get another home: what was asked for is done there, or not yet."""

import json
from collections.abc import Callable

import pytest

from frontdesk.domain.model import Repeat
from frontdesk.server import App
from tests.cluster.contacts import FIRST, HOME, SECOND, at_home, begun, heard, over
from tests.cluster.test_homes import wake
from tests.cluster.weather import Weather
from tests.streaming.reading import texts
from tests.support.client import SESSION, Client, Held, path_of
from tests.support.server import Running
from tests.support.wire import Wire, request_bytes

Found = Callable[[Repeat | BaseException | None], None]


@pytest.fixture
def looks(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    """Those who wait for what the store knows of a key, at the contacts' home: it never answers by itself."""
    waiting: list[Found] = []
    monkeypatch.setattr(server.apps[HOME].store, "find_repeat", lambda scope, key, found: waiting.append(found))
    return waiting


def nothing_found(server: Running, looks: list[Found]) -> None:
    """The store knows none of the keys."""
    for found in looks:
        server.call(found, None)


def test_a_node_that_stops_takes_nothing_that_was_looked_up_meanwhile(
    server: Running, looks: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has forgotten the session, and may still write: the script's answer would be on nobody's stream."""
    with at_home(server) as contact, over(contact, server.ports[FIRST]) as other:
        under_way = begun(contact, "hello", idempotency_key="1")
        server.until(lambda: looks)
        stopped = server.apps.pop(HOME)
        server.ports.pop(HOME)
        server.silent.append(stopped)
        answer_before_leaving(stopped, looks, monkeypatch)
        server.call(stopped.stop)
        answer = under_way.answer()
        assert (answer.status, answer.reason) == (500, "shuttingDown")
        server.until(lambda: len(server.sessions) == 1)
        other.say("hello", idempotency_key="1")
        assert texts(other.poll()) == ["hello"]


def answer_before_leaving(app: App, looks: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-ups end after all was forgotten, and before the node gives up its right to write."""
    assert app.together is not None
    leave = app.together.leave

    async def answer_and_leave() -> None:
        assert not app.context.floor.sessions
        for found in looks:
            found(None)
        await app._stored()  # noqa: SLF001 - whatever was handed in has its outcome now
        await leave()

    monkeypatch.setattr(app.together, "leave", answer_and_leave)


def test_a_node_that_was_shut_out_passes_on_what_was_looked_up_before(
    server: Running, looks: list[Found], weather: Weather
) -> None:
    """It is another by then, with a right of its own; the session is not at home there."""
    with at_home(server) as contact:
        under_way = begun(contact, "hello", idempotency_key="1")
        server.until(lambda: looks)
        paused = server.apps[HOME]
        server.silence(HOME)
        server.outlast()
        wake(server, paused)
        nothing_found(server, looks)
        assert under_way.answer().status == 202
        assert heard(server, contact, 0) == ["hello"]


def test_a_session_that_was_given_away_is_resumed_with_its_conversation(server: Running, looks: list[Found]) -> None:
    """At its new home: the old one knows of no conversation any more."""
    with Client(server.ports[SECOND]) as first, Client(server.ports[HOME]) as contact:
        queued(server, first, contact)
        under_way = resumed(contact)
        server.until(lambda: looks)
        contact.say("a person, please")
        spoken(server, contact, "QueueStatus")
        nothing_found(server, looks)
        made = under_way.answer().json()
        session = server.apps[SECOND].context.floor.sessions[made["sessionId"]]
        assert session.interaction is not None
        assert made["interactionId"] == str(session.interaction.interaction_id)


def resumed(contact: Client) -> Held:
    """A session that goes on from the contact's, with a key; not answered yet."""
    sent = {**contact.credentials, "content-type": "application/json", "idempotency-key": "resume"}
    body = json.dumps({"resumeSessionId": contact.session_id}).encode()
    return Held(Wire(contact.port), request_bytes("POST", path_of(SESSION), sent, body), own=True)


def queued(server: Running, first: Client, contact: Client) -> None:
    """One contact waits for an agent where the agents are at home; the other one talks to a script elsewhere."""
    for client, work_type in ((first, "79"), (contact, "100")):
        client.token()
        client.session()
        client.connect(work_type)
    first.until("QueueStatus")
    spoken(server, contact)


@pytest.mark.parametrize("asked", [HOME, FIRST])
def test_a_session_that_was_given_away_takes_nothing_at_its_old_home(
    server: Running, looks: list[Found], asked: int
) -> None:
    """Its conversation went to the agents' node, which counts its entries from then on; whoever was asked."""
    agents = server.apps[SECOND]
    with Client(server.ports[SECOND]) as first, Client(server.ports[HOME]) as contact:
        queued(server, first, contact)
        with over(contact, server.ports[asked]) as one:
            under_way = begun(one, "hello", idempotency_key="1")
        server.until(lambda: looks)
        contact.say("a person, please")
        spoken(server, contact, "QueueStatus")
        session = agents.context.floor.sessions[contact.session_id]
        nothing_found(server, looks)
        assert under_way.answer().status == 202
        server.stored()
        assert session.interaction is not None
        found = session.interaction.interaction_id
        log = server.rows(f"SELECT seq, payload FROM entries WHERE interaction_id = {found} ORDER BY seq")  # noqa: S608 - ours
        assert [seq for seq, _ in log] == list(range(1, session.interaction.seq + 1))
        assert sum('"hello"' in payload for _, payload in log) == 1


def spoken(server: Running, contact: Client, last: str = "Text") -> None:
    """Let the script compose, and then speak, up to the event that comes last."""
    contact.until("Notification")
    server.advance(1)
    contact.until(last)
