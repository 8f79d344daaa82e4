"""Old months leave the ledger for files, the chain goes through, and the disk is bounded."""

import asyncio
import gzip
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.clerk import Clerk, announcements_of
from agent.clock import SystemClock
from agent.config import BooksCare
from agent.core import telling
from agent.core.asks import Claimed, ReleaseHold, Reserve, Sale, SaleLine, Scan, Sold, Want
from agent.core.claims import Hold, HoldLine
from agent.core.count_asks import EnterFound, Found, RequestCount, StartCount
from agent.core.ledger import Turn
from agent.core.places import BACKROOM, SUPPLIER
from agent.store import announcements, archives, backups, bygone, chain, claims, counts, opening, snapshots
from agent.store import books as rows
from agent.store.verify import verify
from agent.upkeep import Upkeep
from tests.agent.shops import Shop, opened
from tests.core.shop import MILK, gtin_14
from tests.waiting import until

DAY_MS = 24 * 3600 * 1000


def ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


async def receive(shop: Shop, at: int, count: int) -> None:
    """That many postings, as of `at`."""
    turn = Turn(shop.books, at, {}, {})
    for nth in range(count):
        sku = ("MILK", "EGGS", "SHIRT")[nth % 3]
        turn.post(sku, SUPPLIER, BACKROOM, 1 + nth, "receive", f"test:{turn.head}", "test")
    telling.open_stock(turn)
    await shop.store.write(
        lambda tx: rows.enter(tx, turn, announcements_of(turn)), and_then=lambda _: shop.books.remember(turn)
    )


