"""Orders through the clerk and the disk: what was placed is there after a restart, and the clock goes on with it."""

import asyncio
from pathlib import Path

from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Scan, Want
from tests.agent.shops import opened
from tests.core import shop as goods
from tests.waiting import until

ORDER = PlaceOrder("O1", "web", (Want(1, "MILK", 1), Want(2, "MILK", 1)), due_at=1_800_000_000_000)


async def test_orders_survive_a_restart_with_their_steps_claims_and_names(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        for _ in range(2):
            await shop.clerk.enter(Scan("dock", "receive", goods.gtin_14(goods.MILK), None))
        first, rejected = await asyncio.gather(
            shop.clerk.enter(ORDER), shop.clerk.enter(PlaceOrder("O2", "web", (Want(1, "MILK", 1),)))
        )
        assert isinstance(first, Ordered)
        assert isinstance(rejected, Ordered)
        assert (first.state, rejected.state) == ("accepted", "rejected")
        await shop.clerk.enter(MoveOrder("O1", "m1", "start"))
        await shop.assert_memory_is_disk()
        before = shop.books.orders
    async with opened(tmp_path / "books.db") as shop:
        assert shop.books.orders == before
        assert shop.books.next_alarm_ms() == before["O1"].deadline_ms
        head = shop.books.head
        assert await shop.clerk.enter(PlaceOrder("O2", "web", (Want(1, "MILK", 1),))) == rejected
        again = await shop.clerk.enter(MoveOrder("O1", "m1", "start"))
        assert isinstance(again, Ordered)
        assert again.state == "picking"
        assert shop.books.head == head


async def test_the_clock_answers_a_question_without_anybody_asking(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(Scan("dock", "receive", goods.gtin_14(goods.MILK), None))
        await shop.clerk.enter(PlaceOrder("O1", "web", (Want(1, "MILK", 1),)))
        await shop.clerk.enter(MoveOrder("O1", "m1", "start"))
        await shop.clerk.enter(MoveOrder("O1", "m2", "ask", within_s=1, default="cancel"))
        await until(lambda: shop.books.orders["O1"].state == "cancel_requested")
        await shop.assert_memory_is_disk()
