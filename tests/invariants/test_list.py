"""None of the eleven can vanish: each has its test, in its order, and says where it is checked while running."""

import ast
import re
from pathlib import Path

from agent.core.invariants import INVARIANTS

ROOT = Path(__file__).parent.parent.parent


def test_there_are_eleven_and_each_has_its_test_in_order() -> None:
    tree = ast.parse((Path(__file__).parent / "test_invariants.py").read_text(encoding="utf-8"))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert defined == [one.test for one in INVARIANTS]
    assert [name.split("_")[1] for name in defined] == [str(number) for number in range(1, 12)]


def test_a_tests_name_is_what_its_invariant_says() -> None:
    for one in INVARIANTS:
        said = {*re.findall(r"[a-z0-9]+", one.says.lower()), "and", "are", "at", "most", "or"}
        assert [word for word in one.test.split("_")[2:] if word not in said] == []


def test_where_they_are_checked_while_running_is_there() -> None:
    for one in INVARIANTS:
        assert one.watched
        for file in re.findall(r"`([a-z_/]+\.py)`", one.watched):
            assert (ROOT / file).exists(), file
