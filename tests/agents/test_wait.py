"""How long a contact is told that the wait will be."""

from contextlib import ExitStack
from typing import Any

from tests.support.client import Client, payloads
from tests.support.desk import Desk, rules, user
from tests.support.server import Running

# Waits before a range is told: one for the pace, ten to know how they stray, ten to see that ranges come true.
ROUNDS = 21


def told(contact: Client) -> Any:
    """The wait in the next QueueStatus, None where none is told."""
    (status,) = [p for p in payloads(contact.until("QueueStatus")) if p["kind"] == "messaging.QueueStatus"]
    return status.get("estimatedWaitSeconds")


def waiting(server: Running, stack: ExitStack) -> Client:
    """A contact in the queue."""
    made = stack.enter_context(server.contact(inactivityDelay=3600))
    made.connect()
    return made


def teach(server: Running, stack: ExitStack, ann: Desk, seconds: int) -> list[Any]:
    """Contacts wait one after the other, each for as long; what each of them was told."""
    heard: list[Any] = []
    waiting(server, stack)
    talking = ann.take()
    for _ in range(ROUNDS):
        heard.append(told(waiting(server, stack)))
        server.advance(seconds)
        ann.act("disconnect", talking)
        talking = ann.take()
    return heard


def test_a_queue_that_is_served_learns_how_long_one_waits(server: Running, stack: ExitStack) -> None:
    """Nothing is told while that would be a guess; then it is a range that has come true before."""
    rules(server, wrap_seconds=0)
    ann = stack.enter_context(Desk(server, user(server, "ann", capacity={"chat": 1})))
    ann.at_work(inactivityDelay=3600)
    assert teach(server, stack, ann, 10) == [None] * ROUNDS
    assert told(waiting(server, stack)) == {"low": 10, "high": 10}


def test_another_queue_has_learnt_nothing_from_it(server: Running, stack: ExitStack) -> None:
    """Each queue is served by others, at a pace of its own."""
    rules(server, wrap_seconds=0)
    ann = stack.enter_context(Desk(server, user(server, "ann", capacity={"chat": 1})))
    ann.at_work(inactivityDelay=3600)
    teach(server, stack, ann, 10)
    other = stack.enter_context(server.contact(inactivityDelay=3600))
    other.connect("32")
    assert told(other) is None


def test_who_gives_up_teaches_nothing(server: Running, stack: ExitStack) -> None:
    """What their wait would have been nobody knows."""
    rules(server, wrap_seconds=0)
    ann = stack.enter_context(Desk(server, user(server, "ann", capacity={"chat": 1})))
    ann.at_work(inactivityDelay=3600)
    waiting(server, stack)
    ann.take()
    for _ in range(ROUNDS):
        gone = waiting(server, stack)
        server.advance(10)
        gone.disconnect()
    assert told(waiting(server, stack)) is None
