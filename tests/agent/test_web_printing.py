"""Pick lists and bag labels over real HTTP, for when handhelds are down."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pypdfium2

from agent.core.asks import PlaceOrder, Scan, Want
from tests.agent.people import person
from tests.agent.test_picking import EGGS, MILK, SHELVES, Hand, order, pick
from tests.agent.test_web import serving_site


def _text(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/pdf", answer.text
    return "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(answer.content))


async def test_what_is_left_to_pick_is_on_paper_in_walking_order(tmp_path: Path) -> None:
    async with serving_site(tmp_path, SHELVES) as site:
        for code in (MILK, MILK, MILK, EGGS):
            await site.shop.clerk.enter(Scan("dock", "receive", code, None))
            await site.shop.clerk.enter(Scan("shelf", "shelve", code, None))
        assert (await site.client.get("/v1/paper/pick-list.pdf")).status_code == 401
        hand = Hand(await person(site.client, site.door, "w1"), "w1")
        assert "1001" not in _text(await site.client.get("/v1/paper/pick-list.pdf"))
        await order(site, "O-1001", ("MILK", 2), ("EGGS", 1))
        await order(site, "O-1002", ("MILK", 1))
        both: dict[str, Any] = {"order": ["O-1001", "O-1002"], "lang": "en"}
        text = _text(await site.client.get("/v1/paper/pick-list.pdf", params=both))
        assert text.index(f"A01-R-4-2 1001 1 Eggs {EGGS}") < text.index(f"A03-L-2-1 1001 2 Milk {MILK}")
        assert f"A03-L-2-1 1002 1 Milk {MILK}" in text
        await hand.claim()
        await hand.report(pick("O-1001", 1, MILK))
        text = _text(await site.client.get("/v1/paper/pick-list.pdf"))
        assert f"A03-L-2-1 1001 1 牛奶 {MILK}" in text
        await hand.report(pick("O-1001", 1, MILK), pick("O-1001", 2, EGGS))
        assert "1001 " not in _text(await site.client.get("/v1/paper/pick-list.pdf")).partition("条码")[2]


async def test_each_bag_that_was_packed_has_its_label(tmp_path: Path) -> None:
    async with serving_site(tmp_path, SHELVES) as site:
        await site.shop.clerk.enter(Scan("dock", "receive", MILK, None))
        await site.shop.clerk.enter(Scan("shelf", "shelve", MILK, None))
        await order(site, "O-1001", ("MILK", 1))
        hand = Hand(await person(site.client, site.door, "w1"), "w1")
        labels: dict[str, Any] = {"order": "O-1001", "lang": "en"}
        assert "bag 1/1" in _text(await site.client.get("/v1/paper/bags.pdf", params=labels))
        task = await hand.claim()
        await hand.report(pick("O-1001", 1, MILK))
        bags = [{"k": 1, "n": 2}, {"k": 2, "n": 2, "temperature": "chilled"}]
        await hand.post(f"/v1/pick/tasks/{task['id']}/pack", {"token": task["token"], "order": "O-1001", "bags": bags})
        text = _text(await site.client.get("/v1/paper/bags.pdf", params=labels))
        assert [part in text for part in ("bag 1/2", "bag 2/2", "CHILLED", "O-1001")] == [True] * 4


async def test_paper_says_when_each_order_is_due_by_the_store_s_clock(tmp_path: Path) -> None:
    async with serving_site(tmp_path, SHELVES) as site:
        for _ in range(2):
            await site.shop.clerk.enter(Scan("dock", "receive", MILK, None))
            await site.shop.clerk.enter(Scan("shelf", "shelve", MILK, None))
        await person(site.client, site.door, "w1")
        noon = int(datetime(2026, 11, 22, 12, 34).timestamp() * 1000)  # noqa: DTZ001 - of the store's own clock
        await site.shop.clerk.enter(PlaceOrder("O-1001", "web", (Want(1, "MILK", 1),), noon))
        await site.shop.clerk.enter(PlaceOrder("O-1002", "web", (Want(1, "MILK", 1),)))  # nobody was told when
        text = _text(await site.client.get("/v1/paper/pick-list.pdf", params={"lang": "en"}))
        assert re.search(r"printed \d\d:\d\d · 1001 due 12:34 · 1002 due \d\d:\d\d\b", text), text
        assert "12:34" in _text(await site.client.get("/v1/paper/bags.pdf", params={"order": "O-1001"}))


async def test_what_cannot_be_printed_is_said(tmp_path: Path) -> None:
    async with serving_site(tmp_path, SHELVES) as site:
        await person(site.client, site.door, "w1")
        rejected = await site.shop.clerk.enter(PlaceOrder("O-9", "web", (Want(1, "MILK", 1),)))
        assert rejected
        for path in ("/v1/paper/pick-list.pdf", "/v1/paper/bags.pdf"):
            for name in ("O-9", "nobody's"):
                answer = await site.client.get(path, params={"order": name})
                assert (answer.status_code, "open orders" in answer.json()["hint"]) == (404, True)
            many = {"order": [f"O-{n}" for n in range(31)]}
            assert (await site.client.get(path, params=many)).status_code == 422
