"""A handheld whose browser dies, and a store whose agent does, in mid-walk: nothing is lost, nothing counts twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from agent.core.people import Shift
from agent.people.opening import open_door
from simulators.programs import Program
from tests.agent.people import hire
from tests.agent.programs import program
from tests.agent.shops import opened
from tests.browser.pages import SHARED, browsing, chromium
from tests.browser.picking_hands import CODES, SHELVES, Picker, fill, place, store
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.chaos]

#: What each report said, without its name: none may be there twice.
REPORTED = "SELECT json_extract(said, '$[0]'), json_extract(said, '$[2]') FROM pick_report WHERE entered ORDER BY 2"


class Device:
    """A handheld's browser with a disk of its own, that can be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Page:
        """Its page, with what its disk has kept."""
        told = self._folder / "DevToolsActivePort"
        told.unlink(missing_ok=True)
        flags = ("--headless=new", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={self._folder}")
        self._process = await asyncio.create_subprocess_exec(
            chromium(), *flags, "about:blank", start_new_session=True,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        port = await until(lambda: told.exists() and told.read_text().split("\n")[0], within_s=30)
        browser = await SHARED.at(f"http://127.0.0.1:{port}")
        return await browser.contexts[0].new_page()

    async def kill(self) -> None:
        """The battery is empty: none of its processes gets to write anything."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def device(folder: Path) -> AsyncIterator[Device]:
    one = Device(folder)
    try:
        yield one
    finally:
        await one.kill()


async def test_a_browser_that_is_killed_with_reports_waiting_sends_each_once_and_goes_on(tmp_path: Path) -> None:
    async with store(tmp_path, units=3) as site, device(tmp_path / "device") as handheld:
        await place(site.shop, "WEB-1001", ("TEA", 2), ("JAM", 2))
        await hire(site.door, "w1")
        web, books = str(site.client.base_url), site.shop.books
        picker = await Picker.before(await handheld.start(), "w1", web)
        await picker.sign_in()
        await picker.until_at("walk")
        await picker.scan(CODES["TEA"])
        await until(lambda: books.balance("TEA", "TOTE:1") == 1)
        await picker.page.context.set_offline(True)
        await picker.scan(CODES["TEA"])
        await picker.scan(CODES["JAM"])
        await expect(picker.page.locator("#gap")).to_contain_text("2 条记录")  # on the disk
        await handheld.kill()
        assert books.balance("JAM", "TOTE:1") == 0
        picker = await Picker.before(await handheld.start(), "w1", web)
        await until(lambda: picker.page.evaluate("document.querySelector('main > section:not([hidden])') !== null"))
        if await picker.page.locator("#sign").is_visible():  # its cookie had not reached the disk
            await picker.sign_in()
        await until(lambda: books.balance("JAM", "TOTE:1") == 1)
        await expect(picker.page.locator("#about")).to_have_text("JAM")
        await expect(picker.page.locator("#left")).to_have_text("1")
        await picker.until_at("home")
        await until(lambda: books.orders["WEB-1001"].state == "staged")
        assert [books.balance(sku, "STAGED:SLOT-01") for sku in ("TEA", "JAM")] == [2, 2]
        assert await site.shop.store.read(REPORTED) == [("staged", 0)] + [("picked", 1)] * 2 + [("picked", 2)] * 2
        await site.shop.assert_memory_is_disk()


async def test_an_agent_that_is_killed_in_mid_shift_finds_its_pickers_where_they_were(tmp_path: Path) -> None:
    door = open_door(tmp_path / "books-people.db", tmp_path / "books-people.key", lambda: 0, Shift())
    await hire(door, "w1")
    door.close()
    async with opened(tmp_path / "books.db", SHELVES) as shop:
        await fill(shop, 5, "TEA", "JAM")
        await place(shop, "WEB-1001", ("TEA", 3), ("JAM", 3))
    agent = program(tmp_path, "mqtt://127.0.0.1:1")
    rows = [f"{sku.sku},{sku.gtins[0]},{sku.name_en},{sku.name_zh},no" for sku in SHELVES.skus.values()]
    (tmp_path / "catalogue.csv").write_text("\n".join(["sku,gtin,name_en,name_zh,tagged", *rows]) + "\n", "utf-8")
    async with browsing() as (page, _):
        await agent.start()
        try:
            await _shift(agent, page)
        finally:
            await agent.kill()
    async with opened(tmp_path / "books.db", SHELVES, at_work=False) as shop:
        assert [shop.books.balance(sku, "STAGED:SLOT-01") for sku in ("TEA", "JAM")] == [3, 3]
        assert await shop.store.read(REPORTED) == [("staged", 0)] + [("picked", 1)] * 3 + [("picked", 2)] * 3
        await shop.assert_memory_is_disk()


async def _shift(agent: Program, page: Page) -> None:
    """Scans go on while the agent is dead; the second time it dies with a report on its way."""
    picker = await Picker.before(page, "w1", agent.web)
    await picker.sign_in()
    await picker.until_at("walk")
    first = await page.locator("#about").inner_text()
    other = "JAM" if first == "TEA" else "TEA"
    await picker.scan(CODES[first])
    await agent.kill()
    for _ in range(2):
        await picker.scan(CODES[first])
    await expect(page.locator("#about")).to_have_text(other)
    await expect(page.locator("#gap")).to_contain_text("条记录")
    await agent.start()
    await expect(page.locator("#gap")).to_be_hidden()
    await picker.scan(CODES[other])
    await agent.kill()
    await agent.start()
    await expect(page.locator("#left")).to_have_text("2")
    await picker.until_at("home")
    await expect(page.locator("#who")).to_have_text("W1")  # all that was reported has arrived: the task is over
