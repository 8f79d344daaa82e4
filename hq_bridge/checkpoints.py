"""Brings SQLite's log home beside the writer, so that no store waits for it.

Left to itself, SQLite does so within every so many-th commit, which then takes ten times as long as the others. Here a
second connection carries pages into the database while the writer goes on, and the writer itself carries only the few
that came meanwhile, between two transactions: then all of it is home, and the log begins anew.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

#: Lines changed before the log is carried home: at most some 50 MB of log when rows come one by one, 4 MB in batches.
_CHANGES = 10_000
_CARRY = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Belongs to the writer's thread, and has one of its own. Methods raise what the earlier carrying raised."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._thread = ThreadPoolExecutor(1, "hq checkpoints")
        self._connect = connect
        self._carrier: sqlite3.Connection | None = None
        self._under_way: Future[None] | None = None
        self._carried = 0

    def close(self) -> None:
        """Waits for what is under way."""
        self._thread.shutdown()
        if self._carrier is not None:
            self._carrier.close()

    def before(self, writer: sqlite3.Connection) -> None:
        """A transaction is about to begin."""
        if self._under_way is not None and self._under_way.done():
            self._under_way.result()
            self._under_way = None
            writer.execute(_CARRY).close()

    def after(self, writer: sqlite3.Connection) -> None:
        """A transaction has been committed."""
        if self._under_way is None and writer.total_changes - self._carried >= _CHANGES:
            self._carried = writer.total_changes
            self._under_way = self._thread.submit(self._carry)

    def _carry(self) -> None:
        if self._carrier is None:
            self._carrier = self._connect()
        self._carrier.execute(_CARRY).close()
