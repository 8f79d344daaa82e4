"""What is not simply picked, pressed through on the page before real books, in both languages: weight, age, pickup
code, a substitute the customer takes or says nothing of, a cancelled order put back, a count.
"""

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from agent.core.asks import MoveOrder, Ordered
from agent.core.count_asks import RequestCount
from agent.core.order_asks import AnswerQuestion
from agent.core.tasks.handing_over import digest
from tests.agent.test_commands import WrongClock
from tests.agent.test_web import Site
from tests.browser.pages import browsing
from tests.browser.picking_hands import CODES, Picker, place, store, weighing
from tests.waiting import until

pytestmark = pytest.mark.browser

WORDS = {
    "en": {
        "heavy": "Too heavy", "code": "Tries left: 4", "OATS": "Oat drink", "TEA": "Tea", "age": "Is 18 or older",
        "back": "is back", "not_found": "Not found", "start": "Put back",
    },
    "zh": {
        "heavy": "太重", "code": "还可试 4 次", "OATS": "燕麦饮", "TEA": "绿茶", "age": "18", "back": "已归位",
        "not_found": "找不到", "start": "开始归位",
    },
}  # fmt: skip
#: Screens on which only these tests come.
_NEW = ("wrong-code", "cancelled", "wait-MILK", "count")
NOW_MS = 1_763_760_000_000


