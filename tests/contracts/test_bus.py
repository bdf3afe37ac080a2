import asyncio
import functools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.engines.bus_nats import FRAME_BYTES as NATS_FRAME
from frontdesk.engines.bus_nats import NatsBus
from frontdesk.engines.bus_parts import (
    HEAD,
    JOINING_MAX,
    JOINING_SECONDS,
    WAITING_BYTES_MAX,
    WAITING_MAX,
    WORD_BYTES_MAX,
    Joiner,
    LinkedBus,
    frames,
    places,
)
from frontdesk.engines.bus_postgres import FRAME_BYTES as POSTGRES_FRAME
from frontdesk.engines.bus_postgres import PostgresBus
from tests.support.nats import Nats
from tests.support.postgres import Postgres, shared
from tests.support.wire import PATIENCE_SECONDS

SECRET = "s3cret/@"
LOGIN = "frontdesk:s3cret%2F%40"


class OnPostgres:
    """The bus that rides on the database. A password is taken, whatever it is."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        if not server.port:
            server.start()

    def bus(self, port: int, *, login: str = LOGIN) -> LinkedBus:
        """A bus over this server, or over what stands between."""
        return PostgresBus(f"postgresql://{login}@127.0.0.1:{port}/postgres")

    def remove(self) -> None:
        """End the server."""
        self.server.remove()


class OnNats:
    """The bus of its own, with a password."""

    def __init__(self, *options: str) -> None:
        self.server = Nats("--user", "frontdesk", "--pass", SECRET, *options)
        self.server.start()

    def bus(self, port: int, *, login: str = LOGIN) -> LinkedBus:
        """A bus over this server, or over what stands between."""
        return NatsBus(f"nats://{login}@127.0.0.1:{port}", "test")

    def remove(self) -> None:
        """End the server."""
        self.server.kill()


class Between:
    """A wire to the server that can be cut, and that can go dead without a sign."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[asyncio.Transport] = []
        self._server: asyncio.Server | None = None
        self.dead = False
        self.port = 0

    async def open(self) -> None:
        """Take connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: End(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def connect(self, end: "End") -> None:
        """Reach the server for a client that came."""
        other = End(self, end)
        await asyncio.get_running_loop().create_connection(lambda: other, "127.0.0.1", self._to)
        end.meet(other)

    def add(self, transport: asyncio.Transport) -> None:
        """Know one end of a connection."""
        self._pairs.append(transport)

    def cut(self) -> None:
        """Reset every connection."""
        for transport in self._pairs:
            transport.abort()
        self._pairs.clear()

    async def close(self) -> None:
        """Take no more."""
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


class End(asyncio.Protocol):
    """One end of a connection through `Between`."""

    def __init__(self, between: Between, other: "End | None" = None) -> None:
        self._between = between
        self._other = other
        self._early = b""
        self._work: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came, or the server was reached."""
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self._between.add(self.transport)
        if self._other is None:
            self._work = asyncio.ensure_future(self._between.connect(self))

    def meet(self, other: "End") -> None:
        """The other side is there."""
        self._other = other
        if self._early:
            self.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        """Pass it on, unless the wire is dead."""
        if self._other is None or self._other.transport is None:
            self._early += data
        elif not self._between.dead:
            self._other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The one side ended, so does the other."""
        if self._other is not None and self._other.transport is not None:
            self._other.transport.close()


class Node:
    """A bus that is open, and what it heard."""

    def __init__(self, bus: LinkedBus) -> None:
        self.bus = bus
        self.heard: list[bytes] = []
        self.gaps = 0

    async def open(self, name: str) -> None:
        """Listen as this node."""
        await self.bus.open(name, self.heard.append, self._gap)

    def _gap(self) -> None:
        self.gaps += 1


class Stage:
    """Nodes on one server, on a loop that runs only while the test waits."""

    def __init__(self, kind: OnPostgres | OnNats) -> None:
        self.kind = kind
        self.loop = uvloop.new_event_loop()
        self.faults: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.faults.append(context))
        self.nodes: list[Node] = []
        self.between: list[Between] = []

    def run(self, work: Any) -> Any:
        """Run the loop until the work is done."""
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_SECONDS))

    def until(self, condition: Callable[[], object]) -> None:
        """Run the loop until the condition holds."""

        async def look() -> None:
            while not condition():  # noqa: ASYNC110
                # The condition is anything at all: nothing would set an event for it.
                await asyncio.sleep(0.001)

        self.run(look())

    def wire(self) -> Between:
        """A wire to the server, to be cut."""
        made = Between(self.kind.server.port)
        self.run(made.open())
        self.between.append(made)
        return made

    def node(self, name: str, port: int = 0) -> Node:
        """A node that listens, directly or over a wire."""
        made = Node(self.kind.bus(port or self.kind.server.port))
        self.run(made.open(name))
        self.nodes.append(made)
        return made

    def gap(self, node: Node, cause: Callable[[], object]) -> None:
        """Do something, and wait until the node is told of one gap more."""
        before = node.gaps
        cause()
        self.until(lambda: node.gaps > before)
        assert node.gaps == before + 1

    def exchange(self, ada: Node, bob: Node) -> None:
        """Words go both ways between the two: at once, and each once."""
        heard = (len(ada.heard), len(bob.heard))
        ada.bus.send("bob", b"again")
        bob.bus.send("ada", b"again")
        self.until(lambda: len(ada.heard) > heard[0] and len(bob.heard) > heard[1])
        assert (ada.heard[heard[0] :], bob.heard[heard[1] :]) == ([b"again"], [b"again"])

    def close(self) -> None:
        """End all; nothing may be left."""
        for node in self.nodes:
            self.run(node.bus.close())
        left = asyncio.all_tasks(self.loop)
        for between in self.between:
            self.run(between.close())
        self.loop.close()
        assert left == set()


@pytest.fixture(scope="module", params=[lambda: OnPostgres(Postgres()), OnNats], ids=["postgres", "nats"])
def kind(request: pytest.FixtureRequest) -> Iterator[OnPostgres | OnNats]:
    """A server for each bus; a test that asks for it runs on each."""
    made = request.param()
    yield made
    made.remove()


@contextmanager
def staged(kind: OnPostgres | OnNats) -> Iterator[Stage]:
    """A stage whose end is checked, and which had no faults that nobody looked at."""
    made = Stage(kind)
    yield made
    made.close()
    assert made.faults == []


@pytest.fixture
def stage(kind: OnPostgres | OnNats) -> Iterator[Stage]:
    """Nodes on one of the servers."""
    with staged(kind) as made:
        yield made


@contextmanager
def on(kind: OnPostgres | OnNats) -> Iterator[Stage]:
    """A stage on a server of its own."""
    try:
        with staged(kind) as stage:
            yield stage
    finally:
        kind.remove()


def test_a_word_arrives(stage: Stage) -> None:
    """What one node says, the other hears."""
    ada, bob = stage.node("ada"), stage.node("bob")
    ada.bus.send("bob", b"hello")
    stage.until(lambda: bob.heard == [b"hello"])
    bob.bus.send("ada", b"and you")
    stage.until(lambda: ada.heard == [b"and you"])


def test_many_words_arrive_each_once(stage: Stage) -> None:
    """A thousand words at once come once each, equal ones too."""
    ada, bob = stage.node("ada"), stage.node("bob")
    said = [b"%d" % (number // 2) for number in range(1000)]
    for word in said:
        ada.bus.send("bob", word)
    stage.until(lambda: len(bob.heard) >= len(said))
    ada.bus.send("bob", b"the end")
    stage.until(lambda: b"the end" in bob.heard)
    assert sorted(bob.heard) == sorted([*said, b"the end"])
    assert ada.bus.dropped == 0


def test_every_byte_and_every_size(stage: Stage) -> None:
    """Words of any bytes come as they were, from nothing to 1 MiB, and above that not at all."""
    ada, bob = stage.node("ada"), stage.node("bob")
    edges = [frame - HEAD.size + more for frame in (POSTGRES_FRAME, NATS_FRAME) for more in (-1, 0, 1)]
    sizes = [0, 1, 300, *edges, 100_000, WORD_BYTES_MAX - 1024, WORD_BYTES_MAX]
    said = [bytes(range(256)), *(random.randbytes(size) for size in sizes)]
    for word in said:
        ada.bus.send("bob", word)
    ada.bus.send("bob", bytes(WORD_BYTES_MAX + 1))
    assert ada.bus.dropped == 1
    stage.until(lambda: len(bob.heard) == len(said))
    assert sorted(bob.heard) == sorted(said)


def test_words_to_nobody_are_lost_in_silence(stage: Stage) -> None:
    """Neither a node that is none nor a name that can be none costs the words that go with it."""
    ada, bob = stage.node("ada"), stage.node("bob")
    for name in ("nobody", "", "a b", "*", ">", "bob.", "x" * 1000, "ä", "bob\r\nPUB"):
        ada.bus.send(name, b"lost")
    ada.bus.send("bob", b"hello")
    stage.until(lambda: bob.heard)
    assert bob.heard == [b"hello"]
    assert (ada.gaps, ada.heard) == (0, [])


def test_nodes_hear_only_their_own(stage: Stage) -> None:
    """A word comes to the node it was said to and to no other, the speaker itself included."""
    ada, bob, eve = stage.node("ada"), stage.node("bob"), stage.node("bo")
    for name in ("ada", "bob", "bo"):
        ada.bus.send(name, name.encode())
        ada.bus.send(name, b"the end")
    nodes = {"ada": ada, "bob": bob, "bo": eve}
    stage.until(lambda: all(b"the end" in node.heard for node in nodes.values()))
    assert {name: set(node.heard) - {b"the end"} for name, node in nodes.items()} == {
        "ada": {b"ada"},
        "bob": {b"bob"},
        "bo": {b"bo"},
    }


def test_opened_again_hears_as_the_new_node_only(stage: Stage) -> None:
    """A node that comes back under another name is not spoken to under the old one."""
    ada, bob = stage.node("ada"), stage.node("bob")
    stage.run(bob.open("rob"))
    ada.bus.send("bob", b"old")
    ada.bus.send("rob", b"new")
    bob.bus.send("ada", b"still speaks")
    stage.until(lambda: bob.heard and ada.heard)
    ada.bus.send("rob", b"the end")
    stage.until(lambda: b"the end" in bob.heard)
    assert bob.heard == [b"new", b"the end"]


def test_nothing_is_heard_after_close(stage: Stage) -> None:
    """A closed bus hears nothing, says nothing, raises nothing, and can be opened again."""
    ada, bob = stage.node("ada"), stage.node("bob")
    ada.bus.send("bob", b"before")
    stage.until(lambda: bob.heard)
    stage.run(bob.bus.close())
    stage.run(bob.bus.close())
    ada.bus.send("bob", b"after")
    ada.bus.send("ada", b"after")
    stage.until(lambda: ada.heard)
    bob.bus.send("ada", b"from the grave")
    assert bob.bus.dropped == 1
    stage.run(bob.open("bob"))
    ada.bus.send("bob", b"again")
    stage.until(lambda: bob.heard[1:])
    assert bob.heard == [b"before", b"again"]
    assert ada.heard == [b"after"]


def test_the_last_words_are_said(stage: Stage) -> None:
    """What a node said before it closes its bus still comes: the answers of a node that stops."""
    ada, bob = stage.node("ada"), stage.node("bob")
    for number in range(500):
        ada.bus.send("bob", b"%d" % number * 300)
    stage.run(ada.bus.close())
    stage.until(lambda: len(bob.heard) == 500)
    assert ada.bus.dropped == 0


def test_words_flow_again_after_the_server_was_killed(stage: Stage) -> None:
    """While the server is away nothing raises and nothing is kept; then both are told of a gap and go on."""
    ada, bob = stage.node("ada"), stage.node("bob")
    stage.kind.server.kill()
    try:
        ada.bus.send("bob", b"early")
        stage.until(lambda: not ada.bus.linked)
        dropped = ada.bus.dropped
        ada.bus.send("bob", b"away")
        assert ada.bus.dropped == dropped + 1
    finally:
        stage.kind.server.start()
    stage.until(lambda: ada.gaps and bob.gaps)
    ada.bus.send("bob", b"again")
    bob.bus.send("ada", b"again")
    stage.until(lambda: bob.heard and ada.heard)
    assert bob.heard == [b"again"]
    assert (ada.gaps, bob.gaps) == (1, 1)


def test_a_cut_connection_is_a_gap(stage: Stage) -> None:
    """Only the node whose connection was reset is told of a gap, and words flow again."""
    wire = stage.wire()
    ada, bob = stage.node("ada"), stage.node("bob", wire.port)
    for _ in range(3):
        stage.gap(bob, wire.cut)
        stage.exchange(ada, bob)
    assert ada.gaps == 0


def test_a_dead_connection_is_noticed(stage: Stage) -> None:
    """A wire on which nothing moves any more, though nothing says so, is given up for a new one."""
    wire = stage.wire()
    ada, bob = stage.node("ada"), stage.node("bob", wire.port)
    wire.dead = True
    for _ in range(64):
        # More than the system takes in silence.
        bob.bus.send("ada", bytes(WORD_BYTES_MAX))
    stage.until(lambda: bob.bus.dropped)
    wire.dead = False
    stage.until(lambda: bob.gaps)
    ada.bus.send("bob", b"again")
    stage.until(lambda: bob.heard == [b"again"])


def test_a_dead_connection_is_noticed_in_silence(stage: Stage) -> None:
    """The same when nobody has anything to say."""
    wire = stage.wire()
    ada, bob = stage.node("ada"), stage.node("bob", wire.port)
    wire.dead = True
    stage.until(lambda: not bob.bus.linked)
    wire.dead = False
    stage.until(lambda: bob.gaps)
    ada.bus.send("bob", b"again")
    stage.until(lambda: bob.heard == [b"again"])


def test_closing_waits_for_no_dead_server(stage: Stage) -> None:
    """A bus whose server takes nothing any more can be closed."""
    wire = stage.wire()
    ada = stage.node("ada", wire.port)
    wire.dead = True
    for _ in range(64):
        ada.bus.send("bob", bytes(WORD_BYTES_MAX))
    stage.run(ada.bus.close())
    assert ada.bus.dropped > 0


def test_closing_waits_for_no_absent_server(stage: Stage) -> None:
    """A bus that is trying to come back can be closed, and tries no more."""
    ada = stage.node("ada")
    stage.kind.server.kill()
    try:
        stage.until(lambda: not ada.bus.linked)
        stage.run(ada.bus.close())
    finally:
        stage.kind.server.start()
    assert ada.gaps == 0


def test_a_flood_is_bounded(stage: Stage) -> None:
    """What waits is bounded in number and bytes; the newest are dropped, and counted."""
    ada, bob = stage.node("ada"), stage.node("bob")
    for number in range(WAITING_MAX + 10_000):
        ada.bus.send("bob", b"%d" % number)
    assert ada.bus.dropped == 10_000
    stage.until(lambda: len(bob.heard) >= WAITING_MAX)
    assert sorted(map(int, bob.heard)) == list(range(WAITING_MAX))
    for _ in range(70):
        ada.bus.send("nobody", bytes(WORD_BYTES_MAX))
    assert ada.bus.dropped == 10_000 + 70 - WAITING_BYTES_MAX // WORD_BYTES_MAX


def test_a_listeners_mistake_costs_its_word_only(stage: Stage) -> None:
    """The words behind one that was not understood are heard, and the mistake is told."""
    ada, bob = stage.node("ada"), stage.node("bob")
    stage.run(bob.bus.open("bob", lambda word: bob.heard.append(bytes([word[0], word[1]])), lambda: None))
    for word in (b"ok", b"", b"go"):
        ada.bus.send("bob", word)
    stage.until(lambda: len(bob.heard) == 2)
    assert bob.heard == [b"ok", b"go"]
    assert [type(fault["exception"]) for fault in stage.faults] == [IndexError]
    stage.faults.clear()


def test_a_server_that_is_not_there(stage: Stage) -> None:
    """The error says where nobody answers and what to do; it does not say the password."""
    bus = stage.kind.bus(1)
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1: .* Check that it runs, and that FRONTDESK_") as raised:
        stage.run(Node(bus).open("ada"))
    assert "s3cret" not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert not bus.linked


def test_a_server_that_does_not_answer(stage: Stage) -> None:
    """One that takes the connection and says nothing is given up."""
    wire = stage.wire()
    wire.dead = True
    with pytest.raises(OSError, match=f"127.0.0.1:{wire.port}: no answer"):
        stage.run(Node(stage.kind.bus(wire.port)).open("ada"))


def test_no_password_in_logs(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """A lost connection and its return are logged once each, without the password."""
    wire = stage.wire()
    ada = stage.node("ada", wire.port)
    with structlog.testing.capture_logs() as logs:
        wire.cut()
        stage.until(lambda: ada.gaps)
    assert [line["event"] for line in logs] == ["bus.lost", "bus.back"]
    assert "s3cret" not in str(logs) + "".join(capfd.readouterr())


def test_a_password_that_is_wrong() -> None:
    """NATS refuses, and the error says what to check, without the password."""
    # Its own reason is lost now and then: it closes before it has read everything, and so resets the connection.
    with on(OnNats()) as stage, pytest.raises(OSError, match="with the right user and password") as raised:
        stage.run(Node(stage.kind.bus(stage.kind.server.port, login="frontdesk:wr0ng")).open("ada"))
    assert "wr0ng" not in str(raised.value)


def test_a_database_that_is_not_there() -> None:
    """PostgreSQL's reason is told."""
    with staged(OnPostgres(shared())) as stage, pytest.raises(OSError, match='database "nothing" does not exist'):
        stage.run(Node(PostgresBus(f"postgresql://{LOGIN}@127.0.0.1:{stage.kind.server.port}/nothing")).open("ada"))


