"""Orders when things come in the wrong moment, twice with other words, or with names and numbers that fit nowhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.commands import _in_our_words
from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Purpose, Refused, Scan, Tick, Want
from agent.core.order_asks import AmendOrder, AnswerQuestion, OrderWant, PayOrder
from agent.core.tasks.asks import AskCustomer, ClaimTask, HandOver, PickReport, Reports, Result, Tasked
from agent.core.tasks.handing_over import digest
from agent.core.tasks.task import Task
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import NOW_MS, WrongClock
from tests.core import shop as goods
from wire.messages import AmendAsk, OrderAsk, Wanted

MILK, EGGS = goods.gtin_14(goods.MILK), goods.gtin_14(goods.EGGS)
FROZEN_S = 900
KEPT = digest("4711", f"s1${'0' * 32}$")


class Place:
    """A shop with milk and eggs, whose time can be run on."""

    def __init__(self, shop: Shop, clock: WrongClock) -> None:
        self.shop = shop
        self.enter: Any = shop.clerk.enter
        self._clock = clock

    async def after(self, seconds: int) -> None:
        self._clock.ran_s += seconds
        self._clock.wall_ms += 1000 * seconds
        await self.enter(Tick())

    async def order(self, name: str = "O1", **more: Any) -> Ordered:
        said = await self.enter(PlaceOrder(name, "web", (OrderWant(1, "MILK", 2), OrderWant(2, "EGGS", 1)), **more))
        assert isinstance(said, Ordered)
        return said

    async def claim(self, worker: str = "w1") -> Task:
        said = await self.enter(ClaimTask(worker))
        assert isinstance(said, Tasked)
        return said.task

    async def report(self, task: Task, *reports: PickReport) -> list[Result]:
        said = await self.enter(Reports(task.id, task.token, "w1", reports))
        assert not isinstance(said, Refused)
        return list(said.results)

    def state(self, name: str = "O1") -> str:
        return self.shop.books.orders[name].state


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = WrongClock(NOW_MS)
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        purposes: tuple[Purpose, ...] = ("receive", "shelve")
        for purpose in purposes:
            await asyncio.gather(*[shop.clerk.enter(Scan("dock", purpose, code, None)) for code in (MILK, EGGS) * 3])
        yield Place(shop, clock)
        await shop.assert_memory_is_disk()


async def test_an_order_is_paid_after_a_line_was_taken_off_it(place: Place) -> None:
    await place.order(pay_within_s=FROZEN_S)
    await place.enter(AmendOrder("O1", "less", (Want(1, "MILK", 0),)))
    said = await place.enter(PayOrder("O1"))
    assert isinstance(said, Ordered)
    assert (said.state, place.shop.books.promised("MILK"), place.shop.books.promised("EGGS")) == ("accepted", 0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "X" * 129},  # longer than what a case is about: it would be late for ever, and no turn be entered
        {"order": "X\n"},
        {"order": "订单"},
        {"channel": "a channel"},
        {"due": -1},
        {"lines": (Wanted(0, "MILK", 1),)},  # 0 are all lines
        {"lines": (Wanted(2**53 - 1, "MILK", 1),)},  # a substitute's number would be one more
        {"lines": (Wanted(1, "MILK", 2**40),)},
    ],
    ids=str,
)
def test_an_order_of_hqs_whose_names_or_numbers_fit_nowhere_is_refused(wrong: dict[str, Any]) -> None:
    asked = {"order": "O1", "channel": "web", "lines": (Wanted(1, "MILK", 1),)} | wrong
    assert _in_our_words(OrderAsk("c1", 1, 1, **asked)) == (None, "its names or numbers make no sense")


def test_a_change_of_hqs_whose_numbers_fit_nowhere_is_refused() -> None:
    for line in (Wanted(2**50, "MILK", 1), Wanted(1, "MILK", -1), Wanted(1, "MILK", 1, tolerance_pct=101)):
        assert _in_our_words(AmendAsk("c1", 1, 1, "O1", (line,)))[0] is None
    assert _in_our_words(AmendAsk("c1", 1, 1, "O1", (Wanted(1, "MILK", 0),)))[0] is not None


@pytest.mark.parametrize(
    "other",
    [{"fulfil": "ship"}, {"pay_within_s": 60}, {"code": KEPT[:-1] + "0"}, {"code": ""}, {"group": "g"}],
    ids=str,
)
async def test_an_order_asked_again_for_other_hands_is_a_conflict(place: Place, other: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"fulfil": "pickup", "code": KEPT}
    first = await place.order(**asked)
    assert await place.order(**asked) == first
    said = await place.enter(
        PlaceOrder("O1", "web", (OrderWant(1, "MILK", 2), OrderWant(2, "EGGS", 1)), **asked | other)
    )
    assert isinstance(said, Refused)
    assert said.conflict
    await place.enter(MoveOrder("O1", "no", "cancel"))
    assert (await place.order(**asked)).state == "cancelled"  # its code is forgotten, and it is the same all the same


async def test_what_is_cancelled_while_nothing_is_in_a_tote_locks_no_units(place: Place) -> None:
    await place.order()
    task = await place.claim()
    await place.enter(AskCustomer(task.id, task.token, "w1", "O1", 1))
    said = await place.enter(AnswerQuestion("O1", "a1", "cancel"))
    assert isinstance(said, Ordered)
    books = place.shop.books
    assert ("O1" in books.orders, books.promised("MILK"), books.tasks.tasks) == (False, 0, {})


async def test_what_was_picked_of_an_order_that_was_paid_late_can_be_undone(place: Place) -> None:
    await place.order(pay_within_s=FROZEN_S)
    await place.after(FROZEN_S + 1)
    await place.enter(PayOrder("O1"))
    task = await place.claim()
    picked = PickReport("r1", "picked", "O1", 1, 1, tote="1", text=MILK)
    assert [one.outcome for one in await place.report(task, picked)] == ["entered"]
    assert [one.outcome for one in await place.report(task, PickReport("r2", "undo", "O1", 1))] == ["entered"]
    assert place.shop.books.balance("MILK", "TOTE:1") == 0


async def test_what_left_its_line_as_it_was_is_not_undone_once_the_line_is_another(place: Place) -> None:
    await place.order()
    task = await place.claim()
    damaged = PickReport("r1", "damaged", "O1", 1, 1, text=MILK)
    assert [one.outcome for one in await place.report(task, damaged)] == ["entered"]  # another one is held for it
    await place.enter(AmendOrder("O1", "less", (Want(1, "MILK", 0),)))
    (said,) = await place.report(task, PickReport("r2", "undo", "O1", 1))
    assert (said.outcome, said.why) == ("refused", "another step followed")


async def test_a_courier_without_a_name_takes_nothing(place: Place) -> None:
    await place.order()
    task = await place.claim()
    picked = [
        PickReport(f"r{nth}", "picked", "O1", nth, 3 - nth, tote="1", text=code) for nth, code in ((1, MILK), (2, EGGS))
    ]
    await place.report(task, *picked, PickReport("r3", "staged", "O1", tote="1", slot="S1"))
    assert isinstance(await place.enter(HandOver("O1", "w1", "picker", 1, courier="  ")), Refused)
    assert place.state() == "staged"


async def test_an_order_that_was_paid_late_is_still_handed_over_by_its_code_alone(place: Place) -> None:
    await place.order(fulfil="pickup", code=KEPT, pay_within_s=FROZEN_S)
    await place.after(FROZEN_S + 1)
    await place.enter(PayOrder("O1"))
    task = await place.claim()
    picked = [
        PickReport(f"r{nth}", "picked", "O1", nth, 3 - nth, tote="1", text=code) for nth, code in ((1, MILK), (2, EGGS))
    ]
    await place.report(task, *picked, PickReport("r3", "staged", "O1", tote="1", slot="S1"))
    assert place.state() == "staged"
    assert isinstance(await place.enter(HandOver("O1", "w1", "picker", 1)), Refused)
    await place.enter(HandOver("O1", "w1", "picker", 1, digest=KEPT))
    assert (place.state(), place.shop.books.orders["O1"].code) == ("handed_over", "")


async def test_an_unpaid_order_that_is_cancelled_after_its_time_is_not_begun_by_a_payment_that_comes_later(
    place: Place,
) -> None:
    await place.order(fulfil="pickup", code=KEPT, pay_within_s=FROZEN_S)
    await place.after(FROZEN_S + 1)
    for move in ("hq cancel:O1", "associate cancel"):
        said = await place.enter(MoveOrder("O1", move, "cancel"))
        assert isinstance(said, Ordered)
        assert (said.state, said.why) == ("rejected", "withdrawn")
    assert isinstance(await place.enter(PayOrder("O1")), Refused)
    assert await place.shop.store.read("SELECT code FROM customer_order") == [("",)]


async def test_an_answer_about_another_line_leaves_the_question_open(place: Place) -> None:
    await place.order()
    task = await place.claim()
    await place.enter(AskCustomer(task.id, task.token, "w1", "O1", 2))
    assert isinstance(await place.enter(AnswerQuestion("O1", "a1", "remove", 1)), Refused)
    assert place.state() == "awaiting_decision"
    assert isinstance(await place.enter(AnswerQuestion("O1", "a2", "remove", 2)), Ordered)


@pytest.mark.parametrize("default", ["decide", "cancel"])
async def test_the_customer_of_a_late_order_has_time_to_answer_and_then_the_default_is_done(
    place: Place, default: Any
) -> None:
    await place.order(due_at=NOW_MS + 60_000)
    await place.after(120)
    assert place.shop.books.orders["O1"].late
    task = await place.claim()
    await place.enter(AskCustomer(task.id, task.token, "w1", "O1", 1, within_s=100, default=default))
    await place.after(90)
    assert place.state() == "awaiting_decision"
    await place.after(20)
    await place.after(1)
    order = place.shop.books.orders.get("O1")
    assert (
        (order is None)
        if default == "cancel"
        else (order is not None and (order.state, order.late) == ("picking", True))
    )
