"""What HQ is to hear, kept until long after it was heard, so that an HQ restored from a backup is only a replay."""

import sqlite3

from agent.store.connection import Store

#: Scans of a device that stay on show; the newest is never forgotten, because it carries the device's count.
SCANS_KEPT = 1000


async def after(store: Store, seq: int, most: int) -> list[tuple[int, bytes]]:
    """Up to `most` announcements (number, body) that follow `seq`."""
    return await store.read("SELECT seq, body FROM announcement WHERE seq > ? ORDER BY seq LIMIT ?", (seq, most))


async def oldest(store: Store) -> int | None:
    """The first number still kept; None when there is none."""
    ((seq,),) = await store.read("SELECT min(seq) FROM announcement")
    return seq  # type: ignore[no-any-return]  # a row of SQLite


async def waiting_since(store: Store, heard: int) -> int | None:
    """When the oldest announcement HQ has not heard was made (unix ms); None when there is none."""
    rows = await store.read("SELECT at FROM announcement WHERE seq > ? ORDER BY seq LIMIT 1", (heard,))
    return rows[0][0] if rows else None


def forget(tx: sqlite3.Connection, heard: int, before: int, most: int = 5000) -> int:
    """Delete up to `most` announcements that HQ has heard and that are older than `before` (unix ms); how many.

    The newest stays, whatever its age: it holds the place of the next number.
    """
    tx.execute("UPDATE meta SET value = ? WHERE key = 'heard'", (str(heard),))
    tx.execute(
        "DELETE FROM scan WHERE n <= (SELECT max(n) FROM scan AS newest WHERE newest.device = scan.device) - ?",
        (SCANS_KEPT,),
    )
    return tx.execute(
        "DELETE FROM announcement WHERE seq IN ("
        " SELECT seq FROM announcement WHERE seq <= ? AND at < ? AND seq < (SELECT max(seq) FROM announcement)"
        " ORDER BY seq LIMIT ?)",
        (heard, before, most),
    ).rowcount
