"""The board's figures in a real Chromium: what it shows is what a day of known seconds, metres and units makes."""

import math
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from agent.clock import SystemClock
from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Scan, Want
from agent.core.costs import Costs
from agent.core.count_asks import EnterFound, Found, RequestCount, StartCount
from agent.core.tasks.asks import ClaimTask, HandedOver, HandOver, Pack, PickReport, Reported, Reports, Tasked
from agent.core.tasks.task import Bag
from agent.days import bounds, day_at
from tests.agent.people import hire
from tests.agent.test_web import Site
from tests.browser.pages import browsing
from tests.browser.picking_hands import CODES, store
from tests.browser.test_board import LOOKS, PICTURES, WITHOUT_WORDS, accessible, sign_in

pytestmark = pytest.mark.browser

UNITS: Final = 5
#: Money for an hour, a bag.
WAGE, BAG = 36.0, 0.5


class Stopped(SystemClock):
    """Both clocks stand still, on ten in the morning of today, until somebody sets them on."""

    def __init__(self) -> None:
        self.s = 0.0
        self._morning_ms = bounds(day_at(super().now_ms()))[0] + 10 * 3_600_000

    def now_ms(self) -> int:
        return self._morning_ms + int(self.s * 1000)

    def monotonic_s(self) -> float:
        return 1000.0 + self.s


@dataclass(frozen=True)
class Done:
    """A picker's report, so many seconds after the one before; `line` of the order."""

    after_s: int
    outcome: str
    line: int
    sku: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """An order as it really went: seconds, and the metres that its way is over the aisles (2.4 m apart, 5 m deep)."""

    name: str
    wants: dict[str, int]
    done: Sequence[Done] = ()
    metres: float = 0.0
    claim_s: int = 0
    pack_s: int = 20
    stage_s: int = 5
    fetched_s: int = 60
    due_s: int = 1800

    @property
    def wait_s(self) -> int:
        return self.claim_s + self.done[0].after_s

    @property
    def pick_s(self) -> int:
        return sum(one.after_s for one in self.done[1:])

    @property
    def labour_s(self) -> int:
        return sum(one.after_s for one in self.done) + self.pack_s + self.stage_s

    @property
    def counter_s(self) -> int:
        return self.stage_s + self.fetched_s

    @property
    def in_time(self) -> bool:
        return self.wait_s + self.pick_s + self.pack_s + self.counter_s <= self.due_s


SERVED: Final = (
    Truth("WEB-1001", {"EGGS": 2}, (Done(20, "picked", 1, "EGGS"), Done(10, "picked", 1, "EGGS")), 8.0, claim_s=30),
    Truth(
        "WEB-1002",
        {"EGGS": 1, "JAM": 1},
        (Done(15, "picked", 1, "EGGS"), Done(40, "short", 2, "")),
        4 + (1 + 4.8 + 3) + (2 + 4.8),
        claim_s=12,
    ),
    Truth("WEB-1003", {"OATS": 1}, (Done(50, "substituted", 1, "TEA", {"substitute": "TEA"}),), 2 * (2.4 + 1)),
    Truth(
        "WEB-1004",
        {"MILK": 1},
        (Done(25, "short", 1, ""), Done(70, "picked", 1, "MILK", {"place": "BACKROOM"})),
        2 * (9.6 + 2),
    ),
    Truth("WEB-1005", {"EGGS": 1}, (Done(22, "picked", 1, "EGGS"),), 8.0, fetched_s=400, due_s=300),
)
#: Cancelled after so long; one that is still waited for, since so long; one that could not be accepted.
CANCELLED_S, WAITING_S, ORDERS, ACCEPTED, LINES = 12, 75, 8, 7, 6


def expected() -> dict[str, float]:
    """What the day comes to, by figures.md and nothing else."""
    handed, labour_s = len(SERVED), sum(one.labour_s for one in SERVED)
    metres = sum(one.metres for one in SERVED)
    picking_s = sum(one.pick_s for one in SERVED)
    return {
        "on_time_rate": sum(one.in_time for one in SERVED) / handed,
        "perfect_rate": 2 / handed,  # 1001, and 1004 though it took a second place; 1005 was late
        "severely_late_rate": 0,
        "in_store_s": sum(one.wait_s + one.pick_s + one.pack_s for one in SERVED) / handed,
        "within_5": 1,
        "rejected_rate": 1 / ORDERS,
        "out_of_stock_rate": 1 / ORDERS,
        "cancelled_rate": 1 / ACCEPTED,
        "oversell_rate": 0,
        "first_time_pick_rate": 3 / LINES,
        "not_found_rate": 1 / LINES,
        "in_backroom_rate": 1 / LINES,
        "substitution_rate": 1 / LINES,
        "substitution_kept_rate": 1,
        "record_accuracy": 1 / 2,
        "pick_s_per_line": picking_s / 5,  # the eggs of three, the milk, what came instead of the oat drink
        "lines_per_hour": 3600 * 5 / picking_s,
        "units_per_hour": 3600 * 6 / picking_s,
        "walking_m": metres / handed,
        "labour_s": labour_s / handed,
        "labour_cost": (labour_s * WAGE / 3600 + handed * BAG) / handed,
    }


