"""What `ports.Store` promises, held against every engine."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.domain.assignments import Assignment, Part, Stage
from frontdesk.domain.errors import TooMany, Unavailable
from frontdesk.domain.model import (
    CallBack,
    CallBackState,
    Channel,
    EntityType,
    Interaction,
    Session,
    State,
    StoredEvent,
)
from frontdesk.engines.committer import PENDING_MAX
from frontdesk.ports import Due, Gone, Moved, Reached, Record, Usage
from tests.contracts import records
from tests.contracts.engines import Bench
from tests.contracts.records import chat, entry, repeat, session

CONTACT = EntityType.CONTACT


def stream(bench: Bench, session_id: str = "s1", after: int = 0, limit: int = 1000) -> list[StoredEvent]:
    """The events of a session."""
    found: list[StoredEvent] = bench.ask(bench.store.read_events, session_id, after, limit)
    return found


def numbers(events: list[StoredEvent]) -> list[int]:
    """Their places on the stream."""
    return [event.stream_seq for event in events]


# ---- order and numbers


def test_outcomes_come_in_the_order_of_the_calls_and_never_before_they_return(bench: Bench) -> None:
    """What follows from one commit may be decided while the next is told."""
    for i in range(50):
        bench.hand_in(session(f"s{i}"), name=str(i))
        assert bench.outcomes == []
    bench.settle()
    assert bench.outcomes == [(str(i), None) for i in range(50)]


def test_entries_are_numbered_without_gaps_in_their_log_and_on_their_stream(bench: Bench) -> None:
    """Two conversations on one session: each log counts from 1, the stream counts through; what is on none has 0."""
    ours = session()
    first, second = chat(1), chat(2)
    bench.hand_in(ours, first, entry(first, ours), entry(first, author=CONTACT), entry(first, ours))
    bench.hand_in(second, entry(second, ours), entry(second, ours))
    bench.hand_in(entry(first, ours))
    bench.settle()
    found = [(e.interaction_id, e.seq, e.stream_seq) for e in stream(bench)]
    assert found == [(1, 1, 1), (1, 3, 2), (2, 1, 3), (2, 2, 4), (1, 4, 5)]
    assert (first.seq, second.seq, ours.stream_seq) == (4, 2, 5)


def test_numbers_are_known_when_commit_returns(bench: Bench) -> None:
    """A script's turn names the entry that it answers, and is handed in behind it."""
    ours, talk = session(), chat()
    said = entry(talk, ours)
    bench.hand_in(ours, talk, said)
    assert (said.seq, said.stream_seq) == (1, 1)
    bench.settle()


def test_numbering_goes_on_after_a_restart(bench: Bench) -> None:
    """From the log, whatever the session's own row says: that is written less often."""
    ours, talk = session(), chat()
    bench.commit(ours, talk, entry(talk, ours), entry(talk, author=CONTACT))
    bench.commit(entry(talk, ours))
    bench.reopen()
    found = bench.recover()
    [alive], [talk] = found.sessions, found.interactions
    assert (alive.stream_seq, talk.seq) == (2, 3)
    bench.commit(entry(talk, alive))
    assert [(e.seq, e.stream_seq) for e in stream(bench)] == [(1, 1), (3, 2), (4, 3)]


def test_a_record_is_stored_as_it_was_at_the_call(bench: Bench) -> None:
    """What is decided on it later belongs to a later commit."""
    ours = session(cursor=3)
    bench.hand_in(ours)
    ours.cursor = 9
    bench.settle()
    assert bench.ask(bench.store.find_session, "s1").cursor == 3


