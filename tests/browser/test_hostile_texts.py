"""Whatever people, scanners, tills, HQ and customers write stays text, on every page, sheet and paper of the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect
from sqlalchemy.engine import URL

from agent.core.asks import (
    Delivery,
    DeliveryLine,
    Grant,
    MoveOrder,
    Notice,
    Ordered,
    Pause,
    PlaceOrder,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Want,
)
from agent.core.catalogue import Catalogue, Likeness, Sku
from agent.core.count_asks import RequestCount
from agent.core.order_asks import OrderWant
from agent.core.people import Worker, id_problem, name_problem
from agent.core.tasks.asks import ClaimTask, HandOver, Pack, PickReport, Reported, Reports, Tasked
from agent.core.tasks.task import Bag
from hq_bridge.config import SQLITE
from tests.agent.people import PIN, sign_in
from tests.agent.test_order_scenarios import rows_of
from tests.agent.test_web import Site, serving_site
from tests.browser.keyboards import ENTER, Keyboard, played
from tests.browser.pages import browsing
from tests.browser.test_board import text_of
from tests.core import shop as goods
from tests.hq_bridge.shop import Shop as Told
from tests.hq_bridge.test_ingest import hq_at
from tests.hq_bridge.test_web import web_over

pytestmark = pytest.mark.browser

IMAGE: Final = "<img src=x onerror=broken(1)>"
SCRIPT: Final = "\"'`--><script>broken(1)</script>"
#: Right to left from here on, and a word that is as long as a line is wide, four times.
BACKWARDS: Final = "\u202e\u2067gnp.exe\u2069"
LONG: Final = "W" * 200
CONTROLS: Final = "a\x07\x1b[31mb\u2028c"
#: What a catalogue may say: up to 200 characters of anything.
NAMES: Final = (IMAGE + SCRIPT, BACKWARDS + CONTROLS, LONG)
CODES: Final = [goods.gtin_14(61414100200 + nth) for nth in range(4)]
SHELVES: Final = Catalogue(
    [
        Sku(IMAGE, (CODES[0],), NAMES[0], NAMES[1], likeness=Likeness(IMAGE, SCRIPT), spots=("A01-L-1-1", IMAGE[:5])),
        Sku("BACK", (CODES[1],), NAMES[1], NAMES[2], likeness=Likeness(IMAGE, SCRIPT), spots=("A02-L-1-1",)),
        Sku("W" * 64, (CODES[2],), NAMES[2], NAMES[0], likeness=Likeness(IMAGE, SCRIPT), spots=("A03-L-1-1",)),
        Sku("=1+1", (CODES[3],), "=1+1", "@SUM(A1)", spots=("A04-L-1-1",)),
    ]
)
WORKER: Final = Worker("l1", "<b onclick=broken(1)>'\"\u202egnp</b>", "lead", "en")
#: Whatever would run says so; what the policy of the page stops is counted.
WATCH: Final = """globalThis.ran = []; globalThis.broken = one => ran.push(one);
  for (const name of ['alert', 'confirm', 'prompt', 'print']) globalThis[name] = () => ran.push(name);
  addEventListener('securitypolicyviolation', stopped => ran.push(stopped.violatedDirective));"""
INJECTED: Final = """[...document.querySelectorAll(
  'img, iframe, object, embed, script:not([src]), [onclick], [onerror], [onload]')]
  .map(one => one.outerHTML).concat(ran)"""
WIDER: Final = "document.documentElement.scrollWidth > innerWidth"


def test_what_the_doors_refuse_is_refused_with_what_would_do() -> None:
    for worker in (IMAGE, BACKWARDS, CONTROLS, LONG, "../w1", ""):
        assert "must be 1 to 32 of a-z" in id_problem(worker), worker
    for name in (CONTROLS, LONG, "\u202egnp", "\u2028", " x"):
        assert "printable" in name_problem(name), name


@asynccontextmanager
async def a_store(folder: Path) -> AsyncIterator[Site]:
    """A store in which everything that can be named has a hostile name."""
    async with serving_site(folder, SHELVES) as site:
        enter = site.shop.clerk.enter
        known, secret = site.door.known_as(f"badge-{WORKER.id}"), await site.door.secret_of(PIN)

        def add(file: Any) -> Worker:
            file.add(WORKER, known, secret)
            return WORKER

        await site.door.write(add)
        for code in CODES:
            for _ in range(6):
                await enter(Scan(IMAGE, "receive", code, None))
                await enter(Scan(IMAGE, "shelve", code, None))
        await enter(Scan(SCRIPT, "shelve", IMAGE, None))
        for about, detail in ((IMAGE, SCRIPT), (LONG, BACKWARDS), (CONTROLS, LONG)):
            await enter(Notice("unknown_barcode", about, detail))
        await enter(Pause(True, IMAGE, SCRIPT))
        await enter(Pause(False, LONG, IMAGE))
        await enter(RequestCount(IMAGE, "FLOOR", "cycle", SCRIPT, (("sku", IMAGE),), assigned_to=IMAGE))
        await enter(Sale(IMAGE, (SaleLine(1, "gtin", IMAGE, 1), SaleLine(2, "sku", "=1+1", 1))))
        await enter(Delivery(SCRIPT, (DeliveryLine(1, "sku", IMAGE, (b"\x30" * 12,)),)))
        await enter(Grant(IMAGE, IMAGE, "BACK", 1))
        await enter(Reserve(SCRIPT, IMAGE, (Want(1, "W" * 64, 1),), 600))
        await _orders(site)
        yield site


async def _orders(site: Site) -> None:
    """One that was served, with something else for a line; one that waits; one that was cancelled, and one refused."""
    enter = site.shop.clerk.enter

    async def place(name: str, *wants: tuple[str, int], state: str = "accepted", **more: Any) -> None:
        lines = tuple(OrderWant(n, sku, qty, member=IMAGE) for n, (sku, qty) in enumerate(wants, 1))
        placed = await enter(PlaceOrder(name, IMAGE, lines, group=SCRIPT, **more))
        assert isinstance(placed, Ordered), placed
        assert placed.state == state

    await place(IMAGE, (IMAGE, 1), ("=1+1", 1), short="<u>'\"</u>")
    claimed = await enter(ClaimTask(WORKER.id))
    assert isinstance(claimed, Tasked)
    task = (claimed.task.id, claimed.task.token, WORKER.id)
    for report in (
        PickReport("r1", "picked", IMAGE, 1, tote=SCRIPT, text=CODES[0]),
        PickReport("r2", "substituted", IMAGE, 2, tote=SCRIPT, substitute="BACK", text=CODES[1]),
        PickReport("r3", "wrong_price", IMAGE, 1, text=IMAGE),
    ):
        said = await enter(Reports(*task, (report,)))
        assert isinstance(said, Reported)
        assert [one.outcome for one in said.results] == ["entered"], said
    await enter(Pack(*task, IMAGE, (Bag(1, 1),)))
    await enter(Reports(*task, (PickReport("r4", "staged", IMAGE, tote=SCRIPT, slot=IMAGE),)))
    await enter(HandOver(IMAGE, WORKER.id, "lead", 1, courier=SCRIPT))
    await place(SCRIPT, (IMAGE, 1), ("BACK", 1), ("W" * 64, 1), short=BACKWARDS[:8])
    await place("W" * 64, ("BACK", 1), short="WWWWWWWW")
    await enter(MoveOrder("W" * 64, IMAGE, "cancel"))
    await place("=CMD()", ("=1+1", 99), state="rejected")


async def _nothing_ran(page: Page) -> None:
    assert await page.evaluate(INJECTED) == []
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 700})
        assert not await page.evaluate(WIDER), width


@asynccontextmanager
async def watched() -> AsyncIterator[Page]:
    """A page in which whatever would run is noted, and that must not complain."""
    async with browsing() as (page, complaints):
        await page.add_init_script(WATCH)
        yield page
        assert await page.evaluate("ran") == []
        assert complaints == []


async def test_hostile_texts_stay_texts_on_every_page_of_the_store(tmp_path: Path) -> None:
    async with a_store(tmp_path) as site:
        web = str(site.client.base_url)
        await _papers(site)
        await _refusals(site)
        async with watched() as page:
            await page.goto(f"{web}/?lang=zh")
            await expect(page.locator("#stock tr")).to_have_count(4)
            await expect(page.locator("#cases")).to_contain_text(IMAGE)
            await _nothing_ran(page)
            for nth in range(4):
                await page.locator("#stock tr").nth(nth).get_by_role("button").click()
                await expect(page.locator("dialog[open]")).to_be_visible()
                await _nothing_ran(page)
                await page.keyboard.press("Escape")
        async with watched() as page:
            await _board(page, web)
        async with watched() as page:
            await _handheld(page, web)


async def _board(page: Page, web: str) -> None:
    await page.goto(f"{web}/board")
    await page.locator("#sign-badge").fill(f"badge-{WORKER.id}")
    await page.locator("#sign-pin").fill(PIN)
    await page.locator("#sign-do").click()
    await expect(page.locator("#now")).to_be_visible()
    await expect(page.locator("#people")).to_contain_text(WORKER.name)
    await expect(page.locator("#cases")).to_contain_text(IMAGE)
    await _nothing_ran(page)
    await page.locator(".card").first.click()
    await expect(page.locator("#order-lines li")).to_have_count(3)
    await _nothing_ran(page)
    await page.locator("#order-close").click()
    await page.locator("#search").fill(IMAGE)
    await page.locator("#view-figures").click()
    await expect(page.locator("#skus tr")).to_have_count(1)
    await _nothing_ran(page)


async def _handheld(page: Page, web: str) -> None:
    await page.goto(f"{web}/handheld?scanner_gap=600")
    await expect(page.locator("body[data-ready]")).to_be_attached()
    scanner = await Keyboard.of(page)
    await scanner.burst([*played(f"badge-{WORKER.id}"), ENTER])
    for digit in PIN:
        await page.locator("#sign-keys").get_by_role("button", name=digit, exact=True).click()
    await page.locator("#sign-keys .go").click()
    await expect(page.locator("#sign")).to_be_hidden()
    await _nothing_ran(page)
    await page.locator("#claim").click()
    await expect(page.locator("#walk")).to_be_visible()
    for code in CODES[:3]:
        await _nothing_ran(page)
        await scanner.burst([*played(IMAGE), ENTER])
        await expect(page.locator("#last-words")).not_to_be_empty()
        await scanner.burst([*played(code), ENTER])
    await expect(page.locator("#walk")).to_be_hidden()
    await _nothing_ran(page)


async def _papers(site: Site) -> None:
    """Paper has the texts as they are, and a sheet has no formula."""
    await sign_in(site.client, WORKER.id)
    for path, holds in (("pick-list.pdf", "broken(1)"), ("bags.pdf", "gn")):
        answer = await site.client.get(f"/v1/paper/{path}", params={"order": SCRIPT})
        assert answer.status_code == 200, answer.text
        assert holds in "".join(text_of(answer.content).split())
        assert b"/JavaScript" not in answer.content
    sheet = (await site.client.get("/v1/figures/orders.csv")).text
    assert "'=CMD()" in sheet
    assert "\n=" not in sheet
    assert ",=" not in sheet


async def _refusals(site: Site) -> None:
    """What no name may be is refused over HTTP too, with what would do, and comes back as text."""
    line = {"line": 1, "sku": IMAGE, "qty": 1}
    for path, body, key in (
        ("/v1/orders", {"order": BACKWARDS, "lines": [line]}, "order"),
        ("/v1/orders", {"order": LONG, "lines": [line]}, "order"),
        ("/v1/orders", {"order": "O1", "channel": CONTROLS, "lines": [line]}, "channel"),
        ("/v1/people", {"id": "w9", "name": CONTROLS, "role": "picker", "badge": "badge-w9", "pin": PIN}, "name"),
        ("/v1/people", {"id": IMAGE, "name": "W", "role": "picker", "badge": "badge-w9", "pin": PIN}, "id"),
    ):
        answer = await site.client.post(path, json=body)
        assert answer.status_code in (400, 422), (path, body, answer.text)
        assert key in answer.text, answer.text
        assert answer.headers["content-type"].startswith("application/json")


async def test_what_a_store_tells_stays_text_on_hq_s_page(tmp_path: Path) -> None:
    async with a_store(tmp_path) as site:
        told = Told()
        told.rows = await rows_of(site.shop)  # type: ignore[assignment]  # of all kinds
    async with (
        hq_at(URL.create(SQLITE, database=str(tmp_path / "hq.db"))) as hq,
        web_over(hq) as web,
        watched() as page,
    ):
        hq.offer(told, told.state(), channel="state")
        hq.offer(told, told.batch(1, told.head))
        await hq.settled()
        await page.goto(f"{web.client.base_url}#SH-0001")
        await expect(page.locator("#stock")).to_contain_text(IMAGE)
        await _nothing_ran(page)
