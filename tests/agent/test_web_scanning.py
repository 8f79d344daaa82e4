"""What handhelds scan into the store's page, over real HTTP: found, or booked once however often it is sent."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.places import BACKROOM, FLOOR
from tests.agent.test_web import Site, serving_site
from tests.core import shop as goods

MILK, SHIRT = goods.gtin_14(goods.MILK), goods.gtin_14(goods.SHIRT)


async def told(site: Site, text: str, purpose: str = "receive", scan: str = "s-1", device: str = "page-1") -> Any:
    answer = await site.post("/v1/scans", {"device": device, "scan": scan, "purpose": purpose, "text": text})
    assert answer.status_code == 200
    return answer.json()


async def test_a_scan_is_booked_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as site:
        for _ in range(3):
            assert await told(site, f"]E0{MILK[1:]}") == {"accepted": True, "sku": "MILK", "message": "MILK"}
        await told(site, SHIRT, "find", "s-2")
        assert (await told(site, MILK))["accepted"], "sent again much later, after others"
        assert site.shop.books.balances["MILK", BACKROOM] == 1
        await told(site, MILK, "shelve", "s-3")
        assert site.shop.books.balances["MILK", FLOOR] == 1
        await site.shop.assert_memory_is_disk()


async def test_two_handhelds_that_scan_the_same_article_are_two_units(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as site:
        await told(site, MILK, scan="a", device="page-1")
        await told(site, MILK, scan="a", device="page-2")
        assert site.shop.books.balances["MILK", BACKROOM] == 2


async def test_finding_enters_nothing_and_says_why_there_is_nothing(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as site:
        assert await told(site, MILK, "find") == {"accepted": True, "sku": "MILK", "message": ""}
        assert await told(site, "hello", "find") == {"accepted": False, "sku": "", "message": "holds no GTIN"}
        found = await told(site, "4006381333931", "find")
        assert found["message"] == "GTIN 04006381333931 is not in the catalogue"
        assert site.shop.books.head == 0
        assert site.shop.books.cases == {}


async def test_a_refused_scan_says_why_and_is_a_case(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as site:
        refused = await told(site, SHIRT)
        assert not refused["accepted"]
        assert refused["message"].startswith("every unit of SHIRT has a tag")
        assert not (await told(site, "]C1hello", scan="s-2"))["accepted"]
        assert list(site.shop.books.cases) == [("unknown_barcode", "hello")]
        assert (await site.client.get("/v1/health")).json()["counts"]["scans_refused"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "dock"},
        {"scan": ""},
        {"scan": "x" * 41},
        {"purpose": "sell"},
        {"text": ""},
        {"text": "9" * 300},
        {"by": "me"},
    ],
)
async def test_a_scan_that_cannot_be_read_is_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    async with serving_site(tmp_path) as site:
        body = {"device": "page-1", "scan": "s", "purpose": "receive", "text": MILK}
        assert (await site.post("/v1/scans", body | wrong)).status_code == 422
        assert site.shop.books.balances == {}


async def test_another_sites_page_scans_nothing(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as site:
        body = {"device": "page-1", "scan": "s", "purpose": "receive", "text": MILK}
        answer = await site.client.post("/v1/scans", json=body, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
        assert site.shop.books.balances == {}
