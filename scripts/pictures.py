"""Takes the pictures in docs/pictures from a running demo: the store's and HQ's page, in English and in Chinese."""

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path

from playwright.async_api import Browser, ViewportSize, async_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
NEARSHELF_SIM = Path(sys.executable).parent / "nearshelf-sim"
#: Enough has happened by then for the pages to have something to show.
TRAFFIC_S = 25
SIZE = ViewportSize(width=1200, height=900)
LANGUAGES = {"": "en-GB", ".zh-CN": "zh-CN"}


async def main() -> None:
    """Run a demo for a while, take the pictures, end it."""
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
        await browser.close()


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
