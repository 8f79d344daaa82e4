"""The store's page in a real Chromium, with a scripted store behind it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import pytest
from playwright.async_api import Locator, Page, expect

from agent.core.atp import Conditions, Policy, stopped
from agent.core.cases import KINDS
from agent.core.catalogue import Eligibility
from agent.core.count_sessions import DECIDER, Why
from agent.core.life import COUNT
from agent.core.places import INSIDE
from agent.web.words import device_words
from drivers.errors import TROUBLES
from tests.browser.pages import browsing, free_port, served
from tests.browser.scripted_store import ScriptedStore, now_ms

pytestmark = pytest.mark.browser


@asynccontextmanager
async def store_page(
    store: ScriptedStore, path: str = "/", locale: str = "en-GB", width: int = 1280
) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page of a scripted store, with its stock on it. Fails at the end when the page complained."""
    async with browsing(locale=locale, width=width) as (page, complaints), served(store.app(), free_port()) as address:
        await page.goto(address + path)
        await expect(page.locator("#stock tr")).to_have_count(len(store.articles))
        yield page, complaints
        assert complaints == []
        store.hang_up()


def row(page: Page, sku: str) -> Locator:
    """The table row of a SKU."""
    return page.locator(f"#stock tr[data-key='{sku}']")


async def test_the_page_shows_stock_devices_cases_and_the_line() -> None:
    async with store_page(ScriptedStore()) as (page, _):
        await expect(page.get_by_role("heading", level=1)).to_have_text("Store SH-0001")
        await expect(row(page, "JKT-0101").locator("td").nth(0)).to_have_text("6")
        await expect(row(page, "JKT-0101").locator("td").nth(1)).to_have_text("14")
        await expect(row(page, "JKT-0101").locator("td").nth(2).locator("span").first).to_have_text("20")
        await expect(row(page, "JKT-0102")).to_contain_text("1 elsewhere")
        await expect(row(page, "MLK-0001")).to_contain_text("below zero")
        await expect(page.locator("#line")).to_contain_text("Connected")
        await expect(page.locator("#line")).to_contain_text("1,240 of 1,240")
        await expect(page.locator("#cases")).to_contain_text("Stock is below zero")
        await expect(page.locator("#cases")).to_contain_text("What to do: Count the item")
        scanner = page.locator("#devices li[data-key='dock-scanner']")
        await expect(scanner).to_contain_text("Not reachable")
        await expect(scanner).to_contain_text("/dev/ttyUSB0 is not there")
        await expect(scanner).to_contain_text("What to do: Check the scanner's cable")
        await expect(page.locator("#counts")).to_contain_text("crate 9521141/1 (FLOOR")


async def test_a_device_says_in_both_languages_why_it_is_down_what_to_do_and_when_it_is_tried_next() -> None:
    store = ScriptedStore()
    store.devices[0] |= {"clock_off_s": -7200.0}
    store.devices[1] |= {"retry_at": now_ms() + 89.5 * 60_000}  # far off: it counts down as the page is looked at
    async with store_page(store) as (page, _):
        scanner, portal = (page.locator(f"#devices li[data-key='{name}']") for name in ("dock-scanner", "portal"))
        await expect(scanner.locator(".why")).to_contain_text("It is not plugged in")
        await expect(scanner.locator(".why")).to_contain_text(re.compile(r"Tried 7 times, again in 1 h 2\d min\."))
        await expect(portal.locator("dl")).to_be_hidden()
        await portal.locator("summary").click()
        await expect(portal.locator("dl")).to_contain_text("Times lost3")
        await expect(portal.locator("dl")).to_contain_text("the reader closed the connection")
        await expect(portal.locator(".why")).to_contain_text("Its clock is 2 h 0 min behind")
        await page.get_by_role("button", name="中文").click()
        await expect(scanner.locator(".why")).to_contain_text("设备未插入")
        await expect(scanner.locator(".why")).to_contain_text("处理办法：请插好设备或数据线")
        await expect(scanner.locator(".why")).not_to_contain_text("Check")
        await expect(portal.locator(".why")).to_contain_text("设备时钟慢了 2 小时 0 分钟")
        why, hint = "no connection to shop.lan:5084: Connection refused", "Check `username` and `password_file`."
        store.devices[1] |= {"trouble": "port_closed", "why": why, "hint": hint}
        store.tell("health", store.health())
        words = device_words("zh")
        assert "连接被拒绝" in words.of_driver(why)
        await expect(scanner.locator(".why")).to_contain_text(words.of_driver(why))
        await expect(scanner.locator(".why")).to_contain_text(f"处理办法：{words.of_driver(hint)}")
        store.devices[1] |= {"trouble": "", "why": "a fault of its own", "hint": "Ask its maker."}
        store.tell("health", store.health())
        await expect(scanner.locator(".why")).to_contain_text("处理办法：Ask its maker.")


