"""The lead's board in a real Chromium, before a real store: what is late, who has it, and what a lead does about it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pypdfium2
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from agent.core.asks import MoveOrder, Notice, Ordered, PlaceOrder, Scan, Want
from agent.core.life import OrderEvent
from agent.core.tasks.asks import ClaimTask, LeaveTask, Tasked
from tests.agent.people import PIN, hire
from tests.agent.test_web import Site
from tests.browser.pages import browsing
from tests.browser.picking_hands import CODES, store
from tests.waiting import until

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parent.parent.parent / "build" / "board"
HOSTILE = "<img src=x onerror=alert(1)>"
LOOKS: tuple[tuple[str, Literal["light", "dark"]], ...] = (("en", "light"), ("zh", "dark"))
#: What is given to the browser to open is kept for the test to read.
KEEP_PAPER = """const open = URL.createObjectURL.bind(URL);
  URL.createObjectURL = blob => { globalThis.printed = blob; return open(blob); };"""
#: Keys that are shown for want of a word.
WITHOUT_WORDS = """[...document.querySelectorAll('body *')].filter(one => !one.children.length)
  .map(one => one.textContent).filter(text => /^[a-z]+(_[a-z]+)+$/.test(text))"""
#: The keys of the board's words and of the figures' names, in each language.
KEYS = """import('/static/board/words.js')
  .then(({OWN, FIGURES}) => [OWN, FIGURES].map(of => [of.en, of.zh].map(Object.keys)))"""


async def place(site: Site, name: str, sku: str = "EGGS", *, due_in_s: int = 1800, qty: int = 1) -> None:
    """An order that is due so many seconds from now; below 0: it is late."""
    due = int(time.time() * 1000) + 1000 * due_in_s
    placed = await site.shop.clerk.enter(PlaceOrder(name, "web", (Want(1, sku, qty),), due, promise_min=30, by="w7"))
    assert isinstance(placed, Ordered)
    assert placed.state == "accepted", placed


async def move(site: Site, name: str, *events: OrderEvent) -> None:
    for event in events:
        assert isinstance(await site.shop.clerk.enter(MoveOrder(name, event, event)), Ordered)


@asynccontextmanager
async def busy_store(folder: Path) -> AsyncIterator[Site]:
    """A late order that nobody has, one being picked, one ready, one handed over; a case; a lead and a picker."""
    async with store(folder) as site:
        await hire(site.door, "l1", "lead")
        await hire(site.door, "w2")
        await place(site, "WEB-2002", "TEA", due_in_s=600)
        await site.shop.clerk.enter(ClaimTask("w2"))
        await place(site, "WEB-1001", due_in_s=-240)
        await place(site, "WEB-3003", "JAM")
        await move(site, "WEB-3003", "start", "finish", "pack", "stage")
        await place(site, "WEB-4004", "JAM")
        await move(site, "WEB-4004", "start", "finish", "pack", "stage", "hand_over")
        await site.shop.clerk.enter(Notice("unknown_barcode", "4000000000006", HOSTILE))
        yield site


async def sign_in(page: Page, site: Site, worker: str = "l1", query: str = "") -> None:
    """At the board, by keyboard: a scanner types the badge and its Enter."""
    await page.goto(f"{site.client.base_url}/board{query}")
    await expect(page.locator("#sign-badge")).to_be_focused()
    await page.keyboard.type(f"badge-{worker}")
    await page.keyboard.press("Enter")
    await page.keyboard.type(PIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#now")).to_be_visible()


def text_of(paper: bytes) -> str:
    """What is printed on a PDF."""
    return "".join(one.get_textpage().get_text_range() for one in pypdfium2.PdfDocument(paper))


def late(page: Page, short: str) -> Locator:
    """What is said of a late order."""
    return page.locator(".late-one", has_text=short)


def lane(page: Page, state: str) -> Locator:
    return page.locator(f"#stages .lane[data-key={state}]")


async def test_the_lead_sees_what_is_late_and_why_and_what_changes_appears_by_itself(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing() as (page, complaints):
        await sign_in(page, site)
        await expect(page.locator("#title")).to_have_text(f"Board {site.shop.books.store}")
        await expect(page.locator("#tiles li").first).to_have_text("1Late")
        await expect(page.locator("#tiles li").first.locator(".mark.down")).to_be_visible()
        await expect(late(page, "1001")).to_contain_text("nobody has begun")
        await expect(late(page, "1001")).to_contain_text("4:")
        await expect(lane(page, "accepted").locator(".card.late")).to_contain_text("late")
        await expect(lane(page, "accepted").locator("li").first).to_contain_text("1001")
        await expect(lane(page, "staged")).to_contain_text("3003")
        await expect(page.locator("#stages")).not_to_contain_text("4004")
        await expect(page.locator("#people")).to_contain_text("W2")
        await expect(page.locator("#people")).to_contain_text("2002")
        await expect(page.locator("#cases")).to_contain_text("Unknown barcode")
        await page.evaluate("globalThis.stays = 1")
        await hire(site.door, "w3")
        claimed = await site.shop.clerk.enter(ClaimTask("w3"))
        await expect(late(page, "1001")).to_contain_text("w3 has it")
        assert isinstance(claimed, Tasked)
        await site.shop.clerk.enter(LeaveTask(claimed.task.id, claimed.task.token, "w3"))
        await expect(late(page, "1001")).to_contain_text("its picker left it")
        await place(site, "WEB-5005", "JAM", due_in_s=-60)
        await expect(late(page, "5005")).to_be_visible()
        await move(site, "WEB-5005", "cancel")
        await expect(late(page, "5005")).to_have_count(0)
        assert await page.evaluate("globalThis.stays") == 1
        assert complaints == []


async def test_a_lead_cancels_an_order_and_marks_a_case_as_done_and_a_picker_only_looks(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing(width=360) as (page, complaints):
        books = site.shop.books
        await sign_in(page, site)
        await late(page, "1001").click()
        await expect(page.locator("#order-steps li")).to_have_count(2)
        await expect(page.locator("#order-steps")).to_contain_text("so far")
        await expect(page.locator("#order-steps")).to_contain_text("w7")  # who entered it
        await expect(page.locator("#order-lines")).to_contain_text("Eggs")
        await page.locator("#order-courier").click()
        await expect(page.locator("#order-why")).to_contain_text("courier has been at the door")
        await page.locator("#order-cancel").click()
        await page.locator("#order-keep").click()
        assert books.orders["WEB-1001"].courier_at_ms is not None
        await page.locator("#order-cancel").click()
        await page.locator("#order-sure").click()
        await expect(page.locator("#order-about")).to_contain_text("Cancelled")
        await expect(page.locator("#order-steps")).to_contain_text("cancel by l1")
        assert "WEB-1001" not in books.orders
        await page.locator("#order-close").click()
        await expect(late(page, "1001")).to_have_count(0)
        found = page.locator("#cases li", has_text="Unknown barcode")
        if not await found.locator("form").is_visible():
            await found.locator("summary").click()
        await expect(found.locator(".detail")).to_have_text(HOSTILE)
        await found.locator("input").fill("added")
        await found.locator("form button").click()
        await until(lambda: not any(case.kind == "unknown_barcode" for case in books.cases.values()))
        await expect(found).to_have_count(0)
        await place(site, "WEB-6006", due_in_s=-60)
        await page.locator("#sign-out").click()
        await expect(page.locator("#sign")).to_be_visible()
        await sign_in(page, site, "w2")
        await late(page, "6006").click()
        await expect(page.locator("#order-list")).to_be_visible()
        for key in ("#order-cancel", "#order-courier", "#cases form", "#sheet"):
            assert await page.locator(key).locator("visible=true").count() == 0, key
        assert complaints == []


async def test_paper_is_fetched_with_the_session_s_proof_and_opened(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing() as (page, complaints):
        await page.add_init_script(KEEP_PAPER)
        await sign_in(page, site)

        async def paper(key: str) -> str:
            """What a key prints; it opens in a tab of its own."""
            async with page.expect_popup() as opened:
                await page.locator(key).click()
            assert (await opened.value).url.startswith("blob:")
            return text_of(bytes(await page.evaluate("printed.arrayBuffer().then(raw => [...new Uint8Array(raw)])")))

        await page.locator("#print").click()
        await expect(page.locator("#printing")).to_be_visible()
        listed = await paper("#print-list")
        assert "1001" in listed
        assert "2002" in listed
        await page.locator("#printing-close").click()
        await late(page, "1001").click()
        assert "1001" in await paper("#order-bags")
        await page.locator("#order-close").click()
        text = text_of(await page.pdf(format="A4"))
        assert "1001" in text
        assert "Sign out" not in text
        assert complaints == []


async def test_when_the_night_ends_the_session_the_last_state_stays_with_its_age(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing() as (page, _):
        await page.clock.install()
        await sign_in(page, site, query="?turn=yes")
        await page.clock.run_for(25_000)
        await expect(page.locator("#figures")).to_be_visible()
        await page.locator("#view-now").click()
        secret = await site.door.secret_of(PIN)
        await site.door.write(lambda file: file.change("l1", lambda now: now, None, secret))
        await page.clock.run_for(31_000)
        await expect(page.locator("#ended")).to_contain_text("The session has ended")
        await expect(page.locator("#sign")).to_be_visible()
        await page.clock.fast_forward("08:00:00")
        await expect(page.locator("#ended")).to_contain_text("8 h")
        await page.locator("#view-now").click()
        await expect(late(page, "1001")).to_be_visible()
        await expect(late(page, "1001")).to_contain_text("8 h")
        await page.locator("#sign-badge").fill("badge-l1")
        await page.locator("#sign-pin").fill(PIN)
        await page.locator("#sign-do").click()
        await expect(page.locator("#ended")).to_be_hidden()
        await expect(late(page, "1001")).to_contain_text("4:")
        await page.context.set_offline(True)
        await page.clock.run_for(20_000)
        await expect(page.locator("#lost")).to_contain_text("No connection")


async def test_it_fits_every_screen_is_accessible_and_has_all_its_words_in_both_languages(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing() as (page, complaints):
        axe = Axe()
        await sign_in(page, site)
        PICTURES.mkdir(parents=True, exist_ok=True)
        for lang, scheme in LOOKS:
            await page.emulate_media(color_scheme=scheme)
            for view in ("figures", "now"):
                await page.locator(f"#view-{view}").click()
                for width, height in ((1920, 1080), (768, 1024), (320, 640)):
                    await page.set_viewport_size({"width": width, "height": height})
                    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (view, width)
                    await page.screenshot(path=PICTURES / f"{view}-{width}-{lang}-{scheme}.png", full_page=width < 1000)
                await accessible(axe, page)
                assert await page.evaluate(WITHOUT_WORDS) == []
            await page.locator(".card").first.click()
            await expect(page.locator("#order-lines li")).to_have_count(1)
            await accessible(axe, page)
            assert await page.evaluate(WITHOUT_WORDS) == []
            await page.locator("#order-close").click()
            await page.locator("#language").click()
        for english, chinese in await page.evaluate(KEYS):
            assert english == chinese
        assert complaints == []


async def accessible(axe: Axe, page: Page) -> None:
    faults = [one for one in (await axe.run(page)).response["violations"] if one["impact"] != "minor"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in faults] == []


async def test_of_several_hundred_orders_only_the_most_urgent_are_drawn_and_any_is_found(tmp_path: Path) -> None:
    async with busy_store(tmp_path) as site, browsing(width=360) as (page, complaints):
        for nth in range(300):
            await site.shop.clerk.enter(Scan("dock", "receive", CODES["TEA"], None))
            await place(site, f"MANY-{nth:04}", "TEA", due_in_s=3000 + nth)
        await sign_in(page, site)
        await expect(page.locator("#stages-count")).to_have_text("303")
        assert await page.locator("#stages .card").count() < 40
        assert await page.locator("body *").count() < 1500
        await page.locator("#search").fill("0299")
        await expect(page.locator("#stages .card")).to_have_count(1)
        await page.locator("#search").fill("")
        await lane(page, "accepted").locator(".more").click()
        await expect(lane(page, "accepted").locator(".card")).to_have_count(302)
        await move(site, "MANY-0000", "start")
        await expect(lane(page, "picking")).to_contain_text("0000")
        assert complaints == []
