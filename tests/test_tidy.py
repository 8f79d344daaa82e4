"""Style is a test: sizes, names, calls with what to use instead. Limits go down, never up."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500

SAYS_NOTHING = {"utils", "util", "manager", "helper", "helpers", "base", "common", "service", "misc"}

#: Names of places, people's machines and registries that have no business in the repository. Written in two halves,
#: so that this file does not find itself.
NOT_OURS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".com",
    "deb." + "debian.org",
    "/wo" + "rk/",
    "/ro" + "ot/",
    "../sha" + "red",
    "index" + "-url",
]
#: Compiling the lock means saying that no address goes into it.
MAY_NAME_REGISTRIES = {"scripts/lock"}


class Ban(NamedTuple):
    """A call that is banned (matched on its dotted name, from the right), what to use, and where it is at home."""

    call: str
    instead: str
    home: tuple[str, ...] = ()


#: A driver's session is given its clocks by its driver.
CLOCKS = ("agent/clock.py", "hq_bridge/clock.py", "drivers/llrp/driver.py", "simulators/", "tests/", "scripts/")
CHANCE = ("simulators/", "tests/")
#: Whoever starts a task owns it: awaits it, cancels it, hears of its failure. TaskGroups need no entry here.
TASK_OWNERS = (
    "agent/devices.py",
    "agent/doctor.py",
    "agent/store/",
    "agent/web/",
    "hq_bridge/",
    "wire/mqtt.py",
    "drivers/",
    "simulators/",
    "tests/",
)
BANS = [
    Ban("time.time", "take `at=` or a Clock", CLOCKS),
    Ban("time.time_ns", "take `at=` or a Clock", CLOCKS),
    Ban("datetime.now", "take `at=` or a Clock", CLOCKS),
    Ban("datetime.utcnow", "take `at=` or a Clock"),
    Ban("date.today", "take `at=` or a Clock", CLOCKS),
    Ban("random.*", "take a seeded random.Random, or ids as a function", CHANCE),
    Ban("asyncio.create_task", "a TaskGroup's create_task, with a name", TASK_OWNERS),
    Ban("asyncio.ensure_future", "a TaskGroup's create_task, with a name", TASK_OWNERS),
    Ban("loop.create_task", "a TaskGroup's create_task, with a name", TASK_OWNERS),
    Ban("asyncio.get_event_loop", "asyncio.get_running_loop"),
    Ban("monkeypatch.setattr", "give the thing under test a fake of what it needs"),
    Ban("os.system", "subprocess.run with a list"),
]

PRINTERS = ("agent/cli.py", "hq_bridge/cli.py", "simulators/", "tests/", "scripts/")


@cache
def tracked() -> list[str]:
    """Every file git knows, and every new one it would take, that is still there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in sorted(set(listed.stdout.splitlines())) if (ROOT / name).is_file()]


def named(*endings: str) -> list[str]:
    """The tracked files with one of these endings."""
    return [name for name in tracked() if name.endswith(endings)]


@cache
def text_of(name: str) -> str:
    """A tracked file's text; bytes that are no UTF-8 are replaced."""
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@cache
def tree_of(name: str) -> ast.Module:
    """A tracked Python file, parsed."""
    return ast.parse(text_of(name), filename=name)


