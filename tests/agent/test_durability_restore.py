"""Copies of the books: made while they are written, put back in a new epoch, and put back by the agent itself."""

import asyncio
import os
import sqlite3
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.asks import Sale, SaleLine, Sold
from agent.core.places import is_claim
from agent.core.reopening import opening_postings
from agent.store import archives, backups, opening
from agent.store.ballast import Ballast
from agent.store.errors import BooksDamagedError, BooksRefusedError
from agent.store.verify import verify
from tests.agent.pages import cells
from tests.agent.shops import opened
from tests.agent.test_durability_verify import shop_with_a_past

NOW = 1_800_000_000_000


def sale(receipt: str, qty: int = 1) -> Sale:
    return Sale(receipt, (SaleLine(1, "sku", "MILK", qty),))


def balances(path: Path) -> dict[tuple[str, str], int]:
    db = sqlite3.connect(path)
    found = {(sku, place): qty for sku, place, qty in db.execute("SELECT sku, place, qty FROM balance WHERE qty <> 0")}
    db.close()
    return found


def names(folder: Path, beginning: str) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(beginning))


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["FLOOR", "BACKROOM", "CUSTOMER", "HOLD:1", "GRANT:x"])),
        st.integers(-9, 9),
    )
)
def test_opening_postings_lead_from_nothing_to_the_balances(some: dict[tuple[str, str], int]) -> None:
    wanted = {key: qty for key, qty in some.items() if qty}
    for (sku, place), qty in list(wanted.items()):
        other = sku, "FREE" if is_claim(place) else "SUPPLIER"
        wanted[other] = wanted.get(other, 0) - qty
    now: dict[tuple[str, str], int] = {}
    made = opening_postings(wanted, 5, NOW, "opening:7")
    for nth, posting in enumerate(made):
        now[posting.sku, posting.origin] = now.get((posting.sku, posting.origin), 0) - posting.qty
        now[posting.sku, posting.target] = now.get((posting.sku, posting.target), 0) + posting.qty
        assert posting.seq == 5 + nth
        assert posting.qty > 0
        assert is_claim(posting.origin) == is_claim(posting.target)
        assert (posting.from_now, posting.to_now) == (
            now[posting.sku, posting.origin],
            now[posting.sku, posting.target],
        )
    assert {key: qty for key, qty in now.items() if qty} == {key: qty for key, qty in wanted.items() if qty}
    assert len({(posting.source, posting.part) for posting in made}) == len(made)


async def test_a_copy_made_while_the_shop_sells_is_whole_and_right(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path)
    async with opened(path) as shop:
        sold = 0

        async def sell() -> None:
            nonlocal sold
            while True:
                await asyncio.gather(*(shop.clerk.enter(sale(f"rush-{sold}-{nth}")) for nth in range(50)))
                sold += 50

        selling = asyncio.ensure_future(sell())
        for nth in range(5):
            before = sold
            await asyncio.to_thread(backups.make, path, copy)
            report = verify(copy)
            assert report.findings == ()
            assert report.head >= before, nth
        selling.cancel()
        await asyncio.wait([selling])
        assert sold > 0
    assert names(tmp_path, "copy") == ["copy.db"]  # one file, and nothing left of its making


async def test_the_process_that_copies_ends_with_the_agent(tmp_path: Path) -> None:
    path, fifo = tmp_path / "books.db", tmp_path / "never-written"
    await shop_with_a_past(path, sales=2)
    os.mkfifo(fifo)  # opening it waits for ever: a copy that takes its time
    words = ("-m", "agent.copying", str(fifo), str(tmp_path / "copy.db"))
    copying = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert copying.stdin is not None
    copying.stdin.close()  # as the kernel does for an agent that is killed
    assert await asyncio.wait_for(copying.wait(), 20) == 3
    assert names(tmp_path, "copy") == []


