"""The handheld's API over real HTTP: from the offer to the hand-over."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.core.asks import Delivery, DeliveryLine, MoveOrder, Ordered, PlaceOrder, Scan, TagsHeard, Want
from agent.core.catalogue import TAGGED, Catalogue, Sku, Traits
from agent.core.order_asks import OrderWant
from agent.core.people import Role
from agent.core.picking.staging import Slot
from agent.core.tasks.handing_over import digest
from tests.agent.people import person
from tests.agent.test_web import Site, serving_site
from tests.core import shop as goods

MILK, EGGS = goods.gtin_14(goods.MILK), goods.gtin_14(goods.EGGS)
NUTS = goods.gtin_14(614141_00010)
BEEF = goods.gtin_14(614141_00009)
SHELVES = Catalogue(
    [
        Sku("MILK", (MILK,), "Milk", "牛奶", Traits(temperature="chilled"), spots=("A03-L-2-1",)),
        Sku("EGGS", (EGGS,), "Eggs", "鸡蛋", spots=("A01-R-4-2", "B02-L-1-1")),
        Sku("BEEF", (BEEF,), "Beef", "牛肉", Traits(unit="gram", temperature="chilled"), spots=("A02-L-1-1",)),
        Sku("NUTS", (NUTS,), "Nuts", "坚果", spots=("A01-L-1-1",)),
        Sku("SHIRT", (goods.gtin_14(goods.SHIRT),), "Shirt", "衬衫", TAGGED, spots=("A02-R-1-1",)),
    ]
)


@dataclass
class Hand:
    """Somebody's handheld."""

    client: httpx.AsyncClient
    worker: str = "w1"
    task: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def claim(self, **body: Any) -> Any:
        self.task = await self.post("/v1/pick/claim", body)
        return self.task

    async def report(self, *reports: dict[str, Any], status: int = 200) -> list[tuple[str, str]]:
        """Send reports; what became of each. One without an id gets the next."""
        for one in reports:
            self.sent += 1
            one.setdefault("id", f"{self.worker}-{self.sent}")
        path, body = f"/v1/pick/tasks/{self.task['id']}/reports", {"token": self.task["token"], "reports": reports}
        said = await self.post(path, body, status)
        if status == 200:
            self.task = said["task"]
        return [(one["outcome"], one["why"]) for one in said["results"]]

    def stop(self, order: str, line: int = 1) -> Any:
        (found,) = (one for one in self.task["stops"] if (one["order"], one["line"]) == (order, line))
        return found


Hire = Callable[..., Awaitable[Hand]]


@pytest.fixture
async def hire(site: Site) -> AsyncIterator[Hire]:
    """Somebody is hired and signs in on a handheld of their own."""
    async with contextlib.AsyncExitStack() as stack:

        async def signed_in(worker: str = "w1", role: Role = "picker") -> Hand:
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=site.client.base_url))
            return Hand(await person(client, site.door, worker, role), worker)

        yield signed_in


def pick(order: str, line: int, text: str, tote: str = "1", **more: Any) -> dict[str, Any]:
    return {"outcome": "picked", "order": order, "line": line, "tote": tote, "scan": {"text": text}} | more


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path, SHELVES) as there:
        for code, units in ((MILK, 5), (EGGS, 5), (NUTS, 1)):
            for _ in range(units):
                await there.shop.clerk.enter(Scan("dock", "receive", code, None))
                await there.shop.clerk.enter(Scan("shelf", "shelve", code, None))
        yield there


async def order(site: Site, name: str, *wants: tuple[str, int], **more: Any) -> None:
    lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
    placed = await site.shop.clerk.enter(PlaceOrder(name, "web", lines, **more))
    assert isinstance(placed, Ordered)
    assert placed.state == "accepted", placed


