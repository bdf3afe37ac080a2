import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Channel
from frontdesk.domain.routing import (
    Agent,
    Verdict,
    Waiting,
    consider,
    demand,
    is_reserved,
    next_change_ms,
    place,
    preference,
)
from frontdesk.domain.rules import Choice, Detour, Instead, Rules, check_rules, detour
from frontdesk.domain.skills import Need, Ring, check_skill, needs_after

QUEUED_MS = 1_767_225_600_000
SPANISH_RELAXED = (Ring(0, (Need("spanish", 8),)), Ring(60, (Need("spanish", 5),)), Ring(180))


def waiting(**fields: object) -> Waiting:
    """A chat for work type 79."""
    known = {"interaction_id": 7, "org_id": "viademo", "work_type_id": "79", "queued_ms": QUEUED_MS}
    return msgspec.structs.replace(Waiting(**known), **fields)  # type: ignore[arg-type]


def agent(user_id: str = "ada", **fields: object) -> Agent:
    """Ready for work type 79, with room for two chats."""
    made = Agent(
        user_id=user_id,
        org_id="viademo",
        work_type_ids=frozenset({"79"}),
        capacity={Channel.CHAT: 2},
        ready=True,
    )
    return msgspec.structs.replace(made, **fields)


@pytest.mark.parametrize(
    ("who", "verdict"),
    [
        (agent(), Verdict.ABLE),
        (agent(work_type_ids=frozenset({"80"})), Verdict.NOT_SERVED),
        (agent(ready=False), Verdict.NOT_READY),
        (agent(load={Channel.CHAT: 2}), Verdict.AT_CAPACITY),
        (agent(load={Channel.CHAT: 1}), Verdict.ABLE),
        (agent(capacity={Channel.CALLBACK: 2}), Verdict.AT_CAPACITY),
    ],
)
def test_each_thing_that_is_in_the_way_has_its_word(who: Agent, verdict: Verdict) -> None:
    """And what is able has none."""
    assert consider(waiting(), who, QUEUED_MS) is verdict
    assert bool(verdict) == (verdict is not Verdict.ABLE)


@pytest.mark.parametrize(
    ("waited_s", "skills", "verdict"),
    [
        (0, {"spanish": 8}, Verdict.ABLE),
        (59, {"spanish": 7}, Verdict.SKILL_TOO_LOW),
        (60, {"spanish": 5}, Verdict.ABLE),
        (179, {}, Verdict.SKILL_MISSING),
        (180, {}, Verdict.ABLE),
        (-30, {"spanish": 7}, Verdict.SKILL_TOO_LOW),
    ],
)
def test_skills_are_relaxed_with_waiting_time(waited_s: int, skills: dict[str, int], verdict: Verdict) -> None:
    """Ring by ring; a clock that lags behind another node's is at the first ring, not before it."""
    rules = Rules(rings=SPANISH_RELAXED)
    assert consider(waiting(rules=rules), agent(skills=skills), QUEUED_MS + waited_s * 1000) is verdict


def test_what_lasts_is_said_before_what_passes() -> None:
    """An agent without the skill is not called "not ready": becoming ready would not help."""
    spanish = waiting(rules=Rules(rings=SPANISH_RELAXED), passed_over={"ada": QUEUED_MS})
    assert consider(spanish, agent(ready=False), QUEUED_MS) is Verdict.SKILL_MISSING
    assert consider(waiting(passed_over={"ada": QUEUED_MS}), agent(ready=False), QUEUED_MS) is Verdict.DECLINED


def test_who_let_it_pass_is_asked_again_later() -> None:
    """After `ask_again_seconds`, not before."""
    one = waiting(passed_over={"ada": QUEUED_MS}, rules=Rules(ask_again_seconds=60))
    assert consider(one, agent(), QUEUED_MS + 59_999) is Verdict.DECLINED
    assert consider(one, agent(), QUEUED_MS + 60_000) is Verdict.ABLE


def test_the_last_agent_comes_first_for_a_while() -> None:
    """Others are told that it is reserved; when the time is over, anybody may."""
    one = waiting(last_agent="ada", rules=Rules(last_agent_seconds=30))
    assert is_reserved(one, agent(ready=False), QUEUED_MS + 29_999)
    assert not is_reserved(one, agent(), QUEUED_MS + 30_000)
    assert consider(one, agent("bob"), QUEUED_MS, reserved=True) is Verdict.RESERVED
    assert consider(one, agent("ada"), QUEUED_MS, reserved=True) is Verdict.ABLE


