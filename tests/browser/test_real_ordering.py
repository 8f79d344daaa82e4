"""An associate enters orders at the handheld before real books: promised once, or told what is short."""

from pathlib import Path
from typing import Any, Final, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect

from agent.core.orders import Order
from agent.core.tasks.handing_over import digest
from tests.agent.test_web import Site
from tests.browser.pages import browsing
from tests.browser.picking_hands import CODES, Picker, store, weighing
from tests.waiting import until

pytestmark = pytest.mark.browser

WORDS: Final = {
    "en": {
        "free": "6 can be promised", "age": "age 18+", "only": "Only 6 can be promised", "short": "less than wanted",
        "unpaid": "Pays within 15 min", "frozen": "Kept until it is paid", "accepted": "Accepted",
        "needs": "needs Wi-Fi",
    },
    "zh": {
        "free": "可订 6", "age": "18 岁以上", "only": "只剩 6 可订", "short": "存货不够", "unpaid": "15 分钟内付款",
        "frozen": "已保留，待付款",
    },
}  # fmt: skip
_MENU_KEY: Final = 1  # "New order" stands behind handing over
#: What a browser says of a gap, and of an order that is rejected.
_NOT_OURS: Final = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "409")


class Counter(Picker):
    """An associate who enters what a customer wants."""

    async def begin(self) -> None:
        await self.press("#more")
        await self.page.locator("#menu-keys button").nth(_MENU_KEY).click()
        await expect(self.page.locator("#ordering")).to_be_visible()

    async def wants(self, *skus: str) -> None:
        for sku in skus:
            await self.scan(CODES[sku])
            await expect(self.row(sku)).to_be_visible()

    def row(self, sku: str) -> Any:
        return self.page.locator(f"#ordering-list li[data-key={sku}]")

    def key(self, sku: str, nth: int) -> Any:
        """Of a line: fewer, how many, more."""
        return self.row(sku).locator("button").nth(nth)

    async def has(self, sku: str, many: str) -> None:
        await expect(self.key(sku, 1)).to_have_text(many)

    async def code(self) -> str:
        return (await self.page.locator("#ordered-digits").inner_text()).replace(" ", "")


def orders_of(site: Site) -> list[Order]:
    return list(site.shop.books.orders.values())


def heard(complaints: list[str]) -> list[str]:
    return [said for said in complaints if not any(one in said for one in _NOT_OURS)]


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_order_is_entered_told_what_is_short_lowered_accepted_and_paid_and_of_its_code_the_hash_is_kept(
    tmp_path: Path, lang: Literal["en", "zh"]
) -> None:
    words, axe = WORDS[lang], Axe()
    async with store(tmp_path, units=6) as site, browsing() as (page, complaints):
        counter = await Counter.at(site, page, "w1", lang)
        await page.set_viewport_size({"width": 320, "height": 640})
        await counter.begin()
        await counter.look(f"ordering-empty-{lang}")
        await counter.wants("MILK", "WINE", "JAM")
        await expect(counter.row("MILK")).to_contain_text(words["free"])
        await expect(counter.row("WINE")).to_contain_text(words["age"])
        await counter.scan(CODES["MILK"])
        await counter.has("MILK", "2")
        await counter.key("MILK", 2).click()
        await counter.has("MILK", "3")
        await counter.key("JAM", 0).click()  # of one: left out
        await expect(counter.row("JAM")).to_have_count(0)
        await counter.scan(weighing(520))
        await expect(counter.key("BEEF", 1)).to_contain_text("520")
        await counter.scan(CODES["BEEF"])  # says no weight: the screen asks for it
        await counter.type_number("300")
        await expect(counter.key("BEEF", 1)).to_contain_text("820")
        await counter.look(f"ordering-{lang}", axe)
        await counter.key("MILK", 1).click()
        await counter.type_number("9")
        await counter.press("#ordering-next")
        await counter.press(f"#leaving-paid button:text-is('{words['unpaid']}')")
        await counter.look(f"ordering-leaving-{lang}", axe)
        await counter.press("#leaving-do")
        await expect(page.locator("#told-words")).to_contain_text(words["short"])
        await expect(counter.row("MILK")).to_contain_text(words["only"])
        await expect(counter.row("WINE")).to_contain_text(words["free"])
        await counter.look(f"ordering-short-{lang}", axe)
        assert orders_of(site) == []
        await counter.key("MILK", 1).click()
        await counter.type_number("6")
        await counter.press("#ordering-next")
        await counter.press("#leaving-do")
        await expect(page.locator("#ordered-title")).to_have_text(words["frozen"])
        await counter.look(f"ordering-frozen-{lang}", axe)
        (order,) = orders_of(site)
        assert (order.state, order.pay_within_s, order.promise_min, order.fulfil) == ("received", 900, 30, "pickup")
        assert [(line.sku, line.qty) for line in order.lines] == [("MILK", 6), ("WINE", 1), ("BEEF", 820)]
        code = await counter.code()
        assert (len(code), digest(code, order.code)) == (6, order.code)
        await counter.press("#ordered-do")
        await counter.begin()
        await counter.press("#ordering-unpaid")
        await counter.press("#paying-list button")
        await counter.look(f"ordering-paying-{lang}", axe)
        await counter.press("#paying-do")
        await until(lambda: [one.state for one in orders_of(site)] == ["accepted"])
        assert code not in await page.content()
        (order,) = orders_of(site)
        assert [(step.state, step.by) for step in order.steps] == [("received", "w1"), ("accepted", "w1")]
        assert heard(complaints) == []
        await site.shop.assert_memory_is_disk()


