"""HQ's page in a real Chromium, with real books behind it."""

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy.engine import URL

from hq_bridge.config import SQLITE
from tests.browser.pages import browsing
from tests.hq_bridge.shop import OUTSIDE, Shop
from tests.hq_bridge.test_days import batch as days_of
from tests.hq_bridge.test_ingest import hq_at
from tests.hq_bridge.test_web import web_over
from wire.messages import CaseRow, StockRow

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parents[2] / "build" / "hq"


@pytest.mark.parametrize(("locale", "here"), [("en-GB", "Here"), ("zh-CN", "在线")])
async def test_stores_stock_and_search_follow_the_books(tmp_path: Path, locale: str, here: str) -> None:
    shop = Shop()
    shop.trade(60)
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing(locale=locale) as (page, complaints),
    ):
        hq.offer(shop, shop.state(), channel="state")
        hq.offer(shop, shop.batch(1, 30))
        await hq.hello(shop)
        await page.goto(str(web.client.base_url))
        row = page.locator("#stores tr").filter(has_text="SH-0001")
        await expect(row).to_contain_text(here)
        await expect(row.locator("td").nth(2)).to_have_text("30")
        await expect(row.locator("td").nth(3)).to_have_text("30")
        await row.get_by_role("button").click()
        hq.offer(shop, shop.batch(31, 30))
        await expect(row.locator("td").nth(2)).to_have_text("60")
        await expect(row.locator("td").nth(3)).to_have_text("0")
        units = str(sum(map(shop.on_hand, {sku for sku, _ in shop.balances})))
        await expect(row.locator("td").nth(1)).to_have_text(units)
        await expect(page.locator("#sum-units")).to_have_text(units)
        for sku in sorted({sku for sku, _ in shop.balances}):
            line = page.locator("#stock tr").filter(has_text=sku)
            await expect(line.locator("td").nth(1)).to_have_text(str(shop.on_hand(sku)))
            inside = sorted(str(qty) for place, qty in shop.stock().get(sku, {}).items() if place not in OUTSIDE)
            shown = await line.locator(".place").all_text_contents()
            assert sorted(text.split(" ")[1] for text in shown) == inside
        await page.fill("#sku", "SKU-1")
        await page.press("#sku", "Enter")
        await expect(page.locator("#found li .amount")).to_have_text(str(shop.on_hand("SKU-1")))
        before = shop.on_hand("SKU-1")
        while shop.on_hand("SKU-1") == before:
            shop.trade(1)
        hq.offer(shop, shop.batch(61, shop.head - 60))
        await expect(page.locator("#found li .amount")).to_have_text(str(shop.on_hand("SKU-1")))
        for width in (320, 740, 960, 961):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


