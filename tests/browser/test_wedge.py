"""A scanner that plays keyboard before the store's page, in a real Chromium: heard whole, and nothing of it typed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from tests.browser.keyboards import CONTROL_BRACKET, ENTER, F8, TAB, Key, Keyboard, played
from tests.browser.pages import browsing, free_port, served
from tests.browser.scripted_store import ScriptedStore
from tests.waiting import until

pytestmark = pytest.mark.browser

PEN = "4006381333931"
TEST = 'NEARSHELF-TEST ]@"#/_+()AZQWYM019'


@asynccontextmanager
async def at_page(store: ScriptedStore, settings: str = "?scanner_gap=600") -> AsyncIterator[tuple[Page, Keyboard]]:
    """The page, and its keyboard. This machine may be too busy to play keys at a scanner's pace: it is given time."""
    async with browsing() as (page, complaints), served(store.app(), free_port()) as address:
        await page.goto(f"{address}/{settings}")
        await expect(page.locator("#stock tr")).to_have_count(len(store.articles))
        yield page, await Keyboard.of(page)
        assert [said for said in complaints if "503" not in said] == []
        store.hang_up()


async def scanned(store: ScriptedStore, count: int = 1) -> list[str]:
    await until(lambda: len(store.scanned) >= count)
    return [one["text"] for one in store.scanned]


async def test_a_scan_is_heard_and_finds_its_article() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        await scanner.burst([*played(f"]E0{PEN}"), ENTER])
        assert await scanned(store) == [f"]E0{PEN}"]
        assert store.scanned[0]["purpose"] == "find"
        await expect(page.locator("#why-title")).to_have_text("Green tea, loose, 250 g · TEA-0007")
        await expect(page.locator("#scanning-said")).to_have_text("Scanned · Green tea, loose, 250 g · TEA-0007")
        await scanner.burst([*played(PEN), ENTER])  # with the dialog open
        assert await scanned(store, 2) == [f"]E0{PEN}", PEN]


async def test_nothing_of_a_scan_is_typed_into_the_field_that_has_the_focus() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        await page.get_by_role("button", name="Pause promises").click()
        field = page.locator("#pausing-why")
        await field.fill("stock")
        await scanner.burst([*played(PEN), ENTER])
        assert await scanned(store) == [PEN]
        await expect(field).to_have_value("stock")
        await expect(field).to_be_focused()
        await expect(page.locator("#pausing-trouble")).to_be_hidden()
        assert store.asked == []


@pytest.mark.parametrize("end", [ENTER, TAB])
async def test_the_end_of_a_scan_presses_no_button_and_leaves_no_field(end: Key) -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        await page.locator("#language").focus()
        await scanner.burst([*played("NS TEST 1"), end])
        assert await scanned(store) == ["NS TEST 1"]
        await expect(page.locator("#language")).to_have_text("中文")
        await expect(page.locator("#why")).to_be_visible()


async def test_what_a_person_types_arrives_as_it_was_typed() -> None:
    store = ScriptedStore()
    async with at_page(store, "") as (page, hands):
        await page.locator("#filter").focus()
        await hands.typed(played("tea 250"))
        await expect(page.locator("#filter")).to_have_value("tea 250")
        await expect(page.locator("#stock tr")).to_have_count(1)
        await hands.burst(played("xyz"))  # three keys that roll over: too few for a code
        await expect(page.locator("#filter")).to_have_value("tea 250xyz")
        for key in ("Backspace", "Backspace", "Backspace", "ArrowLeft"):
            await page.keyboard.press(key)
        await hands.typed(played("!"))
        await expect(page.locator("#filter")).to_have_value("tea 25!0")
        assert store.scanned == []


async def test_hands_that_roll_over_the_end_press_it() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, hands):
        await page.locator("#language").focus()
        await hands.burst([*played("ab"), ENTER])
        await expect(page.locator("#language")).to_have_text("English")
        assert store.scanned == []


async def test_a_scan_without_an_end_is_heard_and_a_late_end_presses_nothing() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        await page.locator("#language").focus()
        await scanner.burst(played(PEN))
        assert await scanned(store) == [PEN]
        await expect(page.locator("#language")).to_have_text("中文")


@pytest.mark.parametrize("separator", [F8, CONTROL_BRACKET])
async def test_the_separator_comes_as_a_mapped_key(separator: Key) -> None:
    store = ScriptedStore()
    async with at_page(store) as (_, scanner):
        await scanner.burst([*played("]d2010400638133393110AB"), separator, *played("17271231"), ENTER])
        assert await scanned(store) == ["]d2010400638133393110AB\x1d17271231"]


