"""The board in one answer, and what a day was like, over real HTTP."""

from dataclasses import replace

from agent.core.asks import MoveOrder, Scan
from agent.core.costs import Costs
from agent.core.count_asks import EnterFound, Found, RequestCount, StartCount
from agent.core.count_sessions import Why
from agent.core.order_asks import AnswerQuestion
from tests.agent.test_order_scenarios import rows_of
from tests.agent.test_picking import EGGS, MILK, Hire, order, pick
from tests.agent.test_picking import hire as hire
from tests.agent.test_picking import site as site
from tests.agent.test_web import Site
from tests.agent.test_web_figures import SERVED
from tests.waiting import until
from wire.messages import StockRow
from wire.places import places_of


async def test_the_board_has_orders_pickers_and_what_became_of_today(site: Site, hire: Hire) -> None:
    lead, hand = await hire("lead", "lead"), await hire()
    await order(site, "O-1", ("MILK", 2), ("EGGS", 1))
    await order(site, "O-2", ("EGGS", 1))
    await order(site, "O-3", ("EGGS", 1))
    await site.shop.clerk.enter(MoveOrder("O-3", "hq c-1", "cancel"))
    task = await hand.claim()
    assert {tote["order"] for tote in task["totes"]} == {"O-1", "O-2"}
    await hand.report(pick("O-1", 1, MILK), pick("O-1", 1, MILK))
    await hand.report({"outcome": "short", "order": "O-1", "line": 2})
    await hand.report(pick("O-2", 1, EGGS, "2") if task["totes"][1]["order"] == "O-2" else pick("O-2", 1, EGGS))
    board = await lead.get("/v1/board")
    assert board["stages"] == {"picked": 2}
    assert [(one["order"], one["step"], one["owner"], one["picked"]) for one in board["orders"]] == [
        ("O-1", "pack", "w1", 2),
        ("O-2", "pack", "w1", 1),
    ]
    assert all(one["since_s"] >= 0 and one["due_in_s"] > 0 for one in board["orders"])
    assert [(one["worker"], one["task"], one["lines"], one["done"]) for one in board["pickers"]] == [
        ("w1", task["id"], 3, 3),
        ("lead", None, 0, 0),
    ]
    today = await lead.get("/v1/figures")
    assert (board["today"]["funnel"], board["today"]["skus"]) == (today["funnel"], today["skus"])
    assert [(row["step"], row["orders"], row["waiting"]) for row in today["funnel"]] == [
        ("asked", 3, 0),
        ("accepted", 3, 0),
        ("picked", 2, 2),
        ("handed_over", 0, 0),
    ]
    assert (today["funnel"][1]["out"], today["funnel"][2]["complete"]) == ([{"why": "customer", "orders": 1}], 1)
    (eggs,) = today["skus"]
    assert (eggs["sku"], eggs["name_en"], eggs["lines"], eggs["hits"], eggs["not_found"]) == ("EGGS", "Eggs", 2, 1, 1)


async def test_what_was_in_the_backroom_alone_was_hidden(site: Site, hire: Hire) -> None:
    await site.shop.clerk.enter(Scan("dock", "receive", MILK, None))
    await order(site, "O-1", ("MILK", 1))
    hand = await hire("lead", "lead")
    await hand.claim()
    await hand.report({"outcome": "short", "order": "O-1", "line": 1})
    await hand.report(pick("O-1", 1, MILK, place="BACKROOM"))
    today = await hand.get("/v1/figures")
    found = {one["name"]: one["value"] for one in today["figures"]}
    assert (found["in_backroom_rate"], found["not_found_rate"], found["first_time_pick_rate"]) == (1, 0, 0)
    assert [(one["sku"], one["in_backroom"]) for one in today["skus"]] == [("MILK", 1)]


async def test_people_s_time_and_way_are_an_order_s(site: Site, hire: Hire) -> None:
    await order(site, "O-1", ("MILK", 1), ("EGGS", 1))
    hand = await hire("lead", "lead")
    task = await hand.claim()
    await hand.report(pick("O-1", 2, EGGS), pick("O-1", 1, MILK))
    bags = [{"k": 1, "n": 1, "temperature": "ambient"}]
    await hand.post(f"/v1/pick/tasks/{task['id']}/pack", {"token": task["token"], "order": "O-1", "bags": bags})
    await hand.report({"outcome": "staged", "order": "O-1", "tote": "1", "slot": "S1"})
    (before,) = await site.shop.store.read("SELECT sum(ms) FROM labour")
    handed = {"bags": 1, "courier": "C", "took_s": 3}
    await hand.post("/v1/orders/O-1/hand_over", handed)
    (after,) = await site.shop.store.read("SELECT sum(ms) FROM labour")
    assert after > before
    found = {one["name"]: one["value"] for one in (await hand.get("/v1/figures"))["figures"]}
    # to the eggs in aisle 1, 4 m in; by the back, at 5 m, to the milk in aisle 3, 2 m in; and back by the front
    assert round(found["walking_m"], 1) == round(4 + (1 + 4.8 + 3) + (2 + 4.8), 1)
    assert found["labour_s"] > 0
    assert "labour_cost" not in found
    await site.shop.assert_memory_is_disk()


