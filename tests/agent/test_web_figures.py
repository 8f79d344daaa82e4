"""The store's figures of a day, and its orders as a sheet, over real HTTP."""

import csv
import io
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Want, Work, Worked
from agent.core.life import OrderEvent
from agent.core.order_asks import PayOrder
from agent.days import bounds
from tests.agent.people import person
from tests.agent.test_order_scenarios import receive
from tests.agent.test_web import Site, serving_site
from tests.waiting import until

SERVED: tuple[OrderEvent, ...] = ("start", "finish", "pack", "stage", "hand_over")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as there:
        await receive(there.shop, 2)
        await person(there.client, there.door, role="lead")
        yield there


async def _serve(site: Site, name: str, *events: OrderEvent, qty: int = 1) -> None:
    placed = await site.shop.clerk.enter(PlaceOrder(name, "web", (Want(1, "MILK", qty),), promise_min=30))
    assert isinstance(placed, Ordered)
    for event in events:
        moved = await site.shop.clerk.enter(MoveOrder(name, event, event))
        assert isinstance(moved, Ordered), moved


async def _figures(site: Site, **query: str) -> dict[str, Any]:
    answer = await site.client.get("/v1/figures", params=query)
    assert answer.status_code == 200, answer.text
    return {one["name"]: (one["value"], one["of"]) for one in answer.json()["figures"]}


async def test_the_figures_of_a_day_are_those_of_the_orders_that_came_on_it(site: Site) -> None:
    await _serve(site, "A", *SERVED)
    await _serve(site, "B", "cancel")
    await _serve(site, "C")
    await _serve(site, "D", qty=99)
    found = await _figures(site)
    assert (found["orders"], found["accepted"], found["handed_over"]) == ((4, 4), (3, 3), (1, 1))
    assert (found["rejected_rate"], found["cancelled_rate"]) == ((0.25, 4), (1 / 3, 3))
    assert found["within_5_of_30"] == (1, 1)
    assert found["oversell_rate"] == (0, 3)
    assert await _figures(site, day="2001-01-01") == {"orders": (0, 0), "accepted": (0, 0), "handed_over": (0, 0)}


async def test_an_order_that_was_paid_late_and_held_anew_is_an_order_like_others(site: Site) -> None:
    enter = site.shop.clerk.enter
    await enter(PlaceOrder("P", "web", (Want(1, "MILK", 1),), pay_within_s=1))
    await until(lambda: "P" not in site.shop.books.orders)  # nobody paid in time
    assert (await _figures(site))["rejected_rate"] == (1, 1)
    paid = await enter(PayOrder("P"))
    assert isinstance(paid, Ordered)
    assert paid.state == "accepted"
    picked = await enter(Work("1", site.shop.books.orders["P"].hold, "picked", line=1, tote="T1", place="BACKROOM"))
    assert isinstance(picked, Worked)
    found = await _figures(site)
    assert (found["rejected_rate"], found["accepted"], found["first_time_pick_rate"]) == ((0, 1), (1, 1), (1, 1))


async def test_orders_are_a_sheet_with_every_second_in_one_step(site: Site) -> None:
    await _serve(site, "A", *SERVED, "close")
    await _serve(site, "=B", "cancel")
    answer = await site.client.get("/v1/figures/orders.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    first, second = csv.DictReader(io.StringIO(answer.text))
    assert (first["order"], first["state"], first["fulfil"], first["promise_min"]) == ("A", "closed", "courier", "30")
    assert (second["order"], second["state"]) == ("'=B", "cancelled")  # no formula for whoever opens it
    order = (await site.shop.clerk.enter(MoveOrder("A", "close", "close"))).order  # type: ignore[union-attr]
    assert order == "A"
    ((steps,),) = await site.shop.store.read(
        "SELECT json_extract(steps, '$[#-1][1]') / 1000 - json_extract(steps, '$[0][1]') / 1000 FROM customer_order"
        " WHERE id = 'A'"
    )
    assert (
        sum(
            int(value or 0)
            for name, value in first.items()
            if name.endswith("_s") and name not in ("in_store_s", "late_s")
        )
        == steps
    )


async def test_they_are_for_those_who_lead(site: Site) -> None:
    await site.client.delete("/v1/session")
    assert (await site.client.get("/v1/figures")).status_code == 401
    await person(site.client, site.door, "w2", "picker")
    for path in ("/v1/figures", "/v1/figures/orders.csv"):
        assert (await site.client.get(path)).status_code == 403


async def test_what_is_no_day_is_said(site: Site) -> None:
    for path in ("/v1/figures", "/v1/figures/orders.csv"):
        answer = await site.client.get(path, params={"day": "yesterday"})
        assert answer.status_code == 422
        assert "2026-11-22" in answer.json()["hint"]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_day_is_the_store_s_own_also_when_clocks_change() -> None:
    hours = {
        day: (bounds(day)[1] - bounds(day)[0]) / 3_600_000
        for day in map(date.fromisoformat, ("2026-03-29", "2026-06-01", "2026-10-25"))
    }
    assert list(hours.values()) == [23, 24, 25]
    assert all(bounds(day)[1] == bounds(day + timedelta(days=1))[0] for day in hours)
