"""The pickers' page in a real Chromium, with a scripted store behind it."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from agent.core import barcodes
from agent.core.instore import InStore
from agent.people.proofs import BrowserKey, Numbers, proved
from tests.browser.keyboards import CONTROL_BRACKET, ENTER, Keyboard, played
from tests.browser.pages import browsing, chromium, free_port, served
from tests.browser.scripted_picking import FORM, ICE, MILK, OAT, PEN, TEA, ScriptedPicking
from tests.waiting import until

pytestmark = pytest.mark.browser

CORE = Path(barcodes.__file__).parent
PICTURES = Path(__file__).parent.parent.parent / "build" / "handheld"
HAM_520_G, HAM_900_G = "2012345005204", "2012345009004"
#: 160 CSS pixels are an inch on Android.
TWELVE_MM = 12 / 25.4 * 160
#: What is too small to be pressed, or sticks out.
SMALL = """least => [...document.querySelectorAll('button, input:not(#sink), select')]
  .filter(node => node.checkVisibility()).map(node => [node.id || node.textContent, node.getBoundingClientRect()])
  .filter(([, box]) => box.width < least || box.height < least)
  .map(([name, box]) => `${name} ${box.width} x ${box.height}`)"""
WORDS = {
    "en": {"not_found": "Not found", "weight": "500 g", "damaged": "Damaged", "undo": "Undo"},
    "zh": {"not_found": "找不到", "weight": "500 克", "damaged": "破损", "undo": "撤销"},
}


class Hands:
    """Somebody with a handheld: scans, presses, and looks at every screen."""

    def __init__(self, page: Page, scanner: Keyboard, name: str) -> None:
        self.page = page
        self._scanner = scanner
        self._name = name
        self._seen = 0

    async def scan(self, text: str) -> None:
        await self._scanner.burst([*played(text), ENTER])

    async def press(self, where: str, name: str | re.Pattern[str]) -> None:
        await self.page.locator(where).get_by_role("button", name=name, exact=True).click()

    async def sign_in(self, badge: str = "badge-7") -> None:
        await expect(self.page.locator("body[data-ready]")).to_be_attached()
        await self.scan(badge)
        await expect(self.page.locator("#sign-badge")).to_contain_text(badge)
        for digit in "2468":
            await self.press("#sign-keys", digit)
        await self.page.locator("#sign-keys .go").click()
        await expect(self.page.locator("#home")).to_be_visible()

    async def claim(self) -> None:
        await self.page.locator("#claim").click()
        await expect(self.page.locator("#walk")).to_be_visible()

    async def is_at(self, spot: str, left: str) -> None:
        await expect(self.page.locator("#spot")).to_have_text(spot)
        await expect(self.page.locator("#left")).to_have_text(left)

    async def said(self, words: str | re.Pattern[str]) -> None:
        await expect(self.page.locator("#last-words")).to_have_text(words)

    async def look(self, axe: Axe | None = None) -> None:
        """A screen fits, can be pressed, is accessible; a picture of it is kept."""
        self._seen += 1
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await self.page.evaluate(SMALL, TWELVE_MM) == []
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.evaluate("Promise.all(document.getAnimations().map(one => one.finished))")
        await self.page.screenshot(path=PICTURES / f"{self._name}-{self._seen:02}.png")
        if axe is not None:
            faults = [one for one in (await axe.run(self.page)).response["violations"] if one["impact"] != "minor"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in faults] == []


@asynccontextmanager
async def handheld(
    store: ScriptedPicking, width: int = 360, locale: str = "en-GB", scheme: Literal["light", "dark"] = "light",
    settings: str = "",
) -> AsyncIterator[tuple[Hands, list[str]]]:  # fmt: skip
    """The page before anybody has signed in. This machine may be too busy to scan at a scanner's pace: it gets time."""
    async with browsing(width, locale, scheme) as (page, complaints), served(store.app(), free_port()) as address:
        await page.set_viewport_size({"width": width, "height": 640})
        await page.add_init_script("navigator.vibrate = pattern => (globalThis.buzzes ??= []).push(pattern.length)")
        await page.goto(f"{address}/handheld?scanner_gap=600{settings}")
        yield Hands(page, await Keyboard.of(page), f"{width}-{locale[:2]}-{scheme}"), complaints


