"""The import rules can fail: each one, broken on purpose in a copy of the packages, is reported by its name."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("agent", "drivers", "hq_bridge", "simulators", "wire")
LINTER = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter over the packages in `tree`, with this project's rules."""
    return subprocess.run(
        [*LINTER, "--config", "pyproject.toml"], cwd=tree, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages that may be spoilt."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def rules() -> list[dict[str, list[str] | str]]:
    """The contracts as they stand in pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as text:
        contracts: list[dict[str, list[str] | str]] = tomllib.load(text)["tool"]["importlinter"]["contracts"]
    return contracts


BREACHES = [
    ("agent/core/planted.py", "import sqlite3", "The core decides; it never does"),
    ("agent/core/planted.py", "import wire.mqtt_planted", "The core decides; it never does"),
    ("drivers/planted.py", "import wire.messages", "Drivers stand alone"),
    ("hq_bridge/planted.py", "import agent.core", "The store and HQ meet only in wire"),
    ("wire/planted.py", "import agent.core", "The store and HQ meet only in wire"),
    ("hq_bridge/planted.py", "import drivers.port", "HQ knows no devices"),
    ("agent/planted.py", "import simulators", "The product needs neither the simulated shop nor its peers"),
    ("drivers/planted.py", "import sllurp", "The product needs neither the simulated shop nor its peers"),
    ("simulators/planted.py", "import agent.core", "Simulators do not borrow the rules they judge"),
    ("agent/planted.py", "import drivers.llrp", "The agent never names a concrete driver"),
    ("agent/store/planted.py", "import agent.web", "Inside the agent, calls go one way, and only the top wires things"),
]


@pytest.mark.parametrize(("where", "line", "rule"), BREACHES)
def test_a_breach_is_reported_by_its_rule(tree: Path, where: str, line: str, rule: str) -> None:
    (tree / "wire" / "mqtt_planted.py").write_text("import asyncio\n", encoding="utf-8")
    (tree / where).write_text(f"{line}\n", encoding="utf-8")
    verdict = lint(tree)
    assert verdict.returncode == 1, verdict.stdout
    assert f"{rule} BROKEN" in verdict.stdout


def test_every_rule_has_been_broken_on_purpose() -> None:
    assert {rule for _, _, rule in BREACHES} == {contract["name"] for contract in rules()}


def test_every_driver_is_forbidden_to_the_agent_by_name() -> None:
    drivers = {f"drivers.{folder.parent.name}" for folder in (ROOT / "drivers").glob("*/__init__.py")}
    (rule,) = (rule for rule in rules() if rule["name"] == "The agent never names a concrete driver")
    assert set(rule["forbidden_modules"]) == drivers