async def test_open_counts_are_shown_with_who_must_see_to_them_until_when() -> None:
    store = ScriptedStore()
    async with store_page(store) as (page, _):
        late, running = page.locator("#counting li").nth(0), page.locator("#counting li").nth(1)
        await expect(page.locator("#counting-count")).to_have_text("2")
        await expect(late).to_contain_text("Floor · recount by another")
        await expect(late.locator(".late")).to_have_text("overdue by 5 min")
        await expect(late).to_contain_text("for: store lead · stock is below zero")
        await expect(late).to_contain_text("assigned to badge-1")
        await expect(running).to_contain_text("Green tea, loose, 250 g, Porcelain cup, Running shoe, 42 and 25 more")
        await expect(running).to_contain_text("counted by badge-2 · 12 of 40 items settled")
        await page.get_by_role("button", name="中文").click()
        await expect(late).to_contain_text("卖场 · 需另一人复盘")
        store.counting.clear()
        store.tell("health", store.health())
        await expect(page.locator("#counting-section")).to_be_hidden()


async def test_a_change_appears_by_itself() -> None:
    store = ScriptedStore()
    async with store_page(store) as (page, _):
        store.post("TEA-0007", FLOOR=17, BACKROOM=40)
        await expect(row(page, "TEA-0007").locator("td").nth(0)).to_have_text("17")
        await expect(row(page, "TEA-0007")).to_have_class(re.compile("changed"))
        await expect(row(page, "TEA-0007").locator(".delta")).to_have_text("-1")
        await expect(row(page, "TEA-0007")).not_to_have_class(re.compile("changed"))
        store.line |= {"state": "connecting", "waiting": 3, "oldest_waiting_ms": 4000, "why": "connection refused"}
        store.devices[1] |= {"state": "up", "why": None}
        store.cases.clear()
        store.tell("health", store.health())
        await expect(page.locator("#line")).to_contain_text("Connecting")
        await expect(page.locator("#line")).to_contain_text("connection refused")
        await expect(page.locator("#line")).to_contain_text("Nothing is lost")
        await expect(page.locator("#devices-count")).to_have_text("2 of 2 working")
        await expect(page.locator("#cases-none")).to_be_visible()


async def test_the_page_speaks_both_languages_and_remembers() -> None:
    async with store_page(ScriptedStore(), locale="zh-CN") as (page, _):
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await expect(row(page, "TEA-0007")).to_contain_text("散装绿茶 250 克")
        await expect(page.locator("#cases")).to_contain_text("库存为负")
        await page.get_by_role("button", name="English").click()
        await expect(row(page, "TEA-0007")).to_contain_text("Green tea")
        await page.reload()
        await expect(page.locator("#stock-title")).to_have_text("Stock")
        await page.goto(page.url + "?lang=zh")
        await expect(page.locator("#stock-title")).to_have_text("库存")


def reasons_to_stop() -> set[str]:
    """Everything the agent says when nothing may be promised."""
    eligible = Policy()
    policies = [Policy(retired=True), *(Policy(eligibility=kind) for kind in get_args(Eligibility)), eligible]
    conditions = [Conditions(), Conditions(paused=True), Conditions(lease_stale=True)]
    return {stopped(condition, policy) for condition in conditions for policy in policies} - {""}


async def test_every_word_is_there_in_both_languages() -> None:
    async with store_page(ScriptedStore()) as (page, _):
        words = await page.evaluate(
            "import('/static/strings.js').then(({STRINGS, CASES, HINTS, OWNERS, STOPPED, TROUBLES, TROUBLE_HINTS}) => "
            "({ troubles: [TROUBLES.en, TROUBLES.zh, TROUBLE_HINTS.zh].map(Object.keys), stopped: STOPPED.zh,"
            " en: Object.keys(STRINGS.en).sort(), zh: Object.keys(STRINGS.zh).sort(),"
            " cases: Object.keys(CASES.en), cases_zh: Object.keys(CASES.zh), hints_zh: Object.keys(HINTS.zh),"
            " owners: [Object.keys(OWNERS.en), Object.keys(OWNERS.zh)]}))"
        )
        assert words["en"] == words["zh"]
        assert words["cases"] == words["cases_zh"] == words["hints_zh"]
        assert set(words["cases"]) == set(KINDS)
        assert words["troubles"] == [list(TROUBLES)] * 3
        assert set(words["stopped"]) == reasons_to_stop()
        assert [set(owners) for owners in words["owners"]] == [{kind.owner for kind in KINDS.values()} | {DECIDER}] * 2
        states = {f"count_{state}" for state in COUNT.states() if state not in {*COUNT.ends, "counted"}}
        assert states | {f"count_why_{why}" for why in get_args(Why)} <= set(words["en"])
        assert {f"place_{place}" for place in INSIDE} <= set(words["en"])