async def test_a_copy_that_is_not_right_is_not_kept(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path, sales=2)
    db = sqlite3.connect(path)
    db.execute("UPDATE posting SET qty = 9 WHERE seq = 3")
    db.commit()
    db.close()
    with pytest.raises(backups.BackupFailedError, match="posting 3"):
        backups.make(path, copy)
    assert names(tmp_path, "copy") == []


async def test_restored_books_say_what_the_copy_said_in_a_new_epoch_and_enter_nothing_twice(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path)
    backups.make(path, copy)
    async with opened(path) as shop:
        epoch, before, cases = shop.books.epoch, balances(path), set(shop.books.cases)
        assert await shop.clerk.enter(sale("after the copy"))
    done = opening.restore(path, copy, NOW)
    assert done.epoch > epoch
    assert (tmp_path / done.aside).exists()
    assert balances(path) == before
    assert verify(path).findings == ()
    async with opened(path) as shop:
        assert shop.books.epoch == done.epoch
        assert set(shop.books.cases) == cases
        assert shop.books.head == done.rows
        await shop.assert_memory_is_disk()
        old = await shop.clerk.enter(Sale("收据-3", (SaleLine(1, "sku", "EGGS", 1),)))
        assert isinstance(old, Sold)
        assert old.lines[0].outcome == "already_posted"
        new = await shop.clerk.enter(sale("after the copy"))
        assert isinstance(new, Sold)
        assert new.lines[0].outcome == "posted"
        assert (new.lines[0].seq or 0) > done.rows
    assert verify(path).findings == ()
    backups.make(path, copy)
    again = opening.restore(path, copy, NOW - 1_000_000)  # the clock was set back
    assert again.epoch > done.epoch
    assert verify(path).findings == ()


