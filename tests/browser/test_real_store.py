"""The store's page with the real agent behind it: what was entered is seen, and a killed agent is no secret."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.agent.programs import program_of, store_toml
from tests.browser.keyboards import ENTER, Keyboard, played
from tests.browser.pages import browsing

pytestmark = pytest.mark.browser

DOCK = """\
[[device]]
name = "dock-scanner"
kind = "barcode_serial"
purpose = "receive"
[device.settings]
port = "/dev/serial/by-id/not-there"
"""


async def test_a_sale_is_seen_and_a_killed_agent_is_no_secret(tmp_path: Path) -> None:
    agent = program_of(tmp_path, store_toml(more=DOCK))
    async with browsing() as (page, complaints):
        await agent.start()
        try:
            await page.goto(f"{agent.web}?scanner_gap=600")
            milk = page.locator("#stock tr[data-key='MILK']")
            await expect(milk.locator("td").nth(0)).to_have_text("0")
            await expect(page.locator("#devices")).to_contain_text("Not reachable")
            await expect(page.locator("#devices")).to_contain_text("What to do:")
            await expect(page.locator("#line")).to_contain_text("Connecting")
            sale = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}
            async with httpx.AsyncClient(trust_env=False) as till:
                (await till.post(f"{agent.web}/v1/sales", json=sale)).raise_for_status()
            await expect(milk.locator("td").nth(0)).to_have_text("-1")
            await expect(milk).to_contain_text("below zero")
            await expect(page.locator("#cases")).to_contain_text("Stock is below zero")
            scanner = await Keyboard.of(page)
            await page.locator("#scanning-purpose").select_option("receive")
            await scanner.burst([*played("]E04006381333931"), ENTER])
            await expect(page.locator("#scanning-said")).to_have_text("Scanned · Milk · MILK")
            await expect(milk.locator("td").nth(1)).to_have_text("1")
            assert complaints == []
            await agent.kill()
            await expect(page.locator("#lost")).to_contain_text("lost since", timeout=10_000)
            await agent.start()
            await expect(page.locator("#lost")).to_be_hidden(timeout=15_000)
            await expect(milk.locator("td").nth(0)).to_have_text("-1")
        finally:
            await agent.kill()
