"""Takes the pictures in docs/pictures: of a running demo the store's page and board, and HQ's page; of a scripted store
the handheld's.

In English and in Chinese.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the scripted store is a test's

from simulators.rush import STAFF  # noqa: E402
from tests.browser.keyboards import ENTER, Keyboard, played  # noqa: E402
from tests.browser.pages import free_port, served  # noqa: E402
from tests.browser.scripted_picking import OAT, PEN, TEA, ScriptedPicking  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
NEARSHELF_SIM = Path(sys.executable).parent / "nearshelf-sim"
#: Enough has happened by then for the pages to have something to show.
TRAFFIC_S = 25
SIZE = ViewportSize(width=1200, height=900)
BOARD = ViewportSize(width=1280, height=900)
HANDHELD = ViewportSize(width=360, height=640)
#: Who signs in at the board of the demo.
LEAD = next(one for one in STAFF if one.role == "lead")
LANGUAGES = {"": "en-GB", ".zh-CN": "zh-CN"}


async def main() -> None:
    """Take the handheld's pictures; run a demo for a while, take its pictures, end it. `handheld`: only the first."""
    await take_handheld()
    if sys.argv[1:] == ["handheld"]:
        return
    demo = await asyncio.create_subprocess_exec(NEARSHELF_SIM, "demo", stdout=asyncio.subprocess.PIPE)
    try:
        pages = await addresses(demo.stdout)
        print("pictures: the demo runs; the shop gets", TRAFFIC_S, "s to become busy")
        await asyncio.sleep(TRAFFIC_S)
        await take(pages)
    finally:
        demo.send_signal(signal.SIGINT)
        await demo.wait()


async def addresses(told: asyncio.StreamReader | None) -> dict[str, str]:
    """The pages' addresses, as the demo prints them: HQ's and the first store's."""
    assert told is not None
    found: dict[str, str] = {}
    while "store" not in found and (line := await told.readline()):
        if match := re.match(rb"(\S+)\s+(http://\S+)", line):
            found["hq" if match[1] == b"HQ" else "store"] = match[2].decode()
    return found


async def take(pages: dict[str, str]) -> None:
    """One picture of each page in each language."""
    chromium = shutil.which("chromium") or sys.exit("pictures: there is no chromium; see scripts/packages")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for ending, locale in LANGUAGES.items():
            for name, address in pages.items():
                await picture(browser, address, locale, PICTURES / f"{name}{ending}.png")
            await take_board(browser, pages["store"].rstrip("/") + "/board", locale, ending)
        await browser.close()


async def take_board(browser: Browser, address: str, locale: str, ending: str) -> None:
    """Both views of the board, as the demo's lead sees them."""
    context = await browser.new_context(viewport=BOARD, locale=locale, color_scheme="light")
    page = await context.new_page()
    await page.goto(address)
    await page.locator("#sign-badge").fill(LEAD.badge)
    await page.locator("#sign-pin").fill(LEAD.pin)
    await page.locator("#sign-do").click()
    await page.locator("#stages .card").first.wait_for()
    await board_view(page, "now", "#people li", PICTURES / f"board{ending}.png")
    await board_view(page, "figures", "#seconds .row", PICTURES / f"board-figures{ending}.png")
    await context.close()


async def board_view(page: Page, view: str, there: str, path: Path) -> None:
    await page.locator(f"#view-{view}").click()
    await page.locator(there).first.wait_for()
    await page.screenshot(path=path)
    print("pictures:", path.relative_to(ROOT))


async def take_handheld() -> None:
    """What a picker sees: the next job, the walk, a wrong item, and what to take instead."""
    chromium = shutil.which("chromium") or sys.exit("pictures: there is no chromium; see scripts/packages")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for ending, locale in LANGUAGES.items():
            async with served(ScriptedPicking().app(), free_port()) as address:
                await shift(browser, f"{address}/handheld?scanner_gap=300", locale, ending)
        await browser.close()


async def shift(browser: Browser, address: str, locale: str, ending: str) -> None:
    """The beginning of a picker's work, with a picture of each kind of screen."""
    context = await browser.new_context(viewport=HANDHELD, locale=locale, color_scheme="light", device_scale_factor=2)
    page = await context.new_page()
    scanner = await Keyboard.of(page)

    async def scan(text: str, until: str) -> None:
        await scanner.burst([*played(text), ENTER])
        await page.locator(until).first.wait_for()

    async def take_one(name: str) -> None:
        await page.evaluate("Promise.all(document.getAnimations().map(one => one.finished))")
        path = PICTURES / f"handheld-{name}{ending}.png"
        await page.screenshot(path=path)
        print("pictures:", path.relative_to(ROOT))

    await page.goto(address)
    await page.locator("body[data-ready]").wait_for(state="attached")
    await scan("badge-7", "#sign-keys .key:enabled")
    for digit in "2468":
        await page.locator("#sign-keys").get_by_role("button", name=digit, exact=True).click()
    await page.locator("#sign-keys .go").click()
    await page.locator("#offer").wait_for()
    await take_one("next")
    await page.locator("#claim").click()
    await page.locator("#walk").wait_for()
    await scan(TEA, "#left:text-is('1')")
    await scan(TEA, "#spot:has-text('A03-R-12-4')")
    await scan(PEN, "#all")
    await take_one("walk")
    await scan(OAT, "#last.wrong")
    await take_one("wrong")
    await page.locator("#keys button").first.click()
    await page.locator("#candidates button").first.wait_for()
    await take_one("instead")
    await context.close()


async def picture(browser: Browser, address: str, locale: str, path: Path) -> None:
    """A page as it looks once its first row is there."""
    context = await browser.new_context(viewport=SIZE, locale=locale, color_scheme="light")
    page = await context.new_page()
    await page.goto(address)
    await page.locator("tbody tr").first.wait_for()
    await page.screenshot(path=path)
    await context.close()
    print("pictures:", path.relative_to(ROOT))


if __name__ == "__main__":
    asyncio.run(main())
