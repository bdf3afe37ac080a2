"""Every field of every body at its edges (contract, "Messaging (the document), decided details")."""

from typing import Any

import pytest

from tests.http.conftest import CALL_BACKS_ONLY
from tests.support.client import SESSION, Client, payloads

Row = tuple[str, Any, str]
"""What is sent, by name and value, and the reason it is refused for."""

OK = ""
"""The reason of what is accepted."""
ASTRAL = "\N{MATHEMATICAL SCRIPT CAPITAL X}"
"""Two UTF-16 units, four UTF-8 bytes, one character."""


def _data(*, items: int = 1, key: int = 1, value: int = 1) -> list[dict[str, str]]:
    return [{"contactDataKey": "k" * key, "contactDataValue": "v" * value}] * items


TEXTS: list[Row] = [
    ("one character", "x", OK),
    ("2000", "x" * 2000, OK),
    ("2000 beyond the basic plane", ASTRAL * 2000, OK),
    ("only a space", " ", OK),
    ("a NUL", "a\0b", OK),
    ("empty", "", "invalidText"),
    ("2001", "x" * 2001, "invalidText"),
    ("2001 beyond the basic plane", ASTRAL * 2001, "invalidText"),
    ("null", None, "invalidType"),
    ("number", 5, "invalidType"),
    ("list", ["x"], "invalidType"),
]
URLS: list[Row] = [
    ("https", "https://www.example.com/#", OK),
    ("http with port", "http://127.0.0.1:8080/a?b=c", OK),
    ("upper case scheme", "HTTPS://EXAMPLE.COM", OK),
    ("letters beyond ASCII", "https://bücher.example/größe", OK),
    ("2000", "https://example.com/".ljust(2000, "x"), OK),
    ("2001", "https://example.com/".ljust(2001, "x"), "invalidUrl"),
    ("empty", "", "invalidUrl"),
    ("relative", "/cart", "invalidUrl"),
    ("no scheme", "//example.com/", "invalidUrl"),
    ("no host", "https:///x", "invalidUrl"),
    ("port only", "http://:80/", "invalidUrl"),
    ("bad port", "https://example.com:99999/", "invalidUrl"),
    ("unclosed bracket", "http://[::1", "invalidUrl"),
    ("javascript", "javascript:alert(1)", "invalidUrl"),
    ("data", "data:text/html,x", "invalidUrl"),
    ("space", "https://example.com/a b", "invalidUrl"),
    ("line break", "https://example.com/\nx", "invalidUrl"),
    ("tab that parsers drop", "java\tscript:alert(1)", "invalidUrl"),
    ("NUL", "https://example.com/\0", "invalidUrl"),
    ("number", 5, "invalidType"),
]
DIGITS: list[Row] = [
    ("documented", "555 1234", OK),
    ("international", "+44 20 7946 0018", OK),
    ("extension", "(555) 123-4567 x89", OK),
    ("three", "112", OK),
    ("fifteen", "123456789012345", OK),
    ("two", "12", "invalidDigits"),
    ("sixteen", "1234567890123456", "invalidDigits"),
    ("words", "call me", "invalidDigits"),
    ("empty", "", "invalidDigits"),
    ("41 characters", "555 1234".ljust(41), "invalidDigits"),
    ("other digits", "\u0661\u0662\u0663\u0664\u0665", "invalidDigits"),
    ("line break inside", "555\r\n1234", "invalidDigits"),
    ("line break behind", "555 1234\n", "invalidDigits"),
    ("NUL", "555\0001234", "invalidDigits"),
    ("number", 5551234, "invalidType"),
]
EXPIRIES: list[Row] = [
    ("least", 0.001, OK),
    ("documented", 10, OK),
    ("most", 30, OK),
    ("more", 30.001, "invalidExpiry"),
    ("zero", 0, "invalidExpiry"),
    ("negative", -1, "invalidExpiry"),
    ("huge", 10**400, "invalidExpiry"),
    ("text", "10", "invalidType"),
    ("null", None, "invalidType"),
    ("bool", True, "invalidType"),
]
NAMES: list[Row] = [
    ("1", "x", OK),
    ("200", "x" * 200, OK),
    ("200 beyond the basic plane", ASTRAL * 200, OK),
    ("a right-to-left name", "\u0645\u0631\u064a\u0645", OK),
    ("201", "x" * 201, "invalidContactName"),
    ("empty", "", "invalidContactName"),
    ("nothing to see", " \u200b\t", "missingContactName"),
    ("null", None, "invalidType"),
]
EMAILS: list[Row] = [
    ("left out", None, OK),
    ("empty", "", OK),
    ("documented", "Ryan.Tucker@example.com", OK),
    ("plus", "a+b@example.co.uk", OK),
    ("letters beyond ASCII", "jörg@bücher.example", OK),
    ("254", "a@" + "b" * 248 + ".com", OK),
    ("255", "a@" + "b" * 249 + ".com", "invalidEmail"),
    ("no at", "example.com", "invalidEmail"),
    ("no name", "@example.com", "invalidEmail"),
    ("no domain", "ada@", "invalidEmail"),
    ("two at", "a@b@c.com", "invalidEmail"),
    ("space", "a b@example.com", "invalidEmail"),
    ("line break", "a@example.com\nBcc: b@example.com", "invalidEmail"),
    ("empty label", "a@example..com", "invalidEmail"),
    ("number", 5, "invalidType"),
]
COLLECTIONS: list[Row] = [
    ("null", None, OK),
    ("empty", [], OK),
    ("20", _data(items=20), OK),
    ("21", _data(items=21), "tooManyContactData"),
    ("key of 100", _data(key=100), OK),
    ("key of 101", _data(key=101), "invalidContactData"),
    ("value of 2000", _data(value=2000), OK),
    ("value of 2001", _data(value=2001), "invalidContactData"),
    ("value left out", [{"contactDataKey": "a"}], OK),
    ("same key twice", _data(items=2), OK),
    ("an object", {}, "invalidType"),
    ("a number in it", [5], "invalidType"),
    ("a value that is a number", [{"contactDataValue": 5}], "invalidType"),
]
WORK_TYPES: list[Row] = [
    ("text", "79", OK),
    ("number", 79, OK),
    ("with a script", "100", OK),
    ("chat and callback", "32", OK),
    ("unknown", "80", "unknownWorkType"),
    ("unknown number", 80, "unknownWorkType"),
    ("with zeros before", "079", "unknownWorkType"),
    ("100 characters", "9" * 100, "unknownWorkType"),
    ("a huge number", 10**50, "unknownWorkType"),
    ("NUL", "79\0", "unknownWorkType"),
    ("callbacks only", CALL_BACKS_ONLY, "channelNotSupported"),
    ("101 characters", "9" * 101, "invalidId"),
    ("a number of 101 digits", 10**100, "invalidId"),
    ("empty", "", "invalidId"),
    ("negative", -79, "invalidId"),
    ("fraction", 79.5, "invalidType"),
    ("bool", True, "invalidType"),
    ("null", None, "invalidType"),
    ("list", ["79"], "invalidType"),
]
DELAYS: list[Row] = [
    ("null", None, OK),
    ("15", 15, OK),
    ("3600", 3600, OK),
    ("14", 14, "invalidInactivityDelay"),
    ("3601", 3601, "invalidInactivityDelay"),
    ("zero", 0, "invalidInactivityDelay"),
    ("negative", -60, "invalidInactivityDelay"),
    ("fraction", 60.5, "invalidType"),
    ("text", "60", "invalidType"),
    ("bool", True, "invalidType"),
]
IN_CHAT = {
    "sendText.text": TEXTS,
    "pushUrl.url": URLS,
    "dial.digits": DIGITS,
    "notification.expiresAfterSeconds": EXPIRIES,
}
AT_CONNECT = {
    "contactName": NAMES,
    "contactEmail": EMAILS,
    "contactDataCollection": COLLECTIONS,
    "workTypeId": WORK_TYPES,
}


