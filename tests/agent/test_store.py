"""The one writer: whole transactions, settings that hold, and nothing left open by whoever leaves."""

import asyncio
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from agent.store import announcements, migrations
from agent.store import books as rows
from agent.store.connection import SETTINGS, Store, _open_writer
from agent.store.errors import BooksFullError, BooksRefusedError
from tests.agent.shops import opened
from tests.cancelling import cancelled_at_every_step
from tests.core.shop import CATALOGUE


async def test_settings_hold_on_the_writer(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        for name, wanted in SETTINGS.items():
            ((found,),) = await store.write(lambda tx, name=name: tx.execute(f"PRAGMA {name}").fetchall())  # type: ignore[misc]
            assert found == wanted, name
        assert SETTINGS["synchronous"] == 2


def test_settings_that_do_not_hold_are_refused() -> None:
    with pytest.raises(BooksRefusedError, match="journal_mode is 'memory' where 'wal' was asked"):
        _open_writer(Path(":memory:"))


async def test_readers_cannot_write(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await store.read("DELETE FROM meta")


async def test_a_second_agent_on_the_same_books_is_refused(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db"):
        with pytest.raises(BooksRefusedError, match="another agent"):
            async with await Store.open(tmp_path / "books.db"):
                pass
    async with await Store.open(tmp_path / "books.db"):
        pass  # the lock went with its holder


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    async with await Store.open(path) as store:
        await store.write(lambda tx: None)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(BooksRefusedError, match="version 99"):
        await Store.open(path)


async def test_what_is_no_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(b"holiday photos" * 1000)
    with pytest.raises(BooksRefusedError, match="cannot be opened"):
        await Store.open(path)
    assert path.read_bytes() == b"holiday photos" * 1000


async def test_another_stores_books_are_refused(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        assert await store.write(lambda tx: rows.found(tx, "SH-1", 1)) == 1
        assert await store.write(lambda tx: rows.found(tx, "SH-1", 2)) == 1
        with pytest.raises(BooksRefusedError, match="store SH-1, not of SH-2"):
            await store.write(lambda tx: rows.found(tx, "SH-2", 3))


async def test_books_that_lost_their_last_announcements_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await shop.store.write(
            lambda tx: tx.execute(
                "INSERT INTO posting VALUES"
                " (5, 'MILK', 'SUPPLIER', 'FLOOR', 1, 'receive', 0, 's', 0, 'a', NULL, -1, 1, 1, x'00')"
            )
        )
        with pytest.raises(BooksRefusedError, match="announcements are missing"):
            await shop.store.write(lambda tx: rows.load(tx, "SH-1", 1, CATALOGUE))


async def test_work_that_fails_is_rolled_back_whole(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:

        def half(tx: sqlite3.Connection) -> None:
            tx.execute("INSERT INTO meta VALUES ('half', 'done')")
            raise KeyError("ours")

        remembered: list[object] = []
        with pytest.raises(KeyError):
            await store.write(half, and_then=remembered.append)
        assert await store.read("SELECT * FROM meta WHERE key = 'half'") == []
        assert remembered == []
        await store.write(lambda tx: tx.execute("INSERT INTO meta VALUES ('next', 'works')"))


async def test_a_full_disk_is_survived_and_nothing_of_the_transaction_is_there(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        await store.write(lambda tx: tx.execute("PRAGMA max_page_count = 1"))  # the nearest to a full disk
        with pytest.raises(BooksFullError, match="full"):
            await store.write(
                lambda tx: tx.execute("INSERT INTO meta VALUES ('big', zeroblob(0) || hex(randomblob(1000000)))")
            )
        await store.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000"))
        await store.write(lambda tx: tx.execute("INSERT INTO meta VALUES ('next', 'works')"))
        assert await store.read("SELECT key FROM meta") == [("next",)]


async def test_cancelling_a_write_at_any_step_leaves_no_open_transaction_and_memory_equal_to_disk(
    tmp_path: Path,
) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        remembered: set[str] = set()
        count = 0

        async def write() -> None:
            nonlocal count
            count += 1
            key = str(count)

            def work(tx: sqlite3.Connection) -> str:
                tx.execute("INSERT INTO meta VALUES (?, '')", (key,))
                tx.execute("UPDATE meta SET value = 'whole' WHERE key = ?", (key,))
                return key

            await store.write(work, and_then=remembered.add)

        async for _ in cancelled_at_every_step(write):
            written = await store.write(lambda tx: tx.execute("SELECT key, value FROM meta").fetchall())
            assert {key for key, _ in written} == remembered
            assert all(value == "whole" for _, value in written)
        assert remembered


async def test_a_write_that_was_handed_over_is_done_and_remembered_whoever_leaves(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        busy, remembered = threading.Event(), list[str]()

        def work(tx: sqlite3.Connection) -> str:
            tx.execute("INSERT INTO meta VALUES ('left', 'alone')")
            return "left"

        before = asyncio.ensure_future(store.write(lambda tx: busy.wait(10)))
        left = asyncio.ensure_future(store.write(work, and_then=remembered.append))
        await asyncio.wait([left], timeout=0)
        left.cancel()
        busy.set()
        assert await before
        assert await store.write(lambda tx: tx.execute("SELECT value FROM meta").fetchall()) == [("alone",)]
        assert remembered == ["left"]


HOUR_MS = 3600 * 1000


async def test_what_was_heard_long_ago_is_forgotten_but_never_the_last_number(tmp_path: Path) -> None:
    """72 hours of the books' own time after HQ heard it: of rows made in 1970, in the future and now alike."""
    async with await Store.open(tmp_path / "books.db") as store:

        async def oldest_once_heard(upto: int, at_h: int) -> int | None:
            await store.write(lambda tx: announcements.forget(tx, upto, at_h * HOUR_MS))
            return await announcements.oldest(store)

        await store.write(lambda tx: rows.found(tx, "SH-1", 1))
        clocks = (1_763_760_000_000, 10_000, 9_000_000_000_000)
        bodies = [(seq, clocks[seq % 3], b"{}") for seq in range(1, 11)]
        await store.write(lambda tx: tx.executemany("INSERT INTO announcement VALUES (?, ?, ?)", bodies))
        assert await oldest_once_heard(5, 100) == 1
        assert await oldest_once_heard(8, 130) == 1
        assert await oldest_once_heard(8, 171) == 1
        assert await oldest_once_heard(10, 172) == 6  # 5 were heard 72 hours ago
        assert await oldest_once_heard(7, 203) == 8  # 8 were, but HQ was restored, and has 7 now
        assert await oldest_once_heard(10, 300) == 10
        assert len(await store.read("SELECT * FROM heard")) == 1
        assert (await store.write(lambda tx: rows.load(tx, "SH-1", 1, CATALOGUE))).head == 10


async def test_how_far_hq_had_heard_is_noted_once_an_hour(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        await store.write(lambda tx: rows.found(tx, "SH-1", 1))
        for nth in range(200 * 3):
            await store.write(lambda tx, nth=nth: announcements.forget(tx, nth + 1, nth * HOUR_MS // 3))  # type: ignore[misc]
        assert 72 <= len(await store.read("SELECT * FROM heard")) <= 74


@pytest.mark.parametrize("name", ["shop #1.db", "what?.db", "50%41.db", "店.db"])
async def test_any_file_name_is_that_file(tmp_path: Path, name: str) -> None:
    async with await Store.open(tmp_path / name) as store:
        await store.write(lambda tx: rows.found(tx, "SH-1", 1))
        assert await store.read("SELECT value FROM meta WHERE key = 'store'") == [("SH-1",)]
    assert {found.removesuffix(".lock") for found in os.listdir(tmp_path)} == {name}


async def test_a_mistake_of_ours_is_not_called_the_disks(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        with pytest.raises(sqlite3.ProgrammingError):
            await store.write(lambda tx: tx.execute("SELECT ?", (1, 2)))


def test_migrations_are_numbered_from_one_and_none_twice() -> None:
    versions = [version for version, _ in migrations.scripts()]
    assert versions[0] == 1
    assert versions == sorted(set(versions))
    assert set(migrations.AND_THEN) <= set(versions)
