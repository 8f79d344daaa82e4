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


def forget(tx: sqlite3.Connection, heard: int, before: int, now: int, most: int = 5000) -> int:
    """Delete the oldest announcements, up to `most`, that HQ has heard and that are older than `before`; how many.

    Only from the start, up to the first that must stay, whatever the wall clock said when each was made: a hole would
    stop the stream. One that claims to be from the future was made by a wrong clock and counts as old. The newest
    stays: it holds the place of the next number. Times are unix ms.
    """
    tx.execute("UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE key = 'heard'", (heard,))
    tx.execute(
        "DELETE FROM scan WHERE n <= (SELECT max(n) FROM scan AS newest WHERE newest.device = scan.device) - ?",
        (SCANS_KEPT,),
    )
    stays = "seq > ? OR at BETWEEN ? AND ? OR seq = (SELECT max(seq) FROM announcement)"
    first = f"SELECT seq FROM announcement WHERE {stays} ORDER BY seq LIMIT 1"  # noqa: S608 - no input in it
    return tx.execute(
        f"DELETE FROM announcement WHERE seq IN (SELECT seq FROM announcement WHERE seq < ({first})"  # noqa: S608
        " ORDER BY seq LIMIT ?)",
        (heard, before, now, most),
    ).rowcount