def _cases(table: dict[str, list[Row]]) -> list[Any]:
    return [
        pytest.param(field, value, reason, id=f"{field}: {name}")
        for field, rows in table.items()
        for name, value, reason in rows
    ]


@pytest.mark.parametrize(("where", "value", "reason"), _cases(IN_CHAT))
def test_field_of_a_message(chat: Client, where: str, value: object, reason: str) -> None:
    """What a contact sends in a chat is accepted up to its limit and refused above it, with the field as scope."""
    operation, field = where.split(".")
    more = {"state": "composing"} if operation == "notification" else {}
    answer = chat.post(f"messaging/{operation}", {**more, field: value})
    assert (answer.status, answer.reason) == (400 if reason else 202, reason)
    assert not reason or answer.json()["errors"][0]["scope"] == field


@pytest.mark.parametrize(("field", "value", "reason"), _cases(AT_CONNECT))
def test_field_of_connect(contact: Client, field: str, value: object, reason: str) -> None:
    """The same for what introduces a contact. A work type that does not exist is a 404."""
    body = {"workTypeId": "79", "contactName": "Ada", field: value}
    answer = contact.post("messaging/connect", body)
    status = {OK: 202, "unknownWorkType": 404}.get(reason, 400)
    assert (answer.status, answer.reason) == (status, reason)
    assert not reason or answer.json()["errors"][0]["scope"].startswith(field)


@pytest.mark.parametrize(("field", "value", "reason"), _cases({"inactivityDelay": DELAYS}))
def test_inactivity_delay(contact: Client, field: str, value: object, reason: str) -> None:
    """Whole seconds from 15 to 3600; 60 when left out."""
    answer = contact.post(SESSION, {field: value})
    assert (answer.status, answer.reason) == (400 if reason else 200, reason)
    assert reason or answer.json()["inactivityDelay"] == (value or 60)


@pytest.mark.parametrize("state", ["", "typing", "Composing", "composing ", None, 1])
def test_composing_is_the_only_state(chat: Client, state: object) -> None:
    """Document, Notification: the enumeration has one value."""
    answer = chat.post("messaging/notification", {"state": state, "expiresAfterSeconds": 10})
    assert answer.status == 400
    assert answer.json()["errors"][0]["scope"] == "state"


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("messaging/sendText", "text"),
        ("messaging/pushUrl", "url"),
        ("messaging/dial", "digits"),
        ("messaging/notification", "state"),
        ("messaging/connect", "workTypeId"),
        ("messaging/scheduleCallBack", "workTypeId"),
        ("streaming/acknowledge/webClient", "sequenceNumber"),
    ],
)
def test_missing_field_is_named(chat: Client, operation: str, field: str) -> None:
    """An empty object is refused with the name of what is missing."""
    answer = chat.post(operation, {})
    assert (answer.status, answer.reason) == (400, "missingField")
    assert answer.json()["errors"][0]["scope"] == field


def test_text_arrives_as_sent(contact: Client) -> None:
    """Nothing is trimmed, normalised or escaped on the way through the log."""
    contact.connect("1")
    text = f' \0\t\r\n\u202e</script>&amp;"\\ e\u0301 {ASTRAL} '
    contact.say(text)
    assert payloads(contact.until("Text"))[-1]["text"] == text


def test_contact_data_is_kept_as_sent(contact: Client) -> None:
    """Twenty fields of the greatest size fit; a repeated or empty name is not ours to judge."""
    contact.connect(contactDataCollection=_data(items=20, key=100, value=2000))
