from pathlib import Path

import pytest

from frontdesk.domain.scripts import BookCallBack, Effect, Goodbye, HandOff, Input, Outcome, Push, Say
from frontdesk.ports import Recovered
from tests.actions.talking import again, answers, answers_until, idle, install, log, on_text, serve, slow_echo
from tests.support.client import kinds, payloads
from tests.support.server import DEMO, FakeClock, Process, Running, running


def test_turns_are_taken_one_at_a_time_in_the_order_of_the_texts(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sees the state that the one before has left, however fast the contact writes."""
    install(monkeypatch, "slow", slow_echo)
    serve(server, "slow")
    with server.contact() as contact:
        contact.connect("slow")
        for text in "abc":
            contact.say(text)
        for count in (1, 2, 3):
            assert len(answers(server)) == count - 1
            server.advance(1)
        assert answers(server) == ["1: a", "2: b", "3: c"]


def test_a_long_backlog_is_answered_without_an_end_of_the_stack(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of texts that came while the script was composing."""
    composing = iter([1000])
    install(
        monkeypatch,
        "first",
        lambda state, happened: (
            Outcome((Say(happened.body),), composing_ms=next(composing, 0)) if happened.body else Outcome()
        ),
    )
    serve(server, "first")
    with server.contact() as contact:
        contact.connect("first")
        contact.say("0")
        session = server.app.context.floor.sessions[contact.session_id]

        def flood() -> None:
            for i in range(1, 3000):
                server.app.messaging.send_text(session, str(i), lambda error: None)

        server.call(flood)
        server.advance(1)
        assert answers(server) == [str(i) for i in range(3000)]


@pytest.mark.parametrize("restarts", [1, 3])
def test_a_turn_that_a_crash_interrupted_is_taken_once_after_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarts: int
) -> None:
    """The text was accepted, its answer was not stored yet: whoever starts next answers, and only once."""
    install(monkeypatch, "slow", slow_echo)
    clock = FakeClock()
    with running(tmp_path / "data", clock=clock) as server, server.contact() as contact:
        serve(server, "slow")
        contact.connect("slow")
        contact.say("a")
        server.advance(1)
        contact.say("b")
        contact.say("c")
        server.advance(0.9)
        assert answers(server) == ["1: a"]
    for _ in range(restarts):
        with running(tmp_path / "data", clock=clock) as server:
            server.stored()
            assert answers(server) == ["1: a"]
    with running(tmp_path / "data", clock=clock) as server, again(contact, server) as contact:
        contact.say("d")
        assert answers_until(server, 4) == ["1: a", "2: b", "3: c", "4: d"]


def test_a_killed_servers_script_answers_after_the_restart(tmp_path: Path) -> None:
    """The same with `kill -9` right behind the 202, while the concierge is composing."""
    with Process(tmp_path / "data", command=DEMO) as process:
        contact = process.contact()
        contact.connect("100")
        contact.until("Text")
        contact.say("what does it cost?")
        process.kill()
        contact.__exit__()
        process.restart()
        with process.client() as back:
            back.credentials = contact.credentials
            texts = [p["text"] for p in payloads(back.until("Text")) if p["kind"] == "messaging.Text"]
            while len(texts) < 2:
                texts += [p["text"] for p in payloads(back.until("Text")) if p["kind"] == "messaging.Text"]
            back.say("bye")
            back.until("Disconnected")
            everything = [p["text"] for p in payloads(back.poll(after=0)) if p["kind"] == "messaging.Text"]
    assert sum("free and open source" in text for text in everything) == 1


@pytest.mark.parametrize(
    "effects",
    [
        (),
        (Say("said"),),
        (Push("https://example.com/"),),
        (BookCallBack("112", 5, "32"),),
        (BookCallBack("112", 5, "32"), Say("booked")),
        (Goodbye(),),
        (HandOff("79"),),
    ],
    ids=lambda effects: "+".join(type(e).__name__ for e in effects) or "nothing",
)
def test_a_turn_that_is_stored_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effects: tuple[Effect, ...]
) -> None:
    """Whatever it did: two restarts later everything is there once."""
    install(monkeypatch, "does", on_text(*effects))
    clock = FakeClock()
    with running(tmp_path / "data", clock=clock) as server, server.contact() as contact:
        serve(server, "does")
        contact.connect("does")
        contact.say("go")
        server.stored()
        after = before = server.rows("SELECT * FROM entries"), server.rows("SELECT * FROM call_backs")
    for _ in range(2):
        with running(tmp_path / "data", clock=clock) as server:
            idle(server)
            server.stored()
            after = server.rows("SELECT * FROM entries"), server.rows("SELECT * FROM call_backs")
    assert after == before


