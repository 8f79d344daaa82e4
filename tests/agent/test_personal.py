"""What is kept of customers and couriers goes when it is no longer needed, and only then."""

from pathlib import Path

from agent.core.asks import MoveOrder, PlaceOrder, Scan
from agent.core.order_asks import OrderWant
from agent.store import personal
from tests.agent.shops import opened
from tests.core import shop as goods

_HASH = f"s1${'00' * 8}${'11' * 16}"


async def test_an_order_that_is_over_leads_to_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        for order in ("over", "open"):
            await shop.clerk.enter(Scan("dock", "receive", goods.gtin_14(goods.MILK), None))
            want = OrderWant(1, "MILK", 1, member="m-77")
            await shop.clerk.enter(PlaceOrder(order, "web", (want,), fulfil="pickup", code=_HASH, group="g1"))
        await shop.clerk.enter(MoveOrder("over", "m1", "cancel"))
        rows = await shop.store.read("SELECT id, code, lines FROM customer_order ORDER BY id")
        assert [(order, bool(code), "m-77" in lines) for order, code, lines in rows] == [
            ("open", True, True),
            ("over", False, False),
        ]


async def test_who_took_an_order_is_forgotten_some_hours_after_the_hand_over(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        parcels = [("old", "Zhang", 1000), ("new", "Li", 2001)]
        await shop.store.write(
            lambda tx: tx.executemany("INSERT INTO parcel VALUES (?, '[]', 0, 'courier', ?, 'w1', NULL, ?)", parcels)
        )
        assert [await personal.forget(shop.store, 2000) for _ in range(2)] == [1, 0]
        rows = await shop.store.read("SELECT customer_order, how, handed_to, handed_by FROM parcel ORDER BY at_ms")
        assert rows == [("old", "courier", "", "w1"), ("new", "courier", "Li", "w1")]
