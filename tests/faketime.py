"""A wrong clock for one program: libfaketime tells it what a file says, at once when the file changes.

Only the wall clock is wrong: the clock that merely runs is the kernel's, and right, as on a machine whose battery died.
"""

import os
from collections.abc import Mapping
from pathlib import Path

FAKETIME = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime" / "libfaketimeMT.so.1"
MISSING = f"{FAKETIME} is missing: apt-get install faketime"


def set_clock(file: Path, to: str) -> None:
    """As libfaketime has it: `+0`, `+2h`, `-1d`, `@1970-01-01 00:00:10` (runs on), `2026-01-01 12:00:00` (frozen)."""
    fresh = file.with_suffix(".new")
    fresh.write_text(to + "\n")
    fresh.rename(file)


def told_by(file: Path) -> Mapping[str, str]:
    """The environment of a program whose clock is what `file` says."""
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
