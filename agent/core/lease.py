"""Leases: an order is accepted only on a lease that this store issued a short while ago, by its own running clock.

The store says a number with every heartbeat; an order cites the one it was routed on. Once a lease is too old for the
store, HQ may route elsewhere, and no wall clock has a say in it: neither HQ's nor the store's.
"""

from typing import Final

#: How long an order may be accepted on a lease.
USUAL_LEASE_S: Final = 90
#: A lease is the start's number and a count within the start; both together stay exact in a double.
_COUNT_BITS: Final = 24


class Leases:
    """The leases of one start of the agent. Times are milliseconds of a clock that runs and never jumps.

    `start` is greater than that of every start before, on these books and on those they were restored from: so a number
    is never issued twice, and those of other starts are known by it.
    """

    def __init__(self, start: int = 0, lease_s: int = USUAL_LEASE_S) -> None:
        self.lease_ms = lease_s * 1000
        self._start = start
        self._count = 0
        self._issued: dict[int, int] = {}

    def issue(self, now_ms: int) -> int:
        """The next lease. When a start has used up its numbers the last one stays: it gets stale, and nothing else."""
        lease = self._start << _COUNT_BITS | min(self._count + 1, (1 << _COUNT_BITS) - 1)
        self._count += 1
        kept = {number: at_ms for number, at_ms in self._issued.items() if now_ms - at_ms < self.lease_ms}
        self._issued = {lease: now_ms} | kept  # what was issued before keeps its time
        return lease

    def why_refused(self, lease: int, now_ms: int) -> str:
        """Why no order may be accepted on this lease now; empty when one may."""
        issued_ms = self._issued.get(lease)
        if issued_ms is not None and now_ms - issued_ms < self.lease_ms:
            return ""
        start, count = lease >> _COUNT_BITS, lease & (1 << _COUNT_BITS) - 1
        if start != self._start:
            return f"lease {lease} is of another start of this store"
        if not 0 < count <= self._count:
            return f"lease {lease} was never issued"
        return f"lease {lease} was issued more than {self.lease_ms // 1000} s ago"