@pytest.mark.parametrize("system", ["us", "de", "fr"])
async def test_a_us_scanner_is_understood_whatever_keyboard_the_system_has(system: str) -> None:
    store = ScriptedStore()
    async with at_page(store) as (_, scanner):
        await scanner.burst([*played("]Q1https://a.example/01/04006381333931?17=1&z=Y", system=system), ENTER])
        assert await scanned(store) == ["]Q1https://a.example/01/04006381333931?17=1&z=Y"]


async def test_the_test_code_shows_how_a_scanner_means_its_keys_and_that_is_remembered() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        unlike_any = played(TEST.replace("]@", "[["))
        await scanner.burst([*unlike_any, ENTER])
        await expect(page.locator("#scanning-said")).to_contain_text("not known here: set it to US")
        await scanner.burst([*played(TEST, "us", "de"), ENTER])
        await expect(page.locator("#scanning-said")).to_contain_text("keyboard is known now")
        assert await page.evaluate("localStorage.getItem('scanner_layout')") == "us"
        await scanner.burst([*played("ZY-/12345"), ENTER])
        assert await scanned(store) == ["ZY-/12345"]


async def test_each_layout_can_write_the_test_code() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, _):
        names = await page.evaluate(
            """async () => {
              const { KEYS, NAMES, TEST, letterOf } = await import("/static/layouts.js");
              const held = [{}, { shift: true }, { altGr: true }];
              const writes = (name, letter) => KEYS.some(
                (code) => held.some((one) => letterOf(name, { code, ...one }) === letter));
              return NAMES.filter((name) => [...TEST].every((letter) => letter === " " || writes(name, letter)));
            }"""
        )
        assert names == ["us", "uk", "de", "fr"]


async def test_a_slow_scanners_prefix_and_pace_are_given_in_the_address() -> None:
    store = ScriptedStore()
    async with at_page(store, "?scanner_gap=600&scanner_prefix=~~") as (page, scanner):
        await page.locator("#scanning-purpose").select_option("shelve")
        await page.locator("#filter").focus()
        await scanner.typed([*played("~~" + PEN), ENTER], pause_s=0.1)
        assert await scanned(store) == [PEN]
        await scanner.burst(played("jacket"))
        await expect(page.locator("#filter")).to_have_value("jacket")
        assert len(store.scanned) == 1


async def test_a_burst_without_end_is_left_out_and_told() -> None:
    store = ScriptedStore()
    async with at_page(store) as (page, scanner):
        await page.evaluate(
            """() => {
              const press = (key, code) => dispatchEvent(new KeyboardEvent("keydown", { key, code, cancelable: true }));
              for (let nth = 0; nth < 400; nth++) press("1", "Digit1");
              press("Enter", "Enter");
            }"""
        )
        await expect(page.locator("#scanning-said")).to_contain_text("without an end")
        await scanner.burst([*played(PEN), ENTER])
        assert await scanned(store) == [PEN]


async def test_a_scan_is_sent_under_one_name_until_it_is_answered_and_the_next_waits() -> None:
    store = ScriptedStore()
    store.scan_answers = [(503, {"error": "the disk is full", "hint": "Make room."})]
    async with at_page(store) as (page, scanner):
        await page.locator("#scanning-purpose").select_option("receive")
        await scanner.burst([*played(PEN), ENTER])
        await expect(page.locator("#scanning-said")).to_contain_text("Sending …")
        await scanner.burst([*played("96385074"), ENTER])
        assert await scanned(store, 3) == [PEN, PEN, "96385074"]
        first, again, second = store.scanned
        assert first == again
        assert first["purpose"] == "receive"
        assert first["scan"] != second["scan"]
        assert first["device"] == second["device"]
        await expect(page.locator("#scanning-said")).to_contain_text("Scanned")


async def test_a_refused_scan_says_why_in_the_language_of_the_page() -> None:
    store = ScriptedStore()
    store.scan_answers = [(200, {"accepted": False, "sku": "", "message": "holds no GTIN"})]
    async with at_page(store) as (page, scanner):
        await scanner.burst([*played("ABC-1234"), ENTER])
        await expect(page.locator("#scanning-said")).to_have_text("Refused · ABC-1234 · holds no GTIN")
        await page.locator("#language").click()
        await expect(page.locator("#scanning-said")).to_contain_text("已拒绝")
