"""Bodies that are forms (application/x-www-form-urlencoded), as OAuth and browsers without script send them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from frontdesk.domain.errors import Invalid
from frontdesk.http.wire import Call

_TYPE = b"application/x-www-form-urlencoded"
_FIELDS_MAX = 40


def form(call: Call) -> dict[str, str]:
    """The fields of the body. Raises Invalid."""
    if call.request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _TYPE:
        raise Invalid("notAForm", f"Send the body as {_TYPE.decode()}.", scope="Content-Type")
    return fields_of(call.request.body, "body")


def query(call: Call) -> dict[str, str]:
    """The fields of the query. Raises Invalid."""
    return fields_of(call.request.query, "query")


def fields_of(raw: bytes, scope: str) -> dict[str, str]:
    """Each field once (RFC 6749, 3.1); an empty one counts as left out. Raises Invalid."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise Invalid(
            "invalidForm", "Send fields as name=value, joined by &, percent-encoded UTF-8.", scope=scope
        ) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid("repeatedField", f"Send {name} once.", scope=scope)
        found[name] = value
    return {name: value for name, value in found.items() if value}


def needed(fields: dict[str, str], name: str) -> str:
    """A field that must be there. Raises Invalid."""
    value = fields.get(name)
    if value is None:
        raise Invalid("missingField", f"Send {name}.", scope=name)
    return value
