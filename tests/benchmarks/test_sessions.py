"""The generator's session file, and what it makes of it against the limit server."""

import json
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import generator, sessions, wire
from benchmarks.generator import Load
from benchmarks.peers.epoll import Epoll
from benchmarks.sessions import BODY_BYTES, STAMP, Record


def test_send_body_has_the_exact_size_and_starts_with_the_stamp() -> None:
    """Its size is what the documents quote."""
    body = sessions.send_body()

    assert len(body) == BODY_BYTES
    assert json.loads(body)["text"].startswith(STAMP)


def test_session_file_holds_one_escaped_request_a_line(tmp_path: Path) -> None:
    """A raw line end inside a request would cut it in two."""
    sessions.write(tmp_path / "file", [Record("P", b"GET / HTTP/1.1\r\n\r\n"), Record("S", b"a\\b\tc")])

    assert (tmp_path / "file").read_bytes() == b"PGET / HTTP/1.1\\r\\n\\r\\n\nSa\\\\b\\tc\n"


def test_request_states_the_length_of_its_body() -> None:
    """The generator sends these bytes as they are."""
    raw = wire.request("POST", "/path", {"x-api-key": "k"}, b"12345")

    assert raw == b"POST /path HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: k\r\nContent-Length: 5\r\n\r\n12345"


def test_command_line_carries_the_whole_load() -> None:
    """A value left out would fall back to a default in silence."""
    arguments = Load("chat", (8001, 8002), "via", Path("f"), 4.0, polls=10, senders=2, sends_per_second=50).arguments()
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))

    expected = {"-m": "chat", "-p": "8001,8002", "-P": "via", "-f": "f", "-n": "10", "-c": "2", "-R": "50"}
    assert options.items() >= expected.items()


@pytest.fixture(scope="module")
def _built() -> None:
    generator.build()


@pytest.mark.usefixtures("_built")
@pytest.mark.parametrize("pace", [0.0, 500.0], ids=["closed-loop", "by-the-clock"])
def test_every_message_sent_into_held_polls_is_delivered(tmp_path: Path, pace: float) -> None:
    """The generator counts each message once, in a closed loop and by the clock."""
    peer = Epoll()
    with peer.start(tmp_path, cpus="0") as server:
        sessions.write(tmp_path / "sessions", peer.records(server, scenario="chat", sessions=20, senders=4))
        load = Load("chat", (server.port,), peer.rules, tmp_path / "sessions", 0.3, 0.1, 20, 4, pace)
        numbers = generator.run(load, cpus="0")

    assert numbers["sent"] > 0
    assert numbers["delivered"] == numbers["sent"]
    assert numbers["send_err"] == numbers["poll_err"] == numbers["reconn"] == 0


def accepted(listening: socket.socket) -> int:
    """How many connections wait at a port that nobody serves."""
    listening.settimeout(0)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count


@pytest.mark.usefixtures("_built")
@pytest.mark.parametrize(("mode", "polls", "senders"), [("post", 0, 5), ("idle", 5, 0)])
def test_connections_go_to_the_ports_in_turn(tmp_path: Path, mode: str, polls: int, senders: int) -> None:
    """Else two nodes would be measured as one."""
    records = [Record(kind, wire.request("POST", "/", {})) for kind in "PS" for _ in range(5)]
    sessions.write(tmp_path / "sessions", records)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = (first.getsockname()[1], second.getsockname()[1])
        load = Load(mode, ports, "via", tmp_path / "sessions", 0.1, 0.0, polls, senders)
        generator.run(load, cpus="0")

        assert [accepted(first), accepted(second)] == [3, 2]
