"""What has become of the words of agents in one conversation: which have reached the contact."""

from __future__ import annotations

from collections import deque

# Messages of which it is not known yet whether they arrived. Who is away for longer confirms them all at once, and then
# only the newest counts.
WAITING_MAX = 100


class Marks:
    """Messages on their way to a contact, by their numbers on the contact's stream. In memory only."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, str]] = deque(maxlen=WAITING_MAX)

    def sent(self, number: int, message_id: str) -> None:
        """A message is event `number` of the contact's stream."""
        self._waiting.append((number, message_id))

    def confirmed(self, cursor: int) -> str:
        """The contact's client has everything up to `cursor`: the newest message that it has since; "" for none."""
        newest = ""
        while self._waiting and self._waiting[0][0] <= cursor:
            _, newest = self._waiting.popleft()
        return newest