@pytest.mark.parametrize(
    ("width", "locale", "scheme"), [(360, "en-GB", "light"), (320, "zh-CN", "dark"), (768, "zh-CN", "light")]
)
async def test_orders_go_from_the_badge_to_the_courier_scan_by_scan(
    width: int, locale: str, scheme: Literal["light", "dark"]
) -> None:
    store, words = ScriptedPicking(), WORDS[locale[:2]]
    axe = Axe() if width < 700 else None
    async with handheld(store, width, locale, scheme) as (hands, complaints):
        await hands.look(axe)
        await hands.sign_in()
        await hands.look(axe)
        await hands.claim()
        await hands.is_at("A01-L-03-2", "2")
        await hands.look(axe)
        await hands.scan("A01-L-03-2")  # the place first
        await hands.scan(TEA)
        await hands.is_at("A01-L-03-2", "1")
        await hands.scan(TEA)
        await hands.is_at("A03-R-12-4", "6")
        await hands.scan(PEN)
        await hands.is_at("A03-R-12-4", "5")
        await hands.look(axe)
        await hands.page.locator("#all").click()  # four and more by one key
        await hands.is_at("A05-L-01-1", words["weight"])
        await expect(hands.page.locator("#left-of")).to_have_text(re.compile("450–550"))
        await hands.scan(HAM_520_G)
        await hands.is_at("A09-L-02-1", "1")
        await hands.press("#keys", words["not_found"])
        await expect(hands.page.locator("#candidates button")).to_have_count(1)
        await hands.look(axe)
        await hands.page.locator("#candidates button").click()
        await hands.is_at("A09-R-02-1", "1")
        await hands.scan(OAT)
        await expect(hands.page.locator("#pack-short")).to_have_text("7F2A")
        await hands.look(axe)
        await hands.page.locator("#pack-do").click()
        await expect(hands.page.locator("#stage-slot")).to_have_text("S-04")
        await hands.look(axe)
        await hands.scan("S-04")  # as short as slots are
        await expect(hands.page.locator("#pack-short")).to_have_text("8K31")
        await hands.page.locator("#pack-do").click()
        await hands.scan("SLOT-S-05")
        await expect(hands.page.locator("#home")).to_be_visible()
        await hands.page.locator("#more").click()
        await hands.look(axe)
        await hands.page.locator("#menu-keys button").first.click()
        await hands.scan("WEB-7F2A/1")  # a bag of it
        await hands.page.locator("#handing-steps button").nth(0).click()
        await expect(hands.page.locator("#handing-do")).to_be_disabled()  # the age has not been looked at
        await hands.page.locator("#handing-steps button").nth(1).click()
        await hands.scan("COURIER-9")
        await hands.look(axe)
        await hands.page.locator("#handing-do").click()
        await until(lambda: store.handed)
        assert complaints == []
    told = [(one["outcome"], one["line"], one["qty"]) for one in store.reported if one["outcome"] != "undo"]
    assert told == [
        ("picked", 1, 1), ("picked", 1, 1), ("picked", 2, 1), ("picked", 2, 5), ("weighed", 3, 520),
        ("substituted", 4, 1), ("staged", 0, 0), ("staged", 0, 0),
    ]  # fmt: skip
    assert 0 <= store.took_s[0] < 600
    assert store.handed == [{"bags": 2, "age_checked": True, "courier": "COURIER-9"}]
    assert [len(one["bags"]) for one in store.packed] == [2, 1]


async def test_what_is_wrong_is_loud_needs_no_dialog_and_changes_nothing() -> None:
    store = ScriptedPicking()
    async with handheld(store) as (hands, complaints):
        await hands.sign_in()
        await hands.claim()
        await hands.scan(OAT)
        await hands.said("Wrong item: Oat drink")
        await expect(hands.page.locator("body")).to_have_class(re.compile("wrong"))
        await hands.scan("A09-L-02-1")
        await hands.said("Wrong place: this is A09-L-02-1")
        await hands.scan("nonsense!")
        await hands.said("This code is not known here")
        assert store.reported == []
        await hands.scan(MILK)  # of another stop of the tour: it counts there
        await hands.said("Whole milk, 1 l → T-1")
        await hands.is_at("A01-L-03-2", "2")
        await hands.scan(MILK)
        await hands.said("Enough of it: Whole milk, 1 l")
        await hands.scan(HAM_900_G)
        await hands.said("Too heavy: 900 g, 450–550 g are wanted")
        await hands.scan(f"]d201{TEA.zfill(14)}17200101")
        await hands.said("Its day is over: Green tea, loose, 250 g. Press Expired.")
        buzzes = await hands.page.evaluate("buzzes")
        assert buzzes.count(3) == 6  # wrong
        assert [one["outcome"] for one in store.reported] == ["picked"]
        assert complaints == []


