"""The live table can be read on the narrowest terminal people have."""

import io
from pathlib import Path

from rich.console import Console

from simulators.branch import Branch
from simulators.live import _table


def test_the_table_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    branches = [Branch(number, tmp_path, "demo", "mqtt://127.0.0.1:1883", "5", 7) for number in (1, 9999)]
    known = {"cursor": 123456, "behind": 12345, "lag_p50_ms": 12345, "lag_p99_ms": 123456, "digest": "unknown"}
    printed = io.StringIO()
    Console(file=printed, width=80).print(_table(branches, {branch.store: known for branch in branches}))
    lines = printed.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for branch in branches:
        (row,) = (line for line in lines if branch.store in line)
        assert row.count("12345") == 4
        assert "unknown" in row
