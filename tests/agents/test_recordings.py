"""What can be read of a conversation, by whom, and when it is long over."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from frontdesk.domain.people import Role
from tests.support.desk import Desk, rules, user
from tests.support.server import Running, running


@pytest.fixture
def boss(server: Running, stack: ExitStack) -> Desk:
    """A supervisor."""
    return stack.enter_context(Desk(server, user(server, "boss", roles=(Role.SUPERVISOR,))))


def conversation(server: Running, stack: ExitStack) -> str:
    """Ada's with Ann, which is over and disposed of."""
    rules(server, wrap_seconds=60)
    ann = stack.enter_context(Desk(server, user(server, "ann")))
    ann.at_work()
    ada = stack.enter_context(server.contact(inactivityDelay=600))
    ada.connect(contactEmail="ada@example.com")
    interaction_id = ann.take()
    ada.say("Hello")
    ann.send(interaction_id, "Hi")
    ada.disconnect()
    ann.hear("engagementCenter.Wrap")
    ann.act("dispose", interaction_id, {"memo": "All well."})
    ann.hear("engagementCenter.Disposed")
    return interaction_id


@pytest.fixture(scope="module")
def archive() -> Iterator[tuple[str, Desk, Desk]]:
    """A conversation that is over, a supervisor, and an agent who had no part in it: for reading alone."""
    with running() as server, ExitStack() as stack:
        over = conversation(server, stack)
        people = (user(server, "boss", roles=(Role.SUPERVISOR,)), user(server, "bob"))
        boss, bob = (stack.enter_context(Desk(server, one)) for one in people)
        yield over, boss, bob


def test_a_recording_says_who_when_and_what(archive: tuple[str, Desk, Desk]) -> None:
    """Contact, times, who had it and what came of it, and everything that was said."""
    over, boss, _ = archive
    recording = boss.ask("GET", f"quality/recordings/{over}").json()
    assert (recording["state"], recording["closedReason"], recording["workTypeId"]) == ("closed", "contact", "79")
    assert (recording["contactName"], recording["contactEmail"]) == ("Ada", "ada@example.com")
    (had,) = recording["participations"]
    assert (had["userId"], had["part"], had["stage"], had["memo"]) == ("ann", "owner", "done", "All well.")
    assert had["offeredTime"] <= had["acceptedTime"] <= had["endedTime"]
    texts = [json.loads(e["payload"])["text"] for e in recording["entries"] if e["kind"] == "messaging.Text"]
    assert (texts, recording["hasMore"]) == (["Hello", "Hi"], False)


def test_a_recording_is_read_in_pages(archive: tuple[str, Desk, Desk]) -> None:
    """Page by page the same as at once; records of routing between the entries are passed over."""
    over, boss, _ = archive
    whole = boss.ask("GET", f"quality/recordings/{over}").json()["entries"]
    found: list[object] = []
    after, has_more = 0, True
    while has_more:
        page = boss.ask("GET", f"quality/recordings/{over}?limit=1&afterSequenceNumber={after}").json()
        found += page["entries"]
        after, has_more = page["lastSequenceNumber"], page["hasMore"]
    assert found == whole


def test_who_reads_a_recording_is_on_record(server: Running, stack: ExitStack, boss: Desk) -> None:
    """The audit log names the reader and the interaction."""
    over = conversation(server, stack)
    boss.ask("GET", f"quality/recordings/{over}")
    admin = user(server, "admin", roles=(Role.ADMINISTRATOR,))
    with Desk(server, admin) as desk:
        assert ("boss", "quality.recording.read", over) in [
            (entry["actor"], entry["act"], entry["subject"])
            for entry in desk.ask("GET", "reporting/audit").json()["items"]
        ]


def test_who_reads_the_transcript_of_another_is_on_record(server: Running, boss: Desk) -> None:
    """Not so who holds it themselves: nothing of another's is read. Whether it goes on or is over does not matter."""
    rules(server, wrap_seconds=60)
    with Desk(server, user(server, "sam", roles=(Role.AGENT, Role.SUPERVISOR))) as sam, server.contact() as contact:
        sam.at_work()
        contact.connect()
        interaction_id = sam.take()
        path = f"engagementCenter/interactions/{interaction_id}/transcript"
        assert [reader.ask("GET", path).status for reader in (sam, boss)] == [200, 200]
        contact.disconnect()
        sam.hear("engagementCenter.Wrap")
        sam.act("dispose", interaction_id)
        sam.hear("engagementCenter.Disposed")
        assert boss.ask("GET", path).status == 200
        entries = sam.ask("GET", "reporting/audit").json()["items"]
    read = [(e["actor"], e["subject"]) for e in entries if e["act"] == "interaction.transcript.read"]
    assert read == [("boss", interaction_id)] * 2


def test_supervisors_read_why_and_what_of_conversations_that_are_over(archive: tuple[str, Desk, Desk]) -> None:
    """The routing record and the transcript outlive the work."""
    over, boss, _ = archive
    record = boss.ask("GET", f"engagementCenter/interactions/{over}/routing").json()
    assert [d["decision"] for d in record["decisions"]] == ["offered", "accepted"]
    assert record["now"] is None
    assert boss.ask("GET", f"engagementCenter/interactions/{over}/transcript").json()["entries"]


@pytest.mark.parametrize("path", ["quality/recordings/{}", "engagementCenter/interactions/{}/routing"])
def test_agents_do_not_read_what_is_not_theirs(archive: tuple[str, Desk, Desk], path: str) -> None:
    """Neither another's conversation nor their own once it is finished."""
    over, _, bob = archive
    assert bob.ask("GET", path.format(over)).status == 403


@pytest.mark.parametrize("path", ["quality/recordings", "engagementCenter/interactions"])
@pytest.mark.parametrize("which", ["1", "0", "x", "9223372036854775807", "9223372036854775808", "9" * 30, "%00", "-1"])
def test_what_is_not_there_is_not_found(archive: tuple[str, Desk, Desk], path: str, which: str) -> None:
    """Whatever stands for the id."""
    _, boss, _ = archive
    rest = "" if path.startswith("quality") else "/transcript"
    assert boss.ask("GET", f"{path}/{which}{rest}").status == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "afterSequenceNumber=-1"])
def test_a_wrong_page_is_refused(archive: tuple[str, Desk, Desk], query: str) -> None:
    """With 400, not with an empty page."""
    over, boss, _ = archive
    answer = boss.ask("GET", f"quality/recordings/{over}?{query}")
    assert answer.status == 400
