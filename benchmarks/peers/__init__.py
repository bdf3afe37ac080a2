"""The servers that are measured side by side, in the order of the tables."""

from benchmarks import buses
from benchmarks.peers.base import Missing, Peer
from benchmarks.peers.bus import BusServer
from benchmarks.peers.cluster import ACROSS, ACROSS_WITH_NATS, ALONE, TWO, TWO_WITH_NATS, Cluster
from benchmarks.peers.epoll import Epoll
from benchmarks.peers.frontdesk import Frontdesk, LaneAlone
from benchmarks.peers.nchan import Nchan
from benchmarks.peers.node import EngineIo, Faye
from benchmarks.peers.prosody import Prosody

# The reference of every ratio.
REFERENCE = "nchan"

__all__ = ["REFERENCE", "Missing", "Peer", "all_peers", "bus_servers", "clusters"]


def clusters() -> list[Peer]:
    """Each way frontdesk runs on PostgreSQL, one node first."""
    return [
        Cluster("frontdesk-postgres", ALONE),
        Cluster("frontdesk-across", ACROSS),
        Cluster("frontdesk-across-nats", ACROSS_WITH_NATS),
        Cluster("frontdesk-two-nodes", TWO),
        Cluster("frontdesk-two-nodes-nats", TWO_WITH_NATS),
    ]


def bus_servers() -> list[BusServer]:
    """What carries the words of nodes; no peers of theirs."""
    return [BusServer(buses.POSTGRES), BusServer(buses.NATS)]


def all_peers() -> list[Peer]:
    """Every server the benchmark knows, frontdesk first and the physical limit last."""
    return [Frontdesk(), *clusters(), LaneAlone(), Nchan(), EngineIo(), Faye(), Prosody(), Epoll()]
