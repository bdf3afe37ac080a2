"""The bus in bad weather: words of a kind are lost, repeated or late, as often as a test says."""

from collections import Counter
from collections.abc import Callable

from frontdesk.engines.bus_postgres import PostgresBus
from frontdesk.http.words import Word, decode

Send = Callable[[], None]


class Weather:
    """What becomes of words. `lost` and `late` count what met it."""

    def __init__(self) -> None:
        self._lose: Counter[type] = Counter()
        self._keep: set[type] = set()
        self._kept: list[Send] = []
        self._copies = 1
        self.mute: set[str] = set()
        self.lost = 0

    def lose(self, kind: type, times: int = 1) -> None:
        """The next words of a kind get lost."""
        self._lose[kind] += times

    def repeat(self, copies: int = 2) -> None:
        """From now on every word comes so often."""
        self._copies = copies

    def keep(self, kind: type) -> None:
        """Words of a kind are late, until `release`."""
        self._keep.add(kind)

    @property
    def late(self) -> int:
        """How many words are kept."""
        return len(self._kept)

    def release_newest(self) -> None:
        """What was kept last goes its way, before the others."""
        self._kept.pop()()

    def release(self) -> None:
        """What was kept goes its way, behind all that was said since. To be called on the loop."""
        self._keep.clear()
        kept, self._kept = self._kept, []
        for send in kept:
            send()

    def meet(self, word: Word, nodes: set[str], send: Send) -> None:
        """A word between two nodes."""
        if nodes & self.mute:
            self.lost += 1
        elif self._lose[type(word)]:
            self._lose[type(word)] -= 1
            self.lost += 1
        elif type(word) in self._keep:
            self._kept.append(send)
        else:
            for _ in range(self._copies):
                send()


def bus_in(weather: Weather) -> type[PostgresBus]:
    """The real bus, in this weather."""

    class Outside(PostgresBus):
        def send(self, node: str, message: bytes) -> None:
            def send() -> None:
                PostgresBus.send(self, node, message)

            weather.meet(decode(message), {node, self._node}, send)

    return Outside
