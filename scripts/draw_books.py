"""Draws what docs/books.md shows of the code: nothing between `<!-- drawn: NAME -->` and `<!-- end -->` is by hand."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from agent.core import invariants, life, outcomes, places  # noqa: E402 - found by the line above, also where nothing is installed
from agent.core.life import Life  # noqa: E402

PAGE = ROOT / "docs" / "books.md"

#: What each account holds, in English and Chinese. A place that is missing here stops the drawing.
WORDS = {
    places.FLOOR: ("units on the sales floor", "卖场"),
    places.BACKROOM: ("units in the backroom", "后仓"),
    places.QUARANTINE: ("damaged or expired units, not for sale", "隔离区"),
    places.DISPLAY: ("units on show", "陈列样品"),
    places.SUSPECT: ("units that were not found where they belong", "存疑"),
    places.TOTE: ("units pulled for orders, one place for each tote", "拣货箱"),
    places.STAGED: ("packed units that wait for customer or courier, one place for each slot", "待交付货位"),
    places.SUPPLIER: ("where deliveries come from", "供应商"),
    places.CUSTOMER: ("where sales go", "顾客"),
    places.SHRINK: ("units a count did not find", "盘亏"),
    places.WASTE: ("units thrown away", "报损"),
    places.FOUND: ("units a count found too many", "盘盈"),
    places.UNATTRIBUTED_OUT: (
        "tagged units sold without a tag read: which ones left is not known yet",
        "未归属售出",
    ),
    places.FREE: ("nobody has a claim; below zero by what is spoken for", "可用"),
    places.GRANT: ("rights given to a channel or to HQ, one account for each holder", "渠道配额"),
    places.HOLD: ("held for somebody for a while, one account for each hold", "预留"),
    places.COMMIT: ("promised to an order's line", "已承诺"),
    places.PULLED: ("promised to an order's line and pulled: in a tote or a slot", "已拣出"),
    places.CONSUMED: ("claims that were used", "已履行"),
}
INSIDE = (*sorted(places.INSIDE), places.TOTE, places.STAGED)
OUTSIDE = tuple(sorted(places.OUTSIDE))
CLAIMS = (places.FREE, places.GRANT, places.HOLD, places.COMMIT, places.PULLED, places.CONSUMED)

CLAIM_WORDS = {
    "bind": "bound to the pulled units",
    "void": "void",
    "hold_another": "void; another unit is held",
    "replace": "void; a new one on the substitute",
    "part": "used in part, the rest returns",
    "consume": "consumed",
    "breach": "stays open, cannot be kept",
    "none": "–",
}
ATP_WORDS = {
    "same": "same",
    "falls": "falls",
    "rises": "rises",
    "rises_later": "rises after the put-back scan",
    "both": "falls; the substitute's too",
    "zero": "0",
}


def named(account: str) -> str:
    """An account as it is written: a family of them with what follows the colon."""
    return f"`{account}…`" if account.endswith(":") else f"`{account}`"


def accounts(names: tuple[str, ...]) -> str:
    rows = [f"| {named(name)} | {WORDS[name][0]} | {WORDS[name][1]} |" for name in names]
    return "\n".join(["| account | holds | 中文 |", "|---|---|---|", *rows])


def diagram(one: Life[Any, Any]) -> str:
    """A life as a mermaid diagram."""
    arrows = [f"    [*] --> {state}" for state in one.begins]
    arrows += [f"    {origin} --> {target}: {event}" for (origin, event), target in one.moves.items()]
    arrows += [f"    {state} --> [*]" for state in one.states() if state in one.ends]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def effects() -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {physical(one)} | {CLAIM_WORDS[one.claim]} | {ATP_WORDS[one.atp]}"
        f" | {', '.join(f'`{case}`' for case in one.cases) or '–'} |"
        for name, one in outcomes.OUTCOMES.items()
    ]
    return "\n".join(["| outcome | units | claim | ATP now | case |", "|---|---|---|---|---|", *rows])


def what_holds() -> str:
    rows = [
        f"| {number} | {one.says} | `{one.test}` | {one.watched} |"
        for number, one in enumerate(invariants.INVARIANTS, 1)
    ]
    return "\n".join(["| | what always holds | its test | checked while running |", "|---|---|---|---|", *rows])


def physical(one: outcomes.Outcome) -> str:
    moves = [
        ("", one.now),
        ("substitute: ", one.of_substitute),
        ("after a put-back scan ", one.then),
        ("or, too long out of the cold, ", one.spoiled),
    ]
    said = [f"{word}{move[0].rstrip(':')} → {move[1].rstrip(':')}" for word, move in moves if move]
    return ", ".join(said) or "–"


DRAWN: dict[str, Callable[[], str]] = {
    "inside": lambda: accounts(INSIDE),
    "outside": lambda: accounts(OUTSIDE),
    "claims": lambda: accounts(CLAIMS),
    "hold": lambda: diagram(life.HOLD),
    "order": lambda: diagram(life.ORDER),
    "pick line": lambda: diagram(life.PICK_LINE),
    "count": lambda: diagram(life.COUNT),
    "EPC": lambda: diagram(life.EPC),
    "task": lambda: diagram(life.TASK),
    "case": lambda: diagram(life.CASE),
    "outcomes": effects,
    "invariants": what_holds,
}


def drawn(text: str) -> str:
    """The page with every drawn part as the code has it now. Raises KeyError when a part has no drawing or no place."""
    places_left = dict(DRAWN)

    def part(found: re.Match[str]) -> str:
        return f"<!-- drawn: {found[1]} -->\n{places_left.pop(found[1])()}\n<!-- end -->"

    page = re.sub(r"<!-- drawn: ([^>]+) -->\n(?:.*\n)*?<!-- end -->", part, text)
    if places_left:
        raise KeyError(f"the page has no place for {', '.join(places_left)}")
    return page


def main(arguments: list[str]) -> int:
    before = PAGE.read_text(encoding="utf-8")
    after = drawn(before)
    if before == after:
        return 0
    if "--check" in arguments:
        print(f"{PAGE.relative_to(ROOT)} is not what the code says: run scripts/draw-books", file=sys.stderr)
        return 1
    PAGE.write_text(after, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is drawn anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
