"""An Idempotency-Key means the same on the session that goes on from another."""

from pathlib import Path

from tests.support.client import Client
from tests.support.server import Running, running

TEXTS = "SELECT payload FROM entries WHERE kind = 'messaging.Text'"


def _sent(server: Running) -> int:
    server.stored()
    return len(server.rows(TEXTS))


def _resume(contact: Client) -> None:
    contact.session(resumeSessionId=contact.session_id)


def test_a_message_repeated_on_the_resumed_session_is_not_sent_twice() -> None:
    """The answer to the first try was lost with the session; the client can't know that it was taken."""
    with running() as server, server.contact() as contact:
        contact.connect()
        contact.say("Where is my parcel?", idempotency_key="first")
        _resume(contact)
        contact.say("Where is my parcel?", idempotency_key="first")
        _resume(contact)
        contact.say("Where is my parcel?", idempotency_key="first")

        assert _sent(server) == 1


def test_keys_are_shared_along_the_line_after_a_restart(tmp_path: Path) -> None:
    """Nothing of the first try is in memory any more."""
    with running(tmp_path) as server, server.contact() as contact:
        contact.connect()
        contact.say("Where is my parcel?", idempotency_key="first")
        credentials = contact.credentials
    with running(tmp_path) as server:
        with server.client() as again:
            again.credentials = credentials
            _resume(again)
            again.say("Where is my parcel?", idempotency_key="first")
            again.say("Hello?", idempotency_key="second")

        assert _sent(server) == 2


def test_a_session_that_is_not_resumed_has_keys_of_its_own() -> None:
    """Two clients may both begin to count at 1."""
    with running() as server, server.contact() as one, server.contact() as other:
        for contact in (one, other):
            contact.connect()
            contact.say("Hello", idempotency_key="1")

        assert _sent(server) == 2


def test_a_resume_is_repeated_when_its_answer_was_lost() -> None:
    """The first answer never came: the client names the old session again, and has its conversation."""
    with running() as server, server.contact() as contact:
        contact.connect()
        old = contact.session_id
        lost = contact.session(resumeSessionId=old)
        again = contact.session(resumeSessionId=old)

        assert again["interactionId"] == lost["interactionId"]
        contact.say("Still here")
        assert _sent(server) == 1


def test_a_resume_is_repeated_after_a_restart(tmp_path: Path) -> None:
    """Which session goes on in a line is read back from the store."""
    with running(tmp_path) as server, server.contact() as contact:
        contact.connect()
        old, credentials = contact.session_id, contact.credentials
        lost = contact.session(resumeSessionId=old)
    with running(tmp_path) as server, server.client() as again:
        again.credentials = credentials

        assert again.session(resumeSessionId=old)["interactionId"] == lost["interactionId"]
