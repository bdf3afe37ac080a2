"""The disk is full, or gone: clients are told to come back, nothing is half-stored, and the server recovers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from frontdesk.engines.writer import Writer
from tests.support.client import EVENTS, SESSION, Client, kinds, payloads
from tests.support.cluster import sqlite_only
from tests.support.server import Running, running
from tests.support.wire import Answer

pytestmark = sqlite_only("its own writing is broken; what PostgreSQL does then is in tests/contracts")

MENDING_SECONDS = 1
"""After this the server looks whether it can store again."""
TABLES = ("sessions", "interactions", "entries", "call_backs", "repeats")
OPERATIONS = {
    "messaging/sendText": {"text": "lost"},
    "messaging/pushUrl": {"url": "https://example.com/lost"},
    "messaging/dial": {"digits": "555 1234"},
    "messaging/disconnect": {},
    "messaging/scheduleCallBack": {
        "workTypeId": 32,
        "contactName": "Ada",
        "digits": "555 1234",
        "delayStartDuration": 30,
    },
    SESSION: {"inactivityDelay": 60},
}


@pytest.fixture
def server() -> Iterator[Running]:
    """A server whose disk a test may break."""
    with running() as server:
        yield server


def _on_the_writing_connection(server: Running, statement: str) -> None:
    server.stored()
    writer = server.app.store.writer
    assert isinstance(writer, Writer)
    db = writer._db  # noqa: SLF001 - only on this connection can writing alone be broken
    assert db is not None
    server.call(db.execute, statement)


@contextmanager
def broken_disk(server: Running, table: str = "entries", author: str = "") -> Iterator[None]:
    """Every write into `table` (by `author`, when given) fails, as on a bad disk."""
    when = f"WHEN NEW.author = '{author}'" if author else ""
    fails = "BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
    _on_the_writing_connection(server, f"CREATE TEMP TRIGGER broken BEFORE INSERT ON main.{table} {when} {fails}")
    try:
        yield
    finally:
        _on_the_writing_connection(server, "DROP TRIGGER broken")
        server.advance(MENDING_SECONDS)


def _stored(server: Running) -> dict[str, int]:
    server.stored()
    return {table: server.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}  # noqa: S608


def _is_passing_fault(answer: Answer) -> bool:
    return answer.status in (429, 500) and answer.json()["code"] == answer.status and "retry-after" in answer.headers


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_request_that_can_not_be_stored(server: Running, operation: str, key: str | None) -> None:
    """500 with the documented body, no row of it, and the same request succeeds once the disk works again."""
    with server.contact() as contact:
        contact.connect()
        before = _stored(server)
        with broken_disk(server, "sessions" if operation == SESSION else "entries"):
            for _ in range(3):
                refused = contact.post(operation, OPERATIONS[operation], idempotency_key=key)
                assert refused.status == 500
                assert _is_passing_fault(refused)
                server.advance(MENDING_SECONDS)
            assert _stored(server) == before
        assert contact.post(operation, OPERATIONS[operation], idempotency_key=key).status in (200, 202)
        assert sum(_stored(server).values()) > sum(before.values())
        assert [e["sequenceNumber"] for e in contact.poll(after=0) if "id" in e][:1] == [1]


def test_connect_that_failed_left_nothing_open(server: Running) -> None:
    """The state that was decided on is forgotten: the contact connects as if for the first time."""
    with server.contact() as contact:
        with broken_disk(server):
            assert contact.post("messaging/connect", {"workTypeId": 79, "contactName": "Ada"}).status == 500
            assert contact.post("messaging/sendText", {"text": "x"}).reason in ("noOpenInteraction", "storageFailed")
        contact.connect()
        events = contact.until("QueueStatus")
        assert kinds(events) == ["Connected", "QueueStatus"]
        assert events[0]["sequenceNumber"] == 1
        assert payloads(events)[1]["position"] == 1
        assert server.rows("SELECT count(*) FROM interactions") == [(1,)]


def test_held_poll_is_told_to_come_again(server: Running) -> None:
    """Never 401: a client takes everything but 429 and 500 for the end of its session."""
    with server.contact() as contact:
        contact.connect()
        contact.until("QueueStatus")
        held = contact.hold(wire=contact.polls)
        server.held()
        with broken_disk(server):
            assert contact.post("messaging/sendText", {"text": "x"}).status == 500
            server.advance(MENDING_SECONDS)
            assert _is_passing_fault(held.answer())
            contact.until("QueueStatus")
            during = contact.hold(wire=contact.polls)
            server.held()
            assert contact.post("messaging/disconnect").status == 500
            server.advance(MENDING_SECONDS)
            assert _is_passing_fault(during.answer())
        contact.disconnect()
        assert kinds(contact.until("Disconnected"))[-1] == "Disconnected"


def test_all_that_wait_for_a_failed_batch_are_told(server: Running) -> None:
    """Twelve contacts at once: none is told that its words are stored, none loses its session."""
    contacts = [server.contact() for _ in range(12)]
    for contact in contacts:
        contact.connect()
    before = _stored(server)
    with broken_disk(server):
        held = [contact.hold(wire=contact.polls, after=1) for contact in contacts]
        answers = [contact.post("messaging/sendText", {"text": "x"}) for contact in contacts]
        assert all(_is_passing_fault(answer) for answer in answers)
        server.advance(MENDING_SECONDS)
        assert all(poll.answer().status in (200, 429, 500) for poll in held)
        assert _stored(server) == before
    for contact in contacts:
        with contact:
            contact.say("x")
    assert _stored(server)["entries"] == before["entries"] + 12


def test_full_disk_keeps_exactly_what_was_accepted(server: Running) -> None:
    """SQLite itself says that it is full; what was answered 202 is there, what was answered 500 is not."""
    with server.contact() as contact:
        contact.connect()
        accepted: list[str] = []
        ((pages,),) = server.rows("PRAGMA page_count")
        _on_the_writing_connection(server, f"PRAGMA max_page_count = {pages + 5}")
        number = 0
        while (answer := contact.post("messaging/sendText", {"text": f"{number} ".ljust(2000, "x")})).status == 202:
            accepted.append(f"{number} ")
            number += 1
        assert _is_passing_fault(answer)
        assert accepted, "the control: there was room for some"
        _on_the_writing_connection(server, "PRAGMA max_page_count = 1073741823")
        server.advance(MENDING_SECONDS)
        contact.say("room again")
        server.stored()
        rows = server.rows("SELECT payload FROM entries WHERE kind = 'messaging.Text' ORDER BY seq")
        texts = [payloads([{"payload": payload}])[0]["text"] for (payload,) in rows]
        assert [text.split("x")[0] for text in texts] == [*accepted, "room again"]


def test_script_speaks_once_its_words_can_be_stored(server: Running) -> None:
    """Its turn failed on the disk; it is run again until it is stored, once, without the contact's help."""
    with server.contact() as contact:
        contact.connect("100")
        with broken_disk(server, author="System"):
            for _ in range(6):
                server.advance(MENDING_SECONDS)
                server.stored()
            # While nothing can be stored: a try that is under way may succeed as soon as the disk is whole.
            assert server.rows("SELECT count(*) FROM entries WHERE author = 'System'") == [(1,)], "only that it joined"
        server.advance(MENDING_SECONDS)
        events = contact.until("Text")
        numbered = [event for event in events if "sequenceNumber" in event]
        assert kinds(numbered) == ["Connected", "ParticipantJoined", "Text"]
        assert [event["sequenceNumber"] for event in numbered] == [1, 2, 3]


