"""HQ knows every order of its stores, asks for them, says more of them one by one, and tells whoever follows."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import URL

from hq_bridge.commands import CannotAsk
from tests.brokers import Mosquitto
from tests.hq_bridge.processes import TOKEN, HqProcess, hq_process
from tests.hq_bridge.published import is_as_published
from tests.hq_bridge.shop import Shop
from tests.hq_bridge.test_commands import TOPICS, line
from tests.hq_bridge.test_ingest import hq_at
from tests.hq_bridge.test_web import Web, web_over
from tests.waiting import until
from wire.codec import batch_of, encode, encode_row
from wire.messages import OrderAsk, OrderRow, OrderRowLine, StoreState

NEW: dict[str, Any] = {
    "store": "SH-0001",
    "channel": "web",
    "lines": [{"line": 1, "sku": "TEA-1", "qty": 2, "unavailable": "remove"}],
}


def row(seq: int, name: str, state: str, event: str) -> OrderRow:
    lines = (OrderRowLine(1, "TEA-1", 2, 0, "todo", 0),)
    return OrderRow(seq, f"x/{seq}", 1_763_760_000_000 + seq, name, "web", "courier", state, event, "", 0, 0, lines, "")


def told(*rows: OrderRow) -> tuple[Shop, bytes]:
    shop = Shop()
    return shop, batch_of(shop.epoch, rows[0].seq, [encode_row(each) for each in rows])


async def followed(web: Web, name: str, after: str = "0/0") -> list[dict[str, Any]]:
    """The rows of an order's events, to their end."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20), web.client.stream("GET", f"/v1/orders/{name}/events?after={after}") as stream:
        assert stream.status_code == 200
        found += [json.loads(text[6:]) async for text in stream.aiter_lines() if text.startswith("data: ")]
    return found


async def test_every_row_of_an_order_is_kept_told_and_listed(url: URL) -> None:
    shop, payload = told(
        row(1, "O-1", "accepted", "accept"),
        row(2, "O-2", "rejected", "reject"),
        row(3, "O-1", "picking", "start"),
        row(4, "O-3", "received", ""),
        row(5, "O-1", "closed", "close"),
    )
    async with hq_at(url) as hq, web_over(hq) as web:
        hq.offer(shop, payload, payload)
        await hq.settled()
        events = await followed(web, "O-1")
        assert [event["data"]["state"] for event in events] == ["accepted", "picking", "closed"]
        assert {(event["type"], event["subject"]) for event in events} == {("nearshelf.order.changed.v1", "O-1")}
        assert [event["data"]["seq"] for event in await followed(web, "O-1", "7/1")] == [3, 5]
        one = await web.get("/v1/orders/O-1")
        assert (one["state"], one["epoch"], one["seq"], one["present"], one["placing"]) == ("closed", 7, 5, True, None)
        assert [order["order"] for order in (await web.get("/v1/orders"))["orders"]] == ["O-3"]
        page = await web.get("/v1/orders?state=rejected&store=SH-0001&limit=1")
        assert ([order["order"] for order in page["orders"]], page["next"]) == (["O-2"], None)
        assert "O-9" in (await web.get("/v1/orders/O-9", 404))["error"]
        assert (await web.get("/v1/orders/O-9/events", 404))["hint"]
        assert (await web.client.get("/v1/orders/O-1/events", headers={"last-event-id": "x"})).status_code == 400
    async with hq_at(url) as hq, web_over(hq) as web:  # and after a restart
        assert (await web.get("/v1/orders/O-1"))["row"] == one["row"]
        await hq.database.forget_orders(2_000_000_000_000)
        assert (await web.get("/v1/orders?state=closed"))["orders"] == []


async def test_nothing_is_asked_of_an_order_that_several_stores_have_under_the_same_name(url: URL) -> None:
    async with hq_at(url) as hq, web_over(hq) as web:
        for store in ("SH-0001", "SH-0002"):
            shop = Shop(store)
            hq.offer(shop, batch_of(shop.epoch, 1, [encode_row(row(1, "T-17", "accepted", "accept"))]))
        await hq.settled()
        with pytest.raises(CannotAsk, match="SH-0001, SH-0002 have an order 'T-17'"):
            await web.orders.follow("T-17", "cancel", {}, "")