async def test_an_order_from_the_offer_to_the_courier(site: Site, hire: Hire) -> None:
    hand = await hire()
    assert (await hand.get("/v1/pick/next"))["offer"] is None
    await order(site, "O-1001", ("MILK", 2), ("EGGS", 1))
    offer = (await hand.get("/v1/pick/next"))["offer"]
    assert (offer["orders"], offer["lines"], offer["units"]) == (["1001"], 2, 3)
    task = await hand.claim()
    assert [(stop["sku"], stop["spot"], stop["aisle"], stop["tote"]) for stop in task["stops"]] == [
        ("EGGS", "A01-R-4-2", 1, "1"),
        ("MILK", "A03-L-2-1", 3, "1"),
    ]
    assert (await hand.get("/v1/pick/next"))["mine"]["id"] == task["id"]
    wrong = await hand.report(pick("O-1001", 1, EGGS))
    assert wrong == [("refused", "this is Eggs (EGGS), wanted is Milk (MILK)")]
    again = pick("O-1001", 1, MILK[1:], id="w1-x")
    assert await hand.report(again, dict(again), pick("O-1001", 2, EGGS)) == [
        ("entered", ""), ("known", ""), ("entered", ""),
    ]  # fmt: skip
    assert hand.stop("O-1001")["done"] == 1
    assert await hand.report(pick("O-1001", 1, MILK)) == [("entered", "")]
    assert hand.task["orders"][0]["next"] == "pack"
    bags = [{"k": 1, "n": 2, "temperature": "ambient"}, {"k": 2, "n": 2, "temperature": "chilled"}]
    packed = await hand.post(
        f"/v1/pick/tasks/{task['id']}/pack", {"token": task["token"], "order": "O-1001", "bags": bags}
    )
    assert packed["orders"][0]["state"] == "packed"
    staged = {"outcome": "staged", "order": "O-1001", "tote": "1", "slot": "S1"}
    assert await hand.report(staged) == [("entered", "")]
    assert hand.task["state"] == "done"
    assert (await hand.get("/v1/pick/next"))["mine"] is None
    path = "/v1/orders/O-1001/hand_over"
    assert "2 bags" in (await hand.post(path, {"courier": "EL-7", "bags": 1}, 409))["mistakes"][0]["problem"]
    await hand.post(path, {"courier": "EL-7", "bags": 2})
    assert site.shop.books.orders["O-1001"].state == "handed_over"
    assert site.shop.books.on_hand["MILK"] == 3
    await hand.post(path, {"courier": "EL-7", "bags": 2})
    proofs = "SELECT how, handed_to, handed_by FROM parcel"
    assert await site.shop.store.read(proofs) == [("courier", "EL-7", "w1")]
    await site.shop.clerk.enter(MoveOrder("O-1001", "over", "close"))
    assert await site.shop.store.read(proofs) == [("courier", "", "w1")]
    await site.shop.assert_memory_is_disk()


async def test_slots_are_suggested_for_what_is_in_none_and_a_full_shelf_is_said(site: Site, hire: Hire) -> None:
    hand, tasks = await hire(), site.shop.books.tasks
    slots = (Slot("SLOT-1", "ambient"), Slot("SLOT-2", "chilled"))
    tasks.rules = replace(tasks.rules, slots={slot.code: slot for slot in slots})
    for name, kept in (("O-1", {"ambient": "SLOT-1", "chilled": "SLOT-2"}), ("O-2", {"ambient": "", "chilled": ""})):
        await order(site, name, ("MILK", 1), ("EGGS", 1))
        task = await hand.claim()
        await hand.report(pick(name, 1, MILK), pick(name, 2, EGGS))
        bags = [{"k": 1, "n": 1, "temperature": "ambient"}]
        body = {"token": task["token"], "order": name, "bags": bags}
        packed = await hand.post(f"/v1/pick/tasks/{task['id']}/pack", body)
        assert packed["orders"][0]["suggested_slots"] == kept
        staged = {"outcome": "staged", "order": name, "tote": "1"}
        await hand.report(staged | {"slot": "SLOT-1"})
        assert hand.task["orders"][0]["suggested_slots"] == {"chilled": kept["chilled"]}
        assert await hand.report(staged | {"slot": "SLOT-2"}) == [("entered", "")]
        assert hand.task["state"] == "done"


