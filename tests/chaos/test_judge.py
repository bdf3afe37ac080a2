"""The judge finds out whatever is wrong in a record, and nothing in one that is right."""

import json
from collections.abc import Callable

import pytest

from chaos import judge
from chaos.judge import Fault, Owner, Row, Verdict
from chaos.record import Event, Record, Reply, Text

DATABASE = Fault("database killed", struck=10, healed=14)


def payload(text: str, author: str = "System") -> str:
    """What an event of a text says."""
    return json.dumps({"interactionId": "7", "entityType": author, "text": text})


def event(number: int, text: str) -> Event:
    """A text of the other side."""
    return Event(number, "messaging.Text", payload(text), at=float(number))


def opening() -> Event:
    """The first event of every conversation."""
    return Event(1, "messaging.Connected", payload(""), at=1.0)


def record(*events: Event, said: int = 3) -> Record:
    """A contact that said t1, t2, … and was given these events after the opening."""
    made = Record("c", "numbers", texts=[Text(f"t{n}", sent=n, accepted=n) for n in range(1, said + 1)])
    for each in (opening(), *events):
        made.see(each)
    return made


def right() -> Record:
    """A contact with whom all went well."""
    return record(*(event(n + 1, f"t{n}") for n in (1, 2, 3)))


def log() -> list[Row]:
    """The log of that contact."""
    rows = [Row(1, 1, "messaging.Connected", "System", payload(""))]
    for n in (1, 2, 3):
        rows.append(Row(2 * n, 0, "messaging.Text", "Contact", payload(f"t{n}", "Contact")))
        rows.append(Row(2 * n + 1, n + 1, "messaging.Text", "System", payload(f"t{n}")))
    return rows


def judged(one: Record) -> dict[str, int]:
    """What the judge counts in a record."""
    verdict = Verdict()
    judge.of_record(one, verdict)
    assert sum(verdict.counts.values()) == len(verdict.wrong)
    return {what: count for what, count in verdict.counts.items() if count}


def judged_log(rows: list[Row]) -> int:
    """How many faults the judge finds between the right record and these rows."""
    verdict = Verdict()
    judge.of_log(right(), rows, verdict)
    return verdict.counts[judge.LOG]


def test_nothing_is_wrong_with_what_is_right() -> None:
    """Every text once, in order, without a gap: no finding, in the record and against the log."""
    assert judged(right()) == {}
    assert judged_log(log()) == 0


def test_lost() -> None:
    """An accepted text without an echo is lost; one that was not accepted is not."""
    assert judged(record(event(2, "t1"), event(3, "t2"))) == {judge.LOST: 1}
    open_ended = record(event(2, "t1"), event(3, "t2"))
    open_ended.texts[-1].accepted = 0
    assert judged(open_ended) == {judge.UNANSWERED: 1}


def test_twice() -> None:
    """The same text under two numbers was rendered twice; the same number again was dropped by the client."""
    assert judged(record(*(event(n + 1, f"t{n}") for n in (1, 2, 3)), event(5, "t3"))) == {judge.TWICE: 1}
    again = right()
    again.see(event(4, "t3"))
    assert judged(again) == {}
    assert again.again == 1


def test_a_number_that_comes_again_must_say_the_same() -> None:
    """A number given to two different events shows on the client that has the first."""
    changed = right()
    changed.see(event(4, "t4"))

    assert judged(changed) == {judge.NUMBERS: 1}


def test_order() -> None:
    """Echoes in another order than the texts, and echoes of what nobody said."""
    assert judged(record(event(2, "t2"), event(3, "t1"), event(4, "t3"))) == {judge.ORDER: 1}
    assert judged(record(*right().events[1:], event(5, "t9"))) == {judge.ORDER: 1}


def test_numbers() -> None:
    """A number left out, and numbers that go back."""
    assert judged(record(event(2, "t1"), event(4, "t2"), event(5, "t3"))) == {judge.NUMBERS: 1}
    assert judged(record(event(3, "t1"), event(2, "t2"), event(4, "t3"))) == {judge.NUMBERS: 1}


def test_a_lost_session() -> None:
    """A refusal for good is a loss of its own."""
    refused = right()
    refused.refusals.append("events was refused with 401")

    assert judged(refused) == {judge.SESSIONS: 1}


