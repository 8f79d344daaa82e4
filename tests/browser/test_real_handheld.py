"""Pickers with the handheld's page before real books: a shift, a gap, a task taken over, goods put back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Scan, Want
from agent.core.catalogue import Catalogue, Sku, Traits
from agent.core.tasks.asks import ClaimTask
from tests.agent.people import PIN, hire
from tests.agent.test_web import Site, serving_site
from tests.browser.keyboards import ENTER, Keyboard, played
from tests.browser.pages import browsing
from tests.core import shop as goods
from tests.waiting import until

pytestmark = pytest.mark.browser

CODES = {name: goods.gtin_14(61414100100 + nth) for nth, name in enumerate(("EGGS", "MILK", "TEA", "JAM", "BEEF"))}
SHELVES = Catalogue(
    [
        Sku("EGGS", (CODES["EGGS"],), "Eggs", "鸡蛋", spots=("A01-R-4-2", "B02-L-1-1")),
        Sku("MILK", (CODES["MILK"],), "Milk", "牛奶", Traits(temperature="chilled"), spots=("A05-L-2-1",)),
        Sku("TEA", (CODES["TEA"],), "Tea", "绿茶", spots=("A02-L-1-1",)),
        Sku("JAM", (CODES["JAM"],), "Jam", "果酱", spots=("A03-R-2-3",)),
        Sku("BEEF", (CODES["BEEF"],), "Beef", "牛肉", Traits(unit="gram", temperature="chilled"), spots=("A06-L-1-1",)),
    ]
)
UNITS = 30
#: What is on the screen, but for the clock and how old a gap is.
SHOWN = """() => [[...document.querySelectorAll('main > section')].find(one => !one.hidden)?.id,
  document.querySelector('main').innerText, document.querySelector('#what').innerText]"""


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[Site]:
    """A store with goods on its shelves."""
    async with serving_site(folder, SHELVES) as site:
        for sku in ("EGGS", "MILK", "TEA", "JAM"):
            for _ in range(UNITS):
                await site.shop.clerk.enter(Scan("dock", "receive", CODES[sku], None))
                await site.shop.clerk.enter(Scan("shelf", "shelve", CODES[sku], None))
        yield site


async def order(site: Site, name: str, *wants: tuple[str, int]) -> None:
    lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
    placed = await site.shop.clerk.enter(PlaceOrder(name, "web", lines))
    assert isinstance(placed, Ordered)
    assert placed.state == "accepted", placed


class Picker:
    """Somebody who does what the screen says."""

    def __init__(self, site: Site, page: Page, scanner: Keyboard, name: str) -> None:
        self.site, self.page, self.name = site, page, name
        self._scanner = scanner
        self.steps = 0

    @classmethod
    async def at(cls, site: Site, page: Page, name: str) -> "Picker":
        """Hired, and signed in on this page."""
        await hire(site.door, name)
        await page.set_viewport_size({"width": 360, "height": 640})
        await page.goto(f"{site.client.base_url}/handheld?scanner_gap=600")
        await expect(page.locator("body[data-ready]")).to_be_attached()
        picker = cls(site, page, await Keyboard.of(page), name)
        await picker.scan(f"badge-{name}")
        await expect(page.locator("#sign-badge")).to_contain_text(name)
        for digit in PIN:
            await page.locator("#sign-keys").get_by_role("button", name=digit, exact=True).click()
        await page.locator("#sign-keys .go").click()
        await expect(page.locator("#home")).to_be_visible()
        return picker

    async def scan(self, text: str) -> None:
        await self._scanner.burst([*played(text), ENTER])

    async def shown(self) -> list[str]:
        found: list[str] = await self.page.evaluate(SHOWN)
        return found

    async def _press(self, key: Locator) -> None:
        """Presses it, unless the store has changed the screen meanwhile: then it is not there any more."""
        with suppress(PlaywrightTimeout):
            await key.click(timeout=2000)

    async def step(self, *, finds: bool = True) -> str:
        """One thing that the screen asks for; which screen it was. Returns once another thing is asked for."""
        before = await self.shown()
        self.steps += 1
        if before[0] == "walk":
            sku = await self.page.locator("#about").inner_text()
            not_found = self.page.locator("#keys button").first
            if finds or await not_found.is_hidden():  # what is put back is in one's hand
                await self.scan(CODES[sku])
            else:
                await self._press(not_found)
        elif before[0] == "stage":
            await self.scan("SLOT-01")
        else:
            key = "#claim" if before[0] == "home" else "button:visible >> nth=-1"
            await self._press(self.page.locator(f"#{before[0]} {key}"))

        async def other() -> bool:
            return await self.shown() != before

        await until(other)
        return before[0]

    async def until_at(self, screen: str, most: int = 60) -> None:
        """Goes on until the screen is this one."""
        for _ in range(most):
            if (await self.shown())[0] == screen:
                return
            await self.step()
        raise AssertionError(await self.shown())


async def test_an_order_goes_through_the_real_store_and_what_is_wrong_changes_nothing(tmp_path: Path) -> None:
    async with store(tmp_path) as site, browsing() as (page, complaints):
        await order(site, "WEB-1001", ("MILK", 2), ("EGGS", 1))
        await order(site, "WEB-1002", ("JAM", 5))
        picker = await Picker.at(site, page, "w1")
        await expect(page.locator("#offer-short")).to_contain_text("1001")
        await picker.step()
        await expect(page.locator("#spot")).to_have_text("A01-R-4-2")
        await picker.scan(CODES["TEA"])
        await expect(page.locator("#last-words")).to_have_text("拿错了：绿茶")
        await picker.until_at("pack")
        await expect(page.locator("#pack-bags")).to_contain_text("袋数")
        books = site.shop.books
        await until(lambda: books.orders["WEB-1001"].state == "picked" and books.orders["WEB-1002"].state == "picked")
        await picker.until_at("home")
        await until(lambda: {one.state for one in books.orders.values()} == {"staged"})
        assert [books.balance(sku, "STAGED:SLOT-01") for sku in ("MILK", "EGGS", "JAM", "TEA")] == [2, 1, 5, 0]
        await page.locator("#more").click()
        await page.locator("#menu-keys button").first.click()
        await page.locator("#hand-list button").first.click()
        await page.locator("#handing-steps button").first.click()
        await picker.scan("COURIER-9")
        await page.locator("#handing-do").click()
        await until(lambda: "handed_over" in {one.state for one in books.orders.values()})
        assert complaints == []
        await site.shop.assert_memory_is_disk()


async def test_a_shift_of_30_orders_on_two_handhelds_with_a_gap_shorts_and_a_cancelled_order(tmp_path: Path) -> None:
    async with store(tmp_path) as site, browsing() as (page, complaints):
        books, skus = site.shop.books, ("EGGS", "MILK", "TEA", "JAM")
        for nth in range(30):
            more = [(skus[(nth + 1) % 4], 1)] * (nth % 3 == 0)
            await order(site, f"WEB-{nth:04}", (skus[nth % 4], 1 + (nth % 7 == 0)), *more)
        w1 = await Picker.at(site, page, "w1")
        assert page.context.browser is not None
        other = await page.context.browser.new_context(locale="en-GB")
        w2 = await Picker.at(site, await other.new_page(), "w2")

        def is_over() -> bool:
            return all(one.state in ("staged", "closed", "cancelled") for one in books.orders.values())

        async def shift(picker: Picker) -> None:
            while not is_over():
                screen = (await picker.shown())[0]
                if screen == "home" and not await picker.page.locator("#claim").is_visible():
                    await asyncio.sleep(0)
                    continue
                await picker.step(finds=picker.steps % 9 != 4)
                if picker is w1 and screen == "walk" and not gaps:
                    gaps.append(w1.steps)
                    await page.context.set_offline(True)
                    while (await w1.shown())[0] == "walk":
                        await w1.step()
                    await expect(page.locator("#gap")).to_contain_text("请继续工作")
                    await page.context.set_offline(False)
                    await until(lambda: page.locator("#gap").is_hidden())

        gaps: list[int] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(shift(w1), name="w1")
            group.create_task(shift(w2), name="w2")
            picked = await until(lambda: [one.id for one in books.orders.values() if one.state == "picked"])
            cancelled = picked[0]
            await site.shop.clerk.enter(MoveOrder(cancelled, "no", "cancel"))
        staged = set(books.orders)  # of the others nothing was found, or they were cancelled: they are over
        assert cancelled not in staged
        assert len(staged) >= 24
        for sku in skus:
            assert books.on_hand[sku] == UNITS, sku
        assert [said for said in complaints if "ERR_INTERNET_DISCONNECTED" not in said and "404" not in said] == []
        await other.close()
        await site.shop.assert_memory_is_disk()


async def test_a_task_taken_over_elsewhere_is_lost_here_and_what_was_scanned_counts(
    tmp_path: Path,
) -> None:
    async with store(tmp_path) as site, browsing() as (page, _):
        await order(site, "WEB-1001", ("TEA", 2))
        w1 = await Picker.at(site, page, "w1")
        await w1.step()
        await page.context.set_offline(True)
        await w1.scan(CODES["TEA"])
        await expect(page.locator("#gap")).to_contain_text("1 条记录")
        (task,) = site.shop.books.tasks.tasks.values()
        await hire(site.door, "w2")
        await site.shop.clerk.enter(ClaimTask("w2", task.id))
        await page.context.set_offline(False)
        await expect(page.locator("#lost-words")).to_contain_text("w2 已接手", timeout=15_000)
        await page.locator("#lost-ok").click()
        assert site.shop.books.balance("TEA", "TOTE:1") == 1  # it is in the tote all the same
