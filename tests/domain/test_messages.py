import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.errors import Invalid
from frontdesk.domain.messages import check_notification, check_text, check_url


@pytest.mark.parametrize("text", ["a", " ", "x" * 2000, "👩🏽\u200d💻" * 500, "\x00", "<script>alert(1)</script>"])
def test_texts_are_kept_as_sent(text: str) -> None:
    """1 to 2000 code points, whatever they are: a reader shows them as text, never as markup."""
    assert check_text(text) == text


@pytest.mark.parametrize("text", ["", "x" * 2001, "👍" * 2001])
def test_empty_and_too_long_texts_are_refused(text: str) -> None:
    """The document's 2000 characters, counted in code points."""
    with pytest.raises(Invalid) as refused:
        check_text(text)
    assert (refused.value.reason, refused.value.scope) == ("invalidText", "text")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "https://example.com/a?b=c#d", "HTTPS://EXAMPLE.COM:8443/", "http://[2001:db8::1]:80/",
        "https://user@example.com/", "https://exämple.de/ü", "http://127.0.0.1", "https://e.com/" + "x" * 1986,
    ],
)  # fmt: skip
def test_absolute_web_addresses_are_kept_as_sent(url: str) -> None:
    """Http and https, up to 2000 characters."""
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "/relative", "//example.com/", "http://", "https:///path", "http:example.com", "http://:80",
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "java\tscript:alert(1)",
        " javascript:alert(1)", "\x01javascript:alert(1)", "data:text/html,<script>1</script>", "vbscript:x",
        "file:///etc/passwd", "blob:https://example.com/1", "ftp://example.com/", "view-source:http://example.com",
        "javascript://example.com/%0aalert(1)", "http://exa mple.com/", "http://example.com/a b", "http://example.com/\n",
        "http://example.com/\x00", "http://example.com/\u202egpj.exe", "http://example.com:99999/",
        "http://example.com:abc/", "http://[::1", "https://e.com/" + "x" * 1987,
    ],
)  # fmt: skip
def test_what_would_run_or_lead_nowhere_is_refused(url: str) -> None:
    """Other schemes in any disguise, relative addresses, invisible characters, impossible ports."""
    with pytest.raises(Invalid) as refused:
        check_url(url)
    assert (refused.value.reason, refused.value.scope) == ("invalidUrl", "url")


@given(st.text(alphabet=st.sampled_from("htps:/.[]@%\\?#\t\n a0\x00\u202eé"), max_size=24))
def test_every_accepted_address_begins_as_a_browser_needs_it(url: str) -> None:
    """Whatever is accepted begins with its scheme, so no reader can take it for anything else."""
    try:
        check_url(url)
    except Invalid:
        return
    assert url.lower().startswith(("http:", "https:"))


@pytest.mark.parametrize("seconds", [0.001, 1, 15, 30, 30.0])
def test_composing_for_up_to_thirty_seconds(seconds: float) -> None:
    """Document, Notification."""
    check_notification("composing", seconds)


@pytest.mark.parametrize("seconds", [0, -1, 30.001, 31, math.inf, math.nan])
def test_other_lifetimes_are_refused(seconds: float) -> None:
    """Also what JSON can't write but a decoder might produce."""
    with pytest.raises(Invalid) as refused:
        check_notification("composing", seconds)
    assert refused.value.reason == "invalidExpiry"


@pytest.mark.parametrize("state", ["", "Composing", "idle", "paused"])
def test_other_states_are_refused(state: str) -> None:
    """The document knows one."""
    with pytest.raises(Invalid) as refused:
        check_notification(state, 5)
    assert (refused.value.reason, refused.value.scope) == ("invalidState", "state")