async def test_short_codes_are_codes_once_their_enter_comes_and_a_scan_answers_what_a_number_is_asked_for() -> None:
    store = ScriptedPicking()
    async with handheld(store) as (hands, _):
        await hands.sign_in("b7")
        await expect(hands.page.locator("#claim")).to_be_visible()
        await expect(hands.page.locator("#sink")).to_be_focused()
        await hands.page.keyboard.press("Enter")
        await hands.is_at("A01-L-03-2", "2")
        await hands.scan("B1-2")
        await hands.said("This code is not known here")
        for _ in range(2):
            await hands.scan(TEA)
        await hands.scan(PEN)
        await hands.is_at("A03-R-12-4", "5")
        await hands.page.locator("#count").click()
        await expect(hands.page.locator("#number")).to_be_visible()
        await hands.scan(PEN)
        await hands.is_at("A03-R-12-4", "4")
        await hands.page.locator("#count").click()
        await hands.page.keyboard.type("4", delay=700)
        await hands.page.keyboard.press("Enter")
        await expect(hands.page.locator("#spot")).to_have_text("A05-L-01-1")


async def test_exceptions_take_one_key_the_other_places_come_first_and_undo_is_always_there() -> None:
    store = ScriptedPicking()
    store.stops[0] |= {"other_spots": ["A07-R-02-1"], "backroom": 3}
    async with handheld(store) as (hands, complaints):
        await hands.sign_in()
        await hands.claim()
        await hands.press("#keys", "Damaged")
        await hands.said("Damaged, put aside. Take another: Green tea, loose, 250 g")
        await hands.press("#keys", "Not found")
        await hands.is_at("A07-R-02-1", "2")  # its other face
        await hands.press("#keys", "Not found")
        await hands.is_at("Backroom", "2")
        await hands.scan(TEA)
        await hands.is_at("Backroom", "1")
        await hands.press("#keys", "Undo")
        await hands.is_at("Backroom", "2")
        await hands.press("#keys", "Customer has it")
        await expect(hands.page.locator("#instead-title")).to_have_text("Instead of Green tea, loose, 250 g")
        await hands.press("#instead", "Ask the customer")
        await hands.is_at("A03-R-12-4", "6")  # the other waits for its answer
        await hands.press("#keys", "Not found")
        await hands.press("#instead", "Without it")
        await hands.said("Not found: Ball pen, blue")
        await hands.is_at("A05-L-01-1", "500 g")
        assert complaints == []
    assert [(one["outcome"], one["place"]) for one in store.reported if one["outcome"] != "undo"] == [
        ("damaged", "FLOOR"), ("short", "FLOOR"), ("picked", "BACKROOM"), ("short", "FLOOR"),
    ]  # fmt: skip
    assert store.asked == [{"token": 1, "order": "WEB-7F2A", "line": 1, "candidates": ["OAT-DRINK"]}]


async def test_what_the_customer_answered_is_at_the_stop_and_what_waits_says_until_when() -> None:
    store = ScriptedPicking()
    tea, pen, ham, milk = store.stops
    tea |= {"answer": "substitute", "wishes": [store.names[OAT.zfill(14)]]}
    pen |= {"state": "removed", "answer": "remove", "qty": 0}
    ham |= {"state": "picked", "done": 500}
    milk |= {"answer_in_s": 120, "default": "decide"}
    async with handheld(store) as (hands, complaints):
        await hands.sign_in()
        await hands.claim()
        await expect(hands.page.locator("#name")).to_have_text("Oat drink")
        await expect(hands.page.locator("#chips")).to_contain_text("the customer takes this")
        store.orders["WEB-7F2A"]["next"] = "wait"
        await hands.scan(OAT)
        await hands.scan(OAT)
        await expect(hands.page.locator("#wait-list")).to_contain_text("Whole milk, 1 l")
        await expect(hands.page.locator("#wait-list")).to_contain_text("then you decide")
        assert complaints == []
    assert [(one["outcome"], one["substitute"]) for one in store.reported] == [("substituted", "OAT-DRINK")] * 2


