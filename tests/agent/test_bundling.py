"""Modules of a page as one script, and answers that are made once."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from agent.web.bundling import NotBundledError, bundled
from agent.web.fixed import fixed

PAGE = """// The page.
import { one, two as twice } from "../b.js";
import { three } from "./c.js";
run(one, twice(three));
"""
B = """export const one = 1;
/** Twice.
 * So much. */
export function two(n) { return n + n; } // of itself
"""
C = """import { one } from "../b.js";
const two = one + 1; // another two
export const three = two + one;
"""
WHOLE = """const $b_js = (() => {
const one = 1;
function two(n) { return n + n; } // of itself
return { one, two };
})();
const $a_c_js = (() => {
const { one } = $b_js;
const two = one + 1; // another two
const three = two + one;
return { three };
})();
const $a_page_js = (() => {
const { one, two: twice } = $b_js;
const { three } = $a_c_js;
run(one, twice(three));
return {  };
})();
"""


def test_each_module_is_a_function_behind_those_it_imports_and_keeps_its_names_to_itself() -> None:
    assert bundled("a/page.js", {"a/page.js": PAGE, "b.js": B, "a/c.js": C}.__getitem__) == WHOLE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('import * as all from "./b.js";\n', "not understood"),
        ("export default 1;\n", "not understood"),
        ('import { a } from "./page.js";\n', "imports itself"),
    ],
)
def test_what_is_not_understood_is_said_when_the_agent_starts(text: str, why: str) -> None:
    with pytest.raises(NotBundledError, match=why):
        bundled("page.js", {"page.js": text}.__getitem__)


async def test_a_fixed_answer_is_compressed_for_who_can_read_that_and_not_sent_again() -> None:
    app = Starlette(routes=[Route("/page", fixed("page " * 100, "text/html"))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://store") as client:
        small = await client.get("/page")
        assert (small.text, small.headers["content-encoding"]) == ("page " * 100, "gzip")
        assert int(small.headers["content-length"]) < 100
        plain = await client.get("/page", headers={"accept-encoding": "identity"})
        assert (plain.text, "content-encoding" in plain.headers) == (small.text, False)
        again = await client.get("/page", headers={"if-none-match": f'W/"x", {small.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
