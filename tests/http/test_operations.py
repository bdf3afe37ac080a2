"""For operators: health, readiness, metrics, logs that tell nothing of customers, and what a fault looks like."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.actions.messaging import Messaging
from frontdesk.streaming.hub import Hub
from tests.support.client import EVENTS, SESSION, Client, payloads
from tests.support.cluster import sqlite_only
from tests.support.server import Process, Running, running
from tests.support.wire import PATIENCE_SECONDS, Answer


@pytest.fixture
def own() -> Iterator[Running]:
    """A server that a test may spoil."""
    with running() as server:
        yield server


def _metrics(server: Running) -> Mapping[tuple[str, str], int]:
    """Added up over all nodes, as an operator's graphs do."""
    found: Counter[tuple[str, str]] = Counter()
    for port in server.ports:
        with Client(port) as client:
            text = client.ask("GET", "/metrics").body.decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name, sample.labels.get("kind", "")] += int(sample.value)
    return found


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_credentials(client: Client, path: str) -> None:
    """Load balancers have none."""
    answer = client.ask("GET", path, x_api_key=None)
    assert (answer.status, answer.json()["status"]) == (200, "ok")
    head = client.ask("HEAD", path, x_api_key=None)
    assert (head.status, head.headers["content-length"]) == (200, str(len(answer.body)))
    assert client.ask("GET", path).status == 200, "the connection goes on where the headers ended"


def test_stopping_server_is_alive_but_not_ready(own: Running) -> None:
    """It is taken out of rotation before its connections close, and API calls are told to come back."""
    with own.contact() as contact:
        own.stopping(1)
        ready = contact.ask("GET", "/readyz")
        assert (ready.status, ready.json()["checks"]["serving"]) == (500, "stopping")
        assert contact.ask("GET", "/healthz").status == 200
        refused = contact.ask("GET", EVENTS)
        assert (refused.status, refused.reason) == (500, "shuttingDown")
        assert int(refused.headers["retry-after"]) >= 1


def test_metrics_count_what_happened(own: Running) -> None:
    """Prometheus' own parser reads them; sessions, chats, queue and events are in it."""
    with own.contact() as contact:
        contact.connect()
        contact.until("QueueStatus")
        held = contact.hold(wire=contact.polls)
        own.held()
        found = _metrics(own)
        assert found["frontdesk_sessions", "alive"] == 1
        assert found["frontdesk_sessions", "held"] == 1
        assert found["frontdesk_interactions", "open"] == 1
        assert found["frontdesk_queue", "waiting"] == 1
        assert found["frontdesk_answers_total", "202"] == 1
        assert found["frontdesk_events_total", "delivered"] == 1
        contact.disconnect()
        held.events()
        found = _metrics(own)
        assert found["frontdesk_interactions", "open"] == 0
        assert found["frontdesk_queue", "waiting"] == 0


def test_metrics_name_nobody(own: Running) -> None:
    """No id of a session, an interaction or an organization becomes a label: those grow without end."""
    with own.contact() as contact:
        contact.connect()
        text = contact.ask("GET", "/metrics").body.decode()
        assert contact.session_id not in text
        assert "viademo" not in text


def test_usage_is_counted_by_key_endpoint_and_day(own: Running) -> None:
    """What `frontdesk apikey usage` shows, including refused calls, after at most a second."""
    with own.contact() as contact:
        contact.connect()
        for _ in range(3):
            contact.post("messaging/sendText", {"text": ""})
        own.advance(1)
        own.stored()
    counts = {row["endpoint"]: row["count"] for row in own.admin("apikey.usage", org_id="viademo")}
    assert counts == {
        "POST webToken": 1,
        f"POST {SESSION}": 1,
        "POST messaging/connect": 1,
        "POST messaging/sendText": 3,
    }
    assert {row["day"] for row in own.admin("apikey.usage", org_id="viademo")} == {"2026-01-01"}


# ---- faults


def _is_documented_fault(answer: Answer) -> bool:
    body = answer.json()
    return (
        answer.status == body["code"] == 500
        and set(body) == {"code", "message", "errors"}
        and set(body["errors"][0]) == {"scope", "reason", "message"}
        and answer.headers["content-type"] == "application/json"
        and answer.headers["access-control-allow-origin"] == "*"
    )


def _bug(*_: object, **__: object) -> None:
    raise KeyError("the customer's secret words")


@pytest.mark.parametrize("key", [None, "k"])
def test_fault_is_answered_as_documented_and_passes(own: Running, key: str | None) -> None:
    """A mistake of ours costs one answer; nothing of it is shown, and the connection goes on."""
    with own.contact() as contact:
        contact.connect()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Messaging, "send_text", _bug)
            answer = contact.post("messaging/sendText", {"text": "x"}, idempotency_key=key)
        assert _is_documented_fault(answer)
        assert b"secret" not in answer.body
        contact.say("x", idempotency_key=key)


