"""What damaged books still say is carried over: nobody is oversold and nothing is entered twice after a restore."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.core.asks import (
    Claimed,
    CommitHold,
    Delivery,
    DeliveryLine,
    Expected,
    Refused,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Short,
    Sold,
    Want,
    Work,
    Worked,
)
from agent.store import backups, opening, settling
from agent.store.ballast import Ballast
from agent.store.verify import verify
from tests.agent.shops import Shop, opened
from tests.core.shop import MILK, SHIRT, epc_of, gtin_14

NOW = 1_800_000_000_000
SEED = 20261122
DELIVERY = Delivery("D-2", (DeliveryLine(1, "sku", "SHIRT", tuple(epc_of(SHIRT, 500 + nth) for nth in range(5))),))


def hold(name: str, *wants: tuple[str, int], channel: str = "web") -> Reserve:
    lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
    return Reserve(name, channel, lines, 3600)


def sale(nth: int) -> Sale:
    return Sale(f"since-{nth}", (SaleLine(1, "sku", "MILK", 1), SaleLine(2, "sku", "EGGS", 2)))


async def receive(shop: Shop, count: int) -> None:
    for _ in range(count):
        assert (await shop.clerk.enter(Scan("dock", "receive", gtin_14(MILK)[1:], None))).accepted


async def books_with_promises(folder: Path, sales: int = 20) -> Path:
    """Books with a copy; since then: a pending hold, a committed one, a resolved one, a delivery, cases and sales."""
    path, copies = folder / "books.db", folder / "backups"
    copies.mkdir()
    async with opened(path) as shop:
        await receive(shop, 20)
        assert isinstance(await shop.clerk.enter(hold("old", ("MILK", 2))), Claimed)
        for nth in range(20):
            await shop.clerk.enter(Sale(f"before-{nth}", (SaleLine(1, "sku", "EGGS", 1),)))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE not_thought_of_yet (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT")
        db.execute("INSERT INTO not_thought_of_yet VALUES ('before', 1), ('gone', 2)")
    backups.make(path, backups.daily_name(path, copies, "2026-11-21"))
    async with opened(path) as shop:
        await receive(shop, sales + 5)
        for nth in range(sales // 2):
            await shop.clerk.enter(sale(nth))
        assert isinstance(await shop.clerk.enter(hold("open", ("MILK", 3))), Claimed)
        assert isinstance(await shop.clerk.enter(hold("bound", ("MILK", 4))), Claimed)
        assert isinstance(await shop.clerk.enter(CommitHold("bound", "O-1")), Claimed)
        assert isinstance(await shop.clerk.enter(CommitHold("old", "O-2")), Claimed)
        await shop.clerk.enter(DELIVERY)
        await shop.clerk.enter(Scan("dock", "receive", "nonsense", None))
        for nth in range(sales // 2, sales):
            await shop.clerk.enter(sale(nth))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO not_thought_of_yet VALUES ('since', 3)")
        db.execute("DELETE FROM not_thought_of_yet WHERE name = 'gone'")
    return path


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(sql).rowcount


def root(path: Path, table: str) -> int:
    """The page (from 0) a table begins with; a small one is nothing else."""
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(page) - 1


def trash(path: Path, page: int) -> None:
    content = bytearray(path.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    path.write_bytes(content)


async def start(path: Path) -> opening.Restored | None:
    store, restored = await opening.open_books(path, Ballast(path, 0), path.parent / "backups", NOW)
    await store.__aexit__(None, None, None)
    return restored


def balances(path: Path) -> dict[tuple[str, str], int]:
    with closing(sqlite3.connect(path)) as db:
        return {(sku, place): qty for sku, place, qty in db.execute("SELECT * FROM balance WHERE qty <> 0")}


async def assert_promises_hold(path: Path, sales: int = 20) -> None:
    """Who was promised something has it, nobody else gets it, and whatever is sent again is known."""
    with closing(sqlite3.connect(path)) as db:
        assert settling.differences(db) == []
    async with opened(path) as shop:
        await shop.assert_memory_is_disk()
        assert {name: one.state for name, one in shop.books.holds.items()} == {
            "open": "pending",
            "bound": "committed",
            "old": "committed",
        }
        assert shop.books.promised("MILK") == 9
        before = dict(shop.books.balances)
        for nth in range(sales):
            answer = await shop.clerk.enter(sale(nth))
            assert isinstance(answer, Sold)
            assert {line.outcome for line in answer.lines} == {"already_posted"}, nth
        delivered = await shop.clerk.enter(DELIVERY)
        assert isinstance(delivered, Expected)
        assert [line.outcome for line in delivered.lines] == ["already_expected"]
        assert shop.books.balances == before
        assert isinstance(await shop.clerk.enter(hold("open", ("MILK", 3))), Claimed)
        assert isinstance(await shop.clerk.enter(CommitHold("open", "O-3")), Claimed)
        left = 45 - 9 - sales
        assert isinstance(await shop.clerk.enter(hold("greedy", ("MILK", left + 1))), Short)
        assert isinstance(await shop.clerk.enter(hold("modest", ("MILK", left))), Claimed)
    assert verify(path).findings == ()


async def test_what_was_promised_and_delivered_since_the_copy_is_kept(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    before = balances(path)
    change(path, "UPDATE balance SET qty = qty + 1 WHERE sku = 'EGGS' AND place = 'FLOOR'")
    restored = await start(path)
    assert restored is not None
    assert (restored.salvaged.unproved, restored.salvaged.in_part, restored.salvaged.not_at_all) == (0, {}, [])
    assert restored.salvaged.disputed == []
    assert balances(path) == before
    async with opened(path) as shop:
        assert {kind for kind, _ in shop.books.cases} == {"negative_stock", "unknown_barcode", "books_restored"}
        assert shop.books.scans == {"dock": 46}
    await assert_promises_hold(path)


async def test_a_table_nobody_named_here_is_salvaged_as_it_stands(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path, sales=2)
    change(path, "UPDATE balance SET qty = qty + 1 WHERE sku = 'EGGS' AND place = 'FLOOR'")
    assert await start(path) is not None
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM not_thought_of_yet ORDER BY n").fetchall() == [("before", 1), ("since", 3)]


async def test_a_broken_chain_loses_no_stock_and_no_promise_and_every_receipt_stays_known(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    before = balances(path)
    change(path, "UPDATE posting SET at = at + 1 WHERE source = 'sale:since-3/1'")
    restored = await start(path)
    assert restored is not None
    assert restored.salvaged.unproved > 0
    assert restored.salvaged.balances_are_theirs
    assert balances(path) == before
    async with opened(path) as shop:
        (case,) = [case for case in shop.books.cases.values() if case.kind == "books_restored"]
        assert "could not be proved" in case.detail
    await assert_promises_hold(path)


async def test_holds_whose_rows_are_gone_are_made_from_their_postings(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    trash(path, root(path, "hold"))
    restored = await start(path)
    assert restored is not None
    assert "open is made from its postings" in restored.salvaged.disputed
    await assert_promises_hold(path)


async def test_a_hold_row_that_says_nothing_is_no_reason_not_to_start(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    change(path, "UPDATE hold SET lines = '[[1, \"MILK\"' WHERE id = 'open'")
    change(path, "UPDATE balance SET qty = qty + 1 WHERE sku = 'EGGS' AND place = 'FLOOR'")
    restored = await start(path)
    assert restored is not None
    assert restored.salvaged.in_part.keys() == {"hold"}
    await assert_promises_hold(path)


async def test_a_hold_and_its_account_that_differ_are_made_to_agree_and_named(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    change(path, "UPDATE hold SET lines = json_set(lines, '$[0][3]', 2) WHERE id = 'open'")
    change(path, "UPDATE balance SET qty = qty + 1 WHERE sku = 'EGGS' AND place = 'FLOOR'")
    restored = await start(path)
    assert restored is not None
    assert restored.salvaged.disputed == ["MILK on HOLD:open: 2 where the ledger had 3"]
    with closing(sqlite3.connect(path)) as db:
        assert settling.differences(db) == []
    assert verify(path).findings == ()


async def test_what_the_restored_books_ask_for_is_a_case_also_if_its_row_is_gone(tmp_path: Path) -> None:
    path = await books_with_promises(tmp_path)
    trash(path, root(path, "case_file"))
    assert await start(path) is not None
    async with opened(path) as shop:
        kinds = {(kind, about) for kind, about in shop.books.cases if kind != "books_restored"}
        assert ("negative_stock", "EGGS at FLOOR") in kinds
    await assert_promises_hold(path)


async def test_whichever_page_is_destroyed_nobody_is_oversold_and_nothing_entered_twice(tmp_path: Path) -> None:
    """Every page in turn. Where both the ledger and the balances suffer, stock may be wrong, and the case says so."""
    made = await books_with_promises(tmp_path)
    content, chance = made.read_bytes(), random.Random(SEED)
    restored_n = 0
    for page in range(1, len(content) // 4096):
        folder = tmp_path / f"page-{page}"
        folder.mkdir()
        (folder / "backups").symlink_to(tmp_path / "backups")
        path = folder / "books.db"
        path.write_bytes(content)
        if chance.random() < 0.5:
            trash(path, page)
        else:
            spoilt = bytearray(content)
            spoilt[page * 4096 : page * 4096 + 512] = chance.randbytes(512)
            path.write_bytes(spoilt)
        restored = await start(path)
        restored_n += restored is not None
        with closing(sqlite3.connect(path)) as db:
            assert settling.differences(db) == [], page
        if restored is None:
            continue  # an index of what is not looked at in the start
        assert verify(path).findings == (), page
        async with opened(path) as shop:
            for nth in range(20):
                answer = await shop.clerk.enter(sale(nth))
                assert isinstance(answer, Sold), page
            owed = sum(line.open for one in shop.books.holds.values() for line in one.lines)
            assert owed == shop.books.promised("MILK"), page
            said = next(case.detail for case in shop.books.cases.values() if case.kind == "books_restored")
            if "count what they moved" not in said:
                assert shop.books.balance("MILK", "CUSTOMER") == 20, (page, said)
                assert {"open", "bound"} <= shop.books.holds.keys(), (page, said)
    assert restored_n > 10


@pytest.mark.parametrize("of", ["balance", "tag", "scan", "delivery_line", "meta", "case_file", "evidence", "gtin"])
async def test_a_table_that_is_gone_is_named_and_the_rest_carried_over(tmp_path: Path, of: str) -> None:
    path = await books_with_promises(tmp_path)
    trash(path, root(path, of))
    restored = await start(path)
    assert restored is not None
    assert verify(path).findings == ()
    if of != "balance":
        assert of in [*restored.salvaged.in_part, *restored.salvaged.not_at_all]
    async with opened(path) as shop:
        assert shop.books.promised("MILK") == 9


async def test_what_was_pulled_for_a_hold_whose_row_is_gone_is_still_promised_or_to_be_put_back(tmp_path: Path) -> None:
    path, copies = tmp_path / "books.db", tmp_path / "backups"
    copies.mkdir()
    async with opened(path) as shop:
        await receive(shop, 20)
    backups.make(path, backups.daily_name(path, copies, "2026-11-21"))
    async with opened(path) as shop:
        for name in ("H", "back"):
            await shop.clerk.enter(hold(name, ("MILK", 3), ("MILK", 2)))
            await shop.clerk.enter(CommitHold(name, f"O-{name}"))
            await shop.clerk.enter(Work("w1", name, "picked", 1, 1, tote=name, place="BACKROOM"))
            await shop.clerk.enter(Work("w2", name, "damaged", 2, 1, place="BACKROOM"))
        await shop.clerk.enter(Work("w3", "H", "picked", 2, tote="H", place="BACKROOM"))
        await shop.clerk.enter(Work("w4", "H", "staged", 1, tote="H", slot="A"))
        await shop.clerk.enter(ReleaseHold("back"))
        promised = shop.books.promised("MILK")
    before = balances(path)
    trash(path, root(path, "hold"))
    restored = await start(path)
    assert restored is not None
    assert "back is made from its postings: put back 1 of MILK in TOTE:back" in str(restored.salvaged)
    assert balances(path) == before
    async with opened(path) as shop:
        await shop.assert_memory_is_disk()
        assert shop.books.promised("MILK") == promised
        assert [(line.open, line.pulled) for line in shop.books.holds["H"].lines] == [
            (2, (("STAGED:A", 1),)),
            (0, (("TOTE:H", 2),)),
        ]
        again = await shop.clerk.enter(Work("w1", "H", "picked", 1, 1, tote="H", place="BACKROOM"))
        assert isinstance(again, Refused)
        assert "before with other content" in again.mistakes[0].problem
        assert isinstance(
            await shop.clerk.enter(Work("b", "back", "put_back", 1, tote="back", place="BACKROOM")), Worked
        )
        assert isinstance(await shop.clerk.enter(Work("h", "H", "handed_over", 0, slot="A")), Worked)
