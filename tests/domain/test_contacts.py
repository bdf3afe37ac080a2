import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.domain.contacts import check_digits, check_email, check_name
from frontdesk.domain.errors import Invalid


@pytest.mark.parametrize(
    "email",
    [
        "a@b.c", "jo.o'hara+chat@mail.example.org", "ü@exämple.de", '"odd.local"@example.com', "a@localhost",
        "x" * 240 + "@example.com",
    ],
)  # fmt: skip
def test_addresses_are_kept_as_sent(email: str) -> None:
    """Anything of the form local@domain, up to 254 characters."""
    assert check_email(email) == email


@pytest.mark.parametrize(
    "email",
    [
        "", "a", "@", "@b.c", "a@", "a@b@c", "a b@c.d", "a@b..c", "a@.b", "a@b.", "a@b.c\n", "a\x00@b.c",
        '"a@b"@c.d', "x" * 244 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(email: str) -> None:
    """Parts missing, spaces, control characters, or longer than a mail server takes."""
    with pytest.raises(Invalid) as refused:
        check_email(email)
    assert (refused.value.reason, refused.value.scope) == ("invalidEmail", "contactEmail")


@pytest.mark.parametrize("name", ["J", "Jane Doe", "李", "محمد", "👩🏽\u200d💻", "-", "  padded  ", "€"])
def test_names_in_any_script_are_kept_as_sent(name: str) -> None:
    """One visible character is enough."""
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u200b", "\u00ad\u200e", "\u0301", "\x00"])
def test_a_name_that_shows_nothing_is_refused(name: str) -> None:
    """Spaces, controls, zero-width and lone combining characters would show the agent an empty line."""
    with pytest.raises(Invalid) as refused:
        check_name(name)
    assert (refused.value.reason, refused.value.scope) == ("missingContactName", "contactName")


@pytest.mark.parametrize(
    "digits",
    [
        "112", "555 1234", "+1 (978) 250-7900", "0049.30.123456", "978/250/7900", "978-250-7900x12",
        "9782507900 ext. 7", "9782507900 #44", "123456789012345", " 5551234 ",
    ],
)  # fmt: skip
def test_numbers_as_people_write_them_are_kept_as_sent(digits: str) -> None:
    """Local or international, with separators and an extension."""
    assert check_digits(digits) == digits


@pytest.mark.parametrize(
    "digits",
    [
        "", "12", "1234567890123456", "call me", "1-800-FLOWERS", "555 1234;rm", "++123456", "555 1234 x", "٥٥٥١٢٣٤",
        "5551234\x00", "5" * 41, "555 1234" + " " * 40, "tel:5551234", "<b>5551234</b>",
    ],
)  # fmt: skip
def test_what_nobody_could_dial_is_refused(digits: str) -> None:
    """Too few or too many digits, letters, other digits than ASCII, markup."""
    with pytest.raises(Invalid) as refused:
        check_digits(digits)
    assert (refused.value.reason, refused.value.scope) == ("invalidDigits", "digits")


@pytest.mark.parametrize("check", [check_email, check_name, check_digits])
@given(text=st.text(max_size=60))
def test_any_text_is_kept_or_refused(check: Callable[[str], str], text: str) -> None:
    """Nothing a client sends raises anything else, and nothing is altered on the way."""
    with contextlib.suppress(Invalid):
        assert check(text) == text