async def posted(hq: HqProcess, path: str, key: str = "", **body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {TOKEN}"} | ({"idempotency-key": key} if key else {})
    async with httpx.AsyncClient(base_url=hq.web, headers=headers) as client:
        answer = await client.post(path, json=body)
    is_as_published(answer)
    return answer.status_code, answer.json()


async def test_an_order_is_asked_for_once_and_what_follows_goes_one_by_one(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        code = f"s1${'0' * 32}${'1' * 32}"
        new = NEW | {"pay_within_s": 900, "fulfil": "pickup", "code": code}
        first = await posted(hq, "/v1/orders", "W-1", **new)
        assert (first[0], first[1]["order"], first[1]["state"]) == (202, "W-1", "asked")
        assert (await posted(hq, "/v1/orders", **new, order="W-1"))[0] == 202
        shown = json.dumps(await hq.get("/v1/commands/order:W-1"))  # to whoever asks: ten thousand codes are soon tried
        assert ("pickup" in shown, code in shown) == (True, False)
        assert (await posted(hq, "/v1/orders", "W-1", **NEW))[0] == 409  # with other content
        less = {"lines": [{"line": 1, "sku": "TEA-1", "qty": 1}]}
        for what, body in (("amend", less), ("paid", {}), ("courier", {})):
            assert (await posted(hq, f"/v1/orders/W-1/{what}", "k-1", **body))[0] == 202
        await until(lambda: store.asked)
        assert {type(ask).__name__ for ask in store.asked} == {"OrderAsk"}  # the rest waits for its answer
        store.outcomes = ["done"] * 9
        assert (await hq.answered("courier:W-1"))["state"] == "done"
        order = list(dict.fromkeys(type(ask).__name__ for ask in store.asked))
        assert {ask.code for ask in store.asked if isinstance(ask, OrderAsk)} == {code}
        assert order == ["OrderAsk", "AmendAsk", "PaidAsk", "CourierAsk"]
        assert (await posted(hq, "/v1/orders/W-1/paid"))[0] == 200
        assert (await hq.get("/v1/orders/W-1"))["state"] == "accepted"


async def test_what_follows_an_order_that_was_refused_is_refused_without_asking(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        await posted(hq, "/v1/orders", "W-1", **NEW)
        await posted(hq, "/v1/orders/W-1/cancel")
        store.outcomes = ["refused"] * 5
        assert (await hq.answered("cancel:W-1"))["why"] == "order 'W-1' was not accepted"
        assert {type(ask).__name__ for ask in store.asked} == {"OrderAsk"}
        status, said = await posted(hq, "/v1/orders/W-1/paid")
        assert (status, "was not accepted" in said["error"]) == (409, True)
        assert (await hq.get("/v1/orders/W-1"))["state"] == "rejected"


async def test_what_waits_for_an_order_waits_across_a_restart_of_hq(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        await posted(hq, "/v1/orders", "W-1", **NEW)
        await posted(hq, "/v1/orders/W-1/decision", "d-1", take="remove")
        hq.process.kill()
        await hq.process.wait()
        async with hq_process(tmp_path / "hq.toml") as again:
            store.outcomes = ["done"] * 9
            store.say_here()
            assert (await again.answered("decision:W-1:d-1"))["state"] == "done"
            assert list(dict.fromkeys(type(ask).__name__ for ask in store.asked)) == ["OrderAsk", "DecisionAsk"]
            assert (await posted(again, "/v1/orders", "W-1", **NEW))[0] == 200


async def test_what_cannot_be_asked_is_said(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        for key, wrong, what in (
            ("", {}, "Idempotency-Key"),
            ("W 1", {}, "Idempotency-Key"),
            ("W-1", {"shop": 1}, "shop is not known"),
            ("W-1", {"store": "SH-9"}, "never heard"),
            ("W-1", {"lines": [{"line": 1, "sku": "A", "qty": 1, "name": "Li"}]}, "name is not known"),
            ("W-1", {"fulfil": "drone"}, "drone"),
        ):
            status, said = await posted(hq, "/v1/orders", key, **NEW | wrong)
            assert (status, what in said["error"]) == (400, True), said
        assert (await posted(hq, "/v1/orders/W-1/paid"))[0] == 404
        await store.link.publish(TOPICS.up("state"), encode(StoreState("away", 7, 0, 0, "test", 1)), retain=True)
        await hq.store_where("SH-0001", state="away")
        status, said = await posted(hq, "/v1/orders", "W-1", **NEW)
        assert (status, "is away" in said["error"]) == (409, True)