def test_connections_that_the_database_ends() -> None:
    """What an operator or a failover ends comes back; one of the two connections is enough."""
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'frontdesk bob' AND"
    server = shared()
    with staged(OnPostgres(server)) as stage:
        ada, bob = stage.node("ada"), stage.node("bob")
        for which in ("query LIKE 'LISTEN%'", "query LIKE '%pg_notify%'", "true"):
            # They look after themselves every now and then, which is not the query that tells them apart.
            stage.gap(bob, functools.partial(server.sql, f"{ends} ({which})"))
            stage.exchange(ada, bob)


def test_strangers_on_the_channel_are_passed_over() -> None:
    """Anyone in the database may notify: what is no frame is ignored, and words still come."""
    server = shared()
    with staged(OnPostgres(server)) as stage:
        ada, bob = stage.node("ada"), stage.node("bob")
        for text in ("", "hello", "ä", "AAAA", "////" * 1000):
            server.sql(f"NOTIFY frontdesk_bob, '{text}'")
        ada.bus.send("bob", b"hello")
        stage.until(lambda: bob.heard)
        assert (bob.heard, bob.gaps) == ([b"hello"], 0)


def test_a_nats_server_that_stands_still() -> None:
    """A paused server is given up; when it goes on, the node is there again."""
    with on(OnNats()) as stage:
        assert isinstance(stage.kind.server, Nats)
        ada, bob = stage.node("ada"), stage.node("bob")
        stage.kind.server.pause()
        stage.until(lambda: not ada.bus.linked and not bob.bus.linked)
        stage.kind.server.go_on()
        stage.until(lambda: ada.gaps and bob.gaps)
        ada.bus.send("bob", b"again")
        stage.until(lambda: bob.heard == [b"again"])