def test_the_last_of_many_states_wins(bench: Bench) -> None:
    """In one batch or in several."""
    ours = session()
    for cursor in range(20):
        ours.cursor = cursor
        bench.hand_in(ours)
    bench.settle()
    assert bench.ask(bench.store.find_session, "s1").cursor == 19


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=5), max_size=12), st.integers(0, 12))
def test_any_history_reads_back_whole(bench: Bench, commits: list[list[tuple[int, bool]]], pause: int) -> None:
    """Three conversations on two sessions, entries in any mixture: the streams hold what was put on them, in order."""
    base = max((i.interaction_id for i in bench.recover().interactions), default=0)
    ours = [session(f"{base}-a"), session(f"{base}-b")]
    talks = [chat(base + 1 + i, ours[i % 2].session_id) for i in range(3)]
    bench.hand_in(*ours, *talks)
    expected: dict[str, list[str]] = {one.session_id: [] for one in ours}
    for i, commit in enumerate(commits):
        made = [
            entry(talks[t], ours[t % 2] if is_on_stream else None, text=f"{i}.{j}")
            for j, (t, is_on_stream) in enumerate(commit)
        ]
        bench.hand_in(*made)
        for each in made:
            if each.session is not None:
                expected[each.session.session_id].append(each.payload)
        if i == pause:
            bench.settle()
    bench.settle()
    for one in ours:
        found = stream(bench, one.session_id)
        assert [e.payload for e in found] == expected[one.session_id]
        assert numbers(found) == list(range(1, len(found) + 1))


def test_a_listener_that_fails_keeps_nothing_from_the_others(bench: Bench) -> None:
    """Neither their outcome, nor the commits behind it; and the mistake is heard of."""
    heard: list[dict[str, object]] = []
    bench.loop.set_exception_handler(lambda loop, context: heard.append(context))

    def fails(error: BaseException | None) -> None:
        raise ZeroDivisionError

    bench.store.commit([session("first")], fails)
    bench.hand_in(session("second"), name="second")
    bench.settle()
    bench.commit(session("third"))
    assert [name for name, _ in bench.outcomes] == ["second", ""]
    assert [type(context["exception"]) for context in heard] == [ZeroDivisionError]


# ---- together or not at all


def fail(bench: Bench, name: str = "bad") -> None:
    """Hand in something that no engine can store: a digest that is taken."""
    bench.hand_in(records.api_key("other", "digest"), name=name)


def test_records_of_one_commit_are_stored_together_or_not_at_all(bench: Bench) -> None:
    """The one that can't be stored takes its companions with it, before and after it."""
    bench.commit(*records.directory())
    talk = chat()
    bench.hand_in(session(), talk, entry(talk), records.api_key("other", "digest"), repeat(), name="whole")
    bench.settle()
    assert bench.outcomes[-1][1] is not None
    assert bench.recover().interactions == ()
    assert bench.ask(bench.store.find_session, "s1") is None
    assert bench.ask(bench.store.find_repeat, "s1", "k") is None


def test_a_failure_fails_what_was_handed_in_behind_it_until_recovery(bench: Bench) -> None:
    """All of that was decided on a state that never came to be. The owner is told once it can start anew."""
    bench.commit(*records.directory())
    bench.outcomes.clear()
    fail(bench)
    for i in range(5):
        bench.hand_in(session(f"behind{i}"), name=f"behind{i}")
    bench.settle()
    assert [name for name, _ in bench.outcomes] == ["bad", *(f"behind{i}" for i in range(5))]
    assert all(error is not None for _, error in bench.outcomes)
    assert bench.broken
    with pytest.raises(Unavailable) as refused:
        bench.store.admit()
    assert refused.value.reason == "storageFailed"
    with pytest.raises(Exception, match=r"."):
        bench.commit(session("still"))
    assert bench.recover().sessions == ()
    bench.store.admit()
    bench.commit(session("mended"))
    assert [s.session_id for s in bench.recover().sessions] == ["mended"]


def test_what_is_handed_in_while_all_is_broken_is_never_stored(bench: Bench) -> None:
    """Not even if the state is read again before its turn comes: it was decided on the old one."""
    bench.commit(*records.directory())
    fail(bench)
    bench.settle()
    bench.outcomes.clear()
    bench.hand_in(session("late"), name="late")
    bench.recover()
    bench.hand_in(session("new"), name="new")
    bench.settle()
    assert [(name, error is None) for name, error in bench.outcomes] == [("late", False), ("new", True)]
    assert [s.session_id for s in bench.recover().sessions] == ["new"]
    assert len(bench.broken) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.integers(0, 30), behind=st.integers(0, 30), pause=st.booleans())