async def test_what_an_order_costs_is_said_when_the_wage_is_known(site: Site, hire: Hire) -> None:
    tasks = site.shop.books.tasks
    tasks.rules = replace(tasks.rules, costs=Costs(36, 0.5, 0.25))
    await order(site, "O-1", ("MILK", 1))
    hand = await hire("lead", "lead")
    task = await hand.claim()
    ask = {"token": task["token"], "order": "O-1", "line": 1, "candidates": ["NUTS"]}
    await hand.post("/v1/pick/ask", ask)
    await site.shop.clerk.enter(AnswerQuestion("O-1", "yes", "substitute", 1, "NUTS"))
    await hand.report(pick("O-1", 1, MILK))
    bags = [{"k": k, "n": 2, "temperature": "ambient"} for k in (1, 2)]
    await hand.post(f"/v1/pick/tasks/{task['id']}/pack", {"token": task["token"], "order": "O-1", "bags": bags})
    await hand.report({"outcome": "staged", "order": "O-1", "tote": "1", "slot": "S1"})
    await hand.post("/v1/orders/O-1/hand_over", {"bags": 2, "courier": "C"})
    found = {one["name"]: one["value"] for one in (await hand.get("/v1/figures"))["figures"]}
    assert abs(found["labour_cost"] - 2 * 0.5 - 0.25 - found["labour_s"] / 100) < 0.01
    sheet = (await hand.client.get("/v1/figures/orders.csv")).text.splitlines()
    assert dict(zip(sheet[0].split(","), sheet[1].split(","), strict=True))["cost"] == str(found["labour_cost"])


async def test_record_accuracy_is_of_what_was_counted_in_turn(site: Site, hire: Hire) -> None:
    enter = site.shop.clerk.enter
    counts: tuple[tuple[str, Why, tuple[int, int]], ...] = (("C-1", "cycle", (5, 4)), ("C-2", "short_pick", (3, 3)))
    for count, why, counted in counts:
        await enter(RequestCount(count, "FLOOR", why, "w1", (("sku", "MILK"), ("sku", "EGGS"))))
        await enter(StartCount(count, "w1"))
        lines = tuple(Found(("sku", sku), qty) for sku, qty in zip(("MILK", "EGGS"), counted, strict=True))
        await enter(EnterFound(count, "w1", lines))
    hand = await hire("lead", "lead")
    found = {one["name"]: (one["value"], one["of"]) for one in (await hand.get("/v1/figures"))["figures"]}
    assert found["record_accuracy"] == (0.5, 2)


async def test_what_is_in_totes_and_slots_is_among_the_stock(site: Site, hire: Hire) -> None:
    await order(site, "O-1", ("MILK", 2))
    hand = await hire()
    await hand.claim()
    await hand.report(pick("O-1", 1, MILK))
    stock = (await hand.get("/v1/stock"))["skus"]
    (milk,) = [sku for sku in stock if sku["sku"] == "MILK"]
    assert (milk["on_hand"], milk["places"]) == (5, {"FLOOR": 4, "SUPPLIER": -5, "TOTE:1": 1})
    told = {sku["sku"]: sku["places"] for sku in stock if sku["places"]}
    balances: dict[str, dict[str, int]] = {}
    for row in await rows_of(site.shop):
        if isinstance(row, StockRow):
            balances.setdefault(row.sku, {}).update({row.origin: row.from_now, row.target: row.to_now})
    known = {sku: {at: qty for at, qty in places_of(of).items() if qty} for sku, of in balances.items()}
    assert told == known  # what HQ knows


async def test_many_days_are_a_series_and_a_sheet(site: Site, hire: Hire) -> None:
    await order(site, "O-1", ("MILK", 1))
    hand = await hire("lead", "lead")
    told = await hand.get("/v1/figures?days=3")
    assert [row["orders"] for row in told["days"][-1]["funnel"]] == [1, 1, 0, 0]
    assert [day["funnel"][0]["orders"] for day in told["days"]] == [0, 0, 1]
    sheet = await hand.client.get("/v1/figures/days.csv?days=3")
    head, *lines = sheet.text.splitlines()
    assert head.startswith("day,orders,accepted,rejected")
    assert len(lines) == 3
    for wrong in ("0", "61", "many", ""):
        assert (await hand.client.get(f"/v1/figures?days={wrong}")).status_code == 422


async def test_an_order_that_was_handed_over_is_off_the_board_and_in_the_figures(site: Site, hire: Hire) -> None:
    await order(site, "O-1", ("MILK", 1))
    for event in SERVED:
        await site.shop.clerk.enter(MoveOrder("O-1", event, event))
    hand = await hire("lead", "lead")
    board = await hand.get("/v1/board")
    assert (board["orders"], board["open"], board["today"]["funnel"][3]["orders"]) == ([], [], 1)
    assert (await hand.get("/v1/figures?days=1"))["hours"][0]["figures"][0]["value"] == 1
    await order(site, "O-2", ("MILK", 1))

    async def is_counted() -> bool:
        return bool((await hand.get("/v1/board"))["today"]["funnel"][0]["orders"] == 2)

    await until(is_counted)
