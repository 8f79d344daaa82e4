"""The handheld's page in a real Chromium with its processor slowed to a quarter: an old Android.

`first_page_kb`: all files of the first page as they come over the wire, their headers too.
`first_page_usable_ms`: from the address to a page that shows what to do and hears scans, with nothing kept from before;
the median of `LOADS` loads, and the slowest.
`scan_sound_p99_ms`: from a scanner's last key, an Enter, to the call that starts the sound; right and wrong items.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

from tests.agent.people import PIN
from tests.benchmarks.figures import Figure, figure, percentile
from tests.browser.keyboards import ENTER, Keyboard, played
from tests.browser.pages import CHROMIUM
from tests.waiting import until

LOADS: Final = 9
SLOWER: Final = 4
SCANS: Final = 50
#: Every so many scans one is right: an order has five lines, and must not be over before the scans are.
RIGHT_EVERY: Final = 10
EVERY_S: Final = 0.2
_USABLE: Final = """new MutationObserver(() => document.body?.dataset.ready && !globalThis.usableAt
  && requestAnimationFrame(() => setTimeout(() => { globalThis.usableAt ??= performance.now() })))
  .observe(document, { subtree: true, attributes: true, attributeFilter: ['data-ready'] })"""
_SOUNDS: Final = """globalThis.took = []
let last = 0
addEventListener('keydown', (event) => { last = event.timeStamp }, true)
const start = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (...when) {
  if (last) globalThis.took.push(performance.now() - last)
  last = 0
  return start.apply(this, when)
}"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's. Raises RuntimeError where there is none."""
    if CHROMIUM is None:
        raise RuntimeError("there is no chromium: scripts/packages installs it")
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


async def first_page(browser: Browser, web: str) -> list[Figure]:
    """How heavy the first page is, and how soon it can be used."""
    loads = [await _load(browser, web) for _ in range(LOADS)]
    usable = [ms for ms, _ in loads]
    return [
        figure("first_page_kb", round(loads[0][1] / 1000, 1), "kB"),
        figure("first_page_usable_ms", round(median(usable)), "ms"),
        figure("first_page_usable_worst_ms", round(max(usable)), "ms"),
    ]


async def _load(browser: Browser, web: str) -> tuple[float, int]:
    """Milliseconds until it can be used, and bytes."""
    context = await browser.new_context(service_workers="block")
    page = await context.new_page()
    session, weighed = await context.new_cdp_session(page), list[int]()
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await session.send("Network.enable")
    session.on("Network.loadingFinished", lambda told: weighed.append(int(told["encodedDataLength"])))
    await page.add_init_script(_USABLE)
    await page.goto(f"{web}/handheld", wait_until="networkidle")
    found: float = await until(lambda: page.evaluate("globalThis.usableAt"))
    await context.close()
    return found, sum(weighed)


@asynccontextmanager
async def at_work(browser: Browser, web: str, worker: str) -> AsyncIterator[tuple[Page, Keyboard]]:
    """A page, and its scanner, on which `worker` has claimed a task; slowed from then on."""
    context = await browser.new_context(viewport={"width": 360, "height": 640})
    page = await context.new_page()
    await page.add_init_script(_SOUNDS)
    await page.goto(f"{web}/handheld?scanner_gap=600")  # this machine's keys do not come at a scanner's pace
    scanner = await Keyboard.of(page)
    await _begin(page, scanner, worker)
    await (await context.new_cdp_session(page)).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    yield page, scanner
    await context.close()


async def sounds(page: Page, scanner: Keyboard, right: str, wrong: str) -> list[Figure]:
    """How soon a scan is heard, for as long as others work: all items of the page's task are `right`."""
    await page.evaluate("globalThis.took = []")
    for nth in range(SCANS):
        code = right if nth % RIGHT_EVERY == RIGHT_EVERY // 2 and nth < 4 * RIGHT_EVERY else wrong
        due = time.monotonic() + EVERY_S
        await scanner.burst([*played(code), ENTER])
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await until(partial(page.evaluate, "n => globalThis.took.length > n", nth))
    took: list[float] = await page.evaluate("globalThis.took")
    return [figure(f"scan_sound_p{n}_ms", round(percentile(took, n), 1), "ms") for n in (99, 50)]


async def _begin(page: Page, scanner: Keyboard, worker: str) -> None:
    """Signs in and claims."""
    await page.locator("body[data-ready]").wait_for()
    await scanner.burst([*played(f"badge-{worker}"), ENTER])
    for digit in PIN:
        await page.locator("#sign-keys").get_by_role("button", name=digit, exact=True).click()
    await page.locator("#sign-keys .go").click()
    await page.locator("#claim").click()
    await page.locator("#walk").wait_for()
