"""The documents are true: what they link to, show, list and promise is there."""

import ast
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from agent import config as agent_config
from agent import map_file
from agent.catalogue_import import check
from agent.core.cases import KINDS
from hq_bridge import config as hq_config

ROOT = Path(__file__).parent.parent
PRODUCT = ("agent", "drivers", "hq_bridge", "simulators", "wire")
FOLDERS = (*PRODUCT, "broker_config", "docs", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(found for folder in FOLDERS for found in (ROOT / folder).rglob("*.md"))])
DRIVERS = sorted(path.parent for path in (ROOT / "drivers").glob("*/__init__.py"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def name_of(path: Path) -> str:
    """A path as a test's name."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of one language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    """A document's text without its code, where brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def rows_under(path: Path, heading: str) -> list[list[str]]:
    """The cells of the table's rows in the section with this heading, without the head."""
    section = text_of(path).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(document)))
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def headings(document: Path) -> set[str]:
    """What a link's # may name."""
    text = re.sub(r"^```.*?^```", "", text_of(document), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_into_a_document_finds_its_heading(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s:]*)#([^)\s]+)\)", without_code(text_of(document)))
    assert [
        f"{path}#{heading}"
        for path, heading in links
        if heading not in headings(document.parent / path if path else document)
    ] == []


@pytest.mark.parametrize("driver", DRIVERS, ids=name_of)
def test_a_driver_is_explained_and_shows_its_sample(driver: Path) -> None:
    """A toml block is the sample itself (`@sample.toml`), or loads and shows a device of this kind."""
    shown = blocks(driver / "README.md", "toml")
    assert shown
    for block in [text_of(driver / "sample.toml"), *shown]:
        if block.strip() != "@sample.toml":
            assert {device["kind"] for device in tomllib.loads(block)["device"]} == {driver.name}


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_a_decision_has_its_parts_and_fits_on_a_page(decision: Path) -> None:
    text = text_of(decision)
    assert re.match(r"\d{4}-[a-z0-9-]+\.md", decision.name)
    assert text.startswith(f"# {decision.name[:4]}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d\. Status: (proposed|accepted|replaced by \d{4})\.", text, re.MULTILINE)
    for part in ("## Context", "## Decision", "## Consequences", "**Is:**", "**Is not:**"):
        assert part in text, f"{part} is missing"
    assert len(text.splitlines()) <= 70


def test_no_two_decisions_have_one_number() -> None:
    numbers = [decision.name[:4] for decision in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_shown_are_targets_and_scripts(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    commands = "\n".join([*blocks(document, "sh"), *re.findall("`([^`\n]+)`", text_of(document))])
    shown = set(re.findall(r"\bmake ([a-z]+)\b", commands))
    scripts = set(re.findall(r"(?<![\w/])scripts/[a-z_-]+", text_of(document)))
    assert shown - targets == set()
    assert [script for script in scripts if not (ROOT / script).exists()] == []


def test_both_readmes_show_the_same_commands_and_links() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    assert blocks(english, "sh") == blocks(chinese, "sh")
    commands = [re.findall(r"`(make [^`]+)`", text_of(document)) for document in (english, chinese)]
    assert commands[0] == commands[1]
    links = [
        set(re.findall(r"\]\(([^)]+\.md|LICENSE|docs/[a-z]+/)\)", text_of(document))) - {"README.md", "README.zh-CN.md"}
        for document in (english, chinese)
    ]
    assert links[0] == links[1]


def test_every_word_of_the_glossary_is_used_in_the_code() -> None:
    code = "\n".join(text_of(path) for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))
    words = [row[0] for row in rows_under(ROOT / "ARCHITECTURE.md", "Glossary")]
    assert len(words) > 10
    assert [word for word in words if not re.search(rf"\b{word}s?\b", code, re.IGNORECASE)] == []


def test_the_architecture_names_only_what_is_there() -> None:
    """Every path in backquotes exists; a glob finds something."""
    named = re.findall(r"`([a-z_]+(?:/[a-zA-Z0-9_.*…-]*)+)`", text_of(ROOT / "ARCHITECTURE.md"))
    assert len(named) > 20
    assert [path for path in named if "…" not in path and not list(ROOT.glob(path.rstrip("/")))] == []


def test_every_test_the_architecture_names_exists() -> None:
    tests = "\n".join(text_of(path) for path in (ROOT / "tests").rglob("*.py"))
    named = re.findall(r"`(test_[a-z0-9_]+)`", text_of(ROOT / "ARCHITECTURE.md"))
    assert [test for test in named if f"def {test}(" not in tests] == []


def test_every_case_is_explained_to_the_operator() -> None:
    rows = rows_under(ROOT / "docs" / "operate.md", "Cases: what they mean and what to do")
    assert {row[0].strip("`") for row in rows} == set(KINDS)


def events_logged() -> set[str]:
    """The first argument of every log call of the daemons, and of every Noted of a driver's session."""
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    return {
        node.args[0].value
        for folder in ("agent", "drivers", "hq_bridge", "wire")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Call)
        if (isinstance(node.func, ast.Name) and node.func.id == "Noted")
        or (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in levels
            and isinstance(node.func.value, ast.Name | ast.Attribute)
            and "log" in ast.unparse(node.func.value).lower()
        )
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


def test_every_log_event_is_explained_to_the_operator() -> None:
    rows = rows_under(ROOT / "docs" / "operate.md", "Log events")
    explained = {event for row in rows for event in re.findall(r"`([a-z_]+)`", row[0])}
    assert explained == events_logged()


@pytest.mark.parametrize(
    ("nth", "heading", "load"),
    [(0, "The store's configuration", agent_config.load), (1, "HQ's configuration", hq_config.load)],
)
def test_the_operators_configuration_is_accepted(
    tmp_path: Path, nth: int, heading: str, load: Callable[[Path], object]
) -> None:
    """The configuration shown in docs/operate.md loads without a mistake, and the table explains each of its keys."""
    shown = blocks(ROOT / "docs" / "operate.md", "toml")[nth]
    (tmp_path / "shown.toml").write_text(shown, encoding="utf-8")
    load(tmp_path / "shown.toml")
    explained = " ".join(row[0] for row in rows_under(ROOT / "docs" / "operate.md", heading))
    tables = [
        (name, table)
        for name, value in tomllib.loads(shown).items()
        for table in (value if isinstance(value, list) else [value])
    ]
    keys = {f"{name}.{key}" for name, table in tables for key in table}
    assert [key for key in keys if f"`{key}`" not in explained] == []


def test_the_catalogue_shown_is_accepted(tmp_path: Path) -> None:
    shown, _ = blocks(ROOT / "docs" / "operate.md", "csv")
    (tmp_path / "catalogue.csv").write_text(shown, encoding="utf-8")
    assert set(check(tmp_path / "catalogue.csv").skus) == {"JKT-0101", "TEA-0007"}


def test_the_map_shown_is_accepted(tmp_path: Path) -> None:
    _, shown = blocks(ROOT / "docs" / "operate.md", "csv")
    (tmp_path / "map.csv").write_text(shown, encoding="utf-8")
    assert set(map_file.read(tmp_path / "map.csv").spots) == {"A03-L-12-2", "DAIRY-4", "TILL-END"}
