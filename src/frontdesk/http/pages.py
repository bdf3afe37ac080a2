"""The pages that come with the server: read once at start, served from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from frontdesk.http.routes import Route
from frontdesk.http.wire import Answer, Call, Headers, Pending, Result, json_answer

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


def routes(facts: Mapping[str, Any] | None, describe: Callable[[], Mapping[str, Any]]) -> list[Route]:
    """Pages and what they read. Without `facts` (a demo's) only the documentation is served.

    `describe` is called when the description is first asked for, in a thread.
    """
    found = {f.name: f.read_bytes() for f in files("frontdesk.http").joinpath("pages").iterdir() if "." in f.name}
    served = [_page(name, content, f"/assets/{name}") for name, content in found.items() if not name.endswith(".html")]
    served.append(_page("docs.html", found["docs.html"], "/docs"))
    served.append(_shown("/openapi.json", _Made(describe).show))
    if facts is not None:
        served.append(_page("index.html", found["index.html"], "/"))
        served.append(_shown("/demo.json", lambda call: json_answer(facts)))
    return served


class _Made:
    """A JSON value that is made when first asked for: making it takes a tenth of a second, and few ask."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._make = make
        self._making: asyncio.Future[Answer] | None = None

    def show(self, call: Call) -> Result:
        """The value; made aside, as nobody's chat shall wait for it."""
        if self._making is None:
            loop = asyncio.get_running_loop()
            self._making = loop.run_in_executor(None, lambda: json_answer(self._make()))
        if self._making.done() and self._making.exception() is None:
            return self._making.result()
        pending = Pending()
        self._making.add_done_callback(lambda made: _tell(pending, made))
        return pending


def _tell(pending: Pending, made: asyncio.Future[Answer]) -> None:
    error = made.exception()
    if error is None:
        pending.complete(made.result())
    else:
        pending.refuse(error)


def _shown(path: str, show: Callable[[Call], Result]) -> Route:
    return Route("GET", path, show, name="show", tag="Pages", summary=path, success=200)
