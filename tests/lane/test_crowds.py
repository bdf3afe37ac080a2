"""One address can't take all connections for itself."""

import json
import socket

from tests.support.server import running

ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _connect(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))


def _ask(open_socket: socket.socket) -> tuple[int, bytes]:
    open_socket.sendall(ASK)
    head, _, body = open_socket.recv(65536).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_an_address_with_too_many_connections_is_told_so_and_others_are_served() -> None:
    """429 as documented, then the connection closes; a place that is left can be taken again."""
    with running(connections_per_address=2) as server:
        port = server.port
        kept = [_connect(port, "127.0.0.7") for _ in range(2)]
        assert [_ask(each)[0] for each in kept] == [200, 200]
        with _connect(port, "127.0.0.7") as third:
            status, body = _ask(third)
            assert (status, json.loads(body)["errors"][0]["reason"]) == (429, "tooManyConnections")
            assert third.recv(1) == b""
        with _connect(port, "127.0.0.8") as other:
            assert _ask(other)[0] == 200
        kept.pop().close()
        # The server sees the closing a moment later: ask until it has.
        assert any(_place_is_free(port) for _ in range(1000))
        kept.pop().close()


def test_a_trusted_proxy_speaks_for_many() -> None:
    """Its connections are not counted: behind it stand all customers."""
    with running(connections_per_address=1, trusted_proxies=["127.0.0.9"]) as server:
        port = server.port
        proxied = [_connect(port, "127.0.0.9") for _ in range(3)]
        assert [_ask(each)[0] for each in proxied] == [200, 200, 200]
        for each in proxied:
            each.close()


def _place_is_free(port: int) -> bool:
    with _connect(port, "127.0.0.7") as again:
        return _ask(again)[0] == 200
