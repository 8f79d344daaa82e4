"""What a simulated picker does with a handheld: claim, walk, scan, weigh, pack, stage, put back; what goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from simulators.branch import Branch
from simulators.careless import Act
from simulators.floor_plan import FloorPlan, Shelf, shelf_of
from simulators.goods import Product
from simulators.handheld import Handheld, Said
from simulators.pickers import Luck, Picker, luck
from simulators.shop import BACKROOM, FLOOR
from simulators.totes import STAGED, TOTE, Totes

QUARANTINE, SUSPECT, WASTE = "QUARANTINE", "SUSPECT", "WASTE"

#: The back room's door, from where its goods are fetched.
_BACK_DOOR = Shelf(1, "L", 0)
_BREATH_S = 10.0
#: So often a picker goes round for what was found missing before the lead takes the task from them.
_ROUNDS = 8
#: The customer has at most so many seconds of ours to answer.
_ANSWER_IN_S = 3
#: How often somebody who looks around finds what was put down elsewhere.
_FINDS = 0.5
#: What a slicer makes of the grams that are wanted, at its least and most.
_CUTS = (0.94, 1.06)


class PickerAtWork:
    """One picker; `wait` lets seconds of the shop pass. `packed` is told of each order that is in its bags. `consents`
    says what customers agreed to take instead: SKU by order and line. `acts` says what is done carelessly, by order.
    """

    def __init__(
        self,
        picker: Picker,
        handheld: Handheld,
        branch: Branch,
        totes: Totes,
        plan: FloorPlan,
        wait: Callable[[float], Awaitable[None]],
        packed: Callable[[str], None],
        consents: Mapping[tuple[str, int], str],
        seed: str,
        acts: Mapping[str, Act],
    ) -> None:
        self.metres = 0.0
        self._picker = picker
        self._handheld = handheld
        self._branch = branch
        self._shop = branch.shop
        self._totes = totes
        self._plan = plan
        self._wait = wait
        self._packed = packed
        self._consents = consents
        self._acts = acts
        self._rng = Random(f"{seed}/{picker.name}")
        self._asked: set[tuple[str, int]] = set()
        self._here = plan.table
        self._by_sku = {product.sku: product for product in self._shop.products}
        #: What the store said of the last report: was it entered, and what there is to know of it.
        self._entered, self._why = False, ""

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
            for stop in [stop for stop in task["stops"] if _left(task, stop) or _is_damaged(task, stop)]:
                task = await (self._fetch if _left(task, stop) else self._give_up)(task, stop)
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

    # At the shelf.

    async def _fetch(self, task: Mapping[str, Any], stop: Mapping[str, Any]) -> Mapping[str, Any]:
        """One line: as much as it wants, as long as some is found."""
        product = self._by_sku[stop["sku"]]
        await self._walk(shelf_of(stop["spot"]))
        act = self._acts.get(stop["order"])
        happens: Luck = luck(self._rng) if act is None else "found"
        await self._wait(self._picker.line_s(1 if product.unit == "gram" else _left(task, stop), happens))
        if happens == "wrong":
            other = self._rng.choice([one for one in self._shop.untagged if one is not product])
            task = await self._report(task, stop, "picked", other.gtin, FLOOR, expect="refused")
        if happens == "elsewhere":
            self._shop.mislay(product)
        if happens == "overlooked":
            return await self._miss(task, stop, FLOOR)
        if product.unit == "gram":
            return await self._weigh(task, stop, product)
        if product.tagged:
            return await self._fetch_tagged(task, stop, product)
        if happens == "damaged" and self._shop.reach(product, FLOOR):
            task = await self._set_aside(task, stop, product)
        if act == "as ordered":
            return await self._substitute(task, stop, self._shop.in_stock(FLOOR)[-1], given=product)
        return await self._fetch_units(task, stop, product, act)

    async def _fetch_units(
        self, task: Mapping[str, Any], stop: Mapping[str, Any], product: Product, act: Act | None
    ) -> Mapping[str, Any]:
        place = FLOOR
        for _ in range(_left(task, stop)):
            if act == "phantom":
                task = await self._report(task, stop, "picked", product.gtin, FLOOR)
                continue
            if place == FLOOR and not self._reach(product):
                if not stop["backroom"]:
                    return await self._miss(task, stop, FLOOR)
                await self._walk(_BACK_DOOR)
                place = BACKROOM
            if place == BACKROOM and not self._shop.reach(product, BACKROOM):
                return await self._miss(task, stop, BACKROOM)
            task = await self._report(task, stop, "picked", product.gtin, place)
            if not self._entered:  # nobody wants it any more
                self._shop.let_go(product, place)
                return task
            self._into_tote(stop, product, place, act)
        return task

    def _into_tote(self, stop: Mapping[str, Any], product: Product, place: str, act: Act | None) -> None:
        at = (stop["order"], stop["instead_of"] or stop["line"])
        if act == "wrong goods":
            self._shop.let_go(product, place)
            product = next(one for one in reversed(self._shop.in_stock(place)) if one is not product)
            self._shop.reach(product, place)
        self._totes.fill(*at, product, place, stop["tote"])
        if act == "one too many" and self._shop.reach(product, place):
            self._totes.fill(*at, product, place, stop["tote"])

    def _reach(self, product: Product) -> bool:
        """Take a unit off its shelf; or from where somebody put it down, for whoever happens to see it."""
        if self._shop.reach(product, FLOOR):
            return True
        return self._rng.random() < _FINDS and self._shop.find(product) and self._shop.reach(product, FLOOR)

    async def _weigh(self, task: Mapping[str, Any], stop: Mapping[str, Any], product: Product) -> Mapping[str, Any]:
        """Cut about as much as is wanted; when the store wants none of more than that, cut it again."""
        wanted, act = _left(task, stop), self._acts.get(stop["order"])
        for grams in (round(wanted * self._rng.uniform(*_CUTS)), wanted):
            if not self._shop.reach(product, FLOOR, grams):
                return await self._miss(task, stop, FLOOR)
            said = grams + (10 if act == "light" else 0)
            task = await self._report(
                task, stop, "weighed", product.gtin, FLOOR, qty=min(said, wanted) if act else said
            )
            if self._entered and not _left(task, stop):
                on_scale = grams if act is None else min(said, wanted) - 10
                self._shop.let_go(product, FLOOR, grams - on_scale)
                at = (stop["order"], stop["line"])
                self._totes.fill(*at, product, FLOOR, stop["tote"], qty=on_scale)
                return task
            self._shop.let_go(product, FLOOR, grams)
            if not self._entered:
                return task
        return task

    async def _fetch_tagged(
        self, task: Mapping[str, Any], stop: Mapping[str, Any], product: Product
    ) -> Mapping[str, Any]:
        """Each unit by its tag, which leaves the readers' field with it."""
        for _ in range(_left(task, stop)):
            place = FLOOR
            unit = self._branch.pick_up(product, FLOOR)
            if unit is None and stop["backroom"]:
                await self._walk(_BACK_DOOR)
                place, unit = BACKROOM, self._branch.pick_up(product, BACKROOM)
            if unit is None:
                return await self._miss(task, stop, place)
            task = await self._report(task, stop, "picked", unit.epc.hex(), place)
            if not self._entered:
                self._branch.put_down(unit, place, place)
                return task
            self._totes.fill(stop["order"], stop["line"], product, place, stop["tote"], unit=unit)
        return task

    async def _give_up(self, task: Mapping[str, Any], stop: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was taken was damaged, and the books have no other to hold."""
        return await self._miss(task, stop, FLOOR)

    async def _miss(self, task: Mapping[str, Any], stop: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        """It is not there: something else goes in if the customer said so; or is asked, once; else it is short."""
        line, instead = (stop["order"], stop["line"]), None
        if self._by_sku[stop["sku"]].unit == "each" and not stop["instead_of"]:
            if line in self._consents:
                instead = self._by_sku[self._consents[line]]
            elif stop["unavailable"] == "substitute":
                instead = next(iter(await self._candidates(stop)), None)
            elif stop["unavailable"] == "ask" and line not in self._asked:
                self._asked.add(line)
                candidates = [one.sku for one in await self._candidates(stop)]
                question = {"order": stop["order"], "line": stop["line"], "candidates": candidates}
                body = {"token": task["token"], **question, "within_s": _ANSWER_IN_S}
                said = await self._handheld.post("/v1/pick/ask", body)
                if said.ok:
                    return said.body
        if instead is not None:
            return await self._substitute(task, stop, instead)
        return await self._report(task, stop, "short", "", place)

    async def _candidates(self, stop: Mapping[str, Any]) -> list[Product]:
        """What the store would offer instead, and is on its shelf."""
        said = await self._handheld.get(f"/v1/pick/substitutes?order={stop['order']}&line={stop['line']}")
        offered = [self._by_sku[one["sku"]] for one in said.body["candidates"]] if said.ok else []
        return [one for one in offered if one in self._shop.untagged and self._shop.lying(one, FLOOR)][:2]

    async def _substitute(
        self, task: Mapping[str, Any], stop: Mapping[str, Any], other: Product, given: Product | None = None
    ) -> Mapping[str, Any]:
        """The customer takes something else; what of it is there. `given`: what really goes into the tote."""
        taken = given or other
        await self._walk(shelf_of(other.spot))
        units = sum(self._shop.reach(taken, FLOOR) for _ in range(_left(task, stop)))
        if not units:
            return await self._report(task, stop, "short", "", FLOOR)
        task = await self._report(task, stop, "substituted", other.gtin, FLOOR, qty=units, substitute=other.sku)
        entered = self._entered
        for _ in range(units):
            if entered:
                self._totes.fill(stop["order"], stop["line"], taken, FLOOR, stop["tote"])
            else:
                self._shop.let_go(taken, FLOOR)
        return task if entered else await self._report(task, stop, "short", "", FLOOR)

    async def _set_aside(self, task: Mapping[str, Any], stop: Mapping[str, Any], product: Product) -> Mapping[str, Any]:
        """The unit in hand is broken."""
        task = await self._report(task, stop, "damaged", product.gtin, FLOOR)
        self._shop.let_go(product, FLOOR)
        if self._entered:
            self._shop.move(product, FLOOR, QUARANTINE)
        return task

    # What is said.

    async def _report(
        self,
        task: Mapping[str, Any],
        stop: Mapping[str, Any],
        outcome: str,
        scanned: str,
        place: str,
        *,
        qty: int = 1,
        substitute: str = "",
        expect: str = "",
    ) -> Mapping[str, Any]:
        """Tell the store; whether it was entered is in `_entered`. Returns the task as it is then."""
        report: dict[str, Any] = {"outcome": outcome, "order": stop["order"], "line": stop["line"], "place": place}
        if scanned:
            report |= {"qty": qty, "tote": stop["tote"], "scan": {"text": scanned}}
        if substitute:
            report["substitute"] = substitute
        return self._told(task, await self._handheld.report(task, [report]), expect)

    def _told(self, task: Mapping[str, Any], said: Said, expect: str = "") -> Mapping[str, Any]:
        if "results" not in said.body:
            raise AssertionError(f"the store does not take a report: {said.status} {said.body}")
        (result,) = said.body["results"]
        if expect and result["outcome"] != expect:
            raise AssertionError(f"{result} and should be {expect}")
        self._entered, self._why = result["outcome"] == "entered", result.get("why", "")
        now: Mapping[str, Any] = said.body.get("task") or task
        return now

    # At the table.

    async def _finish(self, task: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Pack and stage the order, if it has come so far: chilled goods in a bag of their own."""
        stops = [stop for stop in task["stops"] if stop["order"] == name]
        if _next(task, name) == "pack":
            await self._wait(self._picker.pack_order_s(len(stops)))
            kinds = sorted({stop["temperature"] for stop in stops}) or ["ambient"]
            bags = [{"k": k, "n": len(kinds), "temperature": kind} for k, kind in enumerate(kinds, 1)]
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
        """Everything nobody wants goes back to its shelf, or away when it was out of the cold for too long."""
        for stop in task["stops"]:
            product, order = self._by_sku[stop["sku"]], stop["order"]
            await self._walk(shelf_of(stop["spot"]))
            at = {"tote": stop["tote"]} if stop["tote"] else {"slot": stop["slot"]}
            place = TOTE + stop["tote"] if stop["tote"] else STAGED + stop["slot"]
            report = {"outcome": "put_back", "order": order, "line": stop["line"], "place": FLOOR, **at}
            for piece in self._totes.pieces(order, stop["instead_of"] or stop["line"], place):
                if piece.product is not product:
                    continue
                await self._wait(self._picker.scan_s)
                code = product.gtin if piece.unit is None else piece.unit.epc.hex()
                scan = {"qty": piece.qty, "scan": {"text": code}}
                task = self._told(task, await self._handheld.report(task, [report | scan]))
                if not self._entered or self._acts.get(order) == "kept":
                    continue
                target = WASTE if stop["waste"] or "throw it away" in self._why else FLOOR
                self._totes.take_back(order, piece, target)
                if piece.unit is not None:
                    self._branch.put_down(piece.unit, FLOOR, FLOOR)
        await self._walk(self._plan.table)

    async def _walk(self, there: Shelf) -> None:
        metres = self._plan.metres(self._here, there)
        self.metres, self._here = self.metres + metres, there
        await self._wait(metres / self._picker.walk_m_s)


_TO_DO: Sequence[str] = ("todo", "damaged", "wrong_place", "weight_out_of_range")


def _left(task: Mapping[str, Any], stop: Mapping[str, Any]) -> int:
    """How many units or grams of a stop are to be fetched; what the customer gave up is not."""
    now = next((one for one in task["stops"] if one["stop"] == stop["stop"]), stop)
    if now["state"] not in _TO_DO:
        return 0
    order = next((order for order in task["orders"] if order["order"] == stop["order"]), None)
    lines = order["lines"] if order is not None else ()
    return next((line["open"] for line in lines if line["line"] == stop["line"]), 0)


def _is_damaged(task: Mapping[str, Any], stop: Mapping[str, Any]) -> bool:
    return any(one["stop"] == stop["stop"] and one["state"] == "damaged" for one in task["stops"])


def _next(task: Mapping[str, Any], name: str) -> str:
    return next((order["next"] for order in task["orders"] if order["order"] == name), "nothing")
