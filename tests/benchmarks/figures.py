"""One figure of the benchmark, and how it is printed and kept."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict


class Figure(TypedDict):
    """`value` in `unit`; `ratio` to `peer`, where there is one: ours divided by theirs."""

    name: str
    value: float
    unit: str
    peer: str
    ratio: float | None


def figure(name: str, value: float, unit: str, peer: str = "", ratio: float | None = None) -> Figure:
    return {"name": name, "value": value, "unit": unit, "peer": peer, "ratio": ratio}


def line(one: Figure) -> str:
    """`name value unit peer ratio`, a dash for what there is not."""
    ratio = "-" if one["ratio"] is None else one["ratio"]
    return f"{one['name']} {one['value']} {one['unit']} {one['peer'] or '-'} {ratio}"


def keep(figures: Iterable[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(figures), indent=1) + "\n", encoding="utf-8")


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent * 10) // 1000) - 1)]
