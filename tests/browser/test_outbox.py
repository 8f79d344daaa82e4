"""What waits on a handheld for the store's answer, in a real Chromium."""

import pytest
from playwright.async_api import expect

from tests.browser.scripted_picking import ScriptedPicking
from tests.browser.test_handheld import handheld

pytestmark = pytest.mark.browser

#: An outbox whose store never answers, in this page.
KEPT = """async () => {
  const {openOutbox} = await import("/static/handheld/outbox.js");
  const {keeping} = await import("/static/keeping.js");
  const memory = await keeping();
  const line = {request: async () => ({status: 0})};
  const nothing = () => {};
  const entries = await memory.reports();
  const outbox = openOutbox({line, memory, entries, onAnswer: nothing, onChange: nothing, onSignIn: nothing});
  globalThis.kept = memory;
  globalThis.report = id => outbox.add({id, kind: "report", task: "1-1", token: 1, body: {}});
}"""


async def test_two_pages_of_one_browser_keep_what_each_reported_through_a_gap() -> None:
    store = ScriptedPicking()
    async with handheld(store) as (hands, _):
        first, second = hands.page, await hands.page.context.new_page()
        await second.goto(first.url)
        for page in (first, second):
            await expect(page.locator("body[data-ready]")).to_be_attached()
            await page.evaluate(KEPT)
        for nth in range(3):
            await first.evaluate("id => report(id)", f"a{nth}")
            await second.evaluate("id => report(id)", f"b{nth}")
        await second.reload()
        await expect(second.locator("body[data-ready]")).to_be_attached()
        await second.evaluate(KEPT)
        kept = await second.evaluate("kept.reports().then(found => found.map(one => one.id))")
        assert kept == ["a0", "b0", "a1", "b1", "a2", "b2"]
