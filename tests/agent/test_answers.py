"""What the customer says of a line is at the picker's stop, and how long they may still say it; over HTTP."""

from typing import Any

from agent.core.asks import Ordered
from agent.core.order_asks import AnswerQuestion
from tests.agent.test_picking import MILK, Hand, Hire, hire, order, pick, site
from tests.agent.test_web import Site
from tests.waiting import until

__all__ = ["hire", "site"]


async def ask(site: Site, hand: Hand, **more: Any) -> None:
    """An order of two lines, of which the customer is asked about the first."""
    await order(site, "O-1001", ("EGGS", 2), ("MILK", 1))
    task = await hand.claim()
    asked = {"token": task["token"], "order": "O-1001", "line": 1, "candidates": ["NUTS"]}
    hand.task = await hand.post("/v1/pick/ask", asked | more)


async def look(hand: Hand) -> Any:
    """The stop that was asked about, as the handheld sees it next."""
    hand.task = (await hand.get("/v1/pick/next"))["mine"]
    return hand.stop("O-1001")


async def answer(site: Site, **said: Any) -> None:
    assert isinstance(await site.shop.clerk.enter(AnswerQuestion("O-1001", "a1", **said)), Ordered)


async def test_a_stop_that_waits_says_until_when_and_what_is_done_then(site: Site, hire: Hire) -> None:
    hand = await hire()
    await ask(site, hand, within_s=120, default="cancel")
    soon = {"token": hand.task["token"], "order": "O-1001", "line": 2, "within_s": 59, "default": "cancel"}
    assert "60 s at least" in (await hand.post("/v1/pick/ask", soon, 422))["mistakes"][0]["problem"]
    stop = hand.stop("O-1001")
    assert (0 < stop["answer_in_s"] <= 120, stop["default"], stop["answer"]) == (True, "cancel", None)
    other = hand.stop("O-1001", 2)
    assert (other["answer_in_s"], other["default"], other["answer"]) == (None, None, None)
    assert await hand.report(pick("O-1001", 2, MILK)) == [("entered", "")]  # nobody stands still meanwhile


async def test_a_substitute_the_customer_takes_is_at_the_stop(site: Site, hire: Hire) -> None:
    hand = await hire()
    await ask(site, hand)
    await answer(site, take="substitute", sku="NUTS")
    stop = await look(hand)
    assert (stop["answer"], stop["answer_in_s"], stop["state"]) == ("substitute", None, "todo")
    assert [(one["sku"], one["name_zh"], one["spot"]) for one in stop["wishes"]] == [("NUTS", "坚果", "A01-L-1-1")]
    await site.shop.assert_memory_is_disk()


async def test_of_a_line_the_customer_wants_no_more_of_nothing_is_left_to_pick(site: Site, hire: Hire) -> None:
    hand = await hire()
    await ask(site, hand)
    await answer(site, take="remove")
    stop = await look(hand)
    assert (stop["answer"], stop["state"], stop["qty"], stop["done"]) == ("remove", "removed", 0, 0)
    assert await hand.report(pick("O-1001", 2, MILK)) == [("entered", "")]
    assert hand.task["orders"][0]["next"] == "pack"


async def test_when_nobody_answers_in_time_the_picker_is_told_to_decide(site: Site, hire: Hire) -> None:
    hand = await hire()
    await ask(site, hand, within_s=1)
    await until(lambda: site.shop.books.orders["O-1001"].state == "picking")
    stop = await look(hand)
    assert (stop["answer"], stop["answer_in_s"], stop["default"]) == ("nobody", None, None)
    await ask_again(hand)
    assert hand.stop("O-1001")["answer"] is None
    await site.shop.assert_memory_is_disk()


async def ask_again(hand: Hand) -> None:
    asked = {"token": hand.task["token"], "order": "O-1001", "line": 1, "candidates": []}
    hand.task = await hand.post("/v1/pick/ask", asked)