async def test_reports_are_kept_through_a_gap_a_reload_and_a_killed_browser_and_entered_once(tmp_path: Path) -> None:
    store, port = ScriptedPicking(), free_port()
    async with async_playwright() as playwright:

        async def opened() -> tuple[Any, Hands]:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path, executable_path=chromium(), args=["--no-sandbox"], locale="en-GB"
            )
            page = context.pages[0]
            await page.goto(f"http://127.0.0.1:{port}/handheld?scanner_gap=600")
            return context, Hands(page, await Keyboard.of(page), "gap")

        async with served(store.app(), port):
            context, hands = await opened()
            await hands.sign_in()
            await hands.claim()
            await until(lambda: hands.page.evaluate("caches.keys().then(names => names.length)"))
            await hands.page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
        await hands.scan(TEA)
        await expect(hands.page.locator("#gap")).to_contain_text("1 report waits here")
        await hands.scan(TEA)
        await hands.scan(PEN)
        await expect(hands.page.locator("#gap")).to_contain_text("3 reports wait here")
        await hands.page.reload()  # the page itself comes from the device
        await hands.is_at("A03-R-12-4", "5")
        await hands.scan(PEN)
        await hands.is_at("A03-R-12-4", "4")
        await expect(hands.page.locator("#gap")).to_contain_text("4 reports wait here")
        await context.close()
        context, hands = await opened()
        await hands.is_at("A03-R-12-4", "4")
        await hands.scan(PEN)
        await expect(hands.page.locator("#gap")).to_contain_text("Go on working: 5 reports wait here")
        store.failing = 1  # the first answer is lost: everything comes twice
        async with served(store.app(), port):
            await expect(hands.page.locator("#gap")).to_be_hidden()
            await until(lambda: store.came == 10)
            await hands.is_at("A03-R-12-4", "3")
            await context.close()
    assert [one["line"] for one in store.reported] == [1, 1, 2, 2, 2]
    assert len({one["id"] for one in store.reported}) == 5


async def test_a_bag_scanned_before_the_orders_have_come_is_found_when_they_have() -> None:
    store = ScriptedPicking()
    store.orders["WEB-7F2A"]["state"] = "staged"
    store.answers_board.clear()
    async with handheld(store) as (hands, complaints):
        await hands.sign_in()
        await hands.page.locator("#more").click()
        await hands.page.locator("#menu-keys button").first.click()
        await hands.scan("WEB-7F2A/1")
        await until(lambda: hands.page.evaluate("document.querySelector('#hand-words').textContent === 'One moment …'"))
        store.answers_board.set()
        await expect(hands.page.locator("#handing-short")).to_have_text("7F2A")
        assert complaints == []


async def test_each_order_is_handed_over_by_what_was_seen_of_it_alone() -> None:
    store = ScriptedPicking()
    for order, has_code in (("WEB-7F2A", True), ("WEB-8K31", False)):
        store.orders[order] |= {"state": "staged", "fulfil": "pickup", "bags": [1], "min_age": 18, "has_code": has_code}
    async with handheld(store) as (hands, _):
        steps, done = hands.page.locator("#handing-steps button"), hands.page.locator("#handing-do")
        await hands.sign_in()
        await hands.page.locator("#more").click()
        await hands.page.locator("#menu-keys button").first.click()
        ready = hands.page.locator("#hand-list button")
        await expect(ready).to_have_count(2)
        await hands.scan("WEB-7F2A/1")
        await expect(steps.first).to_be_visible()
        await hands.scan("471100")  # some other order's
        for nth in range(2):
            await steps.nth(nth).click()
        await done.click()
        await expect(hands.page.locator("#handing-why")).to_contain_text("Tries left: 4")
        await expect(done).to_be_disabled()
        await hands.page.locator("#handing-back").click()
        await expect(ready.first).to_be_visible()
        await hands.scan("WEB-8K31/1")
        await expect(steps.first).to_be_visible()
        await expect(steps).to_have_count(2)
        for nth in range(2):
            await expect(steps.nth(nth)).to_have_attribute("aria-pressed", "false")
            await steps.nth(nth).click()
        await done.click()
        await until(lambda: store.handed)
    assert store.handed == [{"bags": 1, "age_checked": True}]


