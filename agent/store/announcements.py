"""What HQ is to hear, kept until long after it was heard, so that an HQ restored from a backup is only a replay."""

import sqlite3
from typing import Final

from agent.store.connection import Store

#: Scans of a device that stay on show; the newest is never forgotten, because it carries the device's count.
SCANS_KEPT = 1000
#: Announcements stay so long after HQ has heard them, in the books' own time: an HQ restored from a backup is then only
#: a replay. How far it had heard is noted so many times in that while.
KEPT_MS: Final = 72 * 3600 * 1000
_NOTES: Final = 72


async def after(store: Store, seq: int, most: int) -> list[tuple[int, int, bytes]]:
    """Up to `most` announcements (number, unix ms, body) that follow `seq`."""
    return await store.read("SELECT seq, at, body FROM announcement WHERE seq > ? ORDER BY seq LIMIT ?", (seq, most))


async def oldest(store: Store) -> int | None:
    """The first number still kept; None when there is none."""
    ((seq,),) = await store.read("SELECT min(seq) FROM announcement")
    return seq  # type: ignore[no-any-return]  # a row of SQLite


async def waiting_since(store: Store, heard: int) -> int | None:
    """When the oldest announcement HQ has not heard was made (unix ms); None when there is none."""
    rows = await store.read("SELECT at FROM announcement WHERE seq > ? ORDER BY seq LIMIT 1", (heard,))
    return rows[0][0] if rows else None


def note_heard(tx: sqlite3.Connection, heard: int) -> None:
    """HQ has heard these books, up to this row."""
    tx.execute("UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE key = 'heard'", (heard,))


def forget(tx: sqlite3.Connection, heard: int, now_ms: int, kept_ms: int = KEPT_MS, most: int = 5000) -> int:
    """Delete the oldest announcements, up to `most`, that HQ had heard `kept_ms` ago; how many.

    `now_ms` is the books' own time, so no wrong clock makes them old. Only from the start: a hole would stop the
    stream. The newest stays: it holds the place of the next number.
    """
    note_heard(tx, heard)
    tx.execute(
        "DELETE FROM scan WHERE n <= (SELECT max(n) FROM scan AS newest WHERE newest.device = scan.device) - ?",
        (SCANS_KEPT,),
    )
    tx.execute(
        "INSERT OR REPLACE INTO heard SELECT ?1, ?2"
        " WHERE NOT EXISTS (SELECT 1 FROM heard WHERE books_ms > ?1 - ?3 OR seq >= ?2)",
        (now_ms, heard, kept_ms // _NOTES),
    )
    long_ago = "SELECT max(books_ms) FROM heard WHERE books_ms <= ?"
    tx.execute(f"DELETE FROM heard WHERE books_ms < ({long_ago})", (now_ms - kept_ms,))  # noqa: S608 - no input in it
    (upto,) = tx.execute(
        f"SELECT min(coalesce((SELECT seq FROM heard WHERE books_ms = ({long_ago})), 0), ?)",  # noqa: S608
        (now_ms - kept_ms, heard),
    ).fetchone()
    return tx.execute(
        "DELETE FROM announcement WHERE seq IN (SELECT seq FROM announcement"
        " WHERE seq <= ? AND seq < (SELECT max(seq) FROM announcement) ORDER BY seq LIMIT ?)",
        (upto, most),
    ).rowcount