def test_what_was_told_is_what_is_there(bench: Bench, before: int, behind: int, *, pause: bool) -> None:
    """Whatever falls into one batch with a failure: the stored ones are those told so, and come first."""
    bench.commit(*records.directory())
    old = {s.session_id for s in bench.recover().sessions}
    bench.outcomes.clear()
    names = [f"{len(old)}.{i}" for i in range(before + behind)]
    for name in names[:before]:
        bench.hand_in(session(name), name=name)
    if pause:
        bench.settle()
    fail(bench)
    for name in names[before:]:
        bench.hand_in(session(name), name=name)
    bench.settle()
    there = {s.session_id for s in bench.recover().sessions} - old
    assert there == {name for name, error in bench.outcomes if error is None}
    stored = [error is None for _, error in bench.outcomes]
    assert stored == sorted(stored, reverse=True)
    assert [name for name, _ in bench.outcomes if name != "bad"] == names


def test_too_much_pending_is_refused_and_taken_again_when_it_is_stored(bench: Bench) -> None:
    """A client is told to come back instead of waiting in an endless line."""
    for _ in range(PENDING_MAX):
        bench.store.admit()
        bench.hand_in()
    with pytest.raises(TooMany) as refused:
        bench.store.admit()
    assert refused.value.reason == "overloaded"
    bench.settle()
    bench.store.admit()


def test_a_commit_of_nothing_waits_for_all_before_it(bench: Bench) -> None:
    """It is a way to read what is stored without missing what is under way."""
    bench.hand_in(session(), name="first")
    bench.hand_in(name="nothing")
    bench.settle()
    assert [name for name, _ in bench.outcomes] == ["first", "nothing"]


# ---- kinds of records


@pytest.mark.parametrize("together", [True, False])
def test_the_first_answer_to_a_key_stays(bench: Bench, *, together: bool) -> None:
    """Whether or not both fall into one batch: a repeat is answered as the first time."""
    bench.hand_in(repeat(digest="first", body=b"1"))
    if not together:
        bench.settle()
    bench.hand_in(repeat(digest="second", body=b"2"), repeat("other"))
    bench.settle()
    found = bench.ask(bench.store.find_repeat, "s1", "k")
    assert (found.digest, found.body, found.status) == ("first", b"1", 202)
    assert bench.ask(bench.store.find_repeat, "s2", "k") is None
    assert bench.ask(bench.store.find_repeat, "s1", "other") == repeat("other")


def test_usage_adds_up(bench: Bench) -> None:
    """Within a batch, between batches and across restarts; the newest day comes first."""
    bench.hand_in(Usage("k1", "POST a", "2026-01-01", 2), Usage("k1", "POST a", "2026-01-01", 3))
    bench.hand_in(Usage("k1", "POST a", "2026-01-01", 5), Usage("k1", "POST b", "2026-01-02", 1))
    bench.settle()
    bench.reopen()
    bench.commit(Usage("k1", "POST a", "2026-01-01", 7), Usage("k2", "POST a", "2026-01-01", 100))
    assert bench.ask(bench.store.usage, ["k1"]) == [
        Usage("k1", "POST b", "2026-01-02", 1),
        Usage("k1", "POST a", "2026-01-01", 17),
    ]
    assert bench.ask(bench.store.usage, []) == []


def test_moving_a_session_takes_all_its_interactions_along(bench: Bench) -> None:
    """Closed ones and callbacks too: their events may not have been read yet."""
    old, new = session("old"), session("new")
    done, talk = chat(1, "old", state=State.CLOSED, closed_ms=3), chat(2, "old")
    bench.commit(old, done, talk, entry(done, old), entry(talk, old))
    new.stream_seq = old.stream_seq
    bench.hand_in(new, Moved("old", "new"))
    talk.session_id = "new"
    bench.hand_in(talk, entry(talk, new))
    bench.settle()
    assert stream(bench, "old") == []
    assert numbers(stream(bench, "new")) == [1, 2, 3]
    assert {i.session_id for i in bench.recover().interactions} == {"new"}
    found = {s.session_id: s.stream_seq for s in bench.recover().sessions}
    assert found["new"] == 3