@pytest.mark.parametrize(
    "last",
    [None, agent(work_type_ids=frozenset({"80"})), agent(skills={"spanish": 3})],
    ids=["signed out", "does not serve it", "lacks the skill"],
)
def test_nothing_is_kept_for_an_agent_who_could_not_take_it(last: Agent | None) -> None:
    """That would be waiting for nothing."""
    rules = Rules(last_agent_seconds=30, rings=SPANISH_RELAXED)
    assert not is_reserved(waiting(last_agent="ada", rules=rules), last, QUEUED_MS)


def test_nothing_is_kept_for_a_last_agent_who_let_it_pass() -> None:
    """Not even when that one may be asked again."""
    rules = Rules(last_agent_seconds=300, ask_again_seconds=10)
    one = waiting(last_agent="ada", rules=rules, passed_over={"ada": QUEUED_MS})
    assert not is_reserved(one, agent(), QUEUED_MS + 20_000)


def test_a_transfer_to_a_person_asks_for_that_person_alone() -> None:
    """Whatever skills and work types they have; but not beyond their capacity."""
    one = waiting(for_agent="ada", rules=Rules(rings=SPANISH_RELAXED))
    assert consider(one, agent("bob", skills={"spanish": 10}), QUEUED_MS) is Verdict.NOT_ASKED_FOR
    assert consider(one, agent("ada", work_type_ids=frozenset()), QUEUED_MS) is Verdict.ABLE
    assert consider(one, agent("ada", load={Channel.CHAT: 2}), QUEUED_MS) is Verdict.AT_CAPACITY


def test_a_level_of_priority_is_worth_its_time() -> None:
    """Priority 2 at 60 s a level goes before what came less than two minutes earlier, and behind what came before."""
    first = waiting(interaction_id=1, queued_ms=QUEUED_MS)
    for late_s, goes_first in ((119, True), (120, False), (121, False)):
        urgent = waiting(interaction_id=2, queued_ms=QUEUED_MS + late_s * 1000, rules=Rules(priority=2))
        assert (place(urgent) < place(first)) is goes_first


def test_an_interaction_may_have_its_own_priority() -> None:
    """It takes the place of that of the rules, also when it is 0."""
    urgent = Rules(priority=5)
    assert place(waiting(rules=urgent, priority=0)) == place(waiting())
    assert place(waiting(rules=urgent)) == place(waiting(priority=5))


def test_longest_idle_takes_who_was_idle_first() -> None:
    """However much each has."""
    wanted = demand(waiting(), QUEUED_MS)
    busy = agent("busy", load={Channel.CHAT: 1}, idle_since_ms=1)
    assert preference(wanted, busy) < preference(wanted, agent("free", idle_since_ms=2))


def test_least_loaded_takes_the_smallest_share_of_capacity() -> None:
    """1 of 4 before 1 of 2; the longest idle of equals."""
    wanted = demand(waiting(rules=Rules(choice=Choice.LEAST_LOADED)), QUEUED_MS)
    half = agent("half", load={Channel.CHAT: 1}, idle_since_ms=1)
    quarter = agent("quarter", load={Channel.CHAT: 1}, capacity={Channel.CHAT: 4}, idle_since_ms=2)
    later = msgspec.structs.replace(quarter, user_id="a", idle_since_ms=3)
    assert preference(wanted, quarter) < preference(wanted, later) < preference(wanted, half)


