"""What the benchmarks of agents send and print."""

import json

import pytest

from benchmarks import offers, sessions


def test_what_an_agent_says_is_as_long_as_what_a_contact_says() -> None:
    """Servers are compared by the same number of bytes, whatever else is in the body."""
    body = sessions.send_body(interactionId="1234567890123456789")
    assert len(body) == len(sessions.send_body()) == sessions.BODY_BYTES
    assert json.loads(body)["interactionId"] == "1234567890123456789"
    assert json.loads(body)["text"].startswith(sessions.STAMP)


def test_quantiles_are_in_milliseconds() -> None:
    """The slowest is among them: one slow offer must not hide."""
    found = offers.quantiles([number / 1000 for number in range(1, 102)])
    assert found == pytest.approx({"p50": 51, "p95": 96, "p99": 100, "max": 101})