def test_fault_in_a_poll_is_answered_as_documented(own: Running) -> None:
    """The client's sample code waits and goes on after this, and after nothing else."""
    with own.contact() as contact:
        contact.connect()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Hub, "poll", _bug)
            assert _is_documented_fault(contact.ask("GET", EVENTS))
        assert contact.poll()


# ---- the process


@sqlite_only("a server in a process of its own is the demo on SQLite")
def test_stop_answers_held_polls_empty_and_ends_well(tmp_path: Path) -> None:
    """SIGTERM: whoever waits gets an empty answer, the process ends with 0, and what was accepted is there later."""
    with Process(tmp_path / "data") as process:
        with process.contact() as contact:
            contact.connect()
            contact.until("QueueStatus")
            contact.say("before the stop", idempotency_key="1")
            held = contact.hold(wire=contact.polls)
            # The poll is held once a later request of the same session was answered: both go through one loop.
            contact.done("messaging/notification", {"state": "composing", "expiresAfterSeconds": 1})
            assert process.stop() == 0
            assert held.events() == []
        process.restart()
        with process.client() as again:
            again.credentials = contact.credentials
            assert again.poll(after=0)[0]["sequenceNumber"] == 1
            again.say("before the stop", idempotency_key="1")


SECRETS = {
    "text": "the-customers-words",
    "name": "Xanthippe",
    "email": "xanthippe@example.com",
    "digits": "555 987 6543",
    "datum": "1234-5678-9999",
    "url": "https://example.com/private-page",
}


def _talk(contact: Client) -> list[str]:
    """Say everything that must not be logged, the right way and wrong; returns the secrets of the connection."""
    data = [{"contactDataKey": "Account", "contactDataValue": SECRETS["datum"]}]
    contact.connect("100", SECRETS["name"], contactEmail=SECRETS["email"], contactDataCollection=data)
    contact.say(SECRETS["text"], idempotency_key="my-own-key")
    contact.done("messaging/pushUrl", {"url": SECRETS["url"]})
    contact.done("messaging/dial", {"digits": SECRETS["digits"]})
    contact.post("messaging/sendText", {"text": [SECRETS["text"]]})
    contact.post("messaging/sendText", b"\xff" + SECRETS["text"].encode())
    contact.post("messaging/connect", {"workTypeId": 1, "contactName": SECRETS["name"]})
    contact.ask("GET", f"{EVENTS}?{SECRETS['text']}")
    contact.poll()
    contact.disconnect()
    token = contact.credentials["authorization"].split()[1]
    return [token, token.rpartition(".")[2], contact.session_id, contact.credentials["x-api-key"]]


@sqlite_only("a server in a process of its own is the demo on SQLite")
def test_logs_hold_no_words_and_no_secrets(tmp_path: Path) -> None:
    """At the most talkative level, over good and refused requests, a stop and a start."""
    with Process(tmp_path / "data") as process:
        process.stop()
    command = [sys.executable, "-m", "frontdesk", "serve", "--data", str(tmp_path / "data"), "--port", "0"]
    environment = {**os.environ, "FRONTDESK_LOG_LEVEL": "debug", "FRONTDESK_LOG_JSON": "true"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stderr is not None
        lines: list[str] = []
        for line in server.stderr:
            lines.append(line)
            if json.loads(line)["event"] == "serving":
                break
        port = int(re.findall(r"127\.0\.0\.1:(\d+)", lines[-1])[0])
        with Client(port) as contact:
            contact.token()
            contact.session()
            secrets = _talk(contact)
        server.send_signal(signal.SIGTERM)
        _, rest = server.communicate(timeout=PATIENCE_SECONDS)
    log = "".join(lines) + rest
    assert '"stopped"' in log, "the control: this is the server's log, to its end"
    told = [secret for secret in [*SECRETS.values(), *secrets] if secret in log]
    assert told == []


def test_fault_is_logged_without_the_customers_words(own: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """The trace says where it happened; what the customer sent is not in it."""
    with own.contact() as contact:
        contact.connect("100", SECRETS["name"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("frontdesk.domain.messages.check_text", lambda text: {}[text])
            assert contact.post("messaging/sendText", {"text": SECRETS["text"]}).status == 500
    out, err = capfd.readouterr()
    assert "http.fault" in out + err
    assert "messaging.send_text" in out + err
    assert SECRETS["text"] not in out + err


def test_scripts_fault_is_excused_and_logged_without_the_words(own: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """The conversation goes on with an apology."""
    with own.contact() as contact:
        contact.connect("1")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("frontdesk.scripts.echo.Outcome", lambda said: {}[said])
            contact.say(SECRETS["text"])
            assert "Sorry" in payloads(contact.until("Text"))[-1]["text"]
        contact.say("again")
        assert payloads(contact.until("Text"))[-1]["text"] == "again"
    out, err = capfd.readouterr()
    assert "script.failed" in out + err
    assert SECRETS["text"] not in out + err