def test_a_session_moved_twice_in_one_batch_arrives_at_the_last(bench: Bench) -> None:
    """A client that reloads its page twice in a second."""
    one, talk = session("one"), chat(1, "one")
    bench.hand_in(one, talk, entry(talk, one))
    bench.hand_in(session("two"), Moved("one", "two"))
    bench.hand_in(session("three"), Moved("two", "three"))
    bench.settle()
    assert numbers(stream(bench, "three")) == [1]


@pytest.mark.parametrize("together", [True, False])
def test_how_far_a_session_has_come_changes_nothing_else_of_it(bench: Bench, *, together: bool) -> None:
    """The last word counts, in one batch or in several; other sessions stay as they are."""
    ours, other = session("ours", cursor=1), session("other", cursor=1)
    bench.hand_in(ours, other)
    if not together:
        bench.settle()
    bench.hand_in(Reached("ours", 7, 5), Reached("ours", 9, 8))
    if not together:
        bench.settle()
    bench.hand_in(Reached("nobody", 3, 3))
    bench.settle()
    found: Session = bench.ask(bench.store.find_session, "ours")
    ours.stream_seq, ours.cursor, ours.adopted = 9, 8, True
    assert found == ours
    assert bench.ask(bench.store.find_session, "other").cursor == 1
    assert bench.ask(bench.store.find_session, "nobody") is None


@pytest.mark.parametrize("first", [True, False])
def test_a_session_written_whole_and_what_it_has_reached_in_one_batch(bench: Bench, *, first: bool) -> None:
    """Whichever was handed in later is how it stands."""
    bench.commit(session(cursor=1))
    ended = session(cursor=4, stream_seq=6, ended_ms=99)
    both: list[Record] = [ended, Reached("s1", 5, 3)]
    for record in both if first else reversed(both):
        bench.hand_in(record)
    bench.settle()
    found: Session = bench.ask(bench.store.find_session, "s1")
    assert found.ended_ms == 99
    assert (found.stream_seq, found.cursor) == ((5, 3) if first else (6, 4))


def test_what_is_old_is_removed_and_nothing_else(bench: Bench) -> None:
    """Ended sessions and remembered keys from before; living sessions never, however old."""
    bench.commit(session("alive"), session("ended", ended_ms=99), session("lately", ended_ms=100))
    bench.commit(repeat("old", created_ms=99), repeat("new", created_ms=100))
    bench.commit(Gone(100))
    found = {name: bench.ask(bench.store.find_session, name) for name in ("alive", "ended", "lately")}
    assert [name for name, one in found.items() if one is not None] == ["alive", "lately"]
    assert bench.ask(bench.store.find_repeat, "s1", "old") is None
    assert bench.ask(bench.store.find_repeat, "s1", "new") is not None


def test_the_directory_reads_back_as_it_was_written(bench: Bench) -> None:
    """Every field, also after a restart and a change."""
    organization, key, work_type, signing = records.directory()
    bench.commit(organization, key, work_type, signing)
    changed = msgspec.structs.replace(organization, grace_seconds=5)
    bench.commit(changed)
    bench.reopen()
    found = bench.ask(bench.store.directory)
    assert (found.organizations, found.api_keys) == ((changed,), (key,))
    assert (found.work_types, found.signing_keys) == ((work_type,), (signing,))


def test_callbacks_come_in_the_order_they_are_due(bench: Bench) -> None:
    """And only those of the organization."""
    later, sooner = records.call_back(1, 200), records.call_back(2, 100)
    bench.commit(later, sooner, records.call_back(3, 50, "acme"))
    bench.reopen()
    assert bench.ask(bench.store.call_backs, "viademo") == [sooner, later]


def _booked(number: int, due_ms: int, state: CallBackState = CallBackState.SCHEDULED) -> tuple[CallBack, Interaction]:
    stands = State.CLOSED if state is CallBackState.DONE else State(state.value)
    interaction = chat(number, f"s{number}", channel=Channel.CALLBACK, state=stands)
    return msgspec.structs.replace(records.call_back(number, due_ms), state=state), interaction


