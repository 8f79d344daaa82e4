"""The recordings of real readers, as (message name, payload, what it says)."""

import json
from pathlib import Path
from typing import Any, NamedTuple

RECORDINGS = Path(__file__).parent / "recordings"


class Recording(NamedTuple):
    name: str
    message: str
    payload: bytes
    says: dict[str, Any]


def recordings(message: str = "") -> list[Recording]:
    """All of them, or those of one message; never none."""
    found = [
        Recording(
            file.stem, file.stem.split("-")[0], file.read_bytes(), json.loads(file.with_suffix(".json").read_text())
        )
        for file in sorted(RECORDINGS.glob("*.bytes"))
    ]
    wanted = [one for one in found if one.message == message or not message]
    assert wanted, f"no recordings of {message or 'anything'} in {RECORDINGS}"
    return wanted
