"""`verify` finds whatever is not as it was entered, and nothing in books that are right."""

import random
import sqlite3
from pathlib import Path

import pytest

from agent.core.asks import Delivery, DeliveryLine, Sale, SaleLine, Scan, TagsHeard
from agent.store import snapshots
from agent.store.verify import verify
from tests.agent.pages import cells
from tests.agent.shops import opened
from tests.core.shop import MILK, SHIRT, epc_of, gtin_14

SEED = 20261121


async def shop_with_a_past(path: Path, sales: int = 60) -> int:
    """Books with postings of every kind, tags and cases; the number of postings."""
    async with opened(path) as shop:
        epcs = tuple(epc_of(SHIRT, serial) for serial in range(1, 31))
        await shop.clerk.enter(Delivery("D-1", (DeliveryLine(1, "sku", "SHIRT", epcs),)))
        await shop.clerk.enter(TagsHeard(tuple((epc, "BACKROOM") for epc in epcs), ()))
        await shop.clerk.enter(TagsHeard(tuple((epc, "FLOOR") for epc in epcs[:20]), ()))
        for _ in range(10):
            await shop.clerk.enter(Scan("dock", "receive", gtin_14(MILK)[1:], None))
        await shop.clerk.enter(Scan("dock", "receive", "nonsense", None))
        for nth in range(sales):
            sku = ("MILK", "EGGS")[nth % 2]
            await shop.clerk.enter(Sale(f"收据-{nth}", (SaleLine(1, "sku", sku, 1 + nth % 3),)))
        ((rows,),) = await shop.store.read("SELECT count(*) FROM posting")
    return int(rows)


async def test_books_that_are_right_are_found_right(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    rows = await shop_with_a_past(path)
    told: list[str] = []
    report = verify(path, lambda what, done, of: told.append(f"{what} {done}/{of}"))
    assert report.findings == ()
    assert (report.store, report.postings) == ("SH-1", rows)
    assert f"postings {rows}/{rows}" in told


async def test_any_changed_bit_of_a_posting_is_found_and_its_posting_named(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    await shop_with_a_past(path)
    rows, whole, chance = cells(path, "posting"), path.read_bytes(), random.Random(SEED)
    for _ in range(300):
        row = chance.choice(rows)
        at, bit = row.offset + chance.randrange(row.length), chance.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        findings = verify(path).findings
        where = f"seed {SEED}: posting {row.rowid}, byte {at - row.offset} of {row.length}, bit {bit}: {findings[:3]}"
        assert findings, where
        if at >= row.offset + 3:  # before that stand the record's length and its number: that row is lost, or another
            assert findings[0].seq == row.rowid, where


async def test_every_bit_of_one_posting_is_found(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    await shop_with_a_past(path, sales=4)
    row, whole = cells(path, "posting")[7], path.read_bytes()
    missed = []
    for at in range(row.offset, row.offset + row.length):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            if not verify(path).findings:
                missed.append((at - row.offset, bit))
    assert missed == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE posting SET qty = qty + 1 WHERE seq = 41", "posting 41: is changed"),
        ("UPDATE posting SET chain = x'00112233445566778899aabbccddeeff' WHERE seq = 41", "posting 41: is changed"),
        ("DELETE FROM posting WHERE seq = 41", "posting 42: is changed, or one before it is gone"),
        ("DELETE FROM posting WHERE seq = (SELECT max(seq) FROM posting)", "is kept as"),
        ("UPDATE balance SET qty = qty + 1 WHERE sku = 'MILK' AND place = 'FLOOR'", "balance of MILK at FLOOR"),
        ("UPDATE balance SET qty = qty + 1 WHERE sku = 'MILK' AND place = 'FLOOR'", "sum to 1"),
        ("DELETE FROM announcement WHERE seq = 41", "announcement 41 is missing"),
        (
            "UPDATE announcement SET body = CAST(replace(body, 'qty\":1', 'qty\":2') AS BLOB) WHERE seq = 41",
            "what HQ is told",
        ),
    ],
)
async def test_what_is_wrong_is_named(tmp_path: Path, change: str, problem: str) -> None:
    path = tmp_path / "books.db"
    await shop_with_a_past(path, sales=4)
    with sqlite3.connect(path) as db:
        assert db.execute(change).rowcount == 1
    db.close()
    assert problem in "\n".join(map(str, verify(path).findings))


async def test_one_changed_posting_is_one_finding_of_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    await shop_with_a_past(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE posting SET actor = 'somebody' WHERE seq = 50")
        db.execute("UPDATE posting SET chain = zeroblob(16) WHERE seq = 60")
    db.close()
    assert [finding.seq for finding in verify(path).findings] == [50, 60]


async def test_from_a_snapshot_only_what_followed_is_recomputed(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    rows = await shop_with_a_past(path)
    async with opened(path) as shop:
        snapshot = snapshots.take(path, at=1)
        await shop.store.write(lambda tx: snapshots.keep(tx, snapshot))
        await shop.clerk.enter(Sale("later", (SaleLine(1, "sku", "MILK", 1),)))
    assert verify(path, recent=True).postings == 1
    assert verify(path, recent=True).findings == ()
    assert verify(path).postings == rows + 1
    with sqlite3.connect(path) as db:
        db.execute("UPDATE snapshot SET balances = x'00'")
    db.close()
    assert "snapshot" in str(verify(path, recent=True).findings[0])
