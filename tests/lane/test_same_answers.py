"""The lane and the plain ASGI route say the same, to the byte, to whatever comes over a socket."""

import random

import pytest

from tests.lane.corpus import CORPUS, HEALTH, HOSTILE, SAY, TEXT, chunked, request
from tests.lane.peer import Pair, answers

OVERTAKES = "uvicorn's refusal of broken bytes overtakes the answers to the requests before them, and stands for those"
FORGETS = (
    "uvicorn forgets the body of a request that asks for another protocol, and what follows it; the lane ignores the "
    "wish and says that this is the last answer"
)
DIFFERENT = {
    "target /healthz#part": "a fragment is never sent to a server; uvicorn drops it, the lane finds no such path",
    "target http://h": "an absolute target without a path means the root (RFC 9112, 3.2.1), which uvicorn can't read",
    "target http://h?a": "as above",
    "expect twice": "of a header that comes twice the lane heeds the last, uvicorn here any of them",
    "connect": "uvicorn can't read a target that is only an authority; the lane has nothing at it",
    "surplus after length": OVERTAKES,
    "good, then garbage": OVERTAKES,
    "upgrade to h2c": FORGETS,
    "upgrade to a web socket": FORGETS,
    "upgrade, then more": FORGETS,
    "upgrade of a text": FORGETS,
}
"""Where the lane is right or as good, and the other side is uvicorn's."""

SPLIT = {
    "health": HEALTH,
    "text": TEXT,
    "poll twice": CORPUS["poll twice"],
    "trailer": chunked(SAY, trailer=b"X-Checksum: 1\r\n"),
    "chunk extension": CORPUS["chunk extension"],
    "pipeline": HEALTH + request("GET /nothing") + HEALTH,
    "continue": CORPUS["continue"],
    "length and chunks": HOSTILE["length and chunks"],
}


def same(pair: Pair, data: bytes, *cuts: int) -> None:
    """Both say the same to these bytes, cut at these places."""
    assert answers(pair.lane, data, cuts) == answers(pair.asgi, data, cuts)


@pytest.mark.parametrize("name", [name for name in CORPUS if name not in DIFFERENT])
def test_both_answer_alike(pair: Pair, name: str) -> None:
    """Status, headers, body, and whether the connection stays."""
    same(pair, CORPUS[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_known_differences_are_still_there(pair: Pair, name: str) -> None:
    """A difference that is gone leaves the list."""
    assert answers(pair.lane, CORPUS[name]) != answers(pair.asgi, CORPUS[name])


def test_the_lane_declines_another_protocol_and_does_the_rest(pair: Pair) -> None:
    """As `curl --http2` asks: the text is taken, with its body; the connection ends."""
    said = answers(pair.lane, CORPUS["upgrade of a text"])
    assert said.data.startswith(b"HTTP/1.1 202")
    assert said.data.count(b"HTTP/1.1") == said.data.count(b"connection: close") == 1
    assert said.ended


@pytest.mark.parametrize("name", SPLIT)
def test_split_at_every_byte(pair: Pair, name: str) -> None:
    """Two pieces, cut at each place in turn: the lane's answers are those to the whole."""
    data = SPLIT[name]
    whole = answers(pair.lane, data)
    assert whole == answers(pair.asgi, data)
    if b"{session}" in data:
        places = sorted(random.Random(7).sample(range(1, len(data)), 40))
    else:
        places = list(range(1, len(data)))
    for cut in places:
        assert (cut, answers(pair.lane, data, [cut])) == (cut, whole)


@pytest.mark.parametrize("name", SPLIT)
def test_byte_by_byte(pair: Pair, name: str) -> None:
    """Each byte in a piece of its own."""
    same(pair, SPLIT[name], *range(1, len(SPLIT[name])))


@pytest.mark.parametrize("name", [name for name in CORPUS if name not in DIFFERENT and len(CORPUS[name]) > 1])
def test_random_splits(pair: Pair, name: str) -> None:
    """A few pieces, cut anywhere."""
    dice = random.Random(name)
    data = CORPUS[name]
    same(pair, data, *(dice.randrange(len(data)) for _ in range(dice.randrange(1, 6))))
