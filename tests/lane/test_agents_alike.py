"""Agents' requests, too, are answered alike by the lane and by the plain ASGI route."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

import pytest

from tests.lane.corpus import BASE, request
from tests.lane.peer import Pair, Said, exchange, same_for_all
from tests.support.desk import Desk, user
from tests.support.server import Running
from tests.support.wire import Wire

TOKEN = "authorization: {token}"
ALL = f"{TOKEN}\r\nvia-client-sessionid: {{session}}"
WORK = f"{BASE}engagementCenter/interactions/{{interaction}}/"
TALK = f"{BASE}messaging/users/{{user}}/"
SAY = b'{"interactionId":"{interaction}","text":"Hello"}'
POLL = request(f"GET {BASE}streaming/events?maxEvents=1", ALL)


def talk(verb: str, body: bytes, *headers: str) -> bytes:
    """A messaging request of an agent."""
    return request(f"POST {TALK}{verb}", ALL, *headers, body=body)


TEXT = talk("sendText", SAY)
COMPOSING = b'{"interactionId":"{interaction}","state":"composing","expiresAfterSeconds":3}'
# Each is a list of pieces, sent one after the other.
REQUESTS: dict[str, list[bytes]] = {
    "text": [TEXT],
    "text to agents": [talk("sendText", b'{"interactionId":"{interaction}","text":"psst","audience":"agents"}')],
    "text for a number": [talk("sendText", b'{"interactionId":{interaction},"text":"Hello"}')],
    "text in pieces": [TEXT[:40], TEXT[40:-9], TEXT[-9:]],
    "texts at once": [TEXT * 3],
    "repeated with a key": [talk("sendText", SAY, "Idempotency-Key: 1") * 2],
    "link": [talk("pushUrl", b'{"interactionId":"{interaction}","url":"https://example.org/"}')],
    "composing": [talk("notification", COMPOSING)],
    "note": [talk("note", SAY)],
    "texts, then the same poll for each": [TEXT, TEXT, TEXT, POLL, POLL, POLL],
    "the same poll with another between": [TEXT, TEXT, POLL, request("GET /healthz"), POLL],
    "poll, session ended, poll": [TEXT, TEXT, POLL, request(f"DELETE {BASE}streaming/session", ALL), POLL],
    "acknowledge": [request(f"POST {BASE}streaming/acknowledge", ALL, body=b'{"sequenceNumber":1}')],
    "hold, retrieve": [request(f"POST {WORK}hold", ALL, body=b""), request(f"POST {WORK}retrieve", ALL, body=b"")],
    "state": [request(f"GET {BASE}engagementCenter/users/{{user}}/state", ALL)],
    "transcript": [request(f"GET {WORK}transcript?limit=3", ALL)],
    "routing": [request(f"GET {WORK}routing", ALL)],
    "accepted before": [request(f"POST {WORK}accept", ALL, body=b"")],
    "no token": [request(f"POST {TALK}sendText", body=SAY)],
    "a wrong token": [request(f"POST {TALK}sendText", "authorization: Bearer x", body=SAY)],
    "for somebody else": [request(f"POST {BASE}messaging/users/nobody/sendText", ALL, body=SAY)],
    "no session": [request(f"GET {BASE}streaming/events", TOKEN)],
    "dead session": [request(f"GET {BASE}streaming/events", TOKEN, "via-client-sessionid: gone")],
    "unknown interaction": [talk("sendText", b'{"interactionId":"1","text":"Hello"}')],
    "no number": [talk("sendText", b'{"interactionId":"one","text":"Hello"}')],
    "no text": [talk("sendText", b'{"interactionId":"{interaction}"}')],
    "no json": [talk("sendText", b"{text")],
    "no body": [talk("sendText", b"")],
    "wrong audience": [talk("sendText", b'{"interactionId":"{interaction}","text":"Hello","audience":"all"}')],
    "bad query": [request(f"GET {BASE}streaming/events?maxEvents=x", ALL)],
    "wrong method": [request(f"PUT {TALK}sendText", ALL, body=SAY)],
    "preflight": [request(f"OPTIONS {TALK}sendText", "Origin: http://a", "Access-Control-Request-Method: POST")],
}
_NUMBERS = count()
_IDS = re.compile(rb"\d{16,}")


@contextmanager
def at_work(server: Running, number: int) -> Iterator[tuple[Desk, str]]:
    """An agent with one contact, whose conversation is shown; every event of that is read."""
    made = user(server, f"alike{number}", name="Alex")
    with Desk(server, made) as desk, server.contact() as contact:
        desk.at_work()
        contact.connect()
        yield desk, desk.take()
        contact.post("messaging/disconnect")
        # Gone, so that the next contact is offered to the next agent.
        server.wait(_disabled(server, made.user_id))


async def _disabled(server: Running, user_id: str) -> None:
    await server.app.admin.run("user.disable", {"org_id": "viademo", "login": user_id})


def said(server: Running, number: int, pieces: list[bytes]) -> Said:
    """What the server answers to an agent's pieces."""
    with at_work(server, number) as (desk, interaction_id):
        known = {
            b"{token}": desk.credentials["authorization"],
            b"{session}": desk.credentials["via-client-sessionid"],
            b"{interaction}": interaction_id,
            b"{user}": desk.user_id,
        }
        return _plain(exchange(server, [_filled(piece, known) for piece in pieces]))


def _filled(piece: bytes, known: dict[bytes, str]) -> bytes:
    """Each request with what it names, and the length that its body has then."""
    for mark, value in known.items():
        piece = piece.replace(mark, value.encode())
    return re.sub(rb"Content-Length: \d+(\r\n\r\n)([^\r]*?)(?=POST |GET |$)", _measured, piece, flags=re.DOTALL)


def _measured(found: re.Match[bytes]) -> bytes:
    return b"Content-Length: %d%b%b" % (len(found[2]), found[1], found[2])


def _plain(answers: Said) -> Said:
    same = same_for_all(answers)
    return Said(_IDS.sub(b"...", same.data), same.ended)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_answer_agents_alike(pair: Pair, name: str) -> None:
    """Status, headers, body, and whether the connection stays."""
    number = next(_NUMBERS)
    lane = said(pair.lane, number, REQUESTS[name])
    assert lane.data
    assert lane == said(pair.asgi, number, REQUESTS[name])


def test_a_repeated_poll_is_looked_at_anew_once_its_token_ended(pair: Pair) -> None:
    """The poll's bytes are known by then, and the user is disabled: it is refused like any other."""
    server = pair.lane
    with at_work(server, next(_NUMBERS)) as (desk, interaction_id):
        for text in "ab":
            desk.send(interaction_id, text)
        desk.hear("messaging.Text", lambda text: text["text"] == "a")
        with closing(Wire(desk.port)) as wire:
            assert desk.hold(1, wire=wire).events()
            server.wait(_disabled(server, desk.user_id))
            refused = desk.hold(1, wire=wire).answer()
    assert refused.status == 401
    assert json.loads(refused.body)["errors"][0]["reason"] == "invalidToken"
