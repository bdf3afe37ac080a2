"""The request bodies of the public API as documented ("Schemas"), and how a wrong one is refused.

Sizes are in the schema for readers and tools; the rules themselves are in the domain.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from frontdesk.domain import limits
from frontdesk.domain.contacts import check_email, check_name
from frontdesk.domain.errors import Invalid
from frontdesk.domain.model import Contact, ContactDatum

# Bytes. The largest honest body, a connect with 20 fields of 2000 four-byte characters, is refused as well only when
# it is padded; nobody sends that.
BODY_MAX = 64 * 1024


def _text(low: int, high: int, description: str) -> Meta:
    return Meta(extra_json_schema={"minLength": low, "maxLength": high}, description=description)


Id = Annotated[str | int, Meta(description="An id; a string, or a number as the document's samples send it.")]


class ContactData(Struct, frozen=True, rename="camel"):
    """Document, "ContactData"."""

    contact_data_key: Annotated[str, _text(0, limits.CONTACT_DATA_KEY_MAX, "Name, kept as sent.")] = ""
    contact_data_value: Annotated[str, _text(0, limits.CONTACT_DATA_VALUE_MAX, "Value.")] = ""


ContactDataCollection = Annotated[
    list[ContactData] | None,
    Meta(extra_json_schema={"maxItems": limits.CONTACT_DATA_MAX_ITEMS}, description="Name-value pairs, at most 20."),
]
ContactName = Annotated[str, _text(1, limits.CONTACT_NAME_MAX, "Shown to the agent.")]


class Connect(Struct, frozen=True, rename="camel"):
    """Document, "Connect"."""

    work_type_id: Id
    contact_name: ContactName
    contact_email: Annotated[str | None, Meta(description="An address such as name@example.com.")] = None
    contact_data_collection: ContactDataCollection = None


class SendText(Struct, frozen=True, rename="camel"):
    """Document, "SendText"."""

    text: Annotated[str, _text(1, limits.TEXT_MAX, "What the contact says.")]


class PushUrl(Struct, frozen=True, rename="camel"):
    """Document, "PushUrl"."""

    url: Annotated[str, _text(1, limits.URL_MAX, "An absolute http or https address.")]


class Read(Struct, frozen=True, rename="camel"):
    """The contact has read everything up to this message."""

    message_id: Id


class Preview(Struct, frozen=True, rename="camel"):
    """What the contact has typed so far; "" when all of it was deleted."""

    text: Annotated[str, _text(0, limits.TEXT_MAX, "Not stored, and shown only where previewsShown was said.")]


class DialRequest(Struct, frozen=True, rename="camel"):
    """Document, "DialRequest"."""

    digits: Annotated[str, _text(3, limits.DIGITS_MAX, "A phone number as a person would dial it.")]


class Notification(Struct, frozen=True, rename="camel"):
    """Document, "Notification"."""

    state: Annotated[str, Meta(extra_json_schema={"enum": ["composing"]})]
    expires_after_seconds: Annotated[
        int | float, Meta(extra_json_schema={"exclusiveMinimum": 0, "maximum": limits.NOTIFICATION_SECONDS_MAX})
    ]


class ScheduleCallback(Struct, frozen=True, rename="camel"):
    """Document, "ScheduleCallback". Exactly one of the two times."""

    work_type_id: Id
    contact_name: ContactName
    digits: Annotated[str, _text(3, limits.DIGITS_MAX, "The number to call.")]
    call_back_time: Annotated[
        str | None, Meta(description="When to call, UTC.", extra_json_schema={"format": "date-time"})
    ] = None
    delay_start_duration: Annotated[
        int | None, Meta(description="In how many minutes to call.", extra_json_schema={"minimum": 0})
    ] = None
    contact_data_collection: ContactDataCollection = None


class CreateSession(Struct, frozen=True, rename="camel"):
    """What a new streaming session is to be like."""

    inactivity_delay: Annotated[
        int | None,
        Meta(
            description="Seconds without a poll before the session ends; 60 when left out.",
            extra_json_schema={"minimum": limits.INACTIVITY_DELAY_MIN, "maximum": limits.INACTIVITY_DELAY_MAX},
        ),
    ] = None
    require_acknowledgement: Annotated[
        bool | None, Meta(description="Send events again until they are acknowledged.")
    ] = None
    resume_session_id: Annotated[str | None, Meta(description="The session whose conversation goes on here.")] = None


class Acknowledge(Struct, frozen=True, rename="camel"):
    """Everything up to this event is done."""

    sequence_number: Annotated[int, Meta(extra_json_schema={"minimum": 0})]


_PATH = re.compile(r" - at `\$\.?(.*?)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


def decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """The body as its Struct. Raises Invalid with the field as scope, and a reason a program can act on."""
    try:
        if not body.isascii():
            # The decoder skips fields that it does not know without looking; a body is UTF-8 or it is not.
            body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_value(str(error)) from None
    except RecursionError:
        raise Invalid("tooDeep", "The body nests too deeply.", scope="body") from None
    except UnicodeError:
        raise Invalid("notUtf8", "Send the body as JSON in UTF-8.", scope="body") from None
    except ValueError as error:
        raise Invalid("invalidJson", f"Send the body as a JSON object ({error}).", scope="body") from None


def _wrong_value(message: str) -> Invalid:
    path = _PATH.search(message)
    scope = path.group(1) if path else ""
    text = message[: path.start()] if path else message
    missing = _MISSING.search(text)
    if missing:
        field = f"{scope}.{missing.group(1)}" if scope else missing.group(1)
        return Invalid("missingField", f"Send {missing.group(1)}.", scope=field)
    return Invalid("invalidType", f"{text}.", scope=scope or "body")


def too_large() -> Invalid:
    """The refusal of a body over the limit."""
    return Invalid("bodyTooLarge", f"Send at most {BODY_MAX} bytes.", scope="body")


def plain_id(value: str | int, scope: str) -> str:
    """An id as text. Raises Invalid when it can't be one."""
    if isinstance(value, int) and not 0 <= value < 10**limits.ID_MAX:
        raise Invalid("invalidId", "Send the id as given to you.", scope=scope)
    text = str(value)
    if not 1 <= len(text) <= limits.ID_MAX:
        raise Invalid("invalidId", "Send the id as given to you.", scope=scope)
    return text