async def test_two_handhelds_on_one_task_the_token_decides_and_the_loser_is_told(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("MILK", 2))
    w1, w2, w3 = await hire(), await hire("w2", "lead"), await hire("w3")
    await w1.claim()
    await w3.post("/v1/pick/claim", {"take_over": w1.task["id"]}, 409)
    task = await w2.claim(take_over=w1.task["id"])
    assert task["token"] > w1.task["token"]
    path = f"/v1/pick/tasks/{task['id']}/reports"
    report = pick("O-1001", 1, MILK, id="w1-1")
    told = await w1.post(path, {"token": w1.task["token"], "reports": [report]}, 409)
    assert (told["lost"], told["worker"], told["name"]) == (True, "w2", "W2")
    assert told["results"] == [{"id": "w1-1", "outcome": "entered", "why": ""}]  # it is in the tote all the same
    assert await w2.report(pick("O-1001", 1, MILK)) == [("entered", "")]
    late = pick("O-1001", 1, MILK, id="w1-2")
    told = await w1.post(path, {"token": w1.task["token"], "reports": [late]}, 409)
    assert told["results"][0]["outcome"] == "refused"
    left = await w1.post(f"/v1/pick/tasks/{task['id']}/leave", {"token": w1.task["token"]}, 409)
    assert left["lost"] is True


async def test_what_waited_on_a_handheld_is_theirs_who_did_it_whoever_has_signed_in_since(
    site: Site, hire: Hire
) -> None:
    await order(site, "O-1001", ("MILK", 2))
    w1, w2 = await hire(), await hire("w2")
    await w1.claim()
    assert await w1.report(pick("O-1001", 1, MILK, id="first")) == [("entered", "")]
    path = f"/v1/pick/tasks/{w1.task['id']}/reports"
    report = pick("O-1001", 1, MILK, id="waited")
    told = await w2.post(path, {"token": w1.task["token"], "reports": [report]})
    assert told["results"] == [{"id": "waited", "outcome": "entered", "why": ""}]
    noted = await site.shop.store.read("SELECT id, worker FROM pick_report ORDER BY id")
    assert noted == [("first", "w1"), ("waited", "w1")]


async def test_what_was_scanned_by_mistake_is_undone_by_a_counter_posting(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("MILK", 1))
    hand = await hire()
    await hand.claim()
    undo = {"outcome": "undo", "order": "O-1001", "line": 1}
    assert await hand.report(pick("O-1001", 1, MILK), dict(undo)) == [("entered", ""), ("entered", "")]
    assert hand.stop("O-1001")["done"] == 0
    assert hand.task["orders"][0]["state"] == "picking"
    assert await hand.report(dict(undo)) == [("refused", "nothing was reported of the line")]
    assert await hand.report(pick("O-1001", 1, MILK)) == [("entered", "")]
    assert await hand.report(dict(undo)) == [("entered", "")]
    assert await hand.report({"outcome": "short", "order": "O-1001", "line": 1}) == [("entered", "")]
    await site.shop.assert_memory_is_disk()
    assert site.shop.books.balance("MILK", "TOTE:1") == 0


async def test_everything_open_is_on_the_board_with_its_owner_and_its_time(site: Site, hire: Hire) -> None:
    await order(site, "O-1001", ("MILK", 2))
    hand = await hire()
    board = await hand.get("/v1/board")
    assert [(one["what"], one["id"], one["owner"]) for one in board["open"]] == [("order", "O-1001", "picker")]
    await hand.claim()
    await hand.report(pick("O-1001", 1, MILK))
    board = await hand.get("/v1/board")
    assert {(one["what"], one["owner"]) for one in board["open"]} >= {("order", "w1"), ("task", "w1")}
    shown = {one["order"]: one for one in board["orders"]}
    assert (shown["O-1001"]["picked"], shown["O-1001"]["units"], shown["O-1001"]["worker"]) == (1, 2, "w1")
    assert all(one["owner"] and isinstance(one["due_in_s"], int) for one in board["open"])