def test_a_nats_server_with_small_messages(tmp_path: Path) -> None:
    """Words are cut to what the server takes."""
    config = tmp_path / "nats.conf"
    config.write_text("max_payload: 4096")
    with on(OnNats("--config", str(config))) as stage:
        ada, bob = stage.node("ada"), stage.node("bob")
        said = random.randbytes(100_000)
        ada.bus.send("bob", said)
        stage.until(lambda: bob.heard)
        assert bob.heard == [said]
        assert ada.gaps == 0


@given(words=st.lists(st.binary(max_size=200)), size=st.integers(HEAD.size + 1, 100), seed=st.integers())
def test_words_are_put_together_in_any_order(words: list[bytes], size: int, seed: int) -> None:
    """Frames keep their size; overtaken ones make the same words."""
    made = list(frames(enumerate(words), size))
    assert all(len(frame) <= size for frame in made)
    random.Random(seed).shuffle(made)
    joiner = Joiner()
    assert sorted(word for frame in made for word in joiner.take(frame)) == sorted(words)


@given(frame=st.binary())
def test_no_frame_is_too_strange(frame: bytes) -> None:
    """What is no frame raises nothing."""
    assert isinstance(Joiner().take(frame), list)


def test_pieces_of_lost_words_are_forgotten() -> None:
    """A word that stays incomplete is forgotten after a while; a later piece does not make it whole."""
    now = [0.0]
    joiner = Joiner(lambda: now[0])
    first, second = frames([(1, b"x" * 100)], 70)
    other, _ = frames([(2, b"y" * 100)], 70)
    assert joiner.take(first) == []
    now[0] += JOINING_SECONDS
    assert joiner.take(other) == []
    assert joiner.take(second) == []
    assert joiner.take(first) == [b"x" * 100]


def test_incomplete_words_are_bounded() -> None:
    """However many words lose a piece, only the newest are remembered."""
    joiner = Joiner(lambda: 0.0)
    pieces = [list(frames([(number, b"%05d" % number * 20)], 70)) for number in range(JOINING_MAX + 1)]
    for first, _ in pieces:
        assert joiner.take(first) == []
    assert joiner.take(pieces[0][1]) == []
    assert [joiner.take(second) for _, second in pieces[2:]] == [[b"%05d" % n * 20] for n in range(2, JOINING_MAX + 1)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nats://a:b@one,two:5", "one:4222, two:5"),
        ("nats://[::1]", "[::1]:4222"),
        ("nats://token@one", "one:4222"),
        ("nats://a:b/c@one", "the address that is set"),
        ("postgresql:///db?host=/run", "the address that is set"),
    ],
)
def test_servers_are_named_without_secrets(url: str, said: str) -> None:
    """Host and port of each server, and never a part of a password."""
    assert places(url, 4222) == said
