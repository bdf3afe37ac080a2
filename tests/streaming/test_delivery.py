"""What counts as delivered, when nobody says so."""

import socket
from collections.abc import Sequence

import pytest

from frontdesk.domain.model import Entry
from tests.streaming.reading import Alone, numbers, texts
from tests.support.client import Client
from tests.support.cluster import one_node
from tests.support.server import Running
from tests.support.wire import Wire


def test_polls_over_two_open_connections_get_nothing_twice(server: Running, contact: Client) -> None:
    """A pool, or a proxy's: the other machine acknowledges an answer up to 200 ms after its client has read it."""
    with Wire(server.port) as one, Wire(server.port) as other:
        for i in range(20):
            contact.say(str(i))
            events = contact.hold(wire=(one, other)[i % 2]).events()
            assert (texts(events), numbers(events)) == ([str(i)], [i + 3])
    assert server.redelivered == 0


def test_a_client_that_asks_for_the_connections_end_gets_nothing_twice(server: Running, contact: Client) -> None:
    """`Connection: close`, as proxies without keep-alive send; the client may take its time to close its side."""
    wires: list[Wire] = []
    for i in range(10):
        contact.say(str(i))
        wires.append(Wire(server.port))
        events = contact.hold(wire=wires[-1], connection="close").events()
        assert (texts(events), numbers(events)) == ([str(i)], [i + 3])
        assert wires[-1].ends()
    for wire in wires:
        wire.close()
    assert server.redelivered == 0


def test_a_side_that_is_never_closed_is_cut_off(server: Running, contact: Client) -> None:
    """Connections that were parted from must not pile up."""
    with Wire(server.port) as wire:
        contact.say("one")
        contact.hold(wire=wire, connection="close").events()
        assert wire.ends()
        # Three looks: the last byte, the end itself, may be acknowledged late.
        for _ in range(3):
            server.advance(20)
        with pytest.raises(ConnectionError):
            _flood(wire)


@one_node("the moment is one of the process that has the connection")
def test_an_answer_that_meets_a_closing_connection_is_sent_again(
    server: Running, contact: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client left in the same round of the loop: nothing failed, and nothing was written."""
    held = Alone(contact)
    server.held()
    hub = server.app.hub
    deliver = hub.deliver

    def after_closing(entries: Sequence[Entry]) -> None:
        poll = hub._feeds[contact.session_id].poll  # noqa: SLF001 - the moment can't be hit from outside
        if poll is not None:
            poll.carrier._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        deliver(entries)

    monkeypatch.setattr(hub, "deliver", after_closing)
    contact.say("hello")
    assert held.wire.ends()
    held.wire.close()
    monkeypatch.undo()
    events = Alone(contact).events()
    assert (texts(events), numbers(events)) == (["hello"], [3])


@one_node("the moment is one of the process that has the session")
def test_the_log_is_not_read_ahead_of_what_is_known_to_be_durable(
    server: Running, contact: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer commits a moment before the loop hears of it: what is sent by then could not be confirmed."""
    server.recover()  # With nothing in memory, a poll reads the log.
    hub = server.app.hub
    deliver = hub.deliver
    untold: list[Sequence[Entry]] = []
    monkeypatch.setattr(hub, "deliver", untold.append)
    contact.say("hello")
    server.until(lambda: untold)
    assert numbers(contact.poll(after=1)) == [2]
    held = contact.hold(after=2)
    server.held()
    for entries in untold:
        server.call(deliver, entries)
    assert (texts(events := held.events()), numbers(events)) == (["hello"], [3])


@one_node("the network is one between a client and the process that has the connection")
def test_an_answer_that_is_stuck_in_the_network_comes_again_after_half_a_second(
    server: Running, contact: Client
) -> None:
    """The client's machine is gone without a word. The next poll waits so long for news of it, and not longer."""
    for i in range(100):
        contact.say(f"{i} " + "x" * 1990)
    stuck = Wire(server.port)
    _shrink(stuck._socket)  # noqa: SLF001 - a machine that takes little
    held = contact.hold(1, wire=stuck, connection="keep-alive")
    assert numbers(held.events()) == [3]
    feed = server.app.hub._feeds[contact.session_id]  # noqa: SLF001 - can't be seen from outside
    sock = feed.carrier._transport.get_extra_info("socket")  # type: ignore[union-attr]  # noqa: SLF001 - as above
    server.call(sock.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    before = server.delivered
    contact.hold(100, wire=stuck)
    server.until(lambda: server.delivered > before)
    again = Alone(contact)
    server.held()
    server.advance(0.4)
    assert server.polls == 1
    server.advance(0.1)
    assert numbers(again.events()) == list(range(4, 103))
    stuck.reset()


def _flood(wire: Wire) -> None:
    for _ in range(100):
        wire.send(b"x" * 1000)


def _shrink(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
