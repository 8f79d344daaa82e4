"""What a person types at the top of the tree does what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SUITE = '<testsuites><testsuite tests="{tests}" failures="{failures}" errors="0" skipped="1" time="1.5"/></testsuites>'


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command at the top of the tree."""
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("asked", "run_as"),
    [
        ([], "scripts/demo"),
        (["SECONDS=30"], "scripts/demo --seconds 30"),
        (["SECONDS=30", "HEADLESS=1"], "scripts/demo --seconds 30 --headless"),
        (["HEADLESS=0"], "scripts/demo"),
    ],
)
def test_make_hands_its_variables_to_the_demo(asked: list[str], run_as: str) -> None:
    assert run("make", "--no-print-directory", "--dry-run", "demo", *asked).stdout.split() == run_as.split()


def test_a_python_that_does_not_run_is_named() -> None:
    refused = run("scripts/env", "run", PYTHON="/not/there/python3")
    assert refused.returncode == 1
    assert "PYTHON=/not/there/python3 does not run, or is older than 3.11" in refused.stderr


def test_an_environment_of_another_name_is_refused() -> None:
    refused = run("scripts/env", "prod")
    assert refused.returncode == 2
    assert "say run or dev" in refused.stderr


@pytest.mark.parametrize(
    ("suites", "line", "status"),
    [
        ([(5, 0), (3, 0)], " 6 passed, 2 skipped in 3.00s ", 0),
        ([(5, 1), (3, 0)], " 1 failed, 5 passed, 2 skipped in 3.00s ", 1),
        ([], " no tests ran in 0.00s ", 1),
    ],
)
def test_the_parts_of_a_test_run_are_added_up(
    tmp_path: Path, suites: list[tuple[int, int]], line: str, status: int
) -> None:
    for nth, (tests, failures) in enumerate(suites):
        (tmp_path / f"{nth}.xml").write_text(SUITE.format(tests=tests, failures=failures), encoding="utf-8")
    total = run(sys.executable, "scripts/test_total.py", *map(str, tmp_path.glob("*.xml")))
    assert total.stdout.strip() == line.center(80, "=")
    assert total.returncode == status
