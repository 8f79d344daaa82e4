"""Pickers with the handheld's page before real books: a shift, a gap, a task taken over."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from agent.core.asks import MoveOrder
from agent.core.ledger import Books
from agent.core.tasks.asks import ClaimTask
from tests.agent.people import hire
from tests.browser.pages import browsing
from tests.browser.picking_hands import CODES, UNITS, Picker, place, store
from tests.waiting import until

pytestmark = pytest.mark.browser


async def test_an_order_goes_through_the_real_store_and_what_is_wrong_changes_nothing(tmp_path: Path) -> None:
    async with store(tmp_path, units=6) as site, browsing() as (page, complaints):
        await place(site.shop, "WEB-1001", ("MILK", 2), ("EGGS", 1))
        await place(site.shop, "WEB-1002", ("JAM", 5))
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


class Shift:
    """Of one picker, in their language: finds most things, mistakes some, and goes on while Wi-Fi is gone."""

    def __init__(self, books: Books, picker: Picker, wrong: str, gap: str, *, cut: bool) -> None:
        self._books = books
        self.picker, self._wrong, self._gap, self._cut = picker, wrong, gap, cut
        self.seen: set[str] = set()
        self.mistakes = self._walks = 0
        self._missing = {"TEA", "MILK"}  # of each the first is not there; oats may stand for milk, nothing for tea

    def is_over(self) -> bool:
        return all(one.state in ("staged", "closed") for one in self._books.orders.values())

    async def work(self) -> None:
        """Until every order is at its slot, or over."""
        picker, page = self.picker, self.picker.page
        while not self.is_over():
            screen = (await picker.shown())[0]
            if screen == "home" and not await page.locator("#claim").is_visible():
                await until(self._goes_on, 60)
                continue
            self._walks += screen == "walk"
            if screen == "walk" and (self._walks in (2, 3) or self._walks % 8 == 0):
                await self._mistake()
            await picker.step(finds=picker.steps % 9 != 4 and await self._finds(screen))
            if screen not in self.seen:
                self.seen.add(screen)
                await picker.look(f"shift-{picker.name}-{screen}")
            if self._cut and screen == "walk":
                self._cut = False
                await self._go_on_without_a_line()

    async def _goes_on(self) -> bool:
        at_home = (await self.picker.shown())[0] == "home"
        return self.is_over() or not at_home or await self.picker.page.locator("#claim").is_visible()

    async def _finds(self, screen: str) -> bool:
        page = self.picker.page
        if screen != "walk" or await page.locator("#keys button").first.is_hidden():
            return True
        sku = await page.locator("#about").inner_text()
        is_there = sku not in self._missing
        self._missing.discard(sku)
        return is_there

    async def _mistake(self) -> None:
        """The wrong thing is scanned: wine, which nobody ordered."""
        await self.picker.scan(CODES["WINE"])
        await self.picker.hears(self._wrong)
        if not self.mistakes:
            await self.picker.look(f"shift-{self.picker.name}-wrong")
        self.mistakes += 1

    async def _go_on_without_a_line(self) -> None:
        picker, page = self.picker, self.picker.page
        await page.context.set_offline(True)
        while (await picker.shown())[0] == "walk":
            await picker.step()
        await expect(page.locator("#gap")).to_contain_text(self._gap)
        await picker.look(f"shift-{picker.name}-gap")
        await page.context.set_offline(False)
        await until(page.locator("#gap").is_hidden)


async def test_a_shift_of_30_orders_on_two_handhelds_with_a_gap_shorts_substitutes_mistakes_and_a_cancelled_order(
    tmp_path: Path,
) -> None:
    async with store(tmp_path) as site, browsing() as (page, complaints):
        books, skus = site.shop.books, ("EGGS", "MILK", "TEA", "JAM")
        for nth in range(30):
            more = [(skus[(nth + 1) % 4], 1)] * (nth % 3 == 0)
            instead = {"MILK": ("OATS",), "JAM": ("TEA",)}
            await place(site.shop, f"WEB-{nth:04}", (skus[nth % 4], 1 + (nth % 7 == 0)), *more, substitutes=instead)
        w1 = Shift(books, await Picker.at(site, page, "w1"), "拿错了：葡萄酒", "请继续工作", cut=True)
        assert page.context.browser is not None
        other = await page.context.browser.new_context(locale="en-GB")
        english = await Picker.at(site, await other.new_page(), "w2", "en")
        w2 = Shift(books, english, "Wrong item: Wine", "Go on working", cut=False)
        async with asyncio.TaskGroup() as group:
            group.create_task(w1.work(), name="w1")
            group.create_task(w2.work(), name="w2")
            picked = await until(lambda: [one.id for one in books.orders.values() if one.state == "picked"])
            cancelled = picked[0]
            await site.shop.clerk.enter(MoveOrder(cancelled, "no", "cancel"))
        staged = set(books.orders)  # of the others nothing was found, or they were cancelled: they are over
        assert cancelled not in staged
        assert len(staged) >= 24
        assert min(w1.mistakes, w2.mistakes) >= 2
        outcomes = "SELECT json_extract(said, '$[0]'), count(*) FROM pick_report WHERE entered GROUP BY 1"
        reported = dict(await site.shop.store.read(outcomes))
        assert min(reported[name] for name in ("picked", "short", "substituted", "staged", "put_back")) >= 1, reported
        in_slot = {line.sku: 0 for hold in books.holds.values() for line in hold.lines}
        for hold in books.holds.values():
            for line in hold.lines:
                in_slot[line.sku] += sum(units for _, units in line.pulled)
        for sku in (*skus, "OATS"):
            assert books.on_hand[sku] == UNITS, sku
            assert books.balance(sku, "STAGED:SLOT-01") == in_slot.get(sku, 0), sku
        assert [said for said in complaints if "ERR_INTERNET_DISCONNECTED" not in said and "404" not in said] == []
        await other.close()
        await site.shop.assert_memory_is_disk()


async def test_a_task_taken_over_elsewhere_is_lost_here_and_what_was_scanned_counts(
    tmp_path: Path,
) -> None:
    async with store(tmp_path, units=2) as site, browsing() as (page, _):
        await place(site.shop, "WEB-1001", ("TEA", 2))
        w1 = await Picker.at(site, page, "w1")
        await w1.step()
        await page.context.set_offline(True)
        await w1.scan(CODES["TEA"])
        await expect(page.locator("#gap")).to_contain_text("1 条记录")
        (task,) = site.shop.books.tasks.tasks.values()
        await hire(site.door, "w2")
        await site.shop.clerk.enter(ClaimTask("w2", task.id))
        await page.context.set_offline(False)
        await expect(page.locator("#lost-words")).to_contain_text("已接手", timeout=15_000)
        await w1.look("lost")
        await page.locator("#lost-ok").click()
        assert site.shop.books.balance("TEA", "TOTE:1") == 1  # it is in the tote all the same
