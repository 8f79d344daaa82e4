"""What cases say of themselves is said in Chinese, as long as the store says it so."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

import agent
from tests.browser.scripted_store import ScriptedStore
from tests.browser.test_store_page import store_page

pytestmark = pytest.mark.browser

SOURCES = sorted(Path(next(iter(agent.__path__))).rglob("*.py"))
#: Which argument is what a case says.
SAID = {"open_case": 2, "_open": 2, "Notice": 2, "Stranger": 2, "NotAnItem": 0}
#: Why a line is counted again stands in what its case says.
COUNTED = ("{}: {}", "{}: {}; a manager decides")
#: What a person, a till or a device says stays as it is said.
OTHERS = {"{}: {}", "at {}: {}", "line to HQ"}


def sentence(node: ast.expr) -> str:
    """Of a text what does not vary; `{}` for the rest."""
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
    return ""


def told() -> Iterator[str]:
    """What is put into a case where it is opened."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in SAID and len(node.args) > SAID[name]:
                    yield sentence(node.args[SAID[name]])


def written() -> set[str]:
    """Every text in the source."""
    nodes = (node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {sentence(node) for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr)}


async def in_chinese(*said: str) -> tuple[list[str], list[str]]:
    """All sentences that are known, and what these are."""
    async with store_page(ScriptedStore()) as (page, _):
        found: Any = await page.evaluate(
            """async said => {
              const found = await import('/static/case_words.js')
              return [Object.keys(found.TEXTS), said.map(found.inWords.zh)]
            }""",
            list(said),
        )
    known, here = found
    return known, here


async def test_what_a_case_says_is_said_in_chinese_as_long_as_the_store_says_it_so() -> None:
    known, _ = await in_chinese()
    texts, begun = written(), COUNTED[1].partition("{}; ")[2]
    reasons = {one.removeprefix("{}: ").removesuffix(f"; {begun}") for one in known}
    assert [one for one in sorted(reasons) if one not in texts] == []
    said = {one for one in told() if one.strip("{}")}
    assert len(said) > 15, "the source was not understood"
    assert sorted(said - set(known) - OTHERS - set(COUNTED)) == []


async def test_what_varies_is_filled_in_and_what_is_not_known_stays() -> None:
    _, said = await in_chinese(
        "picking, for picker",
        "-1 after sale:R-17/1",
        "CL-002: two counts differ; a manager decides",
        "2 of MILK from TOTE:1; 1 of TEA from FLOOR",
        "3 OATS for 3 MILK",
        "not found for order:W-1",
        "a word; of somebody",
    )
    assert said == [
        "拣货中，负责：拣货员",
        "sale:R-17/1 之后为 -1",
        "CL-002：两次盘点不一致，由经理决定",
        "MILK 2 件，来自 TOTE:1; TEA 1 件，来自 FLOOR",
        "OATS × 3，代替 MILK × 3",
        "为 order:W-1 拣货时没找到",
        "a word; of somebody",
    ]


async def test_the_page_shows_it_in_its_own_language() -> None:
    async with store_page(ScriptedStore(), locale="zh-CN") as (page, _):
        await expect(page.locator("#cases .detail").first).to_contain_text("之后为")