async def test_a_click_says_why_so_many_may_be_promised() -> None:
    store = ScriptedStore()
    async with store_page(store) as (page, _):
        await row(page, "TEA-0007").get_by_role("button").click()
        panel = page.get_by_role("dialog", name="Green tea, loose, 250 g · TEA-0007")
        await expect(panel.locator("#why-channels th")).to_have_text(["", "web", "any other"])
        terms = panel.locator("#why-terms tr")
        await expect(terms).to_have_count(6)
        await expect(terms.nth(0)).to_have_text("Floor and backroom5858")
        await expect(terms.nth(1)).to_have_text("held and promised− 2− 2")
        await expect(terms.nth(4)).to_have_text("safety stock− 4− 1")
        await expect(terms.nth(5)).to_have_text("May be promised5154")
        await expect(panel.locator("#why-about")).to_have_text(
            "counted in pieces · sold at once · last seen 3 h 0 min ago · record is sure"
        )
        await expect(panel.locator("#why-claims")).to_contain_text("2 × web h-17 · for another 14 min")
        store.post("TEA-0007", FLOOR=7, BACKROOM=40)
        await expect(terms.nth(5)).to_have_text("May be promised4043")
        await page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        await page.get_by_role("button", name="中文").click()
        await row(page, "CUP-0031").get_by_role("button").click()
        await expect(page.locator("#why-terms tr").nth(5)).to_have_text("暂停原因门店已暂停接单")
        await expect(page.locator("#why-terms tr").nth(6)).to_have_text("可承诺量00")
        await page.get_by_role("button", name="关闭").click()
        await expect(page.locator("#why")).to_be_hidden()


async def test_promises_are_paused_and_go_on_with_a_name_and_a_reason() -> None:
    store = ScriptedStore()
    async with store_page(store) as (page, _):
        await expect(page.locator("#promising")).to_contain_text("Open for orders")
        await expect(page.locator("#stopped")).to_be_hidden()
        await page.get_by_role("button", name="Pause promises").click()
        asking = page.get_by_role("dialog", name="Pause promises")
        await asking.get_by_role("button", name="Pause promises").click()
        await expect(asking.get_by_role("alert")).to_have_text("Both are needed.")
        await asking.get_by_label("Why?").fill("the <b>cold room</b> is down")
        await asking.get_by_label("Your name or badge").fill("badge-7")
        await asking.get_by_role("button", name="Pause promises").click()
        await expect(asking).to_be_hidden()
        await expect(page.locator("#stopped")).to_contain_text("Nothing is promised from this store since")
        await expect(page.locator("#stopped")).to_contain_text("badge-7: the <b>cold room</b> is down")
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("#promising")).to_contain_text("已暂停")
        await page.get_by_role("button", name="恢复接单").click()
        await page.get_by_role("dialog", name="恢复接单").get_by_role("button", name="恢复接单").click()
        await expect(page.locator("#stopped")).to_be_hidden()
        assert store.asked == [
            {"paused": True, "why": "the <b>cold room</b> is down", "by": "badge-7"},
            {"paused": False, "why": "", "by": "badge-7"},
        ]
        store.promising = {"stopped": True, "paused": None, "lease_stale": {"holds": True, "at": 1_763_760_000_000}}
        store.tell("health", store.health())
        await expect(page.locator("#stopped")).to_contain_text("与总部失联")


