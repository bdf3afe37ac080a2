"""What is counted over all nodes."""

import pytest

from tests.support.client import Client
from tests.support.server import Running, running

ROUNDS, ENDPOINTS = 10, 40


@pytest.mark.usefixtures("weather")
def test_web_tokens_of_an_address_are_counted_over_all_nodes() -> None:
    """Five a minute, whichever node is asked; another is taken everywhere once its time has come."""
    with running(on="cluster", tokens_per_address=5) as server:
        clients = [Client(port) for port in server.ports]
        answers = [clients[number % 3].post("webToken").status for number in range(8)]
        assert answers == [200] * 5 + [429] * 3
        server.advance(12)
        assert [client.post("webToken").status for client in clients] == [200, 429, 429]
        for client in clients:
            client.wire.close()


def test_nodes_that_count_in_the_same_rows_do_not_lock_each_other_out(server: Running) -> None:
    """The use of an API key, of many endpoints, counted in another order by each node, at the same moment."""
    endpoints = [f"GET {number}" for number in range(ENDPOINTS)]

    def count() -> None:
        for turn, app in enumerate(server.apps):
            for endpoint in endpoints[:: 1 if turn % 2 else -1]:
                app.usage.count("shared", endpoint)
            app.usage.flush()

    for _ in range(ROUNDS):
        server.call(count)
    server.stored()
    assert server.rows("SELECT min(count), max(count) FROM usage WHERE key_id = 'shared'") == [(ROUNDS * 3, ROUNDS * 3)]
