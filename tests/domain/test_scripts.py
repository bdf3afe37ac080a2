from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.contacts import check_digits
from frontdesk.domain.limits import CALL_BACK_MINUTES_MAX, TEXT_MAX
from frontdesk.domain.messages import check_text, check_url
from frontdesk.domain.model import Contact
from frontdesk.domain.scripts import BookCallBack, Effect, Goodbye, HandOff, Input, Outcome, Push, Say, Script
from frontdesk.scripts import BUILT_IN

ADA = Contact("Ada")
CONCIERGE, ECHO = BUILT_IN["concierge"], BUILT_IN["echo"]
HELLO = Input("messaging.Connected")


def talk(script: Script, *lines: str | Input, contact: Contact = ADA) -> tuple[str, list[Effect]]:
    """Play a conversation; returns the state and the effects of its last line."""
    outcome = Outcome()
    for line in (HELLO, *lines):
        happened = Input("messaging.Text", line) if isinstance(line, str) else line
        outcome = script.step(outcome.state, contact, happened)
    return outcome.state, list(outcome.effects)


def words(effects: Sequence[Effect]) -> str:
    """What is said, in one."""
    return " ".join(effect.text for effect in effects if isinstance(effect, Say))


def test_the_concierge_greets_by_name() -> None:
    """And says what it can do."""
    state, effects = talk(CONCIERGE)
    assert state == ""
    assert "Ada" in words(effects)
    assert "goodbye" in words(effects)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("When do you OPEN?", "Monday"), ("opening hours please", "Monday"), ("what does it cost", "free"),
        ("hello", "Hello again"), ("thanks!", "welcome"),
        ("qwertz", "did not understand"), ("   ", "did not understand"),
    ],
)  # fmt: skip
def test_the_concierge_answers_questions(line: str, expected: str) -> None:
    """In any case and with any punctuation; what it can't answer it says."""
    state, effects = talk(CONCIERGE, line)
    assert (state, expected in words(effects)) == ("", True)


def test_the_concierge_pushes_a_link() -> None:
    """After saying what it is, and one that a contact's browser may open."""
    _, effects = talk(CONCIERGE, "how does this work?")
    assert [type(effect) for effect in effects] == [Say, Push]
    check_url(next(effect.url for effect in effects if isinstance(effect, Push)))


def test_the_concierge_books_a_call() -> None:
    """Number, then minutes; what can't be read is asked again, and the state holds what is known."""
    assert talk(CONCIERGE, "please call me")[0] == "digits"
    state, effects = talk(CONCIERGE, "please call me", "you know it")
    assert (state, "can't read" in words(effects)) == ("digits", True)
    assert talk(CONCIERGE, "call me", " +1 978 250 7900 ")[0] == "minutes +1 978 250 7900"
    assert talk(CONCIERGE, "call me", "112", "soon")[0] == "minutes 112"
    state, effects = talk(CONCIERGE, "call me", "112", "soon", "in 30 minutes")
    assert (state, effects[0]) == ("", BookCallBack("112", 30, "32"))


def test_the_concierge_takes_a_dial_request_as_the_number() -> None:
    """The contact need not type it twice."""
    assert talk(CONCIERGE, Input("messaging.DialRequest", "555 1234"))[0] == "minutes 555 1234"


@pytest.mark.parametrize("line", ["no", " STOP ", "cancel", "never mind"])
def test_a_call_can_be_called_off(line: str) -> None:
    """Back to the questions."""
    assert talk(CONCIERGE, "call me", line)[0] == ""


def test_the_concierge_hands_off_and_says_goodbye() -> None:
    """Each after a last word, so that the contact knows what comes."""
    assert [type(e) for e in talk(CONCIERGE, "a human, please")[1]] == [Say, HandOff]
    assert [type(e) for e in talk(CONCIERGE, "bye")[1]] == [Say, Goodbye]


def test_the_concierge_thanks_for_a_link_and_ignores_what_it_does_not_know() -> None:
    """An input of a later version of frontdesk changes neither state nor conversation."""
    assert "link" in words(talk(CONCIERGE, Input("messaging.PushUrl", "https://e.com"))[1])
    assert talk(CONCIERGE, "call me", Input("messaging.Later", "x")) == ("digits", [])


def test_echo_says_texts_back_and_nothing_else() -> None:
    """Byte for byte."""
    assert talk(ECHO) == ("", [])
    assert talk(ECHO, " \u202e<b>") == ("", [Say(" \u202e<b>")])
    assert talk(ECHO, Input("messaging.PushUrl", "https://e.com")) == ("", [])


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=50),
    st.sampled_from(
        [
            "9" * TEXT_MAX, "minutes " * 200, "call " * 300, "\x00", "a" * TEXT_MAX, "{0.__class__}", "%s%n", "٣٠",
            "-5", "call me", "112", "30", "human", "bye", "in 9999 minutes", "1e9", "0",
        ]
    ),
)  # fmt: skip
INPUTS = st.builds(
    Input,
    st.sampled_from(["messaging.Text", "messaging.PushUrl", "messaging.DialRequest", "messaging.Connected"]),
    HOSTILE,
)
NAMES = st.one_of(st.just("x" * 200), st.text(min_size=1, max_size=200))


def check_effect(effect: Effect) -> None:
    """What the server would check, had a client sent it."""
    if isinstance(effect, Say):
        check_text(effect.text)
    elif isinstance(effect, Push):
        check_url(effect.url)
    elif isinstance(effect, BookCallBack):
        check_digits(effect.digits)
        assert 0 <= effect.delay_minutes <= CALL_BACK_MINUTES_MAX


@pytest.mark.parametrize("script", BUILT_IN.values(), ids=list(BUILT_IN))
@given(name=NAMES, inputs=st.lists(INPUTS, max_size=8))
def test_whatever_is_said_the_script_stays_within_its_bounds(script: Script, name: str, inputs: list[Input]) -> None:
    """Every effect is one that a contact may be sent, after any past; and a step taken twice says the same."""
    contact, state = Contact(name), ""
    for happened in inputs:
        outcome = script.step(state, contact, happened)
        assert script.step(state, contact, happened) == outcome, "run again after a crash, it must say the same"
        for effect in outcome.effects:
            check_effect(effect)
        ends = [isinstance(effect, Goodbye | HandOff) for effect in outcome.effects]
        assert not any(ends[:-1]), "nothing may follow a goodbye"
        state = outcome.state