def test_a_script_that_fails_says_sorry_and_the_talk_goes_on(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a script takes neither the conversation nor the server with it."""

    def answer(state: str, happened: Input) -> Outcome:
        return Outcome((Say(f"half is {1 / int(happened.body or 1)}"),))

    install(monkeypatch, "faulty", answer)
    serve(server, "faulty")
    with server.contact() as contact:
        contact.connect("faulty")
        for text in ("2", "0", "none", "4"):
            contact.say(text)
        said = answers(server)
        assert said[1] == "half is 0.5"
        assert "Sorry" in said[2]
        assert "Sorry" in said[3]
        assert said[4] == "half is 0.25"


def test_a_handed_off_chat_stands_in_the_queue_and_the_script_is_silent(server: Running) -> None:
    """Last word, leaving, the new work type, the position; what is written from then on is for an agent."""
    with server.contact() as contact:
        contact.connect("100")
        server.advance(1)
        contact.say("a person, please")
        contact.say("this is heard by nobody yet")
        server.advance(1)
        contact.say("nor this")
        server.advance(5)
        server.stored()
        events = contact.poll()
        assert kinds(events)[-5:] == ["Text", "Text", "ParticipantLeft", "Transferred", "QueueStatus"]
        assert payloads(events)[-2]["workTypeId"] == "79"
        assert payloads(events)[-1]["position"] == 1
        assert len(answers(server)) == 2
        assert server.rows("SELECT state, work_type_id, script, fence FROM interactions") == [("queued", "79", "", 2)]


def test_goodbye_ends_the_chat_and_frees_the_session(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disconnected is the last entry, whatever the contact wrote meanwhile."""
    with server.contact() as contact:
        contact.connect("100")
        server.advance(1)
        contact.say("bye")
        contact.say("wait!")
        server.advance(5)
        assert log(server)[-3:] == [
            ("Text", "Goodbye, and thank you for trying frontdesk."),
            ("ParticipantLeft", ""),
            ("Disconnected", "system"),
        ]
        assert contact.post("messaging/sendText", {"text": "x"}).reason == "noOpenInteraction"
        contact.connect("1")


@pytest.mark.parametrize("leave", ["disconnect", "expire"])
def test_a_contact_who_leaves_while_the_script_composes_hears_nothing_more(server: Running, leave: str) -> None:
    """The fence has risen: nothing is written behind Disconnected."""
    server.admin("org.grace", org_id="viademo", seconds=0)
    with server.contact(inactivityDelay=15) as contact:
        contact.connect("100")
        server.advance(1)
        server.advance(13.5)
        contact.say("what does it cost?")
        if leave == "disconnect":
            contact.disconnect()
        else:
            server.advance(0.6)
            server.stored()
        server.advance(5)
        server.stored()
        server.advance(5)
        kind, reason = log(server)[-1]
        assert (kind, reason) == ("Disconnected", "contact" if leave == "disconnect" else "inactivity")
        assert server.app.context.floor.interactions == {}
        assert server.app.scripts._busy == {}  # noqa: SLF001 - memory is given back


def test_an_order_to_a_work_type_that_is_not_there_harms_nobody(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback can't be booked, and a hand-off ends the chat: the contact must not wait in a queue of nobody."""
    install(monkeypatch, "books", on_text(BookCallBack("112", 5, "nowhere"), Say("still here")))
    install(monkeypatch, "hands", on_text(HandOff("nowhere")))
    for name, expected in (("books", ("Text", "still here")), ("hands", ("Disconnected", "system"))):
        serve(server, name)
        with server.contact() as contact:
            contact.connect(name)
            contact.say("go")
            server.stored()
            assert (kinds(contact.poll())[-1], expected[0]) == (expected[0], expected[0])
    assert server.rows("SELECT * FROM call_backs") == []


def test_a_work_type_whose_script_is_gone_goes_to_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update that no longer has it: new chats wait for an agent, old ones are told that something is wrong."""
    install(monkeypatch, "gone", slow_echo)
    clock = FakeClock()
    with running(tmp_path / "data", clock=clock) as server, server.contact() as contact:
        serve(server, "gone")
        contact.connect("gone")
        contact.say("a")
        server.stored()
    monkeypatch.undo()
    with (
        running(tmp_path / "data", clock=clock) as server,
        again(contact, server) as contact,
        server.contact() as other,
    ):
        idle(server)
        contact.say("b")
        said = answers(server)
        assert (len(said), all("Sorry" in text for text in said)) == (2, True)
        other.connect("gone")
        assert kinds(other.poll(1)) == ["Connected"]
        assert kinds(other.until("QueueStatus"))[-1] == "QueueStatus"
        other.disconnect()


def test_a_store_that_was_read_again_and_again_runs_each_turn_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first reading began is forgotten by the second."""
    install(monkeypatch, "slow", slow_echo)
    serve(server, "slow")
    with server.contact() as contact:
        contact.connect("slow")
        contact.say("a")
        server.stored()
        server.recover(times=2)
        contact.say("b")
        assert answers_until(server, 2) == ["1: a", "2: b"]
        server.app.store.admit()


def test_a_log_that_can_not_be_read_is_read_again(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that waits in it must not be passed over by the next one."""
    install(monkeypatch, "slow", slow_echo)
    serve(server, "slow")
    store = server.app.store
    with server.contact() as contact:
        contact.connect("slow")
        contact.say("a")
        server.stored()
        with monkeypatch.context() as broken:
            broken.setattr(store, "read_inputs", lambda number, after, found: found(OSError("disk")))
            server.recover()
        contact.say("b")
        server.stored()
        assert answers(server) == []
        assert answers_until(server, 2) == ["1: a", "2: b"]


def test_a_contact_who_leaves_while_the_log_is_read_hears_nothing_more(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restart found a turn to take; Disconnected came first."""
    install(monkeypatch, "quick", on_text(Say("too late")))
    serve(server, "quick")
    with server.contact() as contact:
        contact.connect("quick")
        server.stored()
        monkeypatch.setattr(server.app.scripts, "hear", lambda *arguments: None)
        contact.say("a")
        server.stored()

        take_up = server.app.take_up

        def and_leave(found: Recovered) -> None:
            take_up(found)
            session = server.app.context.floor.sessions[contact.session_id]
            server.app.messaging.disconnect(session, lambda error: None)

        monkeypatch.setattr(server.app, "take_up", and_leave)
        server.recover()
        idle(server)
        assert log(server)[-1] == ("Disconnected", "contact")
