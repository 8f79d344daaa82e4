"""A lunch rush at one store: customers who order at HQ, pickers with handhelds, couriers at the counter.

Sixty seconds of the shop pass in one of ours. After closing time nobody orders, everybody hurries, and the last one
goes home when every order is over.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simulators.branch import Branch
from simulators.careless import Act, errands
from simulators.customers import Errand, lunch
from simulators.fates import Contradiction, Fate, RushFigures, Served, contradictions, fate, told, twice
from simulators.goods import FLOOR_PLAN
from simulators.handheld import Badge, Handheld
from simulators.hq_desk import HqDesk
from simulators.pickers import hire
from simulators.picking import PickerAtWork
from simulators.store_disk import fates_on_disk, open_cases
from simulators.totes import Totes

#: Seconds of the shop in one of ours.
TIMES = 60.0
PICKERS = 2
_ORDERS_PER_S = 0.9
_PAY_WITHIN_S = 6
_LOOK_S = 6.0
_CONFLICT = 409
#: So many seconds of ours after closing the last order must be over.
_PATIENCE_S = 30.0
#: How many of the goods are nearly sold out, and how many sorts of clothes people order.
_SCARCE, _CLOTHES = 2, 3

STAFF = (
    *(Badge(f"picker-{nth}", "picker", f"BADGE-{nth:04}", f"{2580 + nth}") for nth in range(1, PICKERS + 1)),
    Badge("counter", "lead", "BADGE-9000", "1397"),
)


Step = Literal["pay", "amend", "cancel", "send a courier"]


def _plans(errand: Errand) -> list[tuple[float, Step]]:
    """What the customer will do, and how many seconds after ordering."""
    steps: list[tuple[float | None, Step]] = [
        (errand.pays_s or None, "pay"),
        (errand.amends_s, "amend"),
        (errand.cancels_s, "cancel"),
        (None if errand.pickup else errand.fetches_s, "send a courier"),
    ]
    return sorted((after_s, step) for after_s, step in steps if after_s is not None)


@dataclass(slots=True)
class _Asked:
    """How often a customer answered, and since when they are asked again."""

    times: int = 0
    since: float | None = None


class Rush:
    """The rush of one store, from `work` until everybody is served after `close`."""

    def __init__(
        self,
        branch: Branch,
        seed: int,
        hq_web: str,
        token: str,
        lunch_s: float,
        *,
        careless: bool = False,
        loses_one: bool = False,
    ) -> None:
        """Lunch lasts `lunch_s` of our seconds; when the shop is open for longer there is another one."""
        self.totes = Totes(branch.shop)
        self.ends: dict[str, str] = {}
        self._branch = branch
        self._seed = f"{seed}-{branch.store}"
        self._desk = HqDesk(hq_web, branch.store, token)
        self._counter = Handheld(branch.agent.web, STAFF[-1])
        self._placed: dict[str, tuple[Errand, float]] = {}
        shop = branch.shop
        #: What is done carelessly, by order; and who gets whose bags.
        self._careless = errands(self._seed, shop.untagged[_SCARCE:], shop.weighed) if careless else {}
        self._weighed = {product.sku for product in shop.weighed}
        self._acts: dict[str, Act] = {one.order: act for act, each in self._careless.items() for one in each}
        this, that = (one.order for one in self._careless["wrong bags"]) if careless else ("", "")
        self._bags_of = {this: that, that: this}
        self._amended: set[str] = set()
        #: What customers agreed to take instead, by order and line.
        self._consents: dict[tuple[str, int], str] = {}
        self._packed_at: dict[str, float] = {}
        self._board: Mapping[str, Mapping[str, Any]] = {}
        self._closing, self._over = asyncio.Event(), asyncio.Event()
        self._lunch_s = lunch_s
        self._patience_ends = math.inf
        self._loses_one = loses_one
        self._pickers = [
            PickerAtWork(
                picker,
                Handheld(branch.agent.web, badge),
                branch,
                self.totes,
                FLOOR_PLAN,
                self._wait,
                self._note_packed,
                self._consents,
                self._seed,
                self._acts,
            )
            for picker, badge in zip(hire(self._seed, PICKERS), STAFF, strict=False)
        ]

    def close(self) -> None:
        """Nobody orders any more. What is not over soon never will be: the verdict names it."""
        self._closing.set()
        self._patience_ends = time.monotonic() + _PATIENCE_S

    async def work(self, opened: asyncio.Event) -> None:
        """From when the shop has opened until the last order is over."""
        await opened.wait()
        await self._counter.sign_in()
        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(self._desk.listen()), group.create_task(self._watch_board())]
            for picker in self._pickers:
                group.create_task(picker.work(self._over))
            await self._serve()
            self._over.set()
            for watch in watches:
                watch.cancel()

    async def _serve(self) -> None:
        """Lunch after lunch until closing time, then the rest of it."""
        shop, nth = self._branch.shop, 0
        # The dearest first; what is nearly sold out is in between.
        scarce, usual, special = shop.untagged[:_SCARCE], shop.untagged[_SCARCE:-3], shop.untagged[-3:]
        goods = (*shop.weighed, *special, *usual[:6], *scarce, *usual[6:], *shop.tagged[:_CLOTHES])
        skus = [product.sku for product in goods]
        async with asyncio.TaskGroup() as customers:
            for errand in (one for each in self._careless.values() for one in each):
                customers.create_task(self._visit(errand), name=errand.order)
            while not self._closing.is_set():
                nth += 1
                began = time.monotonic()
                count = int(_ORDERS_PER_S * self._lunch_s)
                for errand in lunch(f"{self._seed}-{nth}", skus, count, self._lunch_s * TIMES, self._weighed):
                    await self._until(began + errand.at_s / TIMES)
                    if self._closing.is_set():
                        return
                    customers.create_task(self._visit(errand), name=errand.order)
                await self._until(began + self._lunch_s)

    # Customers.

    async def _visit(self, errand: Errand) -> None:
        order = errand.order
        loses = self._loses_one and order not in self._acts
        self._loses_one &= not loses
        self._placed[order] = (errand, time.monotonic())
        if loses:  # it never reaches HQ
            self.ends[order] = "accepted"
            return
        due = time.time_ns() // 1_000_000 + int(errand.promise_min * 60_000 / TIMES)
        placed = await self._desk.place(errand, _PAY_WITHIN_S, due)
        if placed == "stale":  # it came too late on its lease: the store does not know it
            del self._placed[order]
            return
        if placed == "refused":
            self.ends[order] = "rejected"
            return
        began, asked = time.monotonic(), _Asked()
        for after_s, step in _plans(errand):
            await self._stand_by(errand, began + after_s / TIMES, asked)
            if self._is_over(order):
                break
            await self._take(step, errand)
        await self._stand_by(errand, began + errand.fetches_s / TIMES, asked)
        while not self._is_over(order) and time.monotonic() < self._patience_ends:
            if self._board.get(order, {}).get("state") == "staged":
                await self._fetch(errand)
            await self._answer(errand, asked)
            await asyncio.sleep(_LOOK_S / TIMES)
        self.ends.setdefault(order, str(self._state(order)))

    async def _take(self, step: Step, errand: Errand) -> None:
        """Do what the customer had in mind; the store may say no, and does when it is too late for it."""
        match step:
            case "pay":
                await self._desk.say(errand.order, "paid")
            case "amend":
                if await self._desk.amend(errand.order, errand.change):
                    self._amended.add(errand.order)
            case "cancel":
                await self._desk.say(errand.order, "cancel")
            case "send a courier":
                await self._desk.say(errand.order, "courier")

    async def _stand_by(self, errand: Errand, until: float, asked: "_Asked") -> None:
        """Until then, or closing time, answering what is asked."""
        while time.monotonic() < until and not self._closing.is_set() and not self._is_over(errand.order):
            await self._answer(errand, asked)
            await asyncio.sleep(_LOOK_S / TIMES)

    async def _answer(self, errand: Errand, asked: "_Asked") -> None:
        """Answer the order's question when the customer has had the time for it, too late or not; some never do."""
        if self._state(errand.order) != "awaiting_decision" or errand.answers_s is None:
            asked.since = None
            return
        asked.since = asked.since or time.monotonic()
        if time.monotonic() < asked.since + errand.answers_s / TIMES:
            return
        question = self._desk.orders[errand.order].get("asked", {})
        candidates = question.get("candidates", [])
        take = errand.answer if candidates or errand.answer != "substitute" else "remove"
        asked.times += 1
        done = await self._desk.answer(errand.order, asked.times, take, candidates[0] if candidates else "")
        if done and take == "substitute":
            self._consents[errand.order, question["line"]] = candidates[0]

    def _state(self, order: str) -> str | None:
        row = self._desk.orders.get(order)
        return None if row is None else row["state"]

    def _is_over(self, order: str) -> bool:
        return self._state(order) in ("rejected", "cancelled", "handed_over", "closed") or order in self.ends

    # The counter.

    async def _fetch(self, errand: Errand) -> None:
        """The courier, or the customer with the code, asks for the bags; or nobody does, and nobody will."""
        order = errand.order
        if not errand.comes:
            await self._desk.say(order, "cancel", nth=2)
            return
        shown = self._board[order]
        body: dict[str, Any] = {"bags": len(shown["bags"])}
        body |= {"code": errand.code} if errand.pickup else {"courier": "courier-1"}
        said = await self._counter.post(f"/v1/orders/{order}/hand_over", body)
        if said.status == _CONFLICT and not errand.adult:  # wine in it, and nobody old enough
            await self._desk.say(order, "cancel", nth=2)
            return
        if said.status == _CONFLICT:
            said = await self._counter.post(f"/v1/orders/{order}/hand_over", body | {"age_checked": True})
        if said.ok and order not in self.ends:
            self.totes.hand_over(order, self._bags_of.get(order, order))
            self.ends[order] = "handed_over"

    async def _watch_board(self) -> None:
        while True:
            said = await self._counter.get("/v1/board")
            if said.ok:
                self._board = {order["order"]: order for order in said.body["orders"]}
            await asyncio.sleep(_LOOK_S / TIMES)

    # Time.

    async def _wait(self, shop_s: float) -> None:
        """Seconds of the shop; in no time once it has closed."""
        if not self._closing.is_set():
            await asyncio.sleep(shop_s / TIMES)
        else:
            await asyncio.sleep(0.01)

    async def _until(self, moment: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                await self._closing.wait()
        except TimeoutError:
            return

    def _note_packed(self, order: str) -> None:
        self._packed_at.setdefault(order, time.monotonic())

    # What came of it.

    async def contradictions(self) -> tuple[Contradiction, ...]:
        """Orders of which truth, store and HQ do not say the same."""
        await self._desk.read()
        return contradictions(self._truth(), fates_on_disk(self._branch.folder / "books.db"), await self._hq())

    def _truth(self) -> dict[str, Fate]:
        return {order: fate(self.ends.get(order, "placed"), self.totes.got[order]) for order in self._placed}

    async def _hq(self) -> dict[str, Fate]:
        """What HQ answers whoever asks for an order, of all that anybody knows."""
        rows = {order: await self._desk.stands(order) for order in (self._placed.keys() | self._desk.orders.keys())}
        return {order: told(row) for order, row in rows.items() if row is not None}

    def left_open(self) -> tuple[str, ...]:
        """Cases that nobody saw to; goods that all have tags are counted by those, in their own time."""
        tagged = {product.sku for product in self._branch.shop.tagged}
        left = open_cases(self._branch.folder / "books.db")
        return tuple(f"{kind} {about}" for kind, about in left if about.split(" ")[0] not in tagged)

    def handed_twice(self) -> list[int]:
        return twice(self.totes.handed)

    def _wanted(self, order: str) -> Mapping[int, tuple[str, int]]:
        """What the customer wanted at last: SKU and quantity by line."""
        errand, _ = self._placed[order]
        wanted = {line: (want.sku, want.qty) for line, want in enumerate(errand.lines, 1)}
        return wanted | ({1: (errand.change.sku, errand.change.qty)} if order in self._amended else {})

    def served(self, order: str) -> Served:
        """How the order went, by its lines."""
        errand, since = self._placed[order]
        end, got = self.ends.get(order, "placed"), self.totes.got[order]
        short = substituted = 0
        for line, (sku, qty) in self._wanted(order).items() if end == "handed_over" else ():
            has = {name: count for (of, name), count in got.items() if of == line}
            least = qty if sku not in self._weighed else round(0.9 * qty)
            short += sum(has.values()) < least
            substituted += any(name != sku for name in has)
        packed = self._packed_at.get(order)
        in_store_s = None if packed is None else TIMES * (packed - since)
        return Served(order, end, len(errand.lines), short, substituted, in_store_s, errand.in_store_s)

    def figures(self) -> RushFigures:
        """How it went."""
        return RushFigures([self.served(order) for order in self._placed], sum(one.metres for one in self._pickers))
