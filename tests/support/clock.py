"""A clock that is moved by hand."""

START_MS = 1_767_225_600_000
"""1 January 2026, 00:00 UTC: where a clock moved by hand begins."""


class FakeClock:
    """`ports.Clock`, moved by hand. One clock serves a server and its restarts."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """See ports.Clock."""
        return self._now_ms

    def move(self, seconds: float) -> None:
        """Go on; time never goes back."""
        assert seconds >= 0
        self._now_ms += round(seconds * 1000)