async def test_of_two_handhelds_on_one_task_the_loser_is_told_and_what_was_not_entered() -> None:
    store = ScriptedPicking()
    async with handheld(store) as (hands, _):
        await hands.sign_in()
        await hands.claim()
        await hands.scan(TEA)
        await until(lambda: store.reported)
        store.token, store.taken_by, store.refuse = 2, "Wang Fang", {"picked": "the line is done"}
        await hands.scan(TEA)
        await expect(hands.page.locator("#lost")).to_be_visible()
        await expect(hands.page.locator("#lost-words")).to_contain_text("Wang Fang went on with it")
        await expect(hands.page.locator("#lost-list li")).to_have_text(["Green tea, loose, 250 g · A01-L-03-2"])
        await hands.press("#lost", "OK")
        await expect(hands.page.locator("#home")).to_be_visible()


async def test_the_stores_answer_corrects_what_was_shown() -> None:
    store = ScriptedPicking()
    store.refuse = {"picked": "this is Green tea, 100 g; wanted is Green tea, 250 g"}
    async with handheld(store) as (hands, complaints):
        await hands.sign_in()
        await hands.claim()
        await hands.scan(TEA)
        await expect(hands.page.locator("#told")).to_contain_text("Not entered: this is Green tea, 100 g")
        await hands.is_at("A01-L-03-2", "2")
        store.stops[0]["name_en"] = bomb = "<img src=x onerror=\"document.title='in'\">"
        store.refuse = {}
        await hands.scan(TEA)
        await expect(hands.page.locator("#name")).to_have_text(bomb)  # text from outside stays text
        assert await hands.page.locator("main img").count() == 0
        assert complaints == []


async def test_scans_come_by_keys_of_any_layout_and_as_whole_texts_whatever_was_pressed_before() -> None:
    store = ScriptedPicking()
    settings = "&scanner_prefix=%23&scanner_suffix=%2B&scanner_layout=de"  # a German scanner before a US Android
    async with handheld(store, settings=settings) as (hands, complaints):
        page, keyboard = hands.page, await Keyboard.of(hands.page)

        async def scan(text: str) -> None:
            await keyboard.burst([*played(f"#{text}+", "de", "us"), ENTER])

        await expect(page.locator("body[data-ready]")).to_be_attached()
        await keyboard.burst([*played("badge-7", "de", "us"), ENTER])  # without what goes around it, it is no scan
        await scan("badge-8")
        await expect(page.locator("#sign-badge")).to_contain_text("badge-8")
        await keyboard.typed(played("2468"))
        await expect(page.locator("#sign-pin")).to_have_text("●●●●")
        await page.locator("#sign-keys .go").click()
        await hands.claim()
        await page.locator("#more").click()
        await hands.press("#menu-keys", "Back")
        session = await page.context.new_cdp_session(page)
        await session.send("Input.insertText", {"text": f"#{TEA}+"})  # an input method puts it in as a whole
        await hands.is_at("A01-L-03-2", "1")
        gs1 = [*played(f"#01{TEA.zfill(14)}10AB", "de", "us"), CONTROL_BRACKET, *played("17991231+", "de", "us")]
        await keyboard.burst([*gs1, ENTER])
        await hands.is_at("A03-R-12-4", "6")
        await keyboard.burst(key for _ in range(6) for key in (*played(f"#{PEN}+", "de", "us"), ENTER))  # in one go
        await hands.is_at("A05-L-01-1", "500 g")
        await until(lambda: len(store.reported) == 8)
        assert complaints == []


