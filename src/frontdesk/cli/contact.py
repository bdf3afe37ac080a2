"""A contact's side of the public API over plain HTTP: what `frontdesk chat` talks through. Blocks; for two threads.

Everything that may fail in passing is repeated here, with the same Idempotency-Key, so that a repeat never says
anything twice.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

# Above the 15 s that a poll may be held.
_TIMEOUT_SECONDS = 40
# Between two tries after a passing fault, doubled up to the last.
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 8.0
# A token is renewed this long before its hour is over: clocks differ, and a poll is held.
_RENEW_AFTER_SECONDS = 3000
_EVENTS_A_POLL = 50

Json = dict[str, Any]


class Refused(OSError):
    """The server refused for good; the text is its sentence, or ours where it sent none."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Contact:
    """One contact of an organization: a web token, a streaming session, and the place in its events."""

    def __init__(self, url: str, org: str, key: str) -> None:
        """Raises Refused when `url` is none."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused(0, f"{url} is no address of a server; it looks like http://127.0.0.1:8080.")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._root = f"{parts.path.rstrip('/')}/via/v2/organizations/{org}/"
        self._key = key
        self._token, self._renew_at = "", 0.0
        self._stopped = threading.Event()
        self._local = threading.local()
        self.session_id = ""
        self._after = 0
        self.on_trouble: Callable[[str], None] = lambda sentence: None

    def open(self, resume: str = "") -> str:
        """Open a streaming session; returns the id of the conversation that goes on on it, or "".

        Raises Refused, and OSError when there is no server.
        """
        self._renew()
        body = {"resumeSessionId": resume} if resume else {}
        made = self._ask("POST", "streaming/session/webClient", body)
        self.session_id = made["sessionId"]
        goes_on = str(made.get("interactionId", ""))
        if not goes_on:
            self._after = 0  # Another stream, numbered from 1; a resumed one goes on where it was.
        return goes_on

    def send(self, operation: str, body: Json | None = None) -> None:
        """Send a messaging request until it is accepted. Raises Refused."""
        self._patiently("POST", f"messaging/{operation}", body or {}, key=str(uuid.uuid4()))

    def poll(self) -> list[Json]:
        """Wait for the next events, each once and in order. Raises Refused with status 401 when the session is over."""
        # Without a number the server goes on after what it delivered last: so begins who resumes another's chat.
        place = f"&afterSequenceNumber={self._after}" if self._after else ""
        path = f"streaming/events/webClient?maxEvents={_EVENTS_A_POLL}{place}"
        answer = self._patiently("GET", path)
        events: list[Json] = []
        for event in answer.get("events", []):
            number = event.get("sequenceNumber", 0)
            if number and number <= self._after:
                continue  # Sent again, because a connection broke.
            self._after = max(self._after, number)
            events.append({**json.loads(event["payload"]), "kind": event["kind"]})
        return events

    def stop(self) -> None:
        """Give up what is being repeated; from now on everything is tried once."""
        self._stopped.set()

    def leave(self) -> None:
        """End the streaming session; an open conversation waits for its grace time. Raises OSError."""
        self._ask("DELETE", "streaming/session/webClient")

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def _patiently(self, method: str, path: str, body: Json | None = None, *, key: str = "") -> Json:
        """Ask, and after a passing fault ask again, until it is answered or the contact stops."""
        wait, renewed = _FIRST_WAIT_SECONDS, False
        while True:
            try:
                if time.monotonic() > self._renew_at:
                    self._renew()
                return self._ask(method, path, body, key=key)
            except Refused as refused:
                if refused.status == HTTPStatus.UNAUTHORIZED and not renewed:
                    # Of token and session it is the token that is over more often, and it costs nothing to renew.
                    renewed, self._renew_at = True, 0.0
                    continue
                if refused.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR):
                    raise
                trouble = str(refused)
            except (OSError, http.client.HTTPException) as error:
                trouble = f"{self.url} can't be reached ({error})"
            if not self.stopped:
                self.on_trouble(f"{trouble.rstrip('.')}. Trying again…")
            if self._stopped.wait(wait):
                return {}
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _renew(self) -> None:
        self._token = self._ask("POST", "webToken")["tokenId"]
        self._renew_at = time.monotonic() + _RENEW_AFTER_SECONDS

    def _ask(self, method: str, path: str, body: Json | None = None, *, key: str = "") -> Json:
        connection = self._connection()
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, self._root + path, data, self._headers(key))
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            # Half an answer may be under way on it: the next request needs a new one.
            connection.close()
            raise
        return _read(answer.status, content)

    def _headers(self, key: str) -> dict[str, str]:
        headers = {"x-api-key": self._key, "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self.session_id:
            headers["via-client-sessionid"] = self.session_id
        if key:
            headers["Idempotency-Key"] = key
        return headers

    def _connection(self) -> http.client.HTTPConnection:
        """The thread's own: a held poll must not keep a message waiting."""
        made: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if made is None:
            kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
            made = self._local.connection = kind(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        return made


def _read(status: int, content: bytes) -> Json:
    try:
        answer = json.loads(content) if content else {}
    except ValueError:
        answer = {}
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        sentence = answer.get("message") if isinstance(answer, dict) else None
        raise Refused(status, sentence or f"The server answers {status}; is it a frontdesk?")
    if not isinstance(answer, dict):
        raise Refused(status, "The server's answer is not what the public API says; is it a frontdesk?")
    return answer
