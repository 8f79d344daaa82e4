"""What HQ is told of held units and ATP: with every row, and by rows of their own when nothing is posted."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.catalogue_following import CatalogueFollower
from agent.core import atp
from agent.core.asks import CommitHold, Pause, Reserve, Sale, SaleLine, Scan, Work
from agent.core.atp import Conditions
from agent.core.count_asks import Count, CountLine
from agent.core.explain import policy_of
from agent.core.ledger import Books
from agent.core.telling import MOST_IN_TURN
from agent.store import restoring
from agent.store.verify import verify
from tests.core.test_work import CODES
from tests.invariants.asking import lines_of
from tests.invariants.shop import EPOCH, Shop

DAY_S = 24 * 3600


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Ten of MILK on the floor, all of it told."""
    shop = Shop(tmp_path / "books.db")
    shop.ask(*[Scan("dock", "receive", CODES["MILK"], None)] * 10)
    shop.ask(*[Scan("shelf", "shelve", CODES["MILK"], None)] * 10)
    yield shop
    shop.close()


def told(shop: Shop, after: int) -> list[dict[str, Any]]:
    """The rows after a number; no number is missing, and what the last one of a SKU says is so."""
    rows = [
        json.loads(body) for (body,) in shop.rows(f"SELECT body FROM announcement WHERE seq > {after} ORDER BY seq")
    ]
    assert [row["seq"] for row in rows] == list(range(after + 1, shop.books.head + 1))
    for sku, row in {row["sku"]: row for row in rows if row["kind"] == "stock"}.items():
        assert (row["on_hand"], row["held"], row["atp"]) == now(shop.books, sku)
    return rows


def now(books: Books, sku: str) -> tuple[int, int, int]:
    """What the store itself says of a SKU in a channel without rules, were it not stopped."""
    terms = atp.terms(books, Conditions(policy_of=policy_of(books.catalogue, {})), sku, "any")
    return books.on_hand.get(sku, 0), terms.promised, terms.atp


def brief(rows: list[dict[str, Any]]) -> list[tuple[str, int, int, int]]:
    return [(row["code"], row["qty"], row["held"], row["atp"]) for row in rows if row["kind"] == "stock"]


def test_a_hold_is_told_from_its_beginning_to_its_end(shop: Shop) -> None:
    before = shop.books.head
    shop.ask(Reserve("H", "web", lines_of((("MILK", 3),)), 60))
    shop.ask(CommitHold("H", "O"))
    shop.ask(Work("w", "H", "picked", 1, 2, tote="7"))
    shop.ask(Reserve("other", "web", lines_of((("MILK", 2),)), 60))
    shop.pass_time(61)
    assert brief(told(shop, before)) == [
        ("hold", 3, 3, 7),
        ("commit", 3, 3, 7),
        ("pull", 2, 1, 7),
        ("pick", 2, 1, 7),
        ("hold", 2, 3, 5),
        ("expire", 2, 1, 7),
    ]


def test_all_rows_of_a_turn_say_what_is_so_when_it_is_over(shop: Shop) -> None:
    before = shop.books.head
    shop.ask(*(Sale(f"R{nth}", (SaleLine(1, "sku", "MILK", 1),)) for nth in range(4)))
    rows = told(shop, before)
    assert brief(rows) == [("sale", 1, 0, 6)] * 4
    assert [row["on_hand"] for row in rows] == [9, 8, 7, 6]


def test_what_nobody_sees_grows_doubtful_and_is_told_once(shop: Shop) -> None:
    before = shop.books.head
    shop.pass_time(8 * DAY_S)
    shop.pass_time(1)
    rows = told(shop, before)
    assert brief(rows) == [("atp", 0, 0, 9)]
    assert (rows[0]["from"], rows[0]["to"], rows[0]["on_hand"]) == ("FREE", "FREE", 10)
    for _ in range(3):
        shop.restart()
        shop.pass_time(3600)
    assert shop.books.head == before + 1
    shop.pass_time(60 * DAY_S)
    shop.pass_time(1)
    assert brief(told(shop, before))[1:] == [("atp", 0, 0, 8)]


def test_a_count_that_agrees_posts_nothing_and_is_told(shop: Shop) -> None:
    shop.pass_time(8 * DAY_S)
    shop.pass_time(1)
    before = shop.books.head
    counted = CountLine(1, "sku", "MILK", 10, before, before)
    shop.ask(Count("c", shop.books.epoch, "FLOOR", "badge-1", (counted,)))
    assert brief(told(shop, before)) == [("atp", 0, 0, 10)]


def test_a_pause_is_one_row_of_its_own(shop: Shop) -> None:
    before = shop.books.head
    shop.ask(Pause(True, "stocktaking", "badge-1"))
    shop.ask(Pause(False, "", "badge-1"))
    assert [(row["kind"], row["case"], row["state"]) for row in told(shop, before)] == [
        ("case", "paused", "open"),
        ("case", "paused", "resolved"),
    ]


def written(path: Path, safety: int) -> Path:
    path.write_text(f"sku,gtin,name_en,name_zh,safety\nMILK,{CODES['MILK']},Milk,牛奶,{safety}\n", "utf-8")
    return path


def test_a_catalogue_that_sells_otherwise_is_told(shop: Shop, tmp_path: Path) -> None:
    before, path = shop.books.head, tmp_path / "catalogue.csv"

    async def follow(path: Path) -> None:
        await CatalogueFollower(shop.store, shop.books, path, lambda skus: shop.clerk.wake()).follow()

    shop.run(follow(written(path, 4)))
    shop.pass_time(1)
    shop.run(follow(written(path, 4)))  # nothing is other than it was
    shop.pass_time(1)
    assert brief(told(shop, before)) == [("atp", 0, 0, 6)]
    shop.run(follow(written(path, 5)))
    shop.restart()  # before anything of it was told
    assert list(shop.books.untold.skus) == ["MILK"]
    shop.pass_time(1)
    assert brief(told(shop, before + 1))[0][0] == "atp"
    assert shop.rows("SELECT * FROM untold") == []


def test_restored_books_tell_all_they_have_a_portion_at_a_time(shop: Shop) -> None:
    skus = [f"S{nth}" for nth in range(2 * MOST_IN_TURN)]

    def restore(tx: sqlite3.Connection) -> restoring.Begun:
        tx.executemany("INSERT INTO balance VALUES (?, 'FLOOR', 2), (?1, 'SUPPLIER', -2)", [(sku,) for sku in skus])
        return restoring.begin_epoch(tx, EPOCH + 1)

    begun = shop.run(shop.store.write(restore))
    shop.restart()
    assert len(shop.books.untold.skus) == len(skus) + 1
    shop.pass_time(1)
    assert shop.books.head == begun.rows + 2 * MOST_IN_TURN
    shop.pass_time(1)
    rows = told(shop, begun.rows)
    assert sorted(row["sku"] for row in rows) == sorted([*skus, "MILK"])
    assert {(row["held"], row["atp"]) for row in rows} == {(0, 0), (0, 10)}  # what no catalogue has is nobody's
    assert verify(shop.path).findings == ()