async def test_what_was_cancelled_is_put_back_and_what_was_too_long_out_of_the_cold_is_waste(
    site: Site, hire: Hire
) -> None:
    await order(site, "O-1001", ("MILK", 1), ("EGGS", 1))
    hand = await hire()
    await hand.claim()
    await hand.report(pick("O-1001", 1, MILK), pick("O-1001", 2, EGGS))
    await site.shop.clerk.enter(MoveOrder("O-1001", "no", "cancel"))
    assert (await hand.get("/v1/pick/next"))["put_back"] == 1
    task = await hand.claim(kind="put_back")
    assert {(stop["sku"], stop["tote"], stop["qty"]) for stop in task["stops"]} == {("MILK", "1", 1), ("EGGS", "1", 1)}
    back = {"outcome": "put_back", "order": "O-1001", "tote": "1"}
    assert (await hand.report(back | {"line": 1, "scan": {"text": EGGS}}))[0][0] == "refused"
    assert await hand.report(back | {"line": 1, "scan": {"text": MILK}}) == [("entered", "")]
    spoiled = back | {"line": 2, "scan": {"text": EGGS}, "spoiled": True}
    assert await hand.report(spoiled) == [("entered", "")]
    assert hand.task["state"] == "done"
    assert "O-1001" not in site.shop.books.orders
    assert (site.shop.books.balance("MILK", "FLOOR"), site.shop.books.balance("EGGS", "FLOOR")) == (5, 4)
    await site.shop.assert_memory_is_disk()


async def test_what_is_next_is_never_older_than_the_books(site: Site, hire: Hire) -> None:
    hand, other, clerk = await hire(), await hire("w2"), site.shop.clerk

    async def told() -> tuple[list[str], int, int]:
        first, again = await hand.get("/v1/pick/next"), await other.get("/v1/pick/next")
        assert {**first, "mine": None, "offer": None} == {**again, "mine": None, "offer": None}
        return (again["offer"] or {"orders": []})["orders"], again["waiting"], again["put_back"]

    assert await told() == ([], 0, 0)
    for name in ("O-1001", "O-1002"):
        await order(site, name, ("EGGS", 1))
    assert await told() == (["1001", "1002"], 2, 0)
    await clerk.enter(MoveOrder("O-1001", "hq c", "cancel"))
    assert await told() == (["1002"], 1, 0)
    await hand.claim()
    assert await told() == ([], 0, 0)
    assert await hand.report(pick("O-1002", 1, EGGS)) == [("entered", "")]
    await hand.post(f"/v1/pick/tasks/{hand.task['id']}/leave", {"token": hand.task["token"]})
    assert await told() == (["1002"], 0, 0)
    await clerk.enter(MoveOrder("O-1002", "hq c", "cancel"))
    assert (await told())[2] == 1


async def test_units_with_tags_are_picked_and_put_back_one_by_one_by_their_tags(site: Site, hire: Hire) -> None:
    first, second = (goods.epc_of(goods.SHIRT, serial) for serial in (1, 2))
    await site.shop.clerk.enter(Delivery("D-1", (DeliveryLine(1, "sku", "SHIRT", (first, second)),)))
    await site.shop.clerk.enter(TagsHeard(((first, "FLOOR"), (second, "FLOOR")), ()))
    await order(site, "O-1001", ("SHIRT", 2))
    hand = await hire()
    await hand.claim()
    for epc in (first, second):
        assert await hand.report(pick("O-1001", 1, epc.hex())) == [("entered", "")]
    await site.shop.clerk.enter(MoveOrder("O-1001", "hq c", "cancel"))
    await hand.claim()
    back = {"outcome": "put_back", "order": "O-1001", "line": 1, "tote": "1", "place": "FLOOR"}
    for epc in (second, first):
        assert await hand.report(back | {"scan": {"text": epc.hex()}}) == [("entered", "")]
    tags = site.shop.books.tags
    assert {(tags[epc].state, tags[epc].place) for epc in (first, second)} == {("in_stock", "FLOOR")}
    assert site.shop.books.orders.get("O-1001") is None or not site.shop.books.orders["O-1001"].is_open
    await site.shop.assert_memory_is_disk()


