from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.nodes import BEAT_MS, BLIND_MS, LEASE_MS, Sight, chosen, look, silent

NAMES = st.text("abcdef0123456789", min_size=1, max_size=8)


def watched(*looks: tuple[int, dict[str, int]]) -> dict[str, Sight]:
    """What an observer knows after looking at these moments."""
    seen: dict[str, Sight] = {}
    last_ms = 0
    for now_ms, beats in looks:
        seen = look(seen, last_ms, beats, now_ms)
        last_ms = now_ms
    return seen


def standing_still(until_ms: int, beat: int = 7) -> dict[str, Sight]:
    """A node whose beat stood still from the observer's first look on, seen at every beat of the observer."""
    return watched(*((now_ms, {"me": now_ms, "it": beat}) for now_ms in range(0, until_ms + 1, BEAT_MS)))


def test_a_node_that_stood_still_for_a_lease_is_silent() -> None:
    """Not a moment earlier; with the beat that it stopped at."""
    assert silent(standing_still(LEASE_MS - BEAT_MS), "me", LEASE_MS - BEAT_MS) == []
    assert silent(standing_still(LEASE_MS), "me", LEASE_MS) == [("it", 7)]


def test_a_node_never_shuts_out_itself() -> None:
    """Whatever it sees: if its row stands still, others will say so."""
    assert silent(standing_still(LEASE_MS), "it", LEASE_MS) == []


def test_a_beat_that_moves_once_in_a_lease_keeps_its_node() -> None:
    """Slow is not dead."""
    looks = [(now_ms, {"it": now_ms // (LEASE_MS - BEAT_MS)}) for now_ms in range(0, 10 * LEASE_MS, BEAT_MS)]
    for count in range(1, len(looks) + 1):
        assert silent(watched(*looks[:count]), "me", looks[count - 1][0]) == []


def test_who_could_not_look_knows_nothing_of_the_others() -> None:
    """The database was away: everyone's beat stood still, and nobody is to be shut out for it."""
    seen = standing_still(LEASE_MS - BEAT_MS)
    later_ms = LEASE_MS - BEAT_MS + BLIND_MS + 1
    seen = look(seen, LEASE_MS - BEAT_MS, {"it": 7}, later_ms)
    assert silent(seen, "me", later_ms) == []
    assert seen["it"] == Sight(7, later_ms)


def test_a_node_that_is_gone_is_forgotten() -> None:
    """Its id never comes again."""
    assert watched((0, {"it": 1, "other": 1}), (BEAT_MS, {"other": 2})) == {"other": Sight(2, BEAT_MS)}


@given(st.sets(NAMES, min_size=1, max_size=6), st.text(max_size=20))
def test_everyone_who_sees_the_same_nodes_chooses_the_same(nodes: set[str], key: str) -> None:
    """In whatever order they are seen."""
    assert chosen(sorted(nodes), key) == chosen(sorted(nodes, reverse=True), key)
    assert chosen(nodes, key) in nodes


@given(st.sets(NAMES, min_size=2, max_size=6), st.text(max_size=20), st.data())
def test_only_what_fell_to_a_lost_node_moves(nodes: set[str], key: str, data: st.DataObject) -> None:
    """The repeats of everyone else still find the first answer."""
    lost = data.draw(st.sampled_from(sorted(nodes)))
    before = chosen(nodes, key)
    after = chosen(nodes - {lost}, key)
    assert before in (after, lost)


def test_keys_are_spread_over_all_nodes() -> None:
    """A thousand of them, three nodes: none gets less than a quarter."""
    counts = dict.fromkeys(("a", "b", "c"), 0)
    for i in range(1000):
        counts[chosen(counts, f"key {i}")] += 1
    assert min(counts.values()) > 250