def steps() -> dict[str, int]:
    """All seconds of the day's orders."""
    return {
        "wait": sum(one.wait_s for one in SERVED) + CANCELLED_S + WAITING_S,
        "pick": sum(one.pick_s for one in SERVED),
        "pack": sum(one.pack_s for one in SERVED),
        "counter": sum(one.counter_s for one in SERVED),
    }


@asynccontextmanager
async def a_day(folder: Path) -> AsyncIterator[Site]:
    """A store after such a day."""
    clock = Stopped()
    async with store(folder, UNITS, clock) as site:
        tasks = site.shop.books.tasks
        tasks.rules = replace(tasks.rules, costs=Costs(WAGE, BAG))
        await hire(site.door, "l1", "lead")
        await hire(site.door, "w2")
        enter = site.shop.clerk.enter
        await enter(Scan("dock", "receive", CODES["MILK"], None))  # one stays in the backroom
        await enter(RequestCount("C-1", "FLOOR", "cycle", "w2", (("sku", "WINE"), ("sku", "TEA"))))
        await enter(StartCount("C-1", "w2"))
        await enter(EnterFound("C-1", "w2", (Found(("sku", "WINE"), UNITS), Found(("sku", "TEA"), UNITS - 1))))
        clock.s += 60
        for one in SERVED:
            await _serve(site, clock, one)
        assert await _place(site, "WEB-1006", {"EGGS": 1}, clock) == "accepted"
        clock.s += CANCELLED_S
        await enter(MoveOrder("WEB-1006", "hq c", "cancel"))
        assert await _place(site, "WEB-1007", {"TEA": 99}, clock) == "rejected"
        assert await _place(site, "WEB-1008", {"TEA": 1}, clock) == "accepted"
        clock.s += WAITING_S
        yield site


async def _place(site: Site, name: str, wants: dict[str, int], clock: Stopped, due_s: int = 1800) -> str:
    lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants.items(), 1))
    placed = await site.shop.clerk.enter(PlaceOrder(name, "web", lines, clock.now_ms() + 1000 * due_s, promise_min=30))
    assert isinstance(placed, Ordered), placed
    return placed.state


async def _serve(site: Site, clock: Stopped, one: Truth) -> None:
    enter = site.shop.clerk.enter
    assert await _place(site, one.name, one.wants, clock, one.due_s) == "accepted"
    clock.s += one.claim_s
    claimed = await enter(ClaimTask("w2"))
    assert isinstance(claimed, Tasked)
    task = (claimed.task.id, claimed.task.token, "w2")
    tote = claimed.task.totes[0].tote

    async def report(nth: int, outcome: Any, **more: Any) -> None:
        said = await enter(Reports(*task, (PickReport(f"{one.name}-{nth}", outcome, one.name, **more),)))
        assert isinstance(said, Reported)
        assert [result.outcome for result in said.results] == ["entered"], said

    for nth, done in enumerate(one.done):
        clock.s += done.after_s
        scanned = {"tote": tote, "text": CODES[done.sku]} if done.sku else {}
        await report(nth, done.outcome, line=done.line, **scanned, **done.more)
    clock.s += one.pack_s
    await enter(Pack(*task, one.name, (Bag(1, 1),)))
    clock.s += one.stage_s
    await report(99, "staged", tote=tote, slot="S1")
    clock.s += one.fetched_s
    assert isinstance(await enter(HandOver(one.name, "l1", "lead", 1, courier="C-7")), HandedOver)


#: Every figure of the page: its name there, value and of how many.
SHOWN = """() => [...document.querySelectorAll('#groups dl > div')].map(one =>
  [one.querySelector('dt').textContent, one.querySelector('b').textContent, one.querySelector('.small').textContent])"""
NAMES = "lang => import('/static/board/words.js').then(({FIGURES}) => FIGURES[lang])"
ROWS = """id => [...document.querySelectorAll(`#${id} .row`)].map(one =>
  [...one.querySelectorAll('.row-name, .row-value, .row-out')].map(part => part.textContent))"""
