"""What a node takes of the database's connections: as many as doctor reckons with, and no more."""

import asyncio

from frontdesk.cli.cluster import NODE_CONNECTIONS
from tests.support.server import Running, running

# More of each kind of work at once than there are connections for it.
AT_ONCE = 50
# By their names: those of this test's own questions may be on their way out.
NAMED = "datname = current_database() AND application_name LIKE 'frontdesk%'"
COUNT = f"SELECT count(*) FROM pg_stat_activity WHERE {NAMED}"  # noqa: S608 - ours


def test_a_node_in_a_hurry_holds_no_more_connections_than_it_may() -> None:
    """Reads, limits, a look and a batch, all at the same moment: it needs most of them."""
    with running(on="postgres") as server:
        server.wait(everything(server))
        ((held,),) = server.rows(COUNT)
        assert NODE_CONNECTIONS - 2 <= held <= NODE_CONNECTIONS


async def everything(server: Running) -> None:
    """All that a node does with its database."""
    app = server.app
    assert app.together is not None
    cluster, shared = app.together.cluster, app.limits.shared
    assert shared is not None
    loop = asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(AT_ONCE)]
    for future in done:
        app.store.queues(future.set_result)
    app.store.commit((), lambda error: None)
    cluster.look_now()
    taking = [cluster._membership.take([f"key {n}"], 5, 60) for n in range(AT_ONCE)]  # noqa: SLF001 - as limits do
    await asyncio.gather(*done, *taking)
