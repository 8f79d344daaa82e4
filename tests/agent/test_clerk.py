"""The clerk: what it answered is on disk, what it remembers is what is on disk, and no event is entered twice."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.clerk import MOST_WAITING, AskFailedError, in_log
from agent.core.asks import Delivery, DeliveryLine, PlaceOrder, Refused, Sale, SaleLine, Scan, Scanned, Sold, TagsHeard
from agent.core.ledger import Turn
from agent.core.order_asks import OrderWant
from agent.core.places import BACKROOM, FLOOR
from agent.core.tags import Stranger
from agent.core.tasks.asks import HandOver
from tests.agent.shops import opened
from tests.cancelling import cancelled_at_every_step
from tests.core import shop as goods

MILK = goods.gtin_14(goods.MILK)


def sale(receipt: str, qty: int = 1) -> Sale:
    return Sale(receipt, (SaleLine(1, "sku", "MILK", qty),))


async def test_what_was_answered_is_there_after_a_new_start(tmp_path: Path) -> None:
    epc = goods.epc_of(goods.SHIRT, 1)
    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (epc,)),)))
        await shop.clerk.enter(TagsHeard(((epc, BACKROOM),), (Stranger(bytes(12), "unencoded_tag", "blank", FLOOR),)))
        await shop.clerk.enter(Scan("dock", "receive", MILK, None))
        await shop.clerk.enter(sale("R1"))
        await shop.assert_memory_is_disk()
        before = shop.books
    async with opened(tmp_path / "books.db") as shop:
        await shop.assert_memory_is_disk()
        assert (shop.books.head, shop.books.epoch) == (before.head, before.epoch)
        assert shop.books.tags[epc].place == BACKROOM
        assert shop.books.scans == {"dock": 1}


async def test_one_source_event_makes_one_set_of_postings(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        twice_at_once = await asyncio.gather(shop.clerk.enter(sale("R1")), shop.clerk.enter(sale("R1")))
        again = await shop.clerk.enter(sale("R1"))
        outcomes = [answer.lines[0].outcome for answer in (*twice_at_once, again) if isinstance(answer, Sold)]
        assert sorted(outcomes) == ["already_posted", "already_posted", "posted"]
        assert shop.books.balances["MILK", "CUSTOMER"] == 1
        other = await shop.clerk.enter(sale("R1", qty=2))
        assert isinstance(other, Refused)
        assert other.conflict
    async with opened(tmp_path / "books.db") as shop:
        assert isinstance(await shop.clerk.enter(sale("R1")), Sold)
        assert shop.books.balances["MILK", "CUSTOMER"] == 1


async def test_the_ledger_itself_refuses_a_source_a_second_time(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(sale("R1"))
        with pytest.raises(sqlite3.IntegrityError):
            await shop.store.write(
                lambda tx: tx.execute(
                    "INSERT INTO posting SELECT seq + 100, sku, origin, target, qty, code, at, source,"
                    " part, actor, epc, from_now, to_now, on_hand, chain FROM posting"
                )
            )


async def test_a_rush_is_entered_in_few_turns(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await asyncio.gather(*(shop.clerk.enter(sale(f"R{nth}")) for nth in range(1000)))
        assert shop.clerk.turns <= 10
        assert shop.books.balances["MILK", "CUSTOMER"] == 1000
        await shop.assert_memory_is_disk()


async def test_every_number_is_announced_once(tmp_path: Path) -> None:
    turns: list[Turn] = []
    async with opened(tmp_path / "books.db", wrote=turns.append) as shop:
        for text in (MILK, "nonsense", MILK):
            await shop.clerk.enter(Scan("dock", "shelve", text, None))
        rows = await shop.store.read("SELECT seq FROM announcement ORDER BY seq")
        assert [seq for (seq,) in rows] == list(range(1, shop.books.head + 1))
        assert len(turns) == 3


async def test_cancelling_a_caller_at_any_step_leaves_memory_equal_to_disk_and_enters_nothing_twice(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "books.db") as shop:
        count = 0

        async def ask() -> None:
            await shop.clerk.enter(sale(f"R{count}"))

        async for _ in cancelled_at_every_step(ask):
            again = await shop.clerk.enter(sale(f"R{count}"))  # the till asks again under the same name
            assert isinstance(again, Sold)
            count += 1
            assert shop.books.balances["MILK", "CUSTOMER"] == count
            await shop.assert_memory_is_disk()


async def test_cancelling_the_clerk_at_any_step_leaves_memory_equal_to_disk(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", at_work=False) as shop:
        count = 0

        async def work() -> None:
            asked = asyncio.ensure_future(shop.clerk.enter(sale(f"R{count}")))
            turns = asyncio.ensure_future(shop.clerk.run())
            try:
                await asyncio.shield(asked)
            finally:
                for task in (turns, asked):
                    task.cancel()
                    await asyncio.wait([task])

        async for _ in cancelled_at_every_step(work):
            count += 1
            await shop.assert_memory_is_disk()
        assert shop.books.balances["MILK", "CUSTOMER"] > 1


async def test_a_caller_who_left_before_the_turn_asked_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        asked = asyncio.ensure_future(shop.clerk.enter(Scan("dock", "receive", MILK, None)))
        await asyncio.sleep(0)
        asked.cancel()
        await shop.clerk.prove()
        assert shop.books.scans == {}


async def test_an_ask_that_breaks_a_rule_of_ours_costs_itself_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        broken = Scan("dock", "receive", 3, None)  # type: ignore[arg-type]
        answers = await asyncio.gather(
            shop.clerk.enter(sale("R1")), shop.clerk.enter(broken), shop.clerk.enter(sale("R2")), return_exceptions=True
        )
        assert isinstance(answers[0], Sold)
        assert isinstance(answers[1], AskFailedError)
        assert isinstance(answers[2], Sold)
        assert shop.books.scans == {}
        await shop.assert_memory_is_disk()


async def test_what_failed_is_logged_without_its_courier_its_code_and_its_people(tmp_path: Path) -> None:
    order = PlaceOrder("W-1", "web", (OrderWant(1, "TEA", "one", member="m-77"),), code="s1$00$11")  # type: ignore[arg-type]
    async with opened(tmp_path / "books.db") as shop:
        with capture_logs() as logs, pytest.raises(AskFailedError):
            await shop.clerk.enter(order)
    (said,) = [entry["ask"] for entry in logs if entry["event"] == "ask_failed"]
    said += in_log(HandOver("W-2", "w1", "picker", 2, "abcdef", 'Nobody\'s "own" \\'))
    assert [name in said for name in ("W-1", "TEA", "W-2", "w1")] == [True] * 4
    assert not [word for word in ("Nobody", "own", "abcdef", "m-77", "$00$") if word in said]


async def test_more_askers_than_may_wait_are_all_served(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        scan = Scan("dock", "receive", MILK, None)
        answers = await asyncio.gather(*(shop.clerk.enter(scan) for _ in range(MOST_WAITING + 100)))
        assert answers == [Scanned(accepted=True, message="MILK")] * (MOST_WAITING + 100)
        assert shop.books.scans == {"dock": MOST_WAITING + 100}
        assert shop.books.balances["MILK", BACKROOM] == MOST_WAITING + 100
        assert ("MILK", FLOOR) not in shop.books.balances


async def test_finishing_ends_at_whatever_step_of_a_turn_it_begins(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        for steps in range(12):
            asked = asyncio.ensure_future(shop.clerk.enter(sale(f"R{steps}")))
            for _ in range(steps):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await shop.clerk.finish()
            if steps:  # before the first it has not asked yet
                assert asked.done()
            assert isinstance(await asked, Sold)