CELLS = "() => [...document.querySelectorAll('#skus tr')].map(row => [...row.children].map(one => one.textContent))"
#: What is cut off or lies over something else that is read.
CUT_OFF = """() => [...document.querySelectorAll(
    '#figures :is(h2, h3, dt, dd, b, p, td, th, .row-name, .row-value, .row-out)')]
  .filter(one => one.checkVisibility() && !one.closest('.wide') && (one.scrollWidth > one.clientWidth + 1)
    && getComputedStyle(one).display !== 'inline').map(one => one.outerHTML.slice(0, 90))"""


def written(name: str, value: float, chinese: bool) -> str:
    """A figure as people of the language write it."""

    def plain(number: float, digits: int = 1) -> str:
        rounded = math.floor(number * 10**digits + 0.5) / 10**digits
        return f"{rounded:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{rounded:,.0f}"

    whole = math.floor(value + 0.5)
    if name == "labour_cost":
        return plain(value, 2)
    if name.endswith("_per_hour"):
        return plain(value)
    if name == "walking_m":
        return f"{plain(value, 0)} 米" if chinese else f"{plain(value, 0)} m"
    if name.endswith("_s") or name == "pick_s_per_line":
        if value >= 100:
            minutes = f"{whole // 60}:{whole % 60:02}"
            return f"{minutes} 分" if chinese else f"{minutes} min"
        number = plain(value) if value < 10 else plain(value, 0)
        return f"{number} 秒" if chinese else f"{number} s"
    return f"{plain(100 * value)}%" if chinese else f"{plain(100 * value)} %"


async def test_the_board_s_figures_are_those_of_the_day_s_seconds_metres_and_units(tmp_path: Path) -> None:
    async with a_day(tmp_path) as site, browsing() as (page, complaints):
        await sign_in(page, site)
        await page.locator("#view-figures").click()
        await expect(page.locator("#groups dl > div")).not_to_have_count(0)
        for lang, scheme in LOOKS:
            await page.emulate_media(color_scheme=scheme)
            await expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{lang}"))
            shown = {name: value for name, value, _ in await page.evaluate(SHOWN)}
            names = await page.evaluate(NAMES, lang)
            told = {name: shown.get(names[name]) for name in expected()}
            assert told == {name: written(name, value, lang == "zh") for name, value in expected().items()}
            await _funnel_and_seconds(page, lang == "zh")
            missed_ones = [
                [name, "1", *_of_one(lang, 0, missed), hidden, replaced]
                for name, missed, hidden, replaced in (
                    ("JamJAM" if lang == "en" else "果酱JAM", 1, "0", "0"),
                    ("Oat drinkOATS" if lang == "en" else "燕麦饮OATS", 0, "0", "1"),
                    ("MilkMILK" if lang == "en" else "牛奶MILK", 0, "1", "0"),
                )
            ]
            assert await page.evaluate(CELLS) == missed_ones
            await expect(page.locator("#hours .column-name").first).to_have_text("10")
            await _looks(page, f"day-{lang}-{scheme}")
            await page.locator("#language").click()
        assert complaints == []


def _of_one(lang: str, hits: int, missed: int) -> list[str]:
    sign = "%" if lang == "zh" else " %"
    return [f"{hits} · {100 * hits}{sign}", f"{missed} · {100 * missed}{sign}"]


async def _funnel_and_seconds(page: Page, chinese: bool) -> None:
    rows = [[*row[1:]] for row in await page.evaluate(ROWS, "funnel")]
    if chinese:
        outs = ("库存不足: 1", "1 单进行中 · 已取消: 1", "4 单不缺货", "")
    else:
        outs = ("too little of something: 1", "1 under way · cancelled: 1", "4 complete", "")
    assert rows == [[str(count), out] for count, out in zip((ORDERS, ACCEPTED, 5, 5), outs, strict=True)]
    whole = sum(steps().values())
    found = [value for _, value in await page.evaluate(ROWS, "seconds")]
    sign = "%" if chinese else " %"
    assert [one for one in found if not one.startswith("0 ")] == [
        f"{written('x_s', seconds / ORDERS, chinese)} · {math.floor(100 * seconds / whole + 0.5)}{sign}"
        for seconds in steps().values()
    ]


async def _looks(page: Page, name: str) -> None:
    """It fits a phone and a desk, nothing is cut off, and whoever cannot see it hears it; pictures of it are kept."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    axe = Axe()
    for width, height in ((1280, 900), (320, 640)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert await page.evaluate(CUT_OFF) == []
        await page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
    await accessible(axe, page)
    assert await page.evaluate(WITHOUT_WORDS) == []
