"""What time a reader believes it is, held against our own steady clock, so that old reads are known by their age.

A reader that was cut off keeps its reads and sends them when it is back; its clock may be hours wrong, and may be set
at any time. So only differences count: between the time it puts on a read, and the time it says it is, or at least is,
since a read cannot arrive before it was made.
"""

from typing import Final

#: A clock that was set makes every read look off by the same span; a backlog grows younger as it drains. What looks
#: equally off, give or take SAME_US, for SETTLE_S is taken to be what the clock says now.
SAME_US: Final = 1_000_000
SETTLE_S: Final = 5.0


class ReaderTime:
    """One reader's clock. Its times are unix microseconds, ours seconds of a monotonic clock."""

    def __init__(self, stale_s: float) -> None:
        self._stale_us = stale_s * 1e6
        self._ahead_us: float | None = None  # the reader's clock minus ours
        self._began_us: int | None = None
        self._off: tuple[float, float] | None = None  # how far ahead it would be for which all was fresh, since when

    def begins(self, reader_us: int, now_s: float) -> None:
        """The reader says that it is so late at the beginning of a connection: what it saw before is stale."""
        self.said(reader_us, now_s)
        self._began_us = reader_us

    def said(self, reader_us: int, now_s: float) -> None:
        """The reader answered, just now, that it is so late."""
        self._ahead_us, self._off = reader_us - now_s * 1e6, None

    def heard(self, reader_us: int, now_s: float) -> None:
        """Something came that the reader stamped so: it is at least so late there. A leap is not believed."""
        ahead_us = reader_us - now_s * 1e6
        if self._ahead_us is not None and 0 < ahead_us - self._ahead_us <= self._stale_us:
            self._ahead_us = ahead_us

    def is_stale(self, seen_us: int | None, now_s: float) -> bool:
        """Was this seen too long ago? No, when the reader does not say; the first is believed if nothing was said."""
        if seen_us is None:
            return False
        ahead_us = seen_us - now_s * 1e6
        if self._ahead_us is None:
            self._ahead_us = ahead_us
        self.heard(seen_us, now_s)
        before = self._began_us is not None and seen_us < self._began_us
        if not before and abs(self._ahead_us - ahead_us) <= self._stale_us:
            self._off = None
            return False
        if self._off is None or abs(ahead_us - self._off[0]) > SAME_US:
            self._off = ahead_us, now_s
        elif now_s - self._off[1] >= SETTLE_S:
            self._ahead_us, self._began_us, self._off = ahead_us, None, None
            return False
        return before or ahead_us < self._ahead_us
