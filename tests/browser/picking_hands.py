"""Somebody who does what the handheld's screen says, before a real store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.clock import Clock
from agent.core.asks import Ordered, PlaceOrder, Scan
from agent.core.catalogue import Catalogue, Sku, Traits
from agent.core.order_asks import OrderWant
from tests.agent.people import PIN, hire
from tests.agent.shops import Shop
from tests.agent.test_web import CLOCK, Site, serving_site
from tests.browser.keyboards import ENTER, Keyboard, played
from tests.core import shop as goods
from tests.waiting import until

NAMES = ("EGGS", "MILK", "TEA", "JAM", "BEEF", "OATS", "WINE")
CODES = {name: goods.gtin_14(61414100100 + nth) for nth, name in enumerate(NAMES)}
CHILLED = Traits(temperature="chilled")
SHELVES = Catalogue(
    [
        Sku("EGGS", (CODES["EGGS"],), "Eggs", "鸡蛋", spots=("A01-R-4-2", "B02-L-1-1")),
        Sku("MILK", (CODES["MILK"],), "Milk", "牛奶", CHILLED, spots=("A05-L-2-1",)),
        Sku("OATS", (CODES["OATS"],), "Oat drink", "燕麦饮", CHILLED, spots=("A05-L-3-1",)),
        Sku("TEA", (CODES["TEA"],), "Tea", "绿茶", spots=("A02-L-1-1",)),
        Sku("JAM", (CODES["JAM"],), "Jam", "果酱", spots=("A03-R-2-3",)),
        Sku("WINE", (CODES["WINE"],), "Wine", "葡萄酒", Traits(min_age=18), spots=("A04-L-1-1",)),
        Sku("BEEF", (CODES["BEEF"],), "Beef", "牛肉", Traits(unit="gram", temperature="chilled"), spots=("A06-L-1-1",)),
    ]
)
UNITS = 30
PICTURES = Path(__file__).parent.parent.parent / "build" / "handheld"
#: What is on the screen, but for the clock and how old a gap is.
SHOWN = """() => [[...document.querySelectorAll('main > section')].find(one => !one.hidden)?.id,
  document.querySelector('main').innerText, document.querySelector('#what').innerText]"""


def weighing(grams: int) -> str:
    """The code on a package of beef."""
    return f"01{CODES['BEEF']}3103{grams:06}"


async def fill(shop: Shop, units: int, *skus: str) -> None:
    """So many units of each on the shelves; of beef as many kilos."""
    for sku in skus:
        code = weighing(1000) if sku == "BEEF" else CODES[sku]
        for _ in range(units):
            await shop.clerk.enter(Scan("dock", "receive", code, None))
            await shop.clerk.enter(Scan("shelf", "shelve", code, None))


@asynccontextmanager
async def store(folder: Path, units: int = UNITS, clock: Clock = CLOCK) -> AsyncIterator[Site]:
    """A store with goods on its shelves."""
    async with serving_site(folder, SHELVES, clock=clock) as site:
        await fill(site.shop, units, *NAMES)
        yield site


async def place(shop: Shop, name: str, *wants: tuple[str, int], **more: Any) -> None:
    """An order of so many of these; `substitutes` of each line by its SKU."""
    instead: Mapping[str, tuple[str, ...]] = more.pop("substitutes", {})
    lines = tuple(OrderWant(n, sku, qty, substitutes=instead.get(sku, ())) for n, (sku, qty) in enumerate(wants, 1))
    placed = await shop.clerk.enter(PlaceOrder(name, "web", lines, **more))
    assert isinstance(placed, Ordered)
    assert placed.state == "accepted", placed


class Picker:
    """Somebody at work with a page; of what they look at a picture is kept."""

    def __init__(self, page: Page, scanner: Keyboard, name: str) -> None:
        self.page, self.name = page, name
        self._scanner = scanner
        self.steps = 0

    @classmethod
    async def at(cls, site: Site, page: Page, name: str, lang: Literal["zh", "en"] = "zh") -> Self:
        """Hired, and signed in on this page."""
        await hire(site.door, name, lang=lang)
        picker = await cls.before(page, name, str(site.client.base_url))
        await picker.sign_in()
        return picker

    @classmethod
    async def before(cls, page: Page, name: str, web: str) -> Self:
        """Before the page of the store at this address."""
        await page.set_viewport_size({"width": 360, "height": 640})
        await page.goto(f"{web}/handheld?scanner_gap=1000")
        await expect(page.locator("body[data-ready]")).to_be_attached()
        return cls(page, await Keyboard.of(page), name)

    async def sign_in(self) -> None:
        """By badge and PIN."""
        await self.scan(f"badge-{self.name}")
        await expect(self.page.locator("#sign-badge")).to_contain_text(self.name)
        await self.type_number(PIN, "#sign-keys")
        await expect(self.page.locator("#sign")).to_be_hidden()

    async def scan(self, text: str) -> None:
        await self._scanner.burst([*played(text), ENTER])

    async def press(self, where: str) -> None:
        await self.page.locator(where).click()

    async def type_number(self, number: str, keys: str = "#number-keys") -> None:
        """By thumb, with OK at the end."""
        for digit in number:
            await self.page.locator(keys).get_by_role("button", name=digit, exact=True).click()
        await self.page.locator(keys).locator(".go").click()

    async def hears(self, words: str) -> None:
        """What was said of the last step."""
        await expect(self.page.locator("#last-words")).to_contain_text(words)

    async def told_anew(self) -> None:
        """The page asks the store at once instead of in some seconds."""
        await self.page.evaluate("dispatchEvent(new Event('online'))")

    async def look(self, name: str, axe: Axe | None = None) -> None:
        """A picture is kept of what is on the screen."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")
        await self.page.screenshot(path=PICTURES / f"{name}.png")
        if axe is not None:
            faults = [one for one in (await axe.run(self.page)).response["violations"] if one["impact"] != "minor"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in faults] == []

    async def shown(self) -> list[str]:
        found: list[str] = await self.page.evaluate(SHOWN)
        return found

    async def press_if_there(self, key: Locator) -> None:
        """Presses it, unless the store has changed the screen meanwhile: then it is not there any more."""
        with suppress(PlaywrightTimeout):
            await key.click(timeout=2000)

    async def step(self, *, finds: bool = True) -> str:
        """One thing that the screen asks for; which screen it was. Returns once another thing is asked for.

        What else the customer may take is taken where there is something.
        """
        before = await self.shown()
        self.steps += 1
        if before[0] == "walk":
            sku = await self.page.locator("#about").inner_text()
            not_found = self.page.locator("#keys button").first
            if finds or await not_found.is_hidden():  # what is put back is in one's hand
                await self.scan(CODES[sku])
            else:
                await self.press_if_there(not_found)
        elif before[0] == "stage":
            await self.scan("SLOT-01")
        elif before[0] == "instead":
            await expect(self.page.locator("#candidates button, #instead-none:visible").first).not_to_have_text("…")
            offered = self.page.locator("#candidates button")
            await self.press_if_there(offered.first if await offered.count() else self.page.locator("#instead-without"))
        else:
            key = "#claim" if before[0] == "home" else "button:visible >> nth=-1"
            await self.press_if_there(self.page.locator(f"#{before[0]} {key}"))

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