class Day(Picker):
    """One picker's day."""

    site: Site
    lang: Literal["en", "zh"]

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.lang]

    async def looks(self, name: str) -> None:
        """At a screen; at one that no other test looks at, whether everybody can use it, too."""
        await self.look(f"{self.lang}-{name}", Axe() if self.lang == "en" and name in _NEW else None)

    def state(self, name: str) -> str:
        found = self.site.shop.books.orders.get(name)
        return "over" if found is None else found.state

    async def claims(self, screen: str = "#walk") -> None:
        """What is next."""
        await self.told_anew()
        await self.press("#claim")
        await expect(self.page.locator(screen)).to_be_visible()

    async def weighs(self) -> None:
        """A package that is too heavy is not taken, one within the band is; wine goes with it."""
        kept = digest("4711", "s1$00112233445566778899aabbccddeeff$")
        await place(self.site.shop, "PICKUP-1", ("BEEF", 500), ("WINE", 1), fulfil="pickup", code=kept)
        await self.claims()
        await expect(self.page.locator("#about")).to_have_text("WINE")
        await self.scan(CODES["WINE"])
        await expect(self.page.locator("#about")).to_have_text("BEEF")
        await self.scan(weighing(900))
        await self.hears(self.words["heavy"])
        await self.looks("weight")
        await self.scan(weighing(520))
        await self.until_at("home")
        await until(lambda: self.state("PICKUP-1") == "staged")

    async def hands_over(self) -> None:
        """The age is looked at; a wrong code leaves four tries, the right one takes the bags."""
        await self.press("#more")
        await self.page.locator("#menu-keys button").first.click()
        await self.scan("PICKUP-1/1")
        steps = self.page.locator("#handing-steps button")
        await steps.nth(0).click()
        await expect(steps.nth(1)).to_contain_text(self.words["age"])
        await steps.nth(1).click()
        for code in ("0815", "4711"):
            await steps.nth(2).click()
            await self.type_number(code)
            await self.press("#handing-do")
            if code == "0815":
                await expect(self.page.locator("#handing-why")).to_contain_text(self.words["code"])
                await self.looks("wrong-code")
        await until(lambda: self.state("PICKUP-1") == "handed_over")
        await self.press("#hand-back")

    async def _asks(self, name: str, gone: str, instead: str, other: str) -> None:
        """One thing is not there; the customer is asked about another, and the rest is picked."""
        await place(self.site.shop, name, (gone, 1), (other, 1), substitutes={gone: (instead,)})
        await self.claims()
        await self.scan(CODES[other])
        await expect(self.page.locator("#about")).to_have_text(gone)
        await self.press(f"#keys button:has-text('{self.words['not_found']}')")
        await expect(self.page.locator("#candidates")).to_contain_text(self.words[instead])
        await self.looks(f"instead-{gone}")
        await self.press("#instead-ask")
        await expect(self.page.locator("#wait")).to_be_visible()
        await self.looks(f"wait-{gone}")

    async def is_answered(self) -> None:
        """The customer takes it: the stop is the oat drink now."""
        await self._asks("WEB-0002", "MILK", "OATS", "TEA")
        answer = await self.site.shop.clerk.enter(AnswerQuestion("WEB-0002", "a1", "substitute", sku="OATS"))
        assert isinstance(answer, Ordered)
        await self.told_anew()
        await expect(self.page.locator("#about")).to_have_text("OATS")
        await self.looks("answered")
        await self.scan(CODES["OATS"])
        await self.until_at("home")
        await until(lambda: self.state("WEB-0002") == "staged")

    async def is_not_answered(self, clock: WrongClock) -> None:
        """Nobody answers: the picker decides, here to go without."""
        await self._asks("WEB-0003", "JAM", "TEA", "WINE")
        clock.ran_s += 301
        self.site.shop.clerk.wake()
        await until(lambda: self.state("WEB-0003") == "picking")
        await self.told_anew()
        await expect(self.page.locator("#about")).to_have_text("JAM")
        await self.looks("silent")
        await self.press(f"#keys button:has-text('{self.words['not_found']}')")
        await self.press("#instead-without")
        await self.until_at("home")
        await until(lambda: self.state("WEB-0003") == "staged")

    async def puts_back(self) -> None:
        """Two eggs are picked when their order is cancelled: loud, and they go back to their shelf by scan."""
        await place(self.site.shop, "WEB-0001", ("EGGS", 2), ("JAM", 1))
        await self.claims()
        for _ in range(2):
            await self.scan(CODES["EGGS"])
        await until(lambda: self.site.shop.books.balance("EGGS", "TOTE:1") == 2)
        await self.site.shop.clerk.enter(MoveOrder("WEB-0001", "hq no", "cancel"))
        await self.told_anew()
        await expect(self.page.locator("#told-words")).to_contain_text("0001")
        await self.looks("cancelled")
        await self.press("#told-close")
        await expect(self.page.locator("#claim")).to_have_text(self.words["start"])
        await self.claims()
        await expect(self.page.locator("#about")).to_have_text("EGGS")
        await self.looks("put-back")
        await self.scan(CODES["EGGS"])
        await self.hears(self.words["back"])
        await self.scan(CODES["EGGS"])
        await expect(self.page.locator("#home")).to_be_visible()
        await until(lambda: self.state("WEB-0001") == "over")

    async def counts(self) -> None:
        """Three bottles are scanned and a fourth is typed; the books have as many."""
        await self.site.shop.clerk.enter(RequestCount("C-1", "FLOOR", "cycle", "w9", (("sku", "WINE"),)))
        await self.claims("#counting")
        for _ in range(3):
            await self.scan(CODES["WINE"])
        await expect(self.page.locator("#counting-list b")).to_have_text("3")
        await self.page.locator("#counting-list button").click()
        await self.type_number("4")
        await self.looks("count")
        await self.press("#counting-do")
        await expect(self.page.locator("#home")).to_be_visible()
        await until(lambda: "C-1" not in self.site.shop.books.counts.sessions)


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_what_is_not_simply_picked_is_pressed_through(tmp_path: Path, lang: Literal["en", "zh"]) -> None:
    clock = WrongClock(NOW_MS)
    async with store(tmp_path, units=5, clock=clock) as site, browsing() as (page, complaints):
        day = await Day.at(site, page, "w1", lang)
        day.site, day.lang = site, lang
        await day.weighs()
        await day.hands_over()
        await day.puts_back()
        await day.counts()
        await day.is_answered()
        await day.is_not_answered(clock)
        books = site.shop.books
        on_hand = {"BEEF": 4480, "WINE": 4, "EGGS": 5, "OATS": 5, "MILK": 5, "TEA": 5, "JAM": 5}
        assert {sku: books.on_hand[sku] for sku in on_hand} == on_hand
        staged = {sku: books.balance(sku, "STAGED:SLOT-01") for sku in ("OATS", "TEA", "WINE", "MILK", "JAM", "EGGS")}
        assert staged == {"OATS": 1, "TEA": 1, "WINE": 1, "MILK": 0, "JAM": 0, "EGGS": 0}
        assert [said for said in complaints if "403" not in said] == []
        await site.shop.assert_memory_is_disk()
