"""Goods that are not simply scanned and taken, over real HTTP: weighed, tagged, too old, damaged, with an age, not to
be had, or left at the counter.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.core.asks import Delivery, DeliveryLine, MoveOrder, Ordered, PlaceOrder, Scan, TagsHeard
from agent.core.catalogue import TAGGED, Catalogue, Sku, Traits
from agent.core.order_asks import AnswerQuestion, OrderWant
from agent.core.people import Role
from agent.core.picking.staging import Slot
from tests.agent.people import person
from tests.agent.test_commands import WrongClock
from tests.agent.test_picking import Hand, pick
from tests.agent.test_web import Site, serving_site
from tests.core import shop as goods
from tests.waiting import until

MILK, EGGS, SHIRT = (goods.gtin_14(one) for one in (goods.MILK, goods.EGGS, goods.SHIRT))
BEEF, WINE, OATS = (goods.gtin_14(614141_00020 + nth) for nth in range(3))
#: Two units of SHIRT, and a tag of no delivery.
TAGS = tuple(goods.epc_of(goods.SHIRT, serial) for serial in (1, 2))
SOCK = goods.epc_of(goods.SOCKS, 1)
SHELVES = Catalogue(
    [
        Sku("MILK", (MILK,), "Milk", "牛奶", Traits(temperature="chilled"), spots=("A03-L-2-1",)),
        Sku("OATS", (OATS,), "Oat drink", "燕麦饮", Traits(temperature="chilled"), spots=("A03-L-3-1",)),
        Sku("EGGS", (EGGS,), "Eggs", "鸡蛋", spots=("A01-R-4-2",)),
        Sku("BEEF", (BEEF,), "Beef", "牛肉", Traits(unit="gram", temperature="chilled"), spots=("A02-L-1-1",)),
        Sku("WINE", (WINE,), "Wine", "葡萄酒", Traits(min_age=18), spots=("A04-L-1-1",)),
        Sku("SHIRT", (SHIRT,), "Shirt", "衬衫", TAGGED, spots=("A05-L-1-1",)),
    ]
)
NOW_MS, DAY_S = 1_763_760_000_000, 86_400  # 2025-11-21


@dataclass
class Floor:
    """A store with five of each on its shelves, 3 kg of beef, and two shirts."""

    site: Site
    clock: WrongClock
    stack: contextlib.AsyncExitStack

    async def hire(self, worker: str = "w1", role: Role = "picker") -> Hand:
        client = await self.stack.enter_async_context(httpx.AsyncClient(base_url=self.site.client.base_url))
        return Hand(await person(client, self.site.door, worker, role), worker)

    async def order(self, name: str, *wants: OrderWant, **more: Any) -> None:
        placed = await self.site.shop.clerk.enter(PlaceOrder(name, "web", wants, **more))
        assert isinstance(placed, Ordered)
        assert placed.state == "accepted", placed

    def has(self, sku: str) -> dict[str, int]:
        """Where units of it are."""
        places = ("FLOOR", "QUARANTINE", "WASTE", "TOTE:1", "STAGED:S1")
        return {place: qty for place in places if (qty := self.site.shop.books.balance(sku, place))}

    def state(self, order: str) -> str:
        found = self.site.shop.books.orders.get(order)
        return "over" if found is None else found.state

    async def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.ran_s += seconds
        self.clock.wall_ms += int(1000 * seconds)
        self.site.shop.clerk.wake()


def weighing(grams: int) -> str:
    return f"01{BEEF}3103{grams:06}"


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    clock = WrongClock(NOW_MS)
    async with serving_site(tmp_path, SHELVES, clock=clock) as site, contextlib.AsyncExitStack() as stack:
        for code in [MILK, EGGS, OATS, WINE] * 5 + [weighing(1000)] * 3:
            await site.shop.clerk.enter(Scan("dock", "receive", code, None))
            await site.shop.clerk.enter(Scan("shelf", "shelve", code, None))
        await site.shop.clerk.enter(Delivery("D-1", (DeliveryLine(1, "sku", "SHIRT", TAGS),)))
        await site.shop.clerk.enter(TagsHeard(tuple((tag, "FLOOR") for tag in TAGS), ()))
        yield Floor(site, clock, stack)
        await site.shop.assert_memory_is_disk()


async def test_a_package_that_is_weighed_may_be_lighter_or_heavier_by_its_tolerance(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "BEEF", 500), OrderWant(2, "BEEF", 1000, tolerance_pct=0))
    hand = await floor.hire()
    await hand.claim()
    light, heavy = await hand.report(pick("O-1001", 1, weighing(449)), pick("O-1001", 1, weighing(551)))
    assert light == ("refused", "449 g is too little: at least 450 g are wanted")
    assert heavy == ("entered", "551 g is too much: nothing was taken")
    assert hand.stop("O-1001")["state"] == "weight_out_of_range"
    assert await hand.report(pick("O-1001", 1, weighing(550))) == [("entered", "")]
    assert (hand.stop("O-1001")["state"], floor.has("BEEF")["TOTE:1"]) == ("picked", 550)
    typed = pick("O-1001", 2, BEEF, outcome="weighed")
    assert "weigh it" in (await hand.report(dict(typed)))[0][1]
    assert (await hand.report(typed | {"qty": 999}))[0][0] == "refused"
    assert await hand.report(typed | {"qty": 1000}) == [("entered", "")]
    assert floor.has("BEEF") == {"FLOOR": 1450, "TOTE:1": 1550}


async def test_of_the_last_one_damaged_nothing_else_is_held_and_its_line_ends_short(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "WINE", 5, unavailable="remove"), OrderWant(2, "EGGS", 1))
    hand = await floor.hire()
    await hand.claim()
    wine = pick("O-1001", 1, WINE)
    assert await hand.report(wine | {"outcome": "damaged"}, *(dict(wine) for _ in range(4))) == [("entered", "")] * 5
    assert hand.stop("O-1001")["state"] == "damaged"
    assert (await hand.report(wine))[0][0] == "refused"  # there is no sixth
    short = {"outcome": "short", "order": "O-1001", "line": 1, "place": "FLOOR"}
    assert await hand.report(short, pick("O-1001", 2, EGGS)) == [("entered", "")] * 2
    assert [stop["state"] for stop in hand.task["stops"]] == ["short", "picked"]
    assert floor.has("WINE") == {"QUARANTINE": 1, "TOTE:1": 4}


async def test_a_tag_is_picked_once_and_what_is_no_unit_of_the_line_is_named(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "SHIRT", 2))
    hand = await floor.hire()
    await hand.claim()
    first, second, sock = (tag.hex().upper() for tag in (*TAGS, SOCK))
    said = await hand.report(*(pick("O-1001", 1, text) for text in (sock, "E2" * 12, MILK, first, first)))
    assert [outcome for outcome, _ in said] == ["refused", "refused", "refused", "entered", "refused"]
    assert "is not in the catalogue; wanted is Shirt" in said[0][1]
    assert "names no article" in said[1][1]
    assert said[2][1] == "this is Milk (MILK), wanted is Shirt (SHIRT)"
    assert "is in TOTE:1 already" in said[4][1]
    assert await hand.report(pick("O-1001", 1, second)) == [("entered", "")]
    assert floor.state("O-1001") == "picked"
    found = await hand.post("/v1/pick/find", {"text": first})
    assert (found["sku"], found["lines"]) == ("SHIRT", [])
    unknown = await hand.post("/v1/pick/find", {"text": "E2" * 12})
    assert (unknown["sku"], "names no article" in unknown["why"]) == (None, True)


async def test_what_is_too_old_or_damaged_is_put_aside_and_another_one_is_taken(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "EGGS", 1))
    hand = await floor.hire()
    await hand.claim()
    old = f"01{EGGS}17251101"
    refused = await hand.report(pick("O-1001", 1, old))
    assert refused == [("refused", "it expired on 251101 (YYMMDD): report it as expired")]
    for outcome in ("expired", "damaged"):
        report = {"outcome": outcome, "order": "O-1001", "line": 1}
        assert await hand.report(report) == [("entered", "")]
        assert hand.stop("O-1001")["done"] == 0
    assert floor.has("EGGS") == {"FLOOR": 3, "QUARANTINE": 2}
    assert await hand.report(pick("O-1001", 1, f"01{EGGS}17991231")) == [("entered", "")]
    assert floor.has("EGGS") == {"FLOOR": 2, "QUARANTINE": 2, "TOTE:1": 1}


async def picked_and_staged(hand: Hand, order: str, code: str) -> None:
    await hand.claim()
    staged = {"outcome": "staged", "order": order, "tote": "1", "slot": "S1"}
    assert [said[0] for said in await hand.report(pick(order, 1, code), staged)] == ["entered"] * 2


async def test_goods_with_an_age_are_handed_over_only_to_who_was_looked_at(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "WINE", 1), fulfil="pickup")
    hand, path = await floor.hire(), "/v1/orders/O-1001/hand_over"
    await picked_and_staged(hand, "O-1001", WINE)
    assert hand.task["orders"][0]["min_age"] == 18
    for looked in ({}, {"age_checked": False}):
        told = await hand.post(path, {"bags": 1} | looked, 409)
        assert "age must be checked" in told["mistakes"][0]["problem"]
    assert floor.state("O-1001") == "staged"
    await hand.post(path, {"bags": 1, "age_checked": True})
    assert (floor.state("O-1001"), floor.has("WINE")) == ("handed_over", {"FLOOR": 4})


async def test_what_nobody_came_for_is_put_back_and_milk_that_stood_warm_is_waste(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "EGGS", 1), fulfil="pickup")
    await floor.order("O-1002", OrderWant(1, "MILK", 1), fulfil="pickup")
    hand = await floor.hire()
    for order, code in (("O-1001", EGGS), ("O-1002", MILK)):
        while not hand.task or hand.task["state"] == "done":
            await hand.claim()
        tote = hand.stop(order)["tote"]
        staged = {"outcome": "staged", "order": order, "tote": tote, "slot": "S1"}
        await hand.report(pick(order, 1, code, tote), staged)
    assert (await hand.get("/v1/pick/next"))["put_back"] == 0
    await floor.wait(7 * DAY_S)
    await until(lambda: floor.site.shop.books.orders["O-1001"].late)
    assert (await person_again(hand))["put_back"] == 2
    task = await hand.claim(kind="put_back")
    assert {(stop["sku"], stop["slot"], stop["waste"]) for stop in task["stops"]} == {
        ("EGGS", "S1", False), ("MILK", "S1", True),
    }  # fmt: skip
    back = {"outcome": "put_back", "line": 1, "slot": "S1"}
    said = await hand.report(
        back | {"order": "O-1001", "scan": {"text": EGGS}}, back | {"order": "O-1002", "scan": {"text": MILK}}
    )
    assert said == [("entered", ""), ("entered", "it was too long out of the cold: throw it away")]
    assert (floor.has("EGGS"), floor.has("MILK")) == ({"FLOOR": 5}, {"FLOOR": 4, "WASTE": 1})
    assert {floor.state("O-1001"), floor.state("O-1002")} == {"over"}


@pytest.mark.parametrize(("minutes", "ends"), [(40, "WASTE"), (20, "FLOOR")])
async def test_a_cold_slot_does_not_make_good_what_was_out_of_the_cold_before(
    floor: Floor, minutes: int, ends: str
) -> None:
    tasks = floor.site.shop.books.tasks
    tasks.rules = replace(tasks.rules, slots={"S1": Slot("S1", "chilled")})
    await floor.order("O-1001", OrderWant(1, "MILK", 1))
    hand = await floor.hire()
    await hand.claim()
    await hand.report(pick("O-1001", 1, MILK))
    await floor.wait(60 * minutes)
    await hand.report({"outcome": "staged", "order": "O-1001", "tote": hand.task["totes"][0]["tote"], "slot": "S1"})
    await floor.wait(3600)  # in its cold
    await floor.site.shop.clerk.enter(MoveOrder("O-1001", "no", "cancel"))
    await person_again(hand)
    (stop,) = (await hand.claim(kind="put_back"))["stops"]
    assert stop["waste"] is (ends == "WASTE")
    await hand.report({"outcome": "put_back", "order": "O-1001", "line": 1, "slot": "S1", "scan": {"text": MILK}})
    assert floor.has("MILK") == ({"FLOOR": 5} if ends == "FLOOR" else {"FLOOR": 4, "WASTE": 1})


async def person_again(hand: Hand) -> Any:
    """Their session is over by now: they sign in again, and ask what is next."""
    from tests.agent.people import sign_in

    assert (await sign_in(hand.client, hand.worker)).status_code == 200
    return await hand.get("/v1/pick/next")


async def asked_for_milk(floor: Floor, hand: Hand, **more: Any) -> None:
    """Of milk and eggs the milk cannot be found, and the customer is asked about oat drink."""
    await floor.order("O-1001", OrderWant(1, "MILK", 1, substitutes=("OATS",)), OrderWant(2, "EGGS", 1))
    task = await hand.claim()
    await hand.report(pick("O-1001", 2, EGGS))
    asked = {"token": task["token"], "order": "O-1001", "line": 1, "candidates": ["OATS"]}
    hand.task = await hand.post("/v1/pick/ask", asked | more)
    assert hand.task["orders"][0]["next"] == "wait"


async def test_a_customer_who_is_silent_gets_what_was_found(floor: Floor) -> None:
    hand = await floor.hire()
    await asked_for_milk(floor, hand, within_s=120)
    await floor.wait(119)
    assert floor.state("O-1001") == "awaiting_decision"
    await floor.wait(2)
    await until(lambda: floor.state("O-1001") == "picking")
    await hand.report({"outcome": "short", "order": "O-1001", "line": 1})
    assert floor.state("O-1001") == "picked"


async def test_a_customer_who_wants_it_whole_or_not_at_all_is_silent_and_it_is_put_back(floor: Floor) -> None:
    hand = await floor.hire()
    await asked_for_milk(floor, hand, within_s=120, default="cancel")
    await floor.wait(121)
    await until(lambda: floor.state("O-1001") == "cancel_requested")
    assert (await hand.get("/v1/pick/next"))["put_back"] == 1
    await hand.claim(kind="put_back")
    back = {"outcome": "put_back", "order": "O-1001", "line": 2, "tote": "1", "scan": {"text": EGGS}}
    assert await hand.report(back) == [("entered", "")]
    assert (floor.state("O-1001"), floor.has("EGGS")) == ("over", {"FLOOR": 5})


async def test_a_customer_who_takes_something_else_gets_that(floor: Floor) -> None:
    hand = await floor.hire()
    await asked_for_milk(floor, hand)
    answer = AnswerQuestion("O-1001", "a1", "substitute", sku="OATS")
    assert isinstance(await floor.site.shop.clerk.enter(answer), Ordered)
    substituted = {"outcome": "substituted", "order": "O-1001", "line": 1, "tote": "1", "substitute": "OATS"}
    assert (await hand.report(substituted | {"scan": {"text": MILK}}))[0][0] == "refused"
    assert await hand.report(substituted | {"scan": {"text": OATS}}) == [("entered", "")]
    assert (floor.state("O-1001"), floor.has("OATS")) == ("picked", {"FLOOR": 4, "TOTE:1": 1})


async def test_a_lead_takes_over_what_somebody_left_in_a_tote_and_it_goes_on_where_it_was(floor: Floor) -> None:
    await floor.order("O-1001", OrderWant(1, "EGGS", 2))
    w1, lead = await floor.hire(), await floor.hire("w2", "lead")
    mine = await w1.claim()
    await w1.report(pick("O-1001", 1, EGGS))
    taken = await lead.claim(take_over=mine["id"])
    assert (taken["id"], taken["token"], lead.stop("O-1001")["done"]) == (mine["id"], mine["token"] + 1, 1)
    assert (await w1.get("/v1/pick/next"))["mine"] is None
    await lead.post("/v1/pick/claim", {"take_over": "nothing-such"}, 404)
    packing = f"/v1/pick/tasks/{mine['id']}/pack"
    await w1.post(packing, {"token": mine["token"], "order": "O-1001", "bags": [{"k": 1, "n": 1}]}, 409)
    assert await lead.report(pick("O-1001", 1, EGGS)) == [("entered", "")]
    assert floor.state("O-1001") == "picked"
    await floor.site.shop.clerk.enter(MoveOrder("O-1001", "no", "cancel"))