async def test_a_lost_answer_a_second_press_and_a_reload_make_one_order(tmp_path: Path) -> None:
    async with store(tmp_path, units=6) as site, browsing() as (page, complaints):
        counter = await Counter.at(site, page, "w1", "en")
        await counter.begin()
        await counter.wants("MILK")
        await page.context.set_offline(True)
        await counter.scan(CODES["MILK"])  # is known: it counts without a line
        await counter.has("MILK", "2")
        await counter.scan(CODES["JAM"])
        await expect(page.locator("#ordering-gap")).to_contain_text(WORDS["en"]["needs"])
        await counter.look("ordering-gap")
        await counter.press("#ordering-next")
        await expect(page.locator("#leaving-do")).to_be_disabled()  # nobody promises anything here
        await counter.press("#leaving-paid button >> nth=1")
        await page.context.set_offline(False)
        await expect(page.locator("#leaving-do")).to_be_enabled()
        asked = await lose_answers(page, 2)
        await counter.press("#leaving-do")
        await expect(page.locator("#leaving-gap")).to_contain_text("enters it once")
        await counter.look("ordering-unknown", Axe())
        (order,) = orders_of(site)  # the store has it, and nobody here knows
        await until(page.locator("#leaving-do").is_enabled)
        await counter.press("#leaving-do")  # lost again
        await until(lambda: len(asked) > 1)
        await page.reload()
        await expect(page.locator("#ordered-short")).to_have_text(order.called)
        assert orders_of(site) == [order]
        assert len(asked) > 2
        assert len(set(asked)) == 1
        code = await counter.code()
        assert digest(code, order.code) == order.code
        await page.reload()  # until somebody has said that it was told, it is still there
        await expect(page.locator("#ordered-digits")).to_be_visible()
        assert await counter.code() == code
        await counter.press("#ordered-paid")
        await expect(page.locator("#ordered-title")).to_have_text(WORDS["en"]["accepted"])
        await counter.press("#ordered-do")
        await page.reload()
        await expect(page.locator("#offer-short")).to_contain_text(order.called)  # nothing is left of the draft
        assert code not in await page.content()
        assert heard(complaints) == []


async def lose_answers(page: Page, most: int) -> list[str]:
    """The store gets each order, and its first answers never come here; what it was asked."""
    asked: list[str] = []

    async def lose(route: Route) -> None:
        asked.append(str(route.request.post_data))
        if len(asked) > most:
            await route.continue_()
            return
        await route.fetch()
        await route.abort("internetdisconnected")

    await page.route("**/v1/orders", lose)
    return asked