async def test_what_is_not_at_one_place_is_looked_for_at_the_other(site: Site, hire: Hire) -> None:
    await site.shop.clerk.enter(Scan("dock", "receive", MILK, None))
    await order(site, "O-1001", ("MILK", 1), ("EGGS", 1))
    hand = await hire()
    await hand.claim()
    short = {"outcome": "short", "order": "O-1001", "line": 1}
    assert await hand.report(dict(short)) == [("entered", "look at BACKROOM")]
    assert (hand.stop("O-1001")["state"], site.shop.books.balance("MILK", "SUSPECT")) == ("wrong_place", 5)
    assert await hand.report(pick("O-1001", 1, MILK, place="BACKROOM")) == [("entered", "")]
    assert hand.stop("O-1001")["state"] == "picked"
    (found,) = [await hand.post("/v1/pick/find", {"text": EGGS})]
    assert (found["sku"], [line["line"] for line in found["lines"]]) == ("EGGS", [2])


async def test_a_pickup_code_is_tried_five_times_and_then_a_lead_hands_over(site: Site, hire: Hire) -> None:
    kept = digest("4711", "s1$00112233445566778899aabbccddeeff$")
    await order(site, "O-1001", ("EGGS", 1), fulfil="pickup", code=kept)
    hand, path = await hire(), "/v1/orders/O-1001/hand_over"
    await hand.claim()
    await hand.report(pick("O-1001", 1, EGGS), {"outcome": "staged", "order": "O-1001", "tote": "1", "slot": "S1"})
    await hand.post(path, {"bags": 1}, 422)
    for left in (4, 3, 2, 1, 0):
        said = await hand.post(path, {"bags": 1, "code": "0000"}, 403)
        assert said["tries_left"] == left
    await hand.post(path, {"bags": 1, "code": "4711"}, 403)
    await site.shop.assert_memory_is_disk()
    lead = await hire("w3", "lead")
    await lead.post(path, {"bags": 1, "code": "4711"})
    assert site.shop.books.orders["O-1001"].state == "handed_over"
    (proof,) = await site.shop.store.read("SELECT how, handed_by, tries FROM parcel")
    assert proof == ("code", "w3", 5)


async def test_substitutes_are_those_the_customer_named_and_goods_of_the_kind(site: Site, hire: Hire) -> None:
    want = OrderWant(1, "EGGS", 1, substitutes=("NUTS", "MILK"))
    await site.shop.clerk.enter(PlaceOrder("O-1001", "web", (want,)))
    hand = await hire()
    task = await hand.claim()
    found = (await hand.get("/v1/pick/substitutes?order=O-1001&line=1"))["candidates"]
    assert [(one["sku"], one["why"][0]) for one in found] == [("NUTS", "wished")]  # milk is kept chilled
    asked = {"token": task["token"], "order": "O-1001", "line": 1, "candidates": ["NUTS"]}
    await hand.report({"outcome": "wrong_price", "order": "O-1001", "line": 1})
    told = await hand.post("/v1/pick/ask", asked)
    assert (told["orders"][0]["state"], told["orders"][0]["next"]) == ("awaiting_decision", "wait")
    board = await hand.get("/v1/board")
    assert ("order", "customer") in {(one["what"], one["owner"]) for one in board["open"]}