async def test_what_former_epochs_entered_is_kept_as_long_as_postings_are(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    rows = await shop_with_a_past(path)
    backups.make(path, copy)
    opening.restore(path, copy, NOW)
    async with opened(path) as shop:
        ((at,),) = await shop.store.read("SELECT at FROM former_posting ORDER BY seq LIMIT 1 OFFSET 50")
        assert await shop.store.write(lambda tx: archives.forget_former(tx, at, most=7)) == 7
        assert verify(path).findings == ()
        while await shop.store.write(lambda tx: archives.forget_former(tx, at, most=7)):
            pass
        ((left,),) = await shop.store.read("SELECT count(*) FROM former_posting")
        assert rows - 50 <= left < rows - 7
        assert verify(path).findings == ()
        await shop.store.write(lambda tx: tx.execute("UPDATE former_posting SET qty = 99 WHERE qty = 1"))
    assert "is changed" in str(verify(path).findings[0])


async def test_books_in_use_are_not_restored(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path, sales=2)
    backups.make(path, copy)
    async with opened(path):
        with pytest.raises(BooksRefusedError, match="another agent runs"):
            opening.restore(path, copy, NOW)


async def test_a_damaged_copy_is_not_put_in_place(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path, sales=2)
    backups.make(path, copy)
    db = sqlite3.connect(copy)
    db.execute("UPDATE posting SET qty = 9 WHERE seq = 3")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(BooksRefusedError, match="posting 3"):
        opening.restore(path, copy, NOW)
    assert path.read_bytes() == before


async def test_a_restore_killed_before_the_last_step_is_finished_by_the_next_start(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    await shop_with_a_past(path, sales=2)
    backups.make(path, copy)
    before = balances(path)
    done = opening.restore(path, copy, NOW)
    path.rename(tmp_path / "books.db.restored")  # as a kill between the last two renames leaves it
    store, restored = await opening.open_books(path, Ballast(path, 0), tmp_path, NOW)
    async with store:
        assert await store.read("SELECT value FROM meta WHERE key = 'epoch'") == [(str(done.epoch),)]
    assert restored is None
    assert balances(path) == before


async def damaged_after_a_copy(tmp_path: Path) -> tuple[Path, Path]:
    """Books with a copy of yesterday, 40 sales since, and damage in a posting that is older than the copy."""
    path, folder = tmp_path / "books.db", tmp_path / "backups"
    folder.mkdir()
    await shop_with_a_past(path)
    backups.make(path, backups.daily_name(path, folder, "2026-11-20"))
    async with opened(path) as shop:
        for nth in range(40):
            await shop.clerk.enter(sale(f"since-{nth}"))
    return path, folder


async def test_damaged_books_are_put_aside_and_the_newest_copy_goes_on_with_what_was_salvaged(tmp_path: Path) -> None:
    path, folder = await damaged_after_a_copy(tmp_path)
    before = balances(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE balance SET qty = qty + 1 WHERE sku = 'EGGS' AND place = 'FLOOR'")
    db.commit()
    db.close()
    store, restored = await opening.open_books(path, Ballast(path, 0), folder, NOW)
    async with store:
        assert restored is not None
        assert restored.salvaged.postings == 40
        assert "the balance of EGGS at FLOOR" in restored.why
    assert balances(path) == before
    assert verify(path).findings == ()
    assert (tmp_path / restored.aside).exists()
    async with opened(path) as shop:
        again = await shop.clerk.enter(sale("since-39"))
        assert isinstance(again, Sold)
        assert again.lines[0].outcome == "already_posted"


async def test_what_follows_a_damaged_posting_is_not_carried_over(tmp_path: Path) -> None:
    path, folder = await damaged_after_a_copy(tmp_path)
    row = cells(path, "posting")[-5]
    file = bytearray(path.read_bytes())
    file[row.offset + row.length - 20] ^= 4
    path.write_bytes(file)
    store, restored = await opening.open_books(path, Ballast(path, 0), folder, NOW)
    await store.__aexit__(None, None, None)
    assert restored is not None
    assert restored.salvaged.postings == 35
    assert verify(path).findings == ()


@pytest.mark.parametrize("damage", ["header", "middle", "cut"])
async def test_damaged_pages_are_seen_at_the_start(tmp_path: Path, damage: str) -> None:
    path, folder = await damaged_after_a_copy(tmp_path)
    file = bytearray(path.read_bytes())
    if damage == "header":
        file[:100] = bytes(100)
    elif damage == "middle":
        file[4096 : len(file) // 2] = b"\xa5" * (len(file) // 2 - 4096)
    else:
        del file[len(file) // 2 :]
    path.write_bytes(file)
    store, restored = await opening.open_books(path, Ballast(path, 0), folder, NOW)
    await store.__aexit__(None, None, None)
    assert restored is not None
    assert verify(path).findings == ()


@pytest.mark.parametrize("key", ["epoch", "store"])
async def test_an_epoch_or_a_store_that_is_not_that_of_the_rows_is_seen_at_the_start(tmp_path: Path, key: str) -> None:
    path, folder = await damaged_after_a_copy(tmp_path)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = replace(value, '1', '3') WHERE key = ?", (key,))
    db.commit()
    db.close()
    with pytest.raises(BooksDamagedError, match="of another store or epoch") if key == "store" else nullcontext():
        store, restored = await opening.open_books(path, Ballast(path, 0), folder, NOW)
        await store.__aexit__(None, None, None)
        assert restored is not None
        assert "of another store or epoch" in restored.why


async def test_damaged_books_without_a_good_copy_are_refused_and_not_touched(tmp_path: Path) -> None:
    path, folder = await damaged_after_a_copy(tmp_path)
    (copy,) = backups.found(path, folder)
    copy.write_bytes(b"holiday photos" * 1000)
    path.write_bytes(b"more of them" * 1000)
    with pytest.raises(BooksDamagedError):
        await opening.open_books(path, Ballast(path, 0), folder, NOW)
    assert path.read_bytes() == b"more of them" * 1000
