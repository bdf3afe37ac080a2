"""The log of an interaction is found whole, however its entries were written. In a file of SQLite no index does it."""

from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.domain.model import Interaction
from frontdesk.engines import logs
from frontdesk.ports import Usage
from tests.contracts.engines import Bench
from tests.contracts.records import chat, entry, session

LOGS = 4
REOPEN, FAIL, SETTLE = "reopen", "fail", "settle"

# One write to some log, or something that makes the writer forget what it knows.
steps = st.lists(
    st.one_of(st.integers(1, LOGS), st.integers(1, LOGS), st.sampled_from([REOPEN, FAIL, SETTLE])), max_size=40
)


def log(bench: Bench, interaction_id: int, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
    """Numbers and texts."""
    return [(one.seq, one.payload) for one in bench.ask(bench.store.log, interaction_id, after, limit)]


def known(bench: Bench) -> dict[int, Interaction]:
    """The open interactions as they are read anew."""
    return {one.interaction_id: one for one in bench.recover().interactions}


def lose(bench: Bench, talk: Interaction) -> None:
    """Let an entry fail with what can't be stored behind it: no engine counts that far."""
    bench.hand_in(entry(talk, text="never stored"), Usage("k", "sendText", "2026-01-01", 2**70))
    bench.settle()
    assert bench.outcomes[-1][1] is not None


@pytest.mark.parametrize("engine", ["sqlite", "slowed"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, lag=st.integers(1, 6), known_max=st.integers(0, LOGS))
def test_any_log_reads_back_whole(bench: Bench, steps: list[int | str], lag: int, known_max: int) -> None:
    """Whatever the writer still knew of it: in one batch or many, after a restart and after a failure."""
    with patch.object(logs, "LAG", lag), patch.object(logs, "KNOWN_MAX", known_max):
        base = max(known(bench), default=0)
        bench.commit(session(), *(chat(base + i) for i in range(1, LOGS + 1)))
        talks, said = known(bench), {base + i: list[str]() for i in range(1, LOGS + 1)}
        for number, step in enumerate(steps):
            if isinstance(step, int):
                bench.hand_in(entry(talks[base + step], text=str(number)))
                said[base + step].append(str(number))
                continue
            bench.settle()
            if step == FAIL:
                lose(bench, talks[base + 1])
            elif step == REOPEN:
                bench.reopen()
            if step != SETTLE:
                talks = known(bench)
        bench.settle()
        for interaction_id, texts in said.items():
            whole = list(enumerate(texts, 1))
            assert log(bench, interaction_id) == whole
            assert known(bench)[interaction_id].seq == len(whole)
            for after in range(len(whole) + 1):
                assert log(bench, interaction_id, after, 3) == whole[after : after + 3]


def test_a_log_nobody_wrote_to_for_long_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the writer knew of it is out of its memory."""
    monkeypatch.setattr(logs, "KNOWN_MAX", 0)
    quiet, busy = chat(1), chat(2)
    bench.commit(session(), quiet, busy, entry(quiet, text="first"))
    for i in range(3):
        for j in range(logs.LAG // 2):
            bench.hand_in(entry(busy, text=f"{i} {j}"))
        bench.settle()
    bench.commit(entry(quiet, text="second"))
    assert log(bench, 1) == [(1, "first"), (2, "second")]
    assert log(bench, 2, logs.LAG, 5) == [(logs.LAG + 1 + j, f"2 {j}") for j in range(5)]


def test_the_log_of_an_interaction_that_is_not_there_is_empty(bench: Bench) -> None:
    """Not somebody else's."""
    talk = chat()
    bench.commit(session(), talk, entry(talk))
    assert log(bench, 2) == []