@pytest.mark.parametrize(
    ("language", "banner", "labels"),
    [
        ("en", "The books were damaged", ("Your badge or name", "What was done", "Mark as done")),
        ("zh", "账簿曾损坏", ("您的工牌或姓名", "处理结果", "标为已处理")),
    ],
)
@pytest.mark.parametrize("width", [360, 1280])
async def test_restored_books_are_said_loudly_until_somebody_marks_them_as_done(
    language: str, banner: str, labels: tuple[str, ...], width: int
) -> None:
    store = ScriptedStore()
    store.cases = [store.case("c-9", "books_restored", "books.db.damaged-20261121T080000", 3600), *store.cases]
    async with store_page(store, width=width) as (page, complaints):
        if language == "zh":
            await page.get_by_role("button", name="中文").click()
        said = page.get_by_role("alert").filter(has_text=banner)
        await expect(said).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        case = page.locator("#cases li").filter(has_text="books.db.damaged")
        await case.locator("summary").click()
        await case.get_by_label(labels[0]).fill("nobody")
        await case.get_by_label(labels[1]).fill("counted")
        await case.get_by_role("button", name=labels[2]).click()
        await expect(case.get_by_text("who is that?")).to_be_visible()
        assert "422" in complaints.pop()
        await expect(said).to_be_visible()
        await case.get_by_label(labels[0]).fill("badge-7")
        await case.get_by_role("button", name=labels[2]).click()
        await expect(said).to_be_hidden()
        await expect(case).to_have_count(0)
        assert store.done[-1] == ("c-9", "badge-7", "counted")
        await expect(page.locator("#cases form:visible")).to_have_count(0)  # the other one closes itself


async def test_text_from_outside_stays_text() -> None:
    store = ScriptedStore()
    bomb = "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script>"
    store.articles["TEA-0007"] |= {"name_en": bomb}
    store.devices[1] |= {"name": bomb, "why": bomb, "about": bomb}
    store.cases[0] |= {"about": bomb, "case": bomb, "text": bomb}
    async with store_page(store) as (page, _):
        await expect(row(page, "TEA-0007").locator("th button")).to_have_text(bomb)
        await expect(page.locator("#devices li").nth(1).locator("strong")).to_have_text(bomb)
        assert await page.locator("main img, main script").count() == 0
        assert await page.title() == "SH-0001 · Nearshelf"


async def test_what_is_looked_for_is_found() -> None:
    async with store_page(ScriptedStore()) as (page, _):
        await page.get_by_role("searchbox", name="Find SKU, name or GTIN").fill("navy jacket")
        await expect(page.locator("#stock tr")).to_have_count(2)
        await expect(page.locator("#stock-count")).to_have_text("2 of 6 articles")
        await page.get_by_role("searchbox").fill("绿茶")
        await expect(page.locator("#stock tr")).to_have_count(1)
        await page.get_by_role("searchbox").fill("nowhere")
        await expect(page.locator("#stock-none")).to_have_text("No article matches.")


async def test_the_page_survives_the_agents_restart() -> None:
    store, port = ScriptedStore(), free_port()
    async with browsing() as (page, _):
        async with served(store.app(), port) as address:
            await page.goto(address)
            await expect(page.locator("#stock tr")).to_have_count(6)
            store.hang_up()
        await expect(page.locator("#lost")).to_contain_text("lost since")
        await expect(row(page, "SHO-2210").locator("td").nth(0)).to_have_text("2")
        store.articles["SHO-2210"] |= {"places": {"FLOOR": 1}, "on_hand": 1}
        store.head += 1
        async with served(store.app(), port):
            await expect(row(page, "SHO-2210").locator("td").nth(0)).to_have_text("1", timeout=15_000)
            await expect(page.locator("#lost")).to_be_hidden()
            await expect(page.locator("#said")).to_have_text("Connection is back.")
            store.hang_up()


async def test_without_a_stream_the_page_asks_again_and_again() -> None:
    """One page too many gets no stream, and is told the truth all the same."""
    store = ScriptedStore()
    store.streams = False
    async with browsing() as (page, _), served(store.app(), free_port()) as address:
        await page.goto(address)
        await expect(row(page, "SHO-2210").locator("td").nth(0)).to_have_text("2")
        store.articles["SHO-2210"] |= {"places": {"FLOOR": 1}, "on_hand": 1}
        store.head += 1
        await expect(row(page, "SHO-2210").locator("td").nth(0)).to_have_text("1", timeout=10_000)
        await expect(page.locator("#lost")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_the_page_fits_without_sideways_scrolling(width: int) -> None:
    async with store_page(ScriptedStore(), width=width) as (page, _):
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await row(page, "JKT-0101").get_by_role("button").click()
        await expect(page.locator("#why-terms tr")).to_have_count(6)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelector('dialog').scrollWidth") <= width
