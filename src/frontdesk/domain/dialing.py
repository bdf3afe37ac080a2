"""Requests to be called, and their answers: what may be answered, once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from frontdesk.domain import events
from frontdesk.domain.errors import Invalid, NotFound

REQUEST, ANSWER = (str(kind.__struct_config__.tag) for kind in (events.DialRequest, events.DialAnswered))
KINDS = frozenset({REQUEST, ANSWER})
ACCEPTED, DECLINED = "accepted", "declined"
ANSWERED_ALREADY = "This request was answered already."


class Given(NamedTuple):
    """An answer to the request with this `messageId`; `name` is how the agent is called in front of the contact."""

    request_id: str
    answer: str
    name: str = ""


def check_answer(answer: str) -> str:
    """The answer as sent. Raises Invalid when it is none."""
    if answer not in (ACCEPTED, DECLINED):
        raise Invalid("invalidAnswer", "Send accepted or declined.", scope="answer")
    return answer


def asked(said: Iterable[dict[str, Any]], given: Given) -> str:
    """The number that the request wants to be called on. Raises NotFound, Invalid when there is nothing to answer.

    `said`: the payloads of a conversation's requests and answers.
    """
    digits = ""
    for payload in said:
        if payload["kind"] == ANSWER and payload["requestId"] == given.request_id:
            raise Invalid("alreadyAnswered", ANSWERED_ALREADY, scope="messageId")
        if payload["kind"] == REQUEST and payload.get("messageId") == given.request_id:
            digits = payload["digits"]
    if not digits:
        raise NotFound("unknownDialRequest", "Nobody asked for this call in the conversation.", scope="messageId")
    return digits