def test_disk_that_stays_broken_is_not_asked_all_the_time(server: Running) -> None:
    """A turn that can't be stored must not make the server run in circles and fill its logs: once a second at most."""
    with server.contact() as contact:
        contact.connect("100")
        with broken_disk(server, author="System"):
            server.advance(MENDING_SECONDS)
            server.stored()
            tried = server.app.store.writer.batches
            for _ in range(10):
                server.advance(MENDING_SECONDS)
                for _ in range(50):
                    server.call(lambda: None)
            assert server.app.store.writer.batches - tried <= 10


def test_readiness_tells_of_a_broken_disk(server: Running) -> None:
    """Load balancers send nobody here until it is mended."""
    with server.contact() as contact:
        contact.connect()
        with broken_disk(server):
            contact.post("messaging/sendText", {"text": "x"})
            ready = contact.ask("GET", "/readyz")
            assert (ready.status, ready.json()["status"]) == (500, "unavailable")
            assert ready.json()["checks"]["storage"] != "ok"
        assert contact.ask("GET", "/readyz").status == 200


@pytest.mark.parametrize("method", ["read_events", "find_repeat"])
def test_failed_read_is_a_passing_fault(server: Running, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll or a repeated POST that can't be looked up is answered 500, and answered rightly afterwards."""
    with server.contact(requireAcknowledgement=True) as contact:
        contact.connect("1")
        for number in range(70):  # more than stays in memory
            contact.say(str(number), idempotency_key=str(number))
        server.stored()
        with monkeypatch.context() as patch:
            query = {"read_events": "stream_after", "find_repeat": "repeat"}[method]
            patch.setattr(f"frontdesk.engines.queries.{query}", _unreadable)
            server.call(server.app.repeats.clear)
            assert _is_passing_fault(_ask(contact, method))
        assert _ask(contact, method).status in (200, 202)


def _unreadable(*_: object) -> None:
    raise OSError("disk I/O error")


def _ask(contact: Client, method: str) -> Answer:
    if method == "read_events":
        return contact.ask("GET", f"{EVENTS}?afterSequenceNumber=0")
    return contact.post("messaging/sendText", {"text": "69"}, idempotency_key="69")