@pytest.mark.parametrize(
    "doctored",
    [
        pytest.param(lambda rows: rows[:-1], id="an event less"),
        pytest.param(
            lambda rows: [*rows, Row(8, 0, "messaging.Text", "Contact", payload("t3", "Contact"))], id="doubled"
        ),
        pytest.param(lambda rows: [*rows[:2], *rows[3:]], id="a gap"),
        pytest.param(lambda rows: [*rows[:2], rows[2]._replace(seq=2), *rows[3:]], id="a number twice"),
        pytest.param(lambda rows: [*rows[:6], rows[6]._replace(payload=payload("other"))], id="another content"),
        pytest.param(lambda rows: [*rows[:6], rows[6]._replace(stream_seq=5)], id="another number"),
        pytest.param(lambda rows: [], id="nothing"),
    ],
)
def test_log(doctored: Callable[[list[Row]], list[Row]]) -> None:
    """Whatever was done to the log is found by the contact who was there."""
    assert judged_log(doctored(log())) > 0


def judged_replies(*texts: str) -> dict[str, int]:
    """What is wrong when agents were promised these texts, and the log has t1 and t2 of them."""
    verdict = Verdict()
    rows = [Row(n, n, "messaging.Text", "Agent", payload(f"t{n}", "Agent")) for n in (1, 2)]
    judge.of_replies("c", [Reply("7", text) for text in texts], [*rows, *log()], verdict)
    return {what: count for what, count in verdict.counts.items() if count}


def test_replies_of_agents() -> None:
    """Each is in the log once if it was accepted, and not otherwise; what a script said does not count."""
    assert judged_replies("t1", "t2") == {}
    assert judged_replies("t1", "t2", "t3") == {judge.LOST: 1}
    assert judged_replies("t1") == {judge.LOG: 1}


def test_a_reply_that_is_in_the_log_twice() -> None:
    """It was repeated under its key, and stored both times."""
    verdict = Verdict()
    rows = [Row(n, n, "messaging.Text", "Agent", payload("t1", "Agent")) for n in (1, 2)]
    judge.of_replies("c", [Reply("7", "t1")], rows, verdict)
    assert verdict.counts[judge.TWICE] == 1


@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        ([Owner(7, "active", "ann", "ann", "active")], 0),
        ([Owner(7, "active", "ann", "ann", "held")], 0),
        ([Owner(7, "queued", "", "", "")], 0),
        ([Owner(7, "queued", "", "ann", "offered")], 0),
        ([], 1),
        ([Owner(7, "active", "ann", "", "")], 1),
        ([Owner(7, "active", "ann", "bob", "active")], 1),
        ([Owner(7, "active", "ann", "ann", "active"), Owner(7, "active", "ann", "bob", "active")], 1),
        ([Owner(7, "queued", "", "ann", "active")], 1),
        ([Owner(7, "queued", "", "ann", "offered"), Owner(7, "queued", "", "bob", "offered")], 1),
    ],
)
def test_owners(held: list[Owner], wrong: int) -> None:
    """One owner or a place in the queue: nobody, two, and another than the interaction names are found."""
    verdict = Verdict()
    judge.of_owners([7], held, verdict)
    assert verdict.counts[judge.OWNERS] == wrong


def test_recovery_is_the_longest_silence_after_a_fault() -> None:
    """Each fault has the silences that touch its time; only those of 10 s and more are wrong."""
    faults = [Fault("node killed", 5, 5), Fault("node killed", 30, 30)]
    slow, quick = Verdict(), Verdict()

    assert judge.of_recovery([0, 4, 7, 29, 39.9, 40], faults, slow) == [22, pytest.approx(10.9)]
    assert judge.of_recovery([4, 7, 16, 25, 31], [Fault("node killed", 20, 20)], quick) == [9]
    assert slow.counts[judge.RECOVERY] == 2
    assert not quick.wrong
    assert judge.of_recovery([0, 60], [], quick) == []


def test_recovery_begins_when_the_database_is_back() -> None:
    """While no database serves no node can recover; two faults over the same time count once."""
    assert judge.of_recovery([9, 20], [DATABASE], Verdict()) == [7]
    assert judge.of_recovery([9, 20], [DATABASE, DATABASE._replace(struck=12, healed=15)], Verdict()) == [6, 6]
    assert judge.of_recovery([9, 12, 20], [DATABASE], Verdict()) == [6]
