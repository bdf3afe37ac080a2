"""Requests that nobody thought of: the lane and the ASGI route still say the same."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lane.corpus import BASE, HEALTH, KEY
from tests.lane.peer import Pair, agree, answers

ROUNDS = settings(
    max_examples=250, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

text = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=12)
words = st.sampled_from(
    ["close", "keep-alive", "chunked", "identity", "0", "3", "5", "-1", "gzip", "100-continue", "a, b", "", "demo-key"]
)
names = st.sampled_from(
    [
        "Connection",
        "Content-Length",
        "TRANSFER-ENCODING",
        "expect",
        "x-api-key",
        "Authorization",
        "Host",
        "Origin",
        "X-A",
    ]
)
methods = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", "BREW"])
targets = st.one_of(
    st.sampled_from(["/healthz", BASE + "webToken", BASE + "messaging/sendText", "/nothing", "*", "//", "/%41?b=c"]),
    st.text(st.characters(codec="ascii", exclude_characters=" \r\n\0#"), max_size=20).map("/".__add__),
)
bodies = st.one_of(st.binary(max_size=20), st.sampled_from([b"", b"3\r\nabc\r\n0\r\n\r\n", b'{"text":"a"}']))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is mostly right; Content-Length is true half of the time."""
    headers = draw(st.lists(st.tuples(names, st.one_of(words, text)), max_size=4))
    body = draw(bodies)
    if draw(st.booleans()):
        headers.append(("Content-Length", str(len(body))))
    if draw(st.booleans()):
        headers.append(("x-api-key", KEY.partition(": ")[2]))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]))
    lines = [f"{draw(methods)} {draw(targets)} {version}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def hold(pair: Pair, data: bytes, cuts: list[int]) -> None:
    """Both say the same, and nothing makes a fault."""
    lane, asgi = answers(pair.lane, data, cuts), answers(pair.asgi, data, cuts)
    assert agree(lane, asgi), (lane, asgi)
    assert b"internalError" not in lane.data


@ROUNDS
@given(data=requests(), cuts=st.lists(st.integers(1, 200), max_size=4))
def test_any_request(pair: Pair, data: bytes, cuts: list[int]) -> None:
    """One, in any pieces, and a good one behind it."""
    hold(pair, data + HEALTH, cuts)


@ROUNDS
@given(several=st.lists(requests(), min_size=2, max_size=4))
def test_any_pipeline(pair: Pair, several: list[bytes]) -> None:
    """Several in one piece."""
    hold(pair, b"".join(several), [])


@ROUNDS
@given(data=requests(), at=st.integers(0, 300), put=st.binary(max_size=3), drop=st.integers(0, 3))
def test_any_spoilt_request(pair: Pair, data: bytes, at: int, put: bytes, drop: int) -> None:
    """A request with a few bytes more, less or other."""
    hold(pair, data[:at] + put + data[at + drop :] + HEALTH, [])