def test_due_callbacks_come_the_oldest_first_with_when_the_next_is_due(bench: Bench) -> None:
    """At most as many as asked for, those that are scheduled alone, and with how often they were put off."""
    one, two, three = _booked(1, 30), _booked(2, 20), _booked(3, 40)
    put_off = Assignment(
        assignment_id=9, org_id="viademo", interaction_id=2, user_id="ann", part=Part.OWNER, stage=Stage.DONE,
        work_type_id="32", channel="callback", load=1, offered_ms=1, ended_ms=5, reason="rescheduled",
    )  # fmt: skip
    bench.commit(*one, *two, *three, *_booked(4, 10, CallBackState.QUEUED), put_off)
    bench.reopen()
    found = bench.ask(bench.store.due_call_backs, "viademo", 30, 10)
    assert [(c.call_back_id, c.tries) for c in found.call_backs] == [("2", 1), ("1", 0)]
    assert [i.interaction_id for i in found.interactions] == [2, 1]
    assert found.next_ms == 40
    assert [c.call_back_id for c in bench.ask(bench.store.due_call_backs, "viademo", 99, 1).call_backs] == ["2"]
    assert bench.ask(bench.store.due_call_backs, "acme", 99, 10) == Due()
    assert bench.ask(bench.store.find_call_back, "3") == three
    assert bench.ask(bench.store.find_call_back, "none") is None


def test_callbacks_come_in_pages_by_state(bench: Bench) -> None:
    """In the order in which they are due, then by id; each once, also over the border of a page."""
    scheduled, queued, done = CallBackState.SCHEDULED, CallBackState.QUEUED, CallBackState.DONE
    booked = [_booked(1, 30), _booked(2, 20, queued), _booked(3, 20), _booked(4, 10, done), _booked(5, 30)]
    theirs = records.call_back(6, 5, "acme"), chat(6, "s6", channel=Channel.CALLBACK, state=State.SCHEDULED)
    bench.commit(*(record for pair in (*booked, theirs) for record in pair))
    bench.reopen()

    def ids(states: tuple[CallBackState, ...], after: tuple[int, str], limit: int) -> list[str]:
        found = bench.ask(bench.store.page_of_call_backs, "viademo", states, after, limit)
        assert all((c, i) in booked for c, i in found)
        return [c.call_back_id for c, _ in found]

    everything = tuple(CallBackState)
    assert ids(everything, (0, ""), 9) == ["4", "2", "3", "1", "5"]
    assert ids(everything, (0, ""), 2) == ["4", "2"]
    assert ids(everything, (20, "2"), 2) == ["3", "1"]
    assert ids((scheduled,), (30, "1"), 2) == ["5"]
    assert ids((queued, done), (0, ""), 9) == ["4", "2"]
    assert ids((scheduled,), (30, "5"), 9) == []


def test_an_interaction_that_is_stored_again_stays_on_its_stream(bench: Bench) -> None:
    """Its session was resumed elsewhere: whoever works on a callback need not know, and must not undo it."""
    old, (_, interaction) = session("old"), _booked(2, 1)
    interaction.session_id = "old"
    bench.commit(old, interaction, entry(interaction, old))
    bench.hand_in(session("new"), Moved("old", "new"))
    bench.hand_in(interaction)
    bench.settle()
    bench.commit(interaction)
    assert numbers(stream(bench, "new")) == [1]


# ---- recovery


def test_recovery_finds_exactly_the_living(bench: Bench) -> None:
    """Living sessions, open chats, and the ended sessions those wait for; no callbacks, nothing that is over."""
    open_chat = chat(1, "alive", state=State.SCRIPTED, script="echo", script_state="x", script_seq=1, fence=4)
    waiting = chat(2, "resting", grace_until_ms=77)
    bench.commit(
        session("alive", cursor=1, require_acknowledgement=True, inactivity_delay=15), session("idle", disposed=True),
        session("resting", ended_ms=9), session("over", ended_ms=9), open_chat, waiting,
        chat(3, "over", state=State.CLOSED, closed_ms=9, closed_reason="agent"),
        chat(4, "alive", channel=Channel.CALLBACK, state=State.SCHEDULED),
    )  # fmt: skip
    bench.reopen()
    found = bench.recover()
    assert {s.session_id: bool(s.ended_ms) for s in found.sessions} == {"alive": False, "idle": False, "resting": True}
    assert {i.interaction_id: i for i in found.interactions} == {1: open_chat, 2: waiting}
    alive = next(s for s in found.sessions if s.session_id == "alive")
    assert (alive.cursor, alive.require_acknowledgement, alive.inactivity_delay) == (1, True, 15)
    assert next(s for s in found.sessions if s.session_id == "idle").disposed is True


