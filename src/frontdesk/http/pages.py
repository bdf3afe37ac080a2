"""The pages that come with the server: read once at start, served from memory."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from frontdesk.http.routes import Route
from frontdesk.http.wire import Answer, Call, Headers, Result, json_answer

_TYPES = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
}
# No script, style or connection but our own: what a page shows of a customer can never run.
_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
)
_SAFE: Headers = (
    (b"cache-control", b"no-cache"),
    _POLICY,
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def _page(name: str, content: bytes, path: str) -> Route:
    answer = Answer(200, content, ((b"content-type", _TYPES[name.rpartition(".")[2]]), *_SAFE))

    def page(call: Call) -> Result:
        return answer

    return Route("GET", path, page, name="page", tag="Pages", summary=name, success=200)


def routes(facts: Mapping[str, Any] | None, describe: Mapping[str, Any]) -> list[Route]:
    """Pages and what they read. Without `facts` (a demo's) only the documentation is served."""
    found = {f.name: f.read_bytes() for f in files("frontdesk.http").joinpath("pages").iterdir() if "." in f.name}
    served = [_page(name, content, f"/assets/{name}") for name, content in found.items() if not name.endswith(".html")]
    served.append(_page("docs.html", found["docs.html"], "/docs"))
    served.append(_value("/openapi.json", describe))
    if facts is not None:
        served.append(_page("index.html", found["index.html"], "/"))
        served.append(_value("/demo.json", facts))
    return served


def _value(path: str, value: Mapping[str, Any]) -> Route:
    def show(call: Call) -> Result:
        return json_answer(value)

    return Route("GET", path, show, name="show", tag="Pages", summary=path, success=200)
