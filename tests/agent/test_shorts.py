"""What was not found is looked for: the case it opens, the count that is asked for, and how both end; over HTTP."""

from typing import Any

from agent.core.asks import PlaceOrder
from agent.core.order_asks import OrderWant
from tests.agent.test_picking import EGGS, MILK, NUTS, Hand, Hire, hire, order, pick, site
from tests.agent.test_web import Site

__all__ = ["hire", "site"]

SHORT = {"outcome": "short", "order": "O-1001", "line": 1, "place": "BACKROOM"}
SWAP = {"outcome": "substituted", "order": "O-1001", "line": 1, "tote": "1", "scan": {"text": NUTS}}
UNDO = {"outcome": "undo", "order": "O-1001", "line": 1}


def doubts(site: Site, sku: str) -> tuple[int, int, list[str]]:
    """Units on the floor, in doubt, and what is to be looked at."""
    books = site.shop.books
    kinds = sorted(kind for kind, about in books.cases if about.startswith(sku))
    return books.balance(sku, "FLOOR"), books.balance(sku, "SUSPECT"), kinds


async def counted(hand: Hand, qty: int, sku: str = "EGGS") -> Any:
    """Somebody makes the only count there is."""
    (open_one,) = (await hand.get("/v1/counts"))["counts"]
    name = open_one["count"]
    await hand.post(f"/v1/pick/counts/{name}/start", {})
    return await hand.post(f"/v1/pick/counts/{name}/lines", {"lines": [{"sku": sku, "counted": qty}]})


async def test_the_count_that_a_short_asks_for_closes_its_case(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("EGGS", 1), ("MILK", 1))
    hand = await hire()
    await hand.claim()
    assert await hand.report(SHORT | {"place": "FLOOR"}) == [("entered", "")]
    assert doubts(site, "EGGS") == (0, 5, ["recount"])
    assert (await hand.get("/v1/pick/next"))["counts"] == 1
    assert (await counted(hand, 5))["state"] == "posted"
    assert doubts(site, "EGGS") == (5, 0, [])
    assert (await hand.get("/v1/pick/next"))["counts"] == 0
    await site.shop.assert_memory_is_disk()


async def test_when_they_are_really_gone_another_person_counts_too_and_then_the_case_is_closed(
    site: Site, hire: Hire
) -> None:
    await order(site, "O-1001", ("EGGS", 1), ("MILK", 1))
    hand, other = await hire(), await hire("w2")
    await hand.claim()
    await hand.report(SHORT | {"place": "FLOOR"})
    assert (await counted(hand, 0))["state"] == "recount"
    assert doubts(site, "EGGS") == (0, 5, ["recount"])
    assert (await counted(other, 0))["state"] == "posted"
    assert doubts(site, "EGGS") == (0, 0, [])
    assert site.shop.books.balance("EGGS", "SHRINK") == 5


async def test_what_a_substitute_stands_for_was_not_there_and_is_counted(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("EGGS", 2), ("MILK", 1))
    hand = await hire()
    await hand.claim()
    assert await hand.report(pick("O-1001", 1, EGGS), dict(SWAP)) == [("entered", ""), ("entered", "")]
    assert doubts(site, "EGGS") == (0, 4, ["recount"])  # one was there; the books' other four nobody found
    assert len((await hand.get("/v1/counts"))["counts"]) == 1
    assert await hand.report(dict(UNDO)) == [("entered", "")]
    assert doubts(site, "EGGS") == (4, 0, [])
    assert (await hand.get("/v1/counts"))["counts"] == []
    assert await hand.report(dict(SWAP)) == [("entered", "")]
    assert doubts(site, "EGGS") == (0, 4, ["recount"])
    assert (await counted(hand, 4))["state"] == "posted"
    assert doubts(site, "EGGS") == (4, 0, [])
    await site.shop.assert_memory_is_disk()


async def test_units_swapped_one_by_one_are_missed_once(site: Site, hire: Hire) -> None:
    await site.shop.clerk.enter(PlaceOrder("O-1001", "web", (OrderWant(1, "MILK", 2), OrderWant(2, "EGGS", 1))))
    hand = await hire()
    await hand.claim()
    swap = {"outcome": "substituted", "order": "O-1001", "line": 1, "tote": "1", "scan": {"text": EGGS}}
    assert await hand.report(dict(swap)) == [("entered", "")]
    assert doubts(site, "MILK") == (5, 0, [])  # the other one may still be found
    assert [outcome for outcome, _ in await hand.report(dict(swap), dict(swap))] == ["entered", "refused"]
    assert doubts(site, "MILK")[:2] == (0, 5)
    assert site.shop.books.cases["recount", "MILK at FLOOR"].times == 1


async def test_a_short_that_was_a_slip_is_taken_back_with_its_case_and_its_count(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("NUTS", 1), ("MILK", 1))
    hand = await hire()
    await hand.claim()
    short = SHORT | {"place": "FLOOR"}
    assert await hand.report(dict(short), dict(UNDO)) == [("entered", ""), ("entered", "")]
    assert doubts(site, "NUTS") == (1, 0, [])
    assert (await hand.get("/v1/counts"))["counts"] == []
    assert await hand.report(dict(short)) == [("entered", "")]
    (open_one,) = (await hand.get("/v1/counts"))["counts"]
    await hand.post(f"/v1/pick/counts/{open_one['count']}/start", {})  # somebody is on their way to look
    assert await hand.report(dict(UNDO)) == [("entered", "")]
    assert doubts(site, "NUTS") == (1, 0, ["recount"])
    assert await hand.report(pick("O-1001", 1, NUTS), pick("O-1001", 2, MILK)) == [("entered", ""), ("entered", "")]


async def test_a_case_whose_count_was_cancelled_is_closed_by_the_next_one(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("EGGS", 1), ("MILK", 1))
    hand = await hire()
    await hand.claim()
    await hand.report(SHORT | {"place": "FLOOR"})
    (open_one,) = (await hand.get("/v1/counts"))["counts"]
    assert (await site.post(f"/v1/counts/{open_one['count']}/cancel", {"by": "w3"})).status_code == 200
    assert doubts(site, "EGGS") == (0, 5, ["recount"])  # it stays open, and goes on to the manager in its time
    wanted = {"count": "C1", "place": "FLOOR", "by": "w3", "items": [{"sku": "EGGS"}], "why": "case"}
    assert (await site.post("/v1/counts", wanted)).status_code == 200
    assert (await counted(hand, 5))["state"] == "posted"
    assert doubts(site, "EGGS") == (5, 0, [])