def contact_of(body: Connect | ScheduleCallback) -> Contact:
    """The contact as introduced. Raises Invalid."""
    if not 1 <= len(body.contact_name) <= limits.CONTACT_NAME_MAX:
        raise Invalid("invalidContactName", "Send a name of 1 to 200 characters.", scope="contactName")
    email = getattr(body, "contact_email", None)
    return Contact(
        name=check_name(body.contact_name),
        email=check_email(email) if email else "",
        data=_data_of(body.contact_data_collection or []),
    )


def _data_of(items: list[ContactData]) -> tuple[ContactDatum, ...]:
    scope = "contactDataCollection"
    if len(items) > limits.CONTACT_DATA_MAX_ITEMS:
        raise Invalid("tooManyContactData", "Send at most 20 name-value pairs.", scope=scope)
    for i, item in enumerate(items):
        if len(item.contact_data_key) > limits.CONTACT_DATA_KEY_MAX:
            raise Invalid(
                "invalidContactData", "A name has at most 100 characters.", scope=f"{scope}[{i}].contactDataKey"
            )
        if len(item.contact_data_value) > limits.CONTACT_DATA_VALUE_MAX:
            raise Invalid(
                "invalidContactData", "A value has at most 2000 characters.", scope=f"{scope}[{i}].contactDataValue"
            )
    return tuple(ContactDatum(item.contact_data_key, item.contact_data_value) for item in items)