async def test_the_first_page_weighs_60_kb_and_its_words_are_in_both_languages() -> None:
    store = ScriptedPicking()
    async with handheld(store) as (hands, _):
        weighed = []
        session = await hands.page.context.new_cdp_session(hands.page)
        await session.send("Network.enable")
        await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await session.send("Network.setBypassServiceWorker", {"bypass": True})
        session.on("Network.loadingFinished", lambda told: weighed.append(told["encodedDataLength"]))  # headers too
        await hands.page.reload(wait_until="networkidle")
        assert 20_000 < sum(weighed) <= 60_000
        words = await hands.page.evaluate("import('/static/handheld/words.js').then(found => found.WORDS)")
    assert words["en"].keys() == words["zh"].keys()
    blanks = re.compile(r"\{\w+\}")
    for key, text in words["en"].items():
        assert sorted(blanks.findall(text)) == sorted(blanks.findall(words["zh"][key])), key


async def test_what_the_store_refuses_is_said_in_chinese_as_long_as_it_says_it_so() -> None:
    async with handheld(ScriptedPicking()) as (hands, _):
        known, *said = await hands.page.evaluate(
            """async whys => {
              const found = await import('/static/handheld/refusals.js')
              return [Object.keys(found.REFUSALS), ...whys.map(found.inChinese)]
            }""",
            [
                "slot S-2 is chilled, and these goods are frozen",
                "'X 9' is no staging slot; there are S-1",
                "?",
            ],
        )
    assert said == ["取货位 S-2 是冷藏位，这些商品要放冷冻", "X 9 不是取货位，可用：S-1", "?"]
    sources = "".join(one.read_text() for one in sorted(CORE.glob("**/*.py")))
    words = re.sub(r"\{[^{}]+\}", "{}", sources)
    assert [one for one in known if f'"{one}"' not in words] == []


async def test_a_request_is_proved_by_the_browsers_own_key_with_and_without_a_certificate() -> None:
    async with handheld(ScriptedPicking()) as (hands, _):
        made, plain, body = await hands.page.evaluate(
            """async () => {
              const found = await import('/static/proof.js'), body = '{"a":"' + '绿茶'.repeat(40) + '"}'
              const { open, kept } = await found.makeKey(), plain = new Uint8Array(32).fill(7)
              return [[open, await found.prove(kept, 'POST', '/v1/x?y=1', body)],
                await Promise.all([...'aaaa'].map(() => found.prove(plain, 'POST', '/v1/x?y=1', body))), body]
            }"""
        )
    key, numbers = BrowserKey(**made[0]), Numbers(0)
    assert proved(key, numbers, made[1], "POST", "/v1/x?y=1", body.encode())
    assert not proved(key, numbers, made[1], "POST", "/v1/x?y=1", body.encode())
    chance = BrowserKey("oct", k=base64.urlsafe_b64encode(b"\7" * 32).rstrip(b"=").decode())
    assert all(proved(chance, numbers, one, "POST", "/v1/x?y=1", body.encode()) for one in plain)


async def test_the_page_reads_codes_as_the_store_does() -> None:
    codes = [
        TEA, MILK, HAM_520_G, ICE, "12345678", "96385074", "01234565", "036000291452", "4006381333932", "A01-L-03-2",
        f"]E0{PEN}", "]E496385074", f"01{TEA.zfill(14)}3103001250", f"]C101{TEA.zfill(14)}10LOT\x1d3102000520",
        f"(01){TEA.zfill(14)}(3103)000520", f"https://id.example/01/{TEA.zfill(14)}/10/L1?17=991231",
        f"https://id.example/01/{TEA.zfill(14)}?3103=000520", "https://id.example/about", "",
    ]  # fmt: skip
    rules = InStore(forms=(FORM,))
    async with handheld(ScriptedPicking()) as (hands, _):
        forms = [{"pattern": FORM.pattern, "means": FORM.means, "step": FORM.step}]
        read = await hands.page.evaluate(
            "([codes, forms]) => import('/static/handheld/codes.js')"
            ".then(found => codes.map(code => found.readScan(code, forms)))",
            [codes, forms],
        )
    for code, page in zip(codes, read, strict=True):
        aim = code[:3] if code.startswith("]") else None
        store = barcodes.read(code[3:] if aim else code, aim, rules)
        known = {store.gtin, store.or_gtin} - {""} if isinstance(store, barcodes.Product) else set()
        assert set(page["gtins"]) == known, code
        assert page["grams"] == (store.grams if isinstance(store, barcodes.Product) else None), code