def test_recovery_counts_a_callbacks_event_on_the_stream(bench: Bench) -> None:
    """The booking is not alive, its event is: the next number must not be given twice."""
    ours, booking = session(), chat(9, channel=Channel.CALLBACK, state=State.SCHEDULED)
    bench.commit(ours)
    bench.commit(booking, entry(booking, ours))
    bench.reopen()
    [alive] = bench.recover().sessions
    assert alive.stream_seq == 1


def test_what_is_pending_is_stored_by_closing(bench: Bench) -> None:
    """A stop loses nothing that was handed in."""
    for i in range(100):
        bench.hand_in(session(f"s{i}"))
    bench.reopen()
    assert len(bench.recover().sessions) == 100
    bench.settle()


# ---- reads


def test_events_are_read_after_a_number_up_to_a_limit(bench: Bench) -> None:
    """Oldest first; nothing of other sessions, nothing that is on no stream."""
    ours, theirs = session(), session("s2")
    talk, other = chat(), chat(2, "s2")
    bench.commit(ours, theirs, talk, other)
    for i in range(10):
        bench.hand_in(entry(talk, ours, text=str(i)), entry(talk, author=CONTACT), entry(other, theirs))
    bench.settle()
    assert [e.payload for e in stream(bench, limit=3)] == ["0", "1", "2"]
    assert numbers(stream(bench, after=7)) == [8, 9, 10]
    assert numbers(stream(bench, after=7, limit=2)) == [8, 9]
    assert stream(bench, after=10) == []
    assert stream(bench, "nobody") == []
    assert stream(bench)[0] == StoredEvent(1, 1, 1, "messaging.Text", "0", 5)


def test_inputs_are_what_the_contact_wrote(bench: Bench) -> None:
    """After a number, oldest first, of this conversation alone."""
    ours, talk, other = session(), chat(), chat(2)
    bench.commit(ours, talk, other, entry(other, author=CONTACT))
    for i in range(4):
        bench.hand_in(entry(talk, text=str(i), author=CONTACT), entry(talk, ours), entry(talk, author=EntityType.AGENT))
    bench.settle()
    found = bench.ask(bench.store.read_inputs, 1, 1)
    assert [(e.seq, e.payload) for e in found] == [(4, "1"), (7, "2"), (10, "3")]
    assert len(bench.ask(bench.store.read_inputs, 1, 0)) == 4


def test_a_session_is_found_with_its_open_chat_ended_or_not(bench: Bench) -> None:
    """Numbers from the log; an unknown one is None."""
    ours, talk = session("s1", ended_ms=5), chat()
    bench.commit(ours, talk, chat(2, state=State.CLOSED, closed_ms=4), entry(talk, ours))
    found: Session = bench.ask(bench.store.find_session, "s1")
    assert found.interaction is not None
    assert (found.interaction.interaction_id, found.interaction.seq, found.stream_seq, found.ended_ms) == (1, 1, 1, 5)
    assert bench.ask(bench.store.find_session, "nobody") is None


def test_texts_of_every_kind_come_back_unchanged(bench: Bench) -> None:
    """NUL, quotes, other scripts, line ends."""
    ours, talk = session(), chat()
    bench.commit(ours, talk)
    texts = ["\x00", "';--", "李\u202e👩🏽\u200d💻", "\r\n\t", " ", "x" * 100_000]
    bench.commit(*(entry(talk, ours, text=text) for text in texts))
    bench.reopen()
    assert [e.payload for e in stream(bench)] == texts
