import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.errors import Invalid, NotFound
from frontdesk.domain.interactions import close, hand_off, open_chat, require_channel
from frontdesk.domain.model import Channel, Contact, EndReason, EntityType, Entry, State
from tests.domain.builders import ADA, NOW_MS, chat, session, work_type


def said(entry: Entry) -> dict[str, str]:
    """The payload of an entry."""
    fields: dict[str, str] = json.loads(entry.payload)
    return fields


def test_a_work_type_must_exist_and_take_the_channel() -> None:
    """Unknown is 404, the wrong channel is 400; both name the field."""
    assert require_channel(work_type(), Channel.CHAT).work_type_id == "79"
    with pytest.raises(NotFound) as unknown:
        require_channel(None, Channel.CHAT)
    with pytest.raises(Invalid) as unsupported:
        require_channel(work_type(), Channel.CALLBACK)
    assert (unknown.value.reason, unknown.value.scope) == ("unknownWorkType", "workTypeId")
    assert (unsupported.value.reason, unsupported.value.scope) == ("channelNotSupported", "workTypeId")


@pytest.mark.parametrize(("script", "state"), [("", State.QUEUED), ("echo", State.SCRIPTED)])
def test_a_chat_opens_with_its_script_or_in_the_queue(script: str, state: State) -> None:
    """Its first owner has fence 1; its first entry is Connected, on the contact's stream, written by the contact."""
    stream = session(disposed=True)
    opened, entries = open_chat(7, stream, work_type(script=script), ADA, NOW_MS)
    assert (opened.state, opened.script, opened.fence, opened.is_open) == (state, script, 1, True)
    assert stream.interaction is opened
    assert not stream.disposed, "a new chat makes the session good for polling again"
    [connected] = entries
    assert (connected.author, connected.session, connected.time_ms) == (EntityType.CONTACT, stream, NOW_MS)
    expected = {"kind": "messaging.Connected", "interactionId": "7", "workTypeId": "79", "contactName": "Ada"}
    assert said(connected) == expected


def test_a_second_chat_on_one_session_is_refused() -> None:
    """And leaves the first as it was."""
    stream = session()
    first, _ = open_chat(7, stream, work_type(), ADA, NOW_MS)
    with pytest.raises(Invalid) as refused:
        open_chat(8, stream, work_type(), ADA, NOW_MS)
    assert refused.value.reason == "alreadyConnected"
    assert stream.interaction is first


def test_handing_off_moves_the_chat_into_a_queue() -> None:
    """The script loses its state and its right to write; the contact is told where they wait now."""
    stream = session()
    talk = chat(state=State.SCRIPTED, script="echo", script_state="half way", fence=1)
    [moved] = hand_off(talk, stream, work_type("32"), NOW_MS)
    assert (talk.state, talk.work_type_id, talk.script, talk.script_state, talk.fence) == (
        State.QUEUED,
        "32",
        "",
        "",
        2,
    )
    assert said(moved) == {"kind": "messaging.Transferred", "interactionId": "7", "workTypeId": "32"}
    assert (moved.author, moved.session) == (EntityType.SYSTEM, stream)


@pytest.mark.parametrize("reason", list(EndReason))
def test_closing_says_why_and_frees_the_session(reason: EndReason) -> None:
    """Disconnected is the last entry; the fence rises; the session may hold the next chat."""
    stream = session()
    talk, _ = open_chat(7, stream, work_type(), ADA, NOW_MS)
    talk.grace_until_ms = NOW_MS + 100
    [over] = close(talk, stream, reason, EntityType.SYSTEM, NOW_MS + 9)
    assert (talk.state, talk.closed_ms, talk.closed_reason, talk.fence) == (State.CLOSED, NOW_MS + 9, reason, 2)
    assert (talk.grace_until_ms, talk.is_open, stream.interaction) == (0, False, None)
    assert said(over) == {"kind": "messaging.Disconnected", "interactionId": "7", "reason": reason.value}
    open_chat(8, stream, work_type(), ADA, NOW_MS + 10)


def test_closing_without_a_session_still_stands_in_the_log() -> None:
    """Nobody's stream gets it."""
    [over] = close(chat(), None, EndReason.INACTIVITY, EntityType.SYSTEM, NOW_MS)
    assert over.session is None


def test_closing_one_chat_leaves_the_next_one_on_the_session() -> None:
    """A late end of an old chat must not free a session that holds another."""
    stream = session()
    next_one, _ = open_chat(8, stream, work_type(), ADA, NOW_MS)
    close(chat(), stream, EndReason.INACTIVITY, EntityType.SYSTEM, NOW_MS)
    assert stream.interaction is next_one


def test_a_callback_is_never_an_open_chat() -> None:
    """It must not be found by restarts, or take texts."""
    assert not chat(channel=Channel.CALLBACK, state=State.SCHEDULED).is_open


@given(steps=st.lists(st.sampled_from(["hand off", "close"]), max_size=6), name=st.text(min_size=1, max_size=20))
def test_the_fence_rises_with_every_change_of_owner(steps: list[str], name: str) -> None:
    """So what a former owner still sends can always be told apart; and the same steps always say the same."""

    def play() -> tuple[list[int], list[str]]:
        stream = session()
        talk, entries = open_chat(7, stream, work_type(script="echo"), Contact(name), NOW_MS)
        fences = [talk.fence]
        for step in steps:
            if step == "hand off":
                entries += hand_off(talk, stream, work_type("32"), NOW_MS)
            else:
                entries += close(talk, stream, EndReason.AGENT, EntityType.AGENT, NOW_MS)
            fences.append(talk.fence)
        return fences, [entry.payload for entry in entries]

    fences, payloads = play()
    assert all(low < high for low, high in pairwise(fences))
    assert len(payloads) == 1 + len(steps)
    assert play() == (fences, payloads)
