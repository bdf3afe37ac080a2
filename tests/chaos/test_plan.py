"""The plan of a run."""

from itertools import pairwise

from chaos import plan

FAULTS = plan.kinds(on="postgres", bus="nats")


def test_a_seed_decides_everything() -> None:
    """The same seed gives the same plan, another one another."""
    assert plan.plan(1, 60, FAULTS) == plan.plan(1, 60, FAULTS)
    assert plan.plan(1, 60, FAULTS) != plan.plan(2, 60, FAULTS)


def test_a_minute_has_every_fault() -> None:
    """Whatever the seed, a run of the usual length tries everything, and leaves peace at both ends and between."""
    for seed in range(200):
        strikes = plan.plan(seed, 60, FAULTS)
        assert {name for strike in strikes for name in strike.faults} == set(FAULTS)
        assert strikes[0].at >= plan.PEACE_SECONDS
        assert strikes[-1].at <= 60 - plan.LAST_SECONDS
        assert all(b.at - a.at >= plan.APART_SECONDS[0] for a, b in pairwise(strikes))


def test_now_and_then_two_come_at_once() -> None:
    """Two faults at a time are tried, more are not."""
    sizes = {len(strike.faults) for seed in range(20) for strike in plan.plan(seed, 60, FAULTS)}

    assert sizes == {1, 2}


def test_what_is_not_there_is_not_broken() -> None:
    """SQLite has no server to kill; without NATS nobody kills it; without faults nothing happens."""
    assert plan.KILL_DATABASE not in plan.kinds(on="sqlite", bus="pg")
    assert plan.KILL_NATS not in plan.kinds(on="postgres", bus="pg")
    assert plan.plan(1, 60, ()) == []
