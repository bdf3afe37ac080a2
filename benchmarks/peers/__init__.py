"""The servers that are measured side by side, in the order of the tables."""

from benchmarks.peers.base import Missing, Peer
from benchmarks.peers.epoll import Epoll
from benchmarks.peers.frontdesk import Frontdesk, LaneAlone
from benchmarks.peers.nchan import Nchan
from benchmarks.peers.node import EngineIo, Faye
from benchmarks.peers.prosody import Prosody

# The reference of every ratio.
REFERENCE = "nchan"

__all__ = ["REFERENCE", "Missing", "Peer", "all_peers"]


def all_peers() -> list[Peer]:
    """Every server the benchmark knows, frontdesk first and the physical limit last."""
    return [Frontdesk(), LaneAlone(), Nchan(), EngineIo(), Faye(), Prosody(), Epoll()]