@pytest.mark.parametrize(("locale", "words"), [("en-GB", "half within"), ("zh-CN", "一半在")])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pictures_say_how_each_store_is_and_how_the_lag_went(
    tmp_path: Path, locale: str, words: str, width: int
) -> None:
    shops = [Shop(f"SH-{number}", seed=number) for number in range(4)]
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing(width=width, locale=locale) as (page, complaints),
    ):
        for shop in shops:
            shop.trade(30)
            hq.offer(shop, shop.batch(1, 20 if shop is shops[1] else 30))
            await hq.hello(shop, shop.hello(told="0" * 16) if shop is shops[3] else None)
        hq.offer(shops[2], shops[2].state("away"), channel="state")
        await hq.settled()
        await web.board.trend.look()
        await web.board.trend.look()
        await page.goto(str(web.client.base_url))
        for shop, shape in zip(shops, ("good", "wait", "down", "stop"), strict=True):
            await expect(page.locator(f"[data-tile={shop.topics.store}]")).to_have_class(f"tile {shape}")
        chart = page.locator("#lag-chain svg")
        await expect(chart).to_have_attribute("aria-label", re.compile(words))
        await page.route("**/v1/lag*", lambda route: route.abort())  # other words need no other answer
        await page.locator("#language").click()
        await expect(chart).to_have_attribute("aria-label", re.compile("half within|一半在"))
        assert words not in str(await chart.get_attribute("aria-label"))
        await page.locator("#language").click()
        await page.unroute("**/v1/lag*")
        complaints.clear()
        await page.locator("[data-tile=SH-1]").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#stock tr")).to_have_count(len({sku for sku, _ in shops[1].balances}))
        await expect(page.locator("#lag-store svg")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert complaints == []
        await page.fill("#sku", "SKU")
        await expect(page.locator("#skus option")).to_have_count(5)
        await page.press("#sku", "Enter")
        await page.locator("#matches button").filter(has_text="SKU-2").click()
        await expect(page.locator("#found li")).to_have_count(4)
        await expect(page.locator("#matches button")).to_have_count(0)
        atp = {has.store: has.atp for has in await hq.database.stock_of("SKU-2")} | {"SH-2": 0}  # that one is away
        for store, units in atp.items():
            said = page.locator("#found li").filter(has_text=store).locator(".age").first
            await expect(said).to_have_text(re.compile(f"^{units} can be promised|^可承诺 {units}，"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_text_of_stores_stays_text(tmp_path: Path) -> None:
    shop = Shop()
    evil = "<img src=x onerror=document.title='taken'>"
    shop.rows.append(StockRow(1, "p1", 0, evil, "SUPPLIER", evil, 1, "receive", "test", -1, 1, 1))
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing() as (page, complaints),
    ):
        hq.offer(shop, shop.batch(1, 1), b'{"epoch":1,"first":1,"rows":"' + evil.encode() + b'"}')
        await hq.settled()
        await page.goto(f"{web.client.base_url}#SH-0001")
        await expect(page.locator("#stock tr td").first).to_have_text(evil)
        await expect(page.locator("#stores .why")).to_contain_text("could not be read")
        await expect(page).to_have_title("demo · Nearshelf HQ")
    assert complaints == []


async def test_the_page_says_when_a_store_is_in_trouble_and_when_hq_is_gone(tmp_path: Path) -> None:
    shop = Shop()
    shop.trade(5)
    shop.rows.append(CaseRow(6, "c6", 0, "certificate_ends", "line to HQ", "open", "store_lead", 0))
    async with hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq, browsing(width=320) as (page, _):
        async with web_over(hq) as web:
            hq.offer(shop, shop.batch(1, 6))
            await hq.hello(shop, shop.hello(told="0" * 16))
            await page.goto(f"{web.client.base_url}?lang=zh")
            await expect(page.locator("#stores .why").first).to_contain_text("请勿据此承诺货品")
            await expect(page.locator("#stores .why").last).to_contain_text("请签发新证书")
            await expect(page.locator("#lost")).to_contain_text("总部到代理的线路中断")
            assert not await page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        await expect(page.locator("#lost")).to_contain_text("总部没有应答", timeout=20_000)


async def serious_faults(page: Page) -> list[str]:
    """What axe-core finds on the page that keeps somebody from using it."""
    found = (await Axe().run(page)).response["violations"]
    return [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_nobody_is_kept_from_using_it(
    tmp_path: Path, language: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    shops = [Shop("SHANGHAI-NANJING-ROAD-FLAGSHIP-1"), *(Shop(f"SH-{number}", seed=number) for number in range(3))]
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing(width=width, scheme=scheme) as (page, complaints),
    ):
        await page.goto(f"{web.client.base_url}?lang={language}")
        await expect(page.locator("#stores-none")).to_be_visible()
        assert await serious_faults(page) == []
        for shop in shops:
            shop.trade(30)
            hq.offer(shop, shop.batch(1, 30))
            await hq.hello(shop, shop.hello(told="0" * 16) if shop is shops[1] else None)
        hq.offer(shops[2], shops[2].state("away"), channel="state")
        await hq.settled()
        await page.locator(f"[data-tile={shops[0].topics.store}]").click()
        await expect(page.locator("#stock tr")).to_have_count(5)
        await page.fill("#sku", "SKU-2")
        await page.press("#sku", "Enter")
        await expect(page.locator("#found li")).to_have_count(4)
        assert await serious_faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.evaluate("document.querySelector('main').append(document.createElement('input'))")
        assert await serious_faults(page) != []  # it does notice
    assert complaints == []


def sums_of(store: int, day: int) -> dict[str, int]:
    """What a store's day came to; each is another."""
    late, missed = (store + day) % 7, (store * day) % 5
    return {
        "orders": 42, "accepted": 40, "handed_over": 40 - missed, "perfect": 36 - late, "timed": 40,
        "on_time": 40 - late, "packed": 40, "packed_of_30": 40, "within_5_of_30": 38 - late, "lines": 160,
        "hits": 160 - missed - late, "not_found": missed, "breaches": store % 3, "out_of_stock": missed,
        "free_s": 51_840_000, "hidden_s": 90_000 * late, "heard": 5000, "heard_within_50_ms": 4000,
        "heard_within_1000_ms": 4990 - 20 * (day % 3), "heard_within_2000_ms": 5000,
        "walked_dm": 38_000 + 900 * day, "worked": 40, "cost_cents": 9000, "costed": 40,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "width", "scheme", "words"),
    [("en", 320, "dark", "On time, 22 Nov: each store"), ("zh", 1280, "light", "11月22日 各店「准时率」")],
)
async def test_days_are_pictures_of_the_chain_and_of_each_store(
    tmp_path: Path, language: str, width: int, scheme: Literal["light", "dark"], words: str
) -> None:
    shops = [Shop(f"SH-{number:04}") for number in range(60)]
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing(width=width, scheme=scheme) as (page, complaints),
    ):
        for number, shop in enumerate(shops):
            told = [(day, sums_of(number, day)) for day in range(10, 23) if day != 15]  # of one day nobody told
            hq.offer(shop, days_of(shop, 1, *told))
            hq.offer(shop, shop.state(), channel="state")
        await hq.settled()
        await page.goto(f"{web.client.base_url}?lang={language}")
        pictures = page.locator("#days button.of-days")
        await expect(pictures).to_have_count(12)
        chain = (await web.get("/v1/days"))["days"][-1]
        on_time = next(one["value"] for one in chain["figures"] if one["name"] == "on_time_rate")
        picture = page.locator("[data-figure=on_time_rate]")
        await expect(picture.locator("b")).to_have_text(f"{round(100 * on_time, 1):g}%")
        await expect(picture.locator("rect")).to_have_count(1 + 12)
        await expect(page.locator("#days-stores-title")).to_contain_text(words)
        await expect(page.locator("#days-stores li")).to_have_count(12)
        worst = page.locator("#days-stores li").first.locator(".amount")
        await expect(worst).to_have_text("85%")
        await page.locator("[data-figure=hidden_stock_rate]").click()
        await expect(page.locator("[data-figure=hidden_stock_rate]")).to_have_attribute("aria-pressed", "true")
        await expect(worst).to_have_text("1%")  # of what is hidden more is worse
        PICTURES.mkdir(parents=True, exist_ok=True)
        name = f"days-{language}-{width}-{scheme}"
        await page.locator("#days-section").screenshot(path=PICTURES / f"{name}.png")
        await page.locator("#days-all").click()
        await expect(page.locator("#days-stores li")).to_have_count(60)
        await page.locator("[data-tile=SH-0007]").click()
        await expect(page.locator("#store-days .of-days")).to_have_count(12)
        await page.locator("#detail").screenshot(path=PICTURES / f"{name}-of-a-store.png")
        await page.locator("#days summary").click()
        await expect(page.locator("#days tbody tr")).to_have_count(13)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await serious_faults(page) == []
    assert complaints == []


async def test_of_many_stores_the_worst_come_first_and_all_can_be_seen(tmp_path: Path) -> None:
    shops = [Shop(f"SH-{number:04}", seed=number, skus=1) for number in range(120)]
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        browsing() as (page, complaints),
    ):
        for shop in shops:
            shop.trade(2)
            hq.offer(shop, shop.batch(1, 2))
            hq.offer(shop, shop.state("away" if shop is shops[110] else "here"), channel="state")
        await hq.hello(shops[115], shops[115].hello(told="0" * 16))
        await hq.settled()
        await page.goto(str(web.client.base_url))
        names = page.locator("#stores .name")
        await expect(names).to_have_count(50)
        assert (await names.all_text_contents())[:3] == ["SH-0115", "SH-0110", "SH-0000"]
        await expect(page.locator(".tile")).to_have_count(len(shops) + 1)
        await page.locator("[data-tile=SH-0100]").click()
        await expect(names).to_have_count(51)
        await expect(page.locator("#stock-title")).to_contain_text("SH-0100")
        await page.fill("#sku", "SKU-0")
        await page.press("#sku", "Enter")
        await expect(page.locator("#found li")).to_have_count(50)
        await expect(page.locator("#found-rest")).to_contain_text("70")
        amounts = [int(text.replace("−", "-")) for text in await page.locator("#found .amount").all_text_contents()]
        assert amounts == sorted(amounts, reverse=True)
        await page.locator("#stores-all").click()
        await expect(names).to_have_count(len(shops) + 1)
        await expect(page.locator("#stores-all")).to_be_hidden()
    assert complaints == []
