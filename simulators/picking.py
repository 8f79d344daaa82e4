"""What a simulated picker does with a handheld: claim, walk, scan, pack, stage, put back; and what goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from simulators.floor_plan import FloorPlan, Shelf, shelf_of
from simulators.goods import Product
from simulators.handheld import Handheld, Said
from simulators.pickers import Picker, luck
from simulators.shop import BACKROOM, FLOOR, Shop
from simulators.totes import STAGED, TOTE, Totes

QUARANTINE, SUSPECT = "QUARANTINE", "SUSPECT"

#: The back room's door, from where its goods are fetched.
_BACK_DOOR = Shelf(1, "L", 0)
_BREATH_S = 10.0
#: So often a picker goes round for what was found missing before the lead takes the task from them.
_ROUNDS = 8
#: So many of the lines that are not there are asked about, for at most so many seconds of ours.
_ASKS, _ANSWER_IN_S = 0.6, 3


class PickerAtWork:
    """One picker; `wait` lets seconds of the shop pass. `packed` is told of each order that is in its bags. `consents`
    says what customers agreed to take instead: SKU by order and line.

    A `careless` one reports what they did not do: one unit of three is said to be in the tote and is not.
    """

    def __init__(
        self,
        picker: Picker,
        handheld: Handheld,
        shop: Shop,
        totes: Totes,
        plan: FloorPlan,
        wait: Callable[[float], Awaitable[None]],
        packed: Callable[[str], None],
        consents: Mapping[tuple[str, int], str],
        seed: str,
        *,
        careless: bool = False,
    ) -> None:
        self.metres = 0.0
        self._picker = picker
        self._handheld = handheld
        self._shop = shop
        self._totes = totes
        self._plan = plan
        self._wait = wait
        self._packed = packed
        self._consents = consents
        self._rng = Random(f"{seed}/{picker.name}")
        self._careless = careless
        self._units = 0
        self._asked: set[tuple[str, int]] = set()
        self._here = plan.table
        self._by_sku = {product.sku: product for product in shop.products}

    async def work(self, over: asyncio.Event) -> None:
        """Until `over`, one task after the other."""
        await self._handheld.sign_in()
        while not over.is_set():
            said = await self._handheld.post("/v1/pick/claim", {})
            if said.ok and said.body["kind"] == "pick":
                await self._pick(said.body)
            elif said.ok:
                await self._put_back(said.body)
            await self._wait(_BREATH_S)

    async def _pick(self, task: Mapping[str, Any]) -> None:
        for _ in range(_ROUNDS):
            for stop in [stop for stop in task["stops"] if _left(task, stop)]:
                task = await self._fetch(task, stop)
            await self._walk(self._plan.table)
            for order in task["orders"]:
                task = await self._finish(task, order["order"])
            if task["state"] == "done":
                return
            await self._wait(_BREATH_S)
            said = await self._handheld.post("/v1/pick/claim", {})  # who has a task is told what is left of it
            if not said.ok or said.body["id"] != task["id"]:
                return
            task = said.body
        await self._handheld.post(f"/v1/pick/tasks/{task['id']}/leave", {"token": task["token"]})

    async def _fetch(self, task: Mapping[str, Any], stop: Mapping[str, Any]) -> Mapping[str, Any]:
        """One line: as many units as it wants, as long as some are found."""
        product = self._by_sku[stop["sku"]]
        await self._walk(shelf_of(stop["spot"]))
        happens, place = luck(self._rng), FLOOR
        await self._wait(self._picker.line_s(stop["qty"] - stop["done"], happens))
        if happens == "wrong":
            other = self._rng.choice([one for one in self._shop.untagged if one is not product])
            task = await self._report(task, stop, "picked", other, FLOOR, expect="refused")
        if happens == "damaged" and self._shop.reach(product, FLOOR):
            task = await self._set_aside(task, stop, product)
        if happens == "elsewhere":  # a hand put it down on another shelf
            await self._walk(self._rng.choice(self._plan.shelves()))
        if happens == "overlooked":
            return await self._miss(task, stop, FLOOR)
        for _ in range(stop["qty"] - stop["done"]):
            self._units += 1
            if self._careless and self._units % 3 == 1:
                task = await self._report(task, stop, "picked", product, FLOOR)
                continue
            if place == FLOOR and not self._shop.reach(product, FLOOR):
                if stop["backroom"]:
                    await self._walk(_BACK_DOOR)
                    place = BACKROOM
                else:
                    return await self._miss(task, stop, FLOOR)
            if place == BACKROOM and not self._shop.reach(product, BACKROOM):
                return await self._miss(task, stop, BACKROOM)
            task = await self._report(task, stop, "picked", product, place)
            if self._entered:
                self._totes.fill(stop["order"], product, place, stop["tote"])
            else:  # nobody wants it any more
                self._shop.let_go(product, place)
                return task
        return task

    async def _miss(self, task: Mapping[str, Any], stop: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        """It is not there: now and then the customer is asked what to take instead, once; else it is short."""
        line = (stop["order"], stop["line"])
        if line in self._consents:
            return await self._substitute(task, stop)
        if line not in self._asked and self._rng.random() < _ASKS:
            self._asked.add(line)
            instead = [one.sku for one in self._shop.in_stock(FLOOR)][:2]
            question = {"order": stop["order"], "line": stop["line"], "candidates": instead, "within_s": _ANSWER_IN_S}
            said = await self._handheld.post("/v1/pick/ask", {"token": task["token"], **question})
            if said.ok:
                return said.body
        return await self._report(task, stop, "short", None, place)

    async def _substitute(self, task: Mapping[str, Any], stop: Mapping[str, Any]) -> Mapping[str, Any]:
        """The customer takes something else; what of it is there."""
        other = self._by_sku[self._consents[stop["order"], stop["line"]]]
        await self._walk(shelf_of(other.spot))
        units = sum(self._shop.reach(other, FLOOR) for _ in range(_left(task, stop)))
        if not units:
            return await self._report(task, stop, "short", None, FLOOR)
        task = await self._report(task, stop, "substituted", other, FLOOR, qty=units)
        for _ in range(units):
            if self._entered:
                self._totes.fill(stop["order"], other, FLOOR, stop["tote"])
            else:
                self._shop.let_go(other, FLOOR)
        return task

    async def _set_aside(self, task: Mapping[str, Any], stop: Mapping[str, Any], product: Product) -> Mapping[str, Any]:
        """The unit in hand is broken."""
        task = await self._report(task, stop, "damaged", product, FLOOR)
        self._shop.let_go(product, FLOOR)
        if self._entered:
            self._shop.move(product, FLOOR, QUARANTINE)
        return task

    async def _report(
        self,
        task: Mapping[str, Any],
        stop: Mapping[str, Any],
        outcome: str,
        scanned: Product | None,
        place: str,
        *,
        qty: int = 1,
        expect: str = "",
    ) -> Mapping[str, Any]:
        """Tell the store; whether it was entered is in `_entered`. Returns the task as it is then."""
        report: dict[str, Any] = {"outcome": outcome, "order": stop["order"], "line": stop["line"], "place": place}
        if scanned is not None:
            report |= {"qty": qty, "tote": stop["tote"], "scan": {"text": scanned.gtin}}
        if outcome == "substituted" and scanned is not None:
            report["substitute"] = scanned.sku
        return self._told(task, await self._handheld.report(task, [report]), expect)

    def _told(self, task: Mapping[str, Any], said: Said, expect: str = "") -> Mapping[str, Any]:
        if "results" not in said.body:
            raise AssertionError(f"the store does not take a report: {said.status} {said.body}")
        (result,) = said.body["results"]
        if expect and result["outcome"] != expect:
            raise AssertionError(f"{result} and should be {expect}")
        self._entered = result["outcome"] == "entered"
        now: Mapping[str, Any] = said.body.get("task") or task
        return now

    async def _finish(self, task: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Pack and stage the order, if it has come so far."""
        if _next(task, name) == "pack":
            lines = sum(stop["order"] == name for stop in task["stops"])
            await self._wait(self._picker.pack_order_s(lines))
            bags = [{"k": 1, "n": 1, "temperature": "ambient"}]
            body = {"token": task["token"], "order": name, "bags": bags}
            said = await self._handheld.post(f"/v1/pick/tasks/{task['id']}/pack", body)
            if said.ok:
                self._packed(name)
                task = said.body
        if _next(task, name) == "stage":
            for tote in [tote["tote"] for tote in task["totes"] if tote["order"] == name]:
                slot = f"S-{tote}"
                report = {"outcome": "staged", "order": name, "tote": tote, "slot": slot}
                task = self._told(task, await self._handheld.report(task, [report]))
                if self._entered:
                    self._totes.stage(name, tote, slot)
        return task

    async def _put_back(self, task: Mapping[str, Any]) -> None:
        """Everything nobody wants goes back to its shelf."""
        for stop in task["stops"]:
            product = self._by_sku[stop["sku"]]
            await self._walk(shelf_of(stop["spot"]))
            at = {"tote": stop["tote"]} if stop["tote"] else {"slot": stop["slot"]}
            report = {"outcome": "put_back", "order": stop["order"], "line": stop["line"], "place": FLOOR, **at}
            for _ in range(stop["qty"]):
                await self._wait(self._picker.scan_s)
                scan = {"qty": 1, "scan": {"text": product.gtin}}
                task = self._told(task, await self._handheld.report(task, [report | scan]))
                if self._entered:
                    place = TOTE + stop["tote"] if stop["tote"] else STAGED + stop["slot"]
                    self._totes.take_back(stop["order"], stop["sku"], place, FLOOR)
        await self._walk(self._plan.table)

    async def _walk(self, there: Shelf) -> None:
        metres = self._plan.metres(self._here, there)
        self.metres, self._here = self.metres + metres, there
        await self._wait(metres / self._picker.walk_m_s)


_TO_DO: Sequence[str] = ("todo", "damaged", "wrong_place")


def _left(task: Mapping[str, Any], stop: Mapping[str, Any]) -> int:
    """How many units of a stop are to be fetched; what the customer gave up is not."""
    if stop["state"] not in _TO_DO:
        return 0
    order = next((order for order in task["orders"] if order["order"] == stop["order"]), None)
    lines = order["lines"] if order is not None else ()
    return next((line["open"] for line in lines if line["line"] == stop["line"]), 0)


def _next(task: Mapping[str, Any], name: str) -> str:
    return next((order["next"] for order in task["orders"] if order["order"] == name), "nothing")
