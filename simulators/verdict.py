"""Do the truth of the simulated shop, the store's books and HQ agree? And how long did HQ take to know?"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
from rich.console import Console
from rich.table import Column, Table

from simulators.branch import Branch
from simulators.fates import Contradiction, RushFigures, together
from simulators.people import KINDS
from simulators.picking import SUSPECT
from simulators.rush import Rush
from simulators.shop import BACKROOM, FLOOR

Places = Mapping[str, int]
Stock = Mapping[str, Places]
_CLAIMS = ("FREE", "CONSUMED", "GRANT:", "HOLD:", "COMMIT:", "PULLED:")

_LOOK_EVERY_S = 0.25
_LOG_PAGE = 1000
_LOG_ROWS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A SKU of which not all three say the same, by place."""

    sku: str
    truth: Places
    books: Places
    hq: Places


@dataclass(frozen=True, slots=True)
class StoreVerdict:
    """How one store came out."""

    store: str
    compared: int
    differing: tuple[Difference, ...]
    happened: Mapping[str, int]
    rush: RushFigures | None = None
    contradictions: tuple[Contradiction, ...] = ()
    handed_twice: tuple[int, ...] = ()
    left_open: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Kinds of events that never happened, so that nothing is known about them."""
        return [kind for kind in KINDS if not self.happened.get(kind)]

    @property
    def agrees(self) -> bool:
        return self.compared > 0 and not (self.differing or self.contradictions or self.handed_twice or self.left_open)

    @property
    def good(self) -> bool:
        return self.agrees and not self.missing


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds until HQ had committed: from the agent's commit, and from the shop's own doing."""

    from_commit_ms: Sequence[int]
    from_event_ms: Sequence[int]


def differences(truth: Stock, books: Stock, hq: Stock) -> tuple[Difference, ...]:
    """Every SKU that is not in the same places, in the same numbers, in all three."""
    return tuple(
        Difference(sku, *found)
        for sku in sorted({*truth, *books, *hq})
        if not (found := _in_doubt(*(stock.get(sku, {}) for stock in (truth, books, hq))))[0] == found[1] == found[2]
    )


def _in_doubt(*all_three: Places) -> list[dict[str, int]]:
    """What a picker did not find is in doubt until somebody counts: then it is only known that it is in the store."""
    if not any(places.get(SUSPECT) for places in all_three):
        return [dict(places) for places in all_three]
    return [_folded(places) for places in all_three]


def _folded(places: Places) -> dict[str, int]:
    folded: Counter[str] = Counter()
    for place, qty in places.items():
        folded[FLOOR if place in (BACKROOM, SUSPECT) else place] += qty
    return {place: qty for place, qty in folded.items() if qty}


def percentile(values: Iterable[int], percent: float) -> int | None:
    """By nearest rank; None of nothing."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)] if ranked else None


async def judge(
    branches: Sequence[Branch], hq_web: str, within_s: float, quiet_s: float, rushes: Sequence[Rush] = ()
) -> list[StoreVerdict]:
    """Look until all agree, or nothing has changed for `quiet_s`, or the deadline has passed; what was seen last."""
    now = asyncio.get_running_loop().time
    deadline, changed_at, before = now() + within_s, now(), None
    async with httpx.AsyncClient(base_url=hq_web, trust_env=False) as hq:
        while True:
            verdicts = [await _judge_store(branch, hq) for branch in branches]
            for nth, rush in enumerate(rushes):
                verdicts[nth] = await _with_orders(verdicts[nth], rush)
            if verdicts != before:
                before, changed_at = verdicts, now()
            agreed = all(verdict.agrees for verdict in verdicts)
            if agreed or now() > min(deadline, changed_at + quiet_s):
                return verdicts
            await asyncio.sleep(_LOOK_EVERY_S)


async def _with_orders(verdict: StoreVerdict, rush: Rush) -> StoreVerdict:
    """With what became of the rush's orders."""
    found, twice = await rush.contradictions(), tuple(rush.handed_twice())
    return replace(verdict, rush=rush.figures(), contradictions=found, handed_twice=twice, left_open=rush.left_open())


async def _judge_store(branch: Branch, hq: httpx.AsyncClient) -> StoreVerdict:
    books = stock_of(await branch.till.look("/v1/stock"))
    answer = await hq.get(f"/v1/stores/{branch.store}/stock")
    known = stock_of(answer.json()) if answer.status_code == httpx.codes.OK else {}
    compared = len({product.sku for product in branch.shop.products} | books.keys() | known.keys())
    return StoreVerdict(branch.store, compared, differences(branch.shop.truth(), books, known), dict(branch.happened))


