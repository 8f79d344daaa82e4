"""What time a reader believes it is, held against our own steady clock, so that old reads are known by their age.

A reader that was cut off keeps its reads and sends them when it is back; its clock may be hours wrong. So only
differences count: between the time it puts on a read, and the time it says it is.
"""


class ReaderTime:
    """One reader's clock. Its times are unix microseconds, ours seconds of a monotonic clock."""

    def __init__(self, stale_s: float) -> None:
        self._stale_us = stale_s * 1e6
        self._ahead_us: float | None = None  # the reader's clock minus ours

    def said(self, reader_us: int, now_s: float) -> None:
        """The reader answered, just now, that it is so late."""
        self._ahead_us = reader_us - now_s * 1e6

    def heard(self, reader_us: int, now_s: float) -> None:
        """Something came that the reader stamped so: it is at least so late there. A leap is not believed."""
        ahead_us = reader_us - now_s * 1e6
        if self._ahead_us is not None and 0 < ahead_us - self._ahead_us <= self._stale_us:
            self._ahead_us = ahead_us

    def is_stale(self, seen_us: int | None, now_s: float) -> bool:
        """Was this seen too long ago? No, when the reader does not say, or never said what time it is."""
        if seen_us is None or self._ahead_us is None:
            return False
        self.heard(seen_us, now_s)
        return now_s * 1e6 + self._ahead_us - seen_us > self._stale_us
