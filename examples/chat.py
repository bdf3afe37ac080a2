"""Talk to frontdesk from a terminal. Standard library only; the whole client contract on one page.

    python3 examples/chat.py --url http://127.0.0.1:8080 --work-type 100 --name Ada

One thread polls and prints, the other one sends what you type. End with Ctrl+D.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

# Seconds. The server holds a poll for 15; silence longer than this is a dead connection.
PATIENCE = 30
# Seconds between two tries: growing, so that a server in trouble is not run over, and spread at random, so that
# thousands of clients don't come back in step.
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0


class Refused(Exception):
    """An answer that repeating does not change."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class Contact:
    """One customer: a web token, a streaming session, and the number of the last event shown."""

    def __init__(self, url: str, org: str, key: str) -> None:
        self._base = f"{url}/via/v2/organizations/{org}/"
        self._headers = {"x-api-key": key, "content-type": "application/json"}
        self._renewing = threading.Lock()
        self._seen = 0

    def start(self, work_type: str, name: str) -> None:
        """Get a token and a session, and open the chat."""
        self._renew(session="")
        self.post("messaging/connect", {"workTypeId": work_type, "contactName": name})

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send until there is an answer. The key makes a repeat of a request that did arrive harmless."""
        return self._repeat("POST", path, body or {}, {"idempotency-key": str(uuid.uuid4())})

    def events(self) -> Iterator[dict[str, Any]]:
        """Everything said to the contact, each event once and in order, until the chat is over."""
        while True:
            found = self._repeat("GET", f"streaming/events/webClient?maxEvents=100&afterSequenceNumber={self._seen}")
            for event in found["events"]:
                # Passing events (typing, queue position) have no number: they are never sent again.
                self._seen = event.get("sequenceNumber", self._seen)
                payload: dict[str, Any] = json.loads(event["payload"])
                yield payload
                if payload["kind"] == "messaging.Disconnected":
                    return

    def _repeat(
        self, method: str, path: str, body: dict[str, Any] | None = None, extra: dict[str, str] | None = None
    ) -> dict[str, Any]:
        wait = FIRST_WAIT
        while True:
            session = self._headers.get("via-client-sessionid", "")
            try:
                return self._once(method, path, body, extra)
            except Refused as refused:
                if refused.reason == "expiredToken":
                    self._take_token()
                    continue
                if refused.reason == "invalidSession":
                    self._renew(session)
                    continue
                if refused.code not in (429, 500):
                    raise
            except OSError:
                pass  # No connection, or it broke: whether the request arrived is unknown, so it is repeated.
            time.sleep(random.uniform(wait / 2, wait))
            wait = min(wait * 2, LONGEST_WAIT)

    def _once(
        self, method: str, path: str, body: dict[str, Any] | None, extra: dict[str, str] | None
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data=data, method=method, headers={**self._headers, **(extra or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read())
            raise Refused(error.code, problem["errors"][0]["reason"], problem["message"]) from None

    def _take_token(self) -> None:
        """A token lives for an hour; any token of the organization goes with any session."""
        token = self._repeat("POST", "webToken")
        self._headers["authorization"] = f"Bearer {token['tokenId']}"

    def _renew(self, session: str) -> None:
        """A new token, and a session that goes on where `session` stopped: same chat, same numbers."""
        with self._renewing:
            if self._headers.get("via-client-sessionid", "") != session:
                return  # The other thread was faster.
            self._take_token()
            resume = {"resumeSessionId": session} if session else {}
            made = self._repeat("POST", "streaming/session/webClient", resume)
            self._headers["via-client-sessionid"] = made["sessionId"]


def show(contact: Contact) -> None:
    """Print events as they come."""
    for event in contact.events():
        if event["kind"] in ("messaging.Text", "messaging.PushUrl"):
            print(f"{event['entityName']}: {event.get('text') or event['url']}", flush=True)
        elif event["kind"] == "messaging.QueueStatus":
            print(f"(you are number {event['position']} in the queue)", flush=True)
        elif event["kind"] == "messaging.Disconnected":
            print("(the chat is over)", flush=True)


def main() -> None:
    """Chat."""
    options = argparse.ArgumentParser(description="Talk to frontdesk from a terminal.")
    options.add_argument("--url", default="http://127.0.0.1:8080")
    options.add_argument("--org", default="viademo")
    options.add_argument("--key", default="demo-key")
    options.add_argument("--work-type", default="100")
    options.add_argument("--name", default="Ada")
    chosen = options.parse_args()
    contact = Contact(chosen.url, chosen.org, chosen.key)
    contact.start(chosen.work_type, chosen.name)
    reader = threading.Thread(target=show, args=(contact,), daemon=True)
    reader.start()
    try:
        for line in sys.stdin:
            if line.strip():
                contact.post("messaging/sendText", {"text": line.strip()})
        if reader.is_alive():
            contact.post("messaging/disconnect")
    except Refused as refused:
        # The chat may end while a line is typed.
        if refused.reason != "noOpenInteraction":
            sys.exit(f"chat: {refused}")
    reader.join(PATIENCE)


if __name__ == "__main__":
    main()