def test_the_next_change_is_the_first_of_all() -> None:
    """A reservation's end, the end of having passed it over, a ring; None when time changes nothing any more."""
    rules = Rules(rings=SPANISH_RELAXED, last_agent_seconds=20, ask_again_seconds=45)
    one = waiting(rules=rules, last_agent="ada", passed_over={"bob": QUEUED_MS})
    seen, now_ms = list[int](), QUEUED_MS
    while (change_ms := next_change_ms(one, now_ms)) is not None:
        seen.append((change_ms - QUEUED_MS) // 1000)
        now_ms = change_ms
    assert seen == [20, 45, 60, 180]


RINGS = st.lists(
    st.tuples(st.integers(1, 50), st.lists(st.builds(Need, st.sampled_from("abc"), st.integers(1, 10)), max_size=2)),
    max_size=4,
    unique_by=lambda ring: ring[0],
).map(lambda rings: (Ring(0, (Need("a", 10),)), *(Ring(after, tuple(needs)) for after, needs in sorted(rings))))


@given(RINGS, st.integers(0, 60_000))
def test_needs_are_those_of_the_last_ring_reached(rings: tuple[Ring, ...], waited_ms: int) -> None:
    """As reading the rings aloud says."""
    reached = [ring for ring in rings if ring.after_seconds <= waited_ms / 1000]
    assert needs_after(rings, waited_ms) == reached[-1].needs


@given(
    RINGS,
    st.integers(0, 30),
    st.integers(0, 40),
    st.dictionaries(st.sampled_from(["ada", "bob"]), st.integers(0, 40).map(lambda s: QUEUED_MS + s * 1000)),
)
def test_between_two_changes_nothing_changes(
    rings: tuple[Ring, ...], last_s: int, again_s: int, passed: dict[str, int]
) -> None:
    """A caller that looks at each `next_change_ms` misses nothing: a second by second look sees the same verdicts."""
    rules = Rules(rings=rings, last_agent_seconds=last_s, ask_again_seconds=again_s)
    one = waiting(rules=rules, last_agent="ada", passed_over=passed)
    agents = [agent("ada", skills={"a": 5}), agent("bob", skills={"b": 5, "c": 9}), agent("eve", skills={"a": 10})]

    def seen(now_ms: int) -> list[Verdict]:
        reserved = is_reserved(one, agents[0], now_ms)
        return [consider(one, each, now_ms, reserved=reserved) for each in agents]

    change_ms: int | None = QUEUED_MS
    verdicts: list[Verdict] = []
    for now_ms in range(QUEUED_MS, QUEUED_MS + 90_000, 1000):
        if now_ms == change_ms:
            verdicts, change_ms = seen(now_ms), next_change_ms(one, now_ms)
        assert seen(now_ms) == verdicts


@pytest.mark.parametrize(
    ("wrong", "reason", "scope"),
    [
        (Rules(priority=11), "outOfRange", "priority"),
        (Rules(priority=-1), "outOfRange", "priority"),
        (Rules(ageing_seconds=0), "outOfRange", "ageingSeconds"),
        (Rules(offer_seconds=1), "outOfRange", "offerSeconds"),
        (Rules(load=0), "outOfRange", "load"),
        (Rules(hours_id="x" * 101), "invalidHours", "hoursId"),
        (Rules(rings=(Ring(10),)), "invalidRings", "rings"),
        (Rules(rings=(Ring(0), Ring(0))), "invalidRings", "rings"),
        (Rules(rings=(Ring(0), Ring(60), Ring(30))), "invalidRings", "rings"),
        (Rules(rings=(Ring(0), Ring(86_401))), "invalidRings", "rings"),
        (Rules(rings=tuple(Ring(n) for n in range(11))), "tooManySkills", "rings"),
        (Rules(rings=(Ring(0, (Need(""),)),)), "invalidSkill", "rings"),
        (Rules(rings=(Ring(0, (Need("a", 11),)),)), "invalidLevel", "rings"),
        (Rules(rings=(Ring(0, (Need("a"), Need("a", 2))),)), "repeatedSkill", "rings"),
        (Rules(overflow=Detour(Instead.WORK_TYPE)), "targetMissing", "overflow"),
        (Rules(after_hours=Detour(Instead.MESSAGE)), "textMissing", "afterHours"),
        (Rules(after_hours=Detour(Instead.MESSAGE, text="x" * 2001)), "detourTooLong", "afterHours"),
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: Rules, reason: str, scope: str) -> None:
    """With a reason, and the field it is about."""
    with pytest.raises(Invalid) as refused:
        check_rules(wrong)
    assert (refused.value.reason, refused.value.scope) == (reason, scope)


def test_a_skill_of_an_agent_is_checked_alike() -> None:
    """Its scope is what the agent is sent with."""
    check_skill("spanish", 10)
    with pytest.raises(Invalid) as refused:
        check_skill("spanish", 0)
    assert (refused.value.reason, refused.value.scope) == ("invalidLevel", "skills")


def test_rules_come_back_from_json_as_they_were() -> None:
    """They are stored with the work type; what is left out has its default."""
    rules = Rules(rings=SPANISH_RELAXED, choice=Choice.LEAST_LOADED, overflow=Detour(Instead.WORK_TYPE, "80"))
    assert msgspec.json.decode(msgspec.json.encode(check_rules(rules)), type=Rules) == rules
    assert msgspec.json.decode(b"{}", type=Rules) == check_rules(Rules())


def test_overflow_and_closed_hours_send_elsewhere() -> None:
    """After too long, before too many, outside the hours; otherwise it waits."""
    message, elsewhere = Detour(Instead.MESSAGE, text="Closed."), Detour(Instead.WORK_TYPE, "80")
    rules = Rules(after_hours=message, overflow=elsewhere, overflow_seconds=60, overflow_waiting=5)
    assert detour(rules, is_open=False, waited_ms=0, ahead=0) == message
    assert detour(rules, is_open=True, waited_ms=0, ahead=4) is None
    assert detour(rules, is_open=True, waited_ms=0, ahead=5) == elsewhere
    assert detour(rules, is_open=True, waited_ms=59_999, ahead=5) is None
    assert detour(rules, is_open=True, waited_ms=60_000, ahead=0) == elsewhere
    assert detour(Rules(), is_open=False, waited_ms=99_999_999, ahead=99) is None
