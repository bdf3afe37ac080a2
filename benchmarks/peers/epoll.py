"""The physical limit: a single-threaded C server that does nothing but the two routes."""

from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import sessions, wire
from benchmarks.paths import BUILD
from benchmarks.processes import Server, free_port, running
from benchmarks.sessions import Record

PREFIX = "/via/v2/organizations/viademo"


class Epoll:
    """epollserv.c; it checks a token by comparing bytes and stores nothing."""

    name = "epoll"
    rules = "via"

    def install(self) -> str:
        """It is built with the generator."""
        return "loadgen/epollserv.c"

    def start(self, folder: Path, *, cpus: str) -> AbstractContextManager[Server]:
        """Run it on a free port."""
        port = free_port()
        return running([str(BUILD / "epollserv"), str(port)], cpus=cpus, port=port, folder=folder)

    def records(self, server: Server, *, scenario: str, sessions: int, senders: int) -> list[Record]:
        """Two requests a session; what session i sends arrives at its neighbour i XOR 1."""
        return [record for number in range(sessions) for record in _session(number)]


def _session(number: int) -> list[Record]:
    headers = {
        "Authorization": "Bearer " + "t" * 140,
        "x-api-key": "demo-key",
        # The server reads the session's number from the last twelve digits.
        "via-client-sessionid": f"ab7dbcbc-c041-4ac0-8ca0-{number:012}",
        "Accept": "application/json",
    }
    poll = wire.request("GET", f"{PREFIX}/streaming/events/webClient?maxEvents=10", headers)
    json_headers = {**headers, "Content-Type": "application/json"}
    send = wire.request("POST", f"{PREFIX}/messaging/sendText", json_headers, sessions.send_body())
    return [Record("P", poll), Record("S", send)]