async def live_through(shop: Shop, first: str, days: int, *, each: int = 5, heard: bool = True) -> int:
    """So many days with postings, a snapshot each night and what HQ heard forgotten; the time afterwards."""
    at = ms(first)
    for _ in range(days):
        await receive(shop, at + DAY_MS // 2, each)
        at += DAY_MS
        snapshot = snapshots.take(shop.store.path, at)
        await shop.store.write(lambda tx, kept=snapshot: snapshots.keep(tx, kept))  # type: ignore[misc]
        if heard:
            await forget(shop)
    return at


async def forget(shop: Shop) -> None:
    """All that HQ has heard, as if that were long ago."""
    await shop.store.write(lambda tx: announcements.forget(tx, shop.books.head, 0, 0))


async def archive_what_is_due(shop: Shop, before: int) -> list[archives.Archive]:
    made: list[archives.Archive] = []
    while True:
        until_seq = await shop.store.write(lambda tx: archives.due(tx, before))
        if until_seq is None:
            return made
        archive = archives.write(shop.store.path, shop.books.epoch, until_seq)
        await shop.store.write(lambda tx, archive=archive: archives.enter(tx, archive))  # type: ignore[misc]
        while await shop.store.write(lambda tx: archives.forget(tx, most=100)):
            pass
        made.append(archive)


async def test_months_are_archived_and_everything_still_verifies(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    async with opened(path) as shop:
        at = await live_through(shop, "2026-01-10", 120)
        whole = verify(path)
        assert whole.findings == ()
        made = await archive_what_is_due(shop, at - 35 * DAY_MS)
        assert [archive.file for archive in made] == [f"books-archive-2026-0{month}.jsonl.gz" for month in (1, 2, 3)]
        assert await archive_what_is_due(shop, at - 35 * DAY_MS) == []
        report = verify(path)
        assert report.findings == ()
        assert report.archived + report.postings == whole.postings
        assert 0 < report.postings < 45 * 5
        await receive(shop, at, 3)
        await shop.assert_memory_is_disk()
        kept = await shop.store.read("SELECT seq FROM snapshot")
        assert len(kept) <= snapshots.NEWEST_KEPT + 5
    assert verify(path).findings == ()
    assert verify(path, recent=True).findings == ()
    store, restored = await opening.open_books(path, shop.store.ballast, tmp_path, at)
    await store.__aexit__(None, None, None)
    assert restored is None


async def test_an_archive_can_be_read_without_this_program(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    async with opened(path) as shop:
        at = await live_through(shop, "2026-01-10", 60)
        before = await shop.store.read(f"SELECT {chain.NAMES}, chain FROM posting ORDER BY seq")
        (archive,) = await archive_what_is_due(shop, at - 20 * DAY_MS)
    file = tmp_path / archive.file
    note, name = (tmp_path / f"{archive.file}.sha256").read_text().split()
    assert (note, name) == (hashlib.sha256(file.read_bytes()).hexdigest(), archive.file)
    head, *lines = gzip.decompress(file.read_bytes()).splitlines()
    about = json.loads(head)
    assert (about["store"], about["first"], about["last"]) == ("SH-1", 1, archive.last)
    value = bytes.fromhex(about["before"])
    for line, row in zip(lines, before, strict=False):
        value = hashlib.blake2b(value + line, digest_size=16).digest()
        assert json.loads(line) == list(row[:-1])
        assert value == row[-1]
    assert value == archive.after


@pytest.mark.parametrize("what", ["changed", "cut", "gone"])
async def test_a_changed_archive_is_found_and_one_taken_elsewhere_is_said(tmp_path: Path, what: str) -> None:
    path = tmp_path / "books.db"
    async with opened(path) as shop:
        at = await live_through(shop, "2026-01-10", 90)
        first, second = await archive_what_is_due(shop, at - 20 * DAY_MS)
    file = tmp_path / first.file
    if what == "gone":
        file.unlink()
        report = verify(path)
        assert (report.findings, report.absent) == ((), (first.file,))
        return
    content = file.read_bytes()
    if what == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        lines = gzip.decompress(content).replace(b'"receive"', b'"shrinks"', 1)
        file.write_bytes(gzip.compress(lines))
    report = verify(path)
    assert report.findings
    assert all(finding.problem.startswith(first.file) for finding in report.findings)
    assert second.file not in str(report.findings)


async def test_what_is_not_heard_or_not_old_or_not_right_is_not_archived(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    async with opened(path) as shop:
        at = await live_through(shop, "2026-01-10", 90, heard=False)
        assert await shop.store.write(lambda tx: archives.due(tx, at)) is None
        await forget(shop)
        assert await shop.store.write(lambda tx: archives.due(tx, ms("2026-01-31"))) is None
        due = await shop.store.write(lambda tx: archives.due(tx, at))
        assert due is not None
        await shop.store.write(lambda tx: tx.execute("UPDATE posting SET qty = 77 WHERE seq = 40"))
        with pytest.raises(archives.LedgerBrokenError, match="posting 40"):
            archives.write(path, shop.books.epoch, due)
        assert not (tmp_path / "books-archive-2026-01.jsonl.gz").exists()


async def test_the_ledger_is_bounded_by_what_is_kept(tmp_path: Path) -> None:
    """A year with archives: the books' file stops growing once the first months have left."""
    path = tmp_path / "books.db"
    sizes: list[int] = []
    async with opened(path) as shop:
        at = ms("2026-01-01")
        for _ in range(12):
            day = datetime.fromtimestamp(at / 1000, UTC).isoformat()[:10]
            at = await live_through(shop, day, 30, each=20)
            await archive_what_is_due(shop, at - 60 * DAY_MS)
            ((pages,),) = await shop.store.read("PRAGMA page_count")
            ((bygone,),) = await shop.store.read("SELECT count(*) FROM bygone")
            sizes.append(pages - bygone * 25 // 4096)  # what is known of each receipt for three years
    assert max(sizes[4:]) <= 1.2 * sizes[4]
    assert verify(path).findings == ()


@dataclass
class Calendar(SystemClock):
    """A clock whose wall stands where it was put."""

    wall_ms: int = 0
    ran_s: float = 0.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ran_s

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.02))


@asynccontextmanager
async def looked_after(path: Path, clock: Calendar, backups: Path) -> AsyncIterator[Shop]:
    """A shop whose days are the calendar's, looked after."""
    async with opened(path, at_work=False) as shop:
        clerk = Clerk(shop.store, shop.books, clock, lambda turn: None)
        upkeep = Upkeep(shop.store, clerk, BooksCare(backups, 35, 0), clock)
        work = [asyncio.ensure_future(clerk.run()), asyncio.ensure_future(upkeep.run())]
        try:
            yield Shop(shop.store, clerk)
        finally:
            for task in reversed(work):
                task.cancel()
                await asyncio.wait([task])


async def sell(shop: Shop, receipt: str, lines: int) -> None:
    await shop.clerk.enter(Sale(receipt, tuple(SaleLine(nth, "sku", "MILK", 1) for nth in range(lines))))


async def test_the_agent_itself_copies_each_day_keeps_three_and_archives(tmp_path: Path) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with looked_after(path, clock, folder) as shop:
        for day in ("2026-01-05", "2026-01-20", "2026-02-02", "2026-02-03", "2026-03-20"):
            clock.wall_ms = ms(day) + DAY_MS // 2
            await sell(shop, f"R-{day}", 7)
            await forget(shop)
            copy = folder / f"books-backup-{day}.db"
            await until(lambda copy=copy: copy.exists())  # type: ignore[misc]
        await until(lambda: (tmp_path / "books-archive-2026-01.jsonl.gz").exists())
        await until(lambda: verify(path).archived == 21)
        assert verify(path).findings == ()
        await until(lambda: len(list(folder.glob("*.db"))) == 3)
    assert [(folder / f"books-backup-{day}.db").exists() for day in ("2026-01-20", "2026-02-02")] == [False, True]
    async with opened(path) as shop:
        await shop.assert_memory_is_disk()


async def test_a_day_that_looks_older_than_all_copies_is_copied_and_stays(tmp_path: Path) -> None:
    """The clock of a machine whose battery died: its newest copy has the oldest name."""
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with looked_after(path, clock, folder) as shop:
        for day in ("2026-01-05", "2026-01-06", "2026-01-07", "1970-01-01", "2026-01-08"):
            clock.wall_ms = ms(day)
            copy = folder / f"books-backup-{day}.db"
            await until(lambda copy=copy: copy.exists())  # type: ignore[misc]
            await sell(shop, f"R-{day}", 1)
            if day == "1970-01-01":
                await until(lambda: len(list(folder.glob("*.db"))) == 3)
                assert copy.exists()
        await until(lambda: len(list(folder.glob("*.db"))) == 3)


@pytest.mark.parametrize("day", ["2026-01-05", "1970-01-01"])
async def test_under_a_clock_that_stands_still_a_day_is_24_hours_of_running(tmp_path: Path, day: str) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms(day))
    async with looked_after(path, clock, folder) as shop:
        for nth in range(1, 6):
            copy = backups.daily_name(path, folder, day, min(nth, 4))
            await until(copy.exists)
            await sell(shop, f"R-{nth}", 1)
            clock.ran_s += 24 * 3600
        await until(lambda: len(backups.found(path, folder)) == 3)
    newest, *older = [backups.reached(copy) for copy in backups.found(path, folder)]
    assert newest is not None
    assert all(each is not None and each < newest for each in older)


async def test_a_copy_made_under_a_clock_that_was_ahead_is_as_old_as_its_books(tmp_path: Path) -> None:
    """It is neither taken for the newest, nor kept in the place of a newer one."""
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2099-12-31"))
    ahead = folder / "books-backup-2099-12-31.db"
    async with looked_after(path, clock, folder) as shop:
        await until(ahead.exists)
        for day in ("2026-01-05", "2026-01-06", "2026-01-07"):
            await sell(shop, f"R-{day}", 1)
            clock.wall_ms = ms(day)
            copy = folder / f"books-backup-{day}.db"
            await until(copy.exists)
            assert backups.found(path, folder)[0] == copy
        await until(lambda: not ahead.exists())
    assert [copy.stem[-2:] for copy in backups.found(path, folder)] == ["07", "06", "05"]
    async with looked_after(path, clock, folder) as shop:
        await sell(shop, "R-later", 1)
    path.write_bytes(b"holiday photos" * 1000)
    (folder / "books-backup-2026-01-07.db").rename(folder / "books-backup-1970-01-01.db")
    store, restored = await opening.open_books(path, shop.store.ballast, folder, clock.wall_ms)
    await store.__aexit__(None, None, None)
    assert restored is not None
    assert restored.copy == "books-backup-1970-01-01.db"


def test_how_far_an_old_copy_had_come_can_be_read(tmp_path: Path) -> None:
    """One from before books had a time of their own, and one that is none."""
    old, none = tmp_path / "books-backup-2026-11-01.db", tmp_path / "books-backup-2026-11-02.db"
    shutil.copy(Path(__file__).parent / "databases" / "v1.db", old)
    none.write_bytes(b"holiday photos" * 1000)
    found = backups.reached(old)
    assert found is not None
    assert found.head > 0
    assert found.books_ms == 0
    assert backups.reached(none) is None
    assert backups.found(tmp_path / "books.db", tmp_path) == [old, none]


async def test_a_receipt_entered_in_1970_is_known_as_long_as_one_entered_beside_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, ms("2026-11-21"), 1)
        await shop.store.write(lambda tx: bygone.remember(tx, [("sale:R-1970/1", 10_000)]))
        for now in ("2026-11-22", "2099-12-31"):  # the second by a clock that is ahead
            assert await bygone.forget(shop.store, ms(now)) == 0
        await receive(shop, ms("2030-01-01"), 1)
        await shop.store.write(lambda tx: bygone.remember(tx, [("sale:R-2030/1", ms("2030-01-01"))]))
        assert await bygone.forget(shop.store, ms("2030-01-02")) == 1


async def test_a_ledger_that_is_wrong_becomes_a_case_the_day_it_is_copied(tmp_path: Path) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with opened(path) as shop:
        for nth in range(30):
            await sell(shop, f"R-{nth}", 50)
        await shop.store.write(lambda tx: tx.execute("UPDATE posting SET at = at + 1 WHERE seq = 17"))
    async with looked_after(path, clock, folder) as shop:
        case = await until(lambda: shop.books.cases.get(("backup_failed", "daily")))
        assert "posting 17" in case.detail
    assert list(folder.iterdir()) == []


async def test_what_the_start_does_not_see_is_found_soon_after_it_also_when_the_days_copy_is_made(
    tmp_path: Path,
) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with looked_after(path, clock, folder) as shop:
        for nth in range(30):
            await sell(shop, f"R-{nth}", 50)
        await until(lambda: (folder / "books-backup-2026-01-05.db").exists())
        await shop.store.write(lambda tx: tx.execute("UPDATE posting SET at = at + 1 WHERE seq = 17"))
    store, restored = await opening.open_books(path, shop.store.ballast, folder, clock.wall_ms)
    await store.__aexit__(None, None, None)
    assert restored is None  # 1,000 postings at the end are looked at
    async with looked_after(path, clock, folder) as shop:
        case = await until(lambda: shop.books.cases.get(("books_wrong", "books")))
        assert "posting 17" in case.detail
        await shop.store.write(lambda tx: tx.execute("UPDATE posting SET at = at - 1 WHERE seq = 17"))
    async with looked_after(path, clock, folder) as shop:
        await until(lambda: ("books_wrong", "books") not in shop.books.cases)


async def test_a_receipt_that_is_archived_is_still_known_and_posts_nothing_again(tmp_path: Path) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with looked_after(path, clock, folder) as shop:
        for day in ("2026-01-05", "2026-02-02", "2026-03-20"):
            clock.wall_ms = ms(day) + DAY_MS // 2
            await sell(shop, f"R-{day}", 7)
            await forget(shop)
            copy = folder / f"books-backup-{day}.db"
            await until(lambda copy=copy: copy.exists())  # type: ignore[misc]
        archived = await until(lambda: verify(path).archived)
        await until(lambda: verify(path).postings == 21 - archived)
        assert await shop.store.read("SELECT 1 FROM posting WHERE source GLOB 'sale:R-2026-01-05*'") == []
        before = dict(shop.books.balances)
        again = await shop.clerk.enter(
            Sale("R-2026-01-05", (SaleLine(3, "sku", "MILK", 1), SaleLine(99, "sku", "MILK", 1)))
        )
        assert isinstance(again, Sold)
        assert [(line.outcome, line.seq is None) for line in again.lines] == [
            ("already_posted", True),
            ("posted", False),
        ]
        assert shop.books.balance("MILK", "CUSTOMER") == before["MILK", "CUSTOMER"] + 1
        assert await bygone.forget(shop.store, clock.wall_ms) == 0
        later = clock.wall_ms + (1 + bygone.KEPT_DAYS) * DAY_MS
        await shop.store.write(lambda tx: bygone.remember(tx, [("sale:R-later/1", later)]))
        assert await bygone.forget(shop.store, later) == archived


async def test_what_is_kept_of_receipts_and_holds_takes_so_many_bytes(tmp_path: Path) -> None:
    """docs/operate.md says so."""
    async with opened(tmp_path / "books.db") as shop:
        ((before,),) = await shop.store.read("PRAGMA page_count")
        sources = [(f"sale:T{nth % 9}-{nth:06}/1", nth * 1000) for nth in range(50_000)]
        await shop.store.write(lambda tx: bygone.remember(tx, sources))
        ((after,),) = await shop.store.read("PRAGMA page_count")
        assert (after - before) * 4096 / len(sources) < 25
        lines = (HoldLine(1, "TEA-0007", 2, 0, 2), HoldLine(2, "TEA-0008", 1, 0, 1))
        holds = [
            Hold(f"web-{nth:07}", "web", "consumed", nth * 1000, lines, f"O-{nth:07}", due_ms=nth)
            for nth in range(20_000)
        ]
        await shop.store.write(lambda tx: claims.keep(tx, holds))
        ((end,),) = await shop.store.read("PRAGMA page_count")
        assert (end - after) * 4096 / len(holds) < 150


async def test_resolved_holds_leave_no_balance_behind(tmp_path: Path) -> None:
    path, folder, clock = tmp_path / "books.db", tmp_path / "backups", Calendar(ms("2026-01-05"))
    async with looked_after(path, clock, folder) as shop:
        for _ in range(5):
            await shop.clerk.enter(Scan("dock", "receive", gtin_14(MILK)[1:], None))
        for nth in range(40):
            assert isinstance(await shop.clerk.enter(Reserve(f"h{nth}", "web", (Want(1, "MILK", 1),), 900)), Claimed)
            if nth < 39:
                await shop.clerk.enter(ReleaseHold(f"h{nth}"))
        clock.wall_ms += DAY_MS
        await until(lambda: (folder / "books-backup-2026-01-06.db").exists())
        accounts = await shop.store.read("SELECT place, qty FROM balance WHERE place GLOB 'HOLD:*'")
        assert accounts == [("HOLD:h39", 1)]
        assert await shop.store.read("SELECT qty FROM balance WHERE place = 'CONSUMED'") == []
        await shop.assert_memory_is_disk()
    assert verify(path).findings == ()
    assert verify(folder / "books-backup-2026-01-06.db", archives_in=tmp_path).findings == ()


async def test_a_count_that_is_over_is_kept_as_long_as_its_posting(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        for name in ("C-1", "C-2"):
            await shop.clerk.enter(RequestCount(name, BACKROOM, "cycle", "badge-4", (("sku", "MILK"),)))
            if name == "C-1":
                await shop.clerk.enter(StartCount(name, "badge-1"))
                await shop.clerk.enter(EnterFound(name, "badge-1", (Found(("sku", "MILK"), 2),)))
        now = SystemClock().now_ms()

        async def dropped(before: int) -> int:
            return await shop.store.write(lambda tx: counts.forget(tx, before))

        assert await dropped(now + DAY_MS) == 0  # its posting is in the ledger: its name would post twice
        await receive(shop, now + 70 * DAY_MS, 1)
        await shop.store.write(
            lambda tx: tx.execute("UPDATE count_session SET closed_at = 10000 WHERE closed_at").fetchall()
        )
        assert await dropped(now + DAY_MS) == 0  # nor when it was counted under a clock at 1970
        await shop.store.write(
            lambda tx: tx.execute("UPDATE count_session SET closed_at = ? WHERE closed_at", (now,)).fetchall()
        )
        archived = (shop.books.epoch, shop.books.head - 1, b"")
        await shop.store.write(lambda tx: tx.execute("INSERT INTO ledger_start VALUES (?, ?, ?)", archived).fetchall())
        await shop.store.write(
            lambda tx: tx.execute("DELETE FROM posting WHERE seq < ?", (shop.books.head,)).fetchall()
        )
        assert await dropped(now - DAY_MS) == 0
        assert await dropped(now + DAY_MS) == 1
        assert await shop.store.read("SELECT session FROM count_line") == [("C-2",)]
        assert list(shop.books.counts.sessions) == ["C-2"]
        await shop.assert_memory_is_disk()