def dotted(call: ast.Call) -> str:
    """`a.b.c` of the call a.b.c(…); what comes before a call or an index is left out."""
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def calls(name: str) -> Iterator[tuple[int, str, ast.Call]]:
    """Line and dotted name of each call in a file."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node), node


def matches(call: str, banned: str) -> bool:
    """Is `call` the banned one, with or without something before it? `random.*` is any function of the module."""
    if banned.endswith(".*"):
        module, _, function = call.rpartition(".")
        return module == banned.removesuffix(".*") and function[:1].islower()
    return call == banned or call.endswith(f".{banned}")


def none_of(complaints: list[str]) -> None:
    """Fail with one complaint per line."""
    assert not complaints, "\n" + "\n".join(complaints)


def test_functions_fit_on_a_screen() -> None:
    none_of(
        [
            f"{name}:{node.lineno} {node.name} has {lines} lines, {FUNCTION_LINES_MAX} are allowed"
            for name in named(".py")
            for node in ast.walk(tree_of(name))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
        ]
    )


def test_files_can_be_read_in_one_sitting() -> None:
    none_of(
        [
            f"{name} has {lines} lines, {FILE_LINES_MAX} are allowed"
            for name in named(".py", ".js", ".css", ".html")
            if (lines := len(text_of(name).splitlines())) > FILE_LINES_MAX
        ]
    )


def test_the_core_never_waits() -> None:
    none_of(
        [
            f"{name}:{node.lineno} the core decides and never waits: move this to the shell"
            for name in named(".py")
            if name.startswith("agent/core/")
            for node in ast.walk(tree_of(name))
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        ]
    )


def test_names_say_something() -> None:
    none_of(
        [
            f"{name}: `{part}` says nothing; name what it holds"
            for name in tracked()
            for part in Path(name).with_suffix("").parts
            if part.removeprefix("_") in SAYS_NOTHING or set(part.split("_")) & (SAYS_NOTHING - {"base"})
        ]
    )


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.call)
def test_banned_calls_have_a_replacement(ban: Ban) -> None:
    none_of(
        [
            f"{name}:{line} {call}: use instead: {ban.instead}"
            for name in named(".py")
            if not name.startswith(ban.home)
            for line, call, _ in calls(name)
            if matches(call, ban.call)
        ]
    )


def test_only_command_lines_print() -> None:
    none_of(
        [
            f"{name}:{line} print: log a fact instead"
            for name in named(".py")
            if not name.startswith(PRINTERS)
            for line, call, _ in calls(name)
            if call == "print"
        ]
    )


def test_nothing_is_mocked() -> None:
    mocks = re.compile(r"unittest\.mock|import mock|pytest_mock|\bmocker\b")
    none_of(
        [
            f"{name}: a fake of ours, or the real thing, instead of a mock"
            for name in named(".py")
            if name != "tests/test_tidy.py" and mocks.search(text_of(name))
        ]
    )


def test_no_test_sleeps() -> None:
    """Sleeping for a time written down is a guess; `until` waits for the fact. Giving way with sleep(0) is no guess."""
    none_of(
        [
            f"{name}:{line} {call}: wait for the fact: tests/waiting.py"
            for name in named(".py")
            if name.startswith("tests/")
            for line, call, node in calls(name)
            if call in {"time.sleep", "asyncio.sleep", "sleep"}
            if any(isinstance(argument, ast.Constant) and argument.value != 0 for argument in node.args)
        ]
    )


def test_no_error_is_swallowed() -> None:
    none_of(
        [
            f"{name}:{node.lineno} catches everything and does nothing: name the error, or let it go up"
            for name in named(".py")
            for node in ast.walk(tree_of(name))
            if isinstance(node, ast.ExceptHandler)
            if node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            if all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
        ]
    )


def test_nothing_names_a_machine_or_a_registry() -> None:
    none_of(
        [
            f"{name}: names {word}"
            for name in tracked()
            if name not in MAY_NAME_REGISTRIES
            for word in NOT_OURS
            if word in text_of(name)
        ]
    )


def test_every_script_runs_and_says_what_it_is() -> None:
    """A script is executable, names its interpreter, explains itself in line two and stops at errors."""
    scripts = [name for name in tracked() if name.startswith(("scripts/", ".ci/")) and not name.endswith(".py")]
    assert scripts
    for name in scripts:
        first, second, *rest = text_of(name).splitlines()
        assert (ROOT / name).stat().st_mode & 0o111, f"{name} is not executable"
        assert first == "#!/usr/bin/env bash", f"{name} begins with {first}"
        assert second.startswith("# "), f"{name} does not say what it is"
        assert "set -eu" in rest, f"{name} does not stop at errors"


def test_the_rules_above_can_fail() -> None:
    """The two matchers, on what they must and must not find."""
    assert matches("time.time", "time.time")
    assert matches("datetime.datetime.now", "datetime.now")
    assert matches("random.choice", "random.*")
    assert not matches("random.Random", "random.*")
    assert not matches("self.random.choice", "random.*")
    assert not matches("clock.now", "datetime.now")
    assert [call for _, call, _ in calls("tests/waiting.py") if call == "asyncio.sleep"]