def stock_of(page: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """SKU → place → units, as `/v1/stock` of a store or of HQ tells it; SKUs that are nowhere are left out.

    What is spoken for is no place: nobody moves by being promised.
    """
    stock = {
        item["sku"]: {place: qty for place, qty in item["places"].items() if not place.startswith(_CLAIMS)}
        for item in page["skus"]
    }
    return {sku: places for sku, places in stock.items() if places}


async def latency(branches: Sequence[Branch], hq_web: str) -> Latency:
    """Read off HQ's log of each store, and off the stores' own journals."""
    from_commit: list[int] = []
    from_event: list[int] = []
    async with httpx.AsyncClient(base_url=hq_web, trust_env=False) as hq:
        for branch in branches:
            happened_at = {event.source: event.at for event in branch.journal if event.source}
            for row in await hq_log(hq, branch.store):
                from_commit.append(row["landed_at"] - row["at"])
                if (at := happened_at.get(row.get("source", ""))) is not None:
                    from_event.append(row["landed_at"] - at)
    return Latency(from_commit, from_event)


async def hq_log(hq: httpx.AsyncClient, store: str) -> list[dict[str, Any]]:
    """The rows HQ has of a store, the newest 50,000 at most."""
    stock = (await hq.get(f"/v1/stores/{store}/stock")).raise_for_status().json()
    after = max(0, stock["seq"] - _LOG_ROWS_MAX)
    rows: list[dict[str, Any]] = []
    while True:
        url = f"/v1/stores/{store}/log?after={after}&limit={_LOG_PAGE}"
        page: list[dict[str, Any]] = (await hq.get(url)).raise_for_status().json()["rows"]
        if not page:
            return rows
        rows += page
        after = page[-1]["seq"]


def show(console: Console, verdicts: Sequence[StoreVerdict], took: Latency) -> None:
    """Print the verdict, plain enough for a log."""
    for verdict in verdicts:
        _show_store(console, verdict)
    events = sum(verdict.happened.get(kind, 0) for verdict in verdicts for kind in KINDS)
    console.print(f"events: {events}")
    for name, values in (("commit", took.from_commit_ms), ("event", took.from_event_ms)):
        p50, p99 = percentile(values, 50), percentile(values, 99)
        console.print(f"latency {name} to HQ: p50 {p50} ms, p99 {p99} ms ({len(values)} rows)")
    rushes = [verdict.rush for verdict in verdicts if verdict.rush is not None]
    if rushes:
        console.print(str(together(rushes)))
        _show_orders(console, verdicts)
    console.print(f"verdict: {conclusion(verdicts)}")


def _show_orders(console: Console, verdicts: Sequence[StoreVerdict]) -> None:
    """The orders of each store, and of their lines how many lacked something or came as something else."""
    found = {verdict.store: verdict.rush for verdict in verdicts if verdict.rush is not None}
    columns = [(store, rush.counts()) for store, rush in found.items()]
    if len(columns) > 1:
        columns.append(("all", together(list(found.values())).counts()))
    table = Table(
        "orders", *(Column(store, justify="right") for store, _ in columns), title="What became of the orders"
    )
    for name in columns[0][1]:
        label = name if name not in ("short", "substituted") else f"  {name}"
        table.add_row("their lines" if name == "lines" else label, *(str(counts[name]) for _, counts in columns))
    console.print(table)


def conclusion(verdicts: Sequence[StoreVerdict]) -> str:
    """One line: all agree, they do not, or too little has happened to know."""
    good = sum(verdict.good for verdict in verdicts)
    if good == len(verdicts):
        return f"all agree ({good} of {len(verdicts)} stores)"
    if not all(verdict.agrees for verdict in verdicts):
        return f"FAILED ({good} of {len(verdicts)} stores)"
    unseen = {kind: [verdict.store for verdict in verdicts if kind in verdict.missing] for kind in KINDS}
    lacking = "; ".join(f"no {kind} at {', '.join(stores)}" for kind, stores in unseen.items() if stores)
    return f"too short to say: {lacking}; SECONDS=10 or more"


def _show_store(console: Console, verdict: StoreVerdict) -> None:
    equal = verdict.compared - len(verdict.differing)
    orders = len(verdict.rush.served) if verdict.rush is not None else 0
    console.print(
        f"{verdict.store}: {verdict.compared} SKUs compared, {equal} equal, {len(verdict.differing)} differing; "
        f"{orders} orders compared, {len(verdict.contradictions)} differing"
    )
    console.print("  " + ", ".join(f"{count} × {kind}" for kind, count in sorted(verdict.happened.items())))
    for kind in verdict.missing:
        console.print(f"  NOTHING of this kind happened: {kind}")
    for contradiction in verdict.contradictions:
        console.print(f"  {contradiction}")
    for unit in verdict.handed_twice:
        console.print(f"  unit {unit} was handed over twice")
    for case in verdict.left_open:
        console.print(f"  nobody saw to the case {case}")
    if not verdict.differing:
        return
    table = Table("SKU", "place", "truth", "books", "HQ")
    for difference in verdict.differing:
        for place in sorted({*difference.truth, *difference.books, *difference.hq}):
            numbers = [places.get(place, 0) for places in (difference.truth, difference.books, difference.hq)]
            table.add_row(difference.sku, place, *map(str, numbers))
    console.print(table)
