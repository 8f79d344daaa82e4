"""What a lead does on the board, over real HTTP: done once, in the lead's name, and by nobody below a lead."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.core.asks import Notice, Ordered, PlaceOrder, Want
from agent.core.tasks.asks import ClaimTask, Tasked
from tests.agent.people import hire, person, sign_in
from tests.agent.test_order_scenarios import receive
from tests.agent.test_web import Site, serving_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as there:
        await receive(there.shop, 2)
        placed = await there.shop.clerk.enter(PlaceOrder("A/17", "web", (Want(1, "MILK", 1),)))
        assert isinstance(placed, Ordered)
        await person(there.client, there.door, "l1", role="lead")
        yield there


async def test_an_order_s_history_adds_up_and_stays_when_it_is_over(site: Site) -> None:
    for _ in range(2):
        found = (await site.client.get("/v1/board/orders/A%2F17/history")).json()
        assert sum(step["took_s"] for step in found["steps"]) <= found["steps"][0]["since_s"] + 1
        assert [line["sku"] for line in found["lines"]] == ["MILK"]
        await site.post("/v1/board/orders/A%2F17/cancel", {})
    assert (found["state"], found["steps"][-2]["source"]) == ("cancelled", "cancel by l1")
    assert (await site.client.get("/v1/board/orders/B/history")).status_code == 404


async def test_what_cannot_be_done_any_more_is_said(site: Site) -> None:
    paths = ["orders/A%2F17/cancel", "orders/A%2F17/courier", "tasks/1/leave", "cases/99/resolve"]
    assert (await site.post("/v1/board/orders/A%2F17/cancel", {})).json()["state"] == "cancelled"
    for path in paths[1:]:
        answer = await site.post(f"/v1/board/{path}", {"word": "done"} if "resolve" in path else {})
        assert (answer.status_code, bool(answer.json()["hint"])) == (409, True), path
    assert (await site.post("/v1/board/cases/99/resolve", {"word": "a\nb"})).status_code == 422


async def test_a_task_goes_to_others_and_a_case_is_done_by_the_lead(site: Site) -> None:
    claimed = await site.shop.clerk.enter(ClaimTask("w2"))
    assert isinstance(claimed, Tasked)
    answer = await site.post(f"/v1/board/tasks/{claimed.task.id}/leave", {})
    assert answer.json() == {"task": claimed.task.id, "state": "offered"}
    await site.shop.clerk.enter(Notice("unknown_barcode", "4000000000006", "at the till"))
    (case,) = site.shop.books.cases.values()
    assert (await site.post(f"/v1/board/cases/{case.id}/resolve", {"word": "added"})).json() == {"case": case.id}
    assert not site.shop.books.cases


async def test_a_picker_looks_and_does_nothing_of_it(site: Site) -> None:
    await hire(site.door, "w2")
    await sign_in(site.client, "w2")
    assert (await site.client.get("/v1/board/orders/A%2F17/history")).status_code == 200
    for path in ("orders/A%2F17/cancel", "orders/A%2F17/courier", "tasks/1/leave", "cases/1/resolve"):
        assert (await site.post(f"/v1/board/{path}", {})).status_code == 403, path
