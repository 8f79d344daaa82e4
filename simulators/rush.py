"""A lunch rush at one store: customers who order at HQ, pickers with handhelds, couriers at the counter.

Sixty seconds of the shop pass in one of ours. After closing time nobody orders, everybody hurries, and the last one
goes home when every order is over.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from simulators.branch import Branch
from simulators.customers import Errand, lunch
from simulators.fates import Contradiction, Fate, RushFigures, Served, contradictions, fate, told, twice
from simulators.goods import FLOOR_PLAN
from simulators.handheld import Badge, Handheld
from simulators.hq_desk import HqDesk
from simulators.pickers import hire
from simulators.picking import PickerAtWork
from simulators.store_disk import fates_on_disk
from simulators.totes import Totes

#: Seconds of the shop in one of ours.
TIMES = 60.0
PICKERS = 2
_ORDERS_PER_S = 0.6
_PAY_WITHIN_S = 6
_LOOK_S = 6.0

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
        self._amended: set[str] = set()
        #: What customers agreed to take instead, by order and line.
        self._consents: dict[tuple[str, int], str] = {}
        self._packed_at: dict[str, float] = {}
        self._board: Mapping[str, Mapping[str, Any]] = {}
        self._closing, self._over = asyncio.Event(), asyncio.Event()
        self._lunch_s = lunch_s
        self._loses_one = loses_one
        self._pickers = [
            PickerAtWork(
                picker,
                Handheld(branch.agent.web, badge),
                branch.shop,
                self.totes,
                FLOOR_PLAN,
                self._wait,
                self._note_packed,
                self._consents,
                self._seed,
                careless=careless,
            )
            for picker, badge in zip(hire(self._seed, PICKERS), STAFF, strict=False)
        ]

    def close(self) -> None:
        """Nobody orders any more."""
        self._closing.set()

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
        skus = [product.sku for product in self._branch.shop.untagged]
        nth = 0
        async with asyncio.TaskGroup() as customers:
            while not self._closing.is_set():
                nth += 1
                began = time.monotonic()
                count = int(_ORDERS_PER_S * self._lunch_s)
                for errand in lunch(f"{self._seed}-{nth}", skus, count, self._lunch_s * TIMES):
                    await self._until(began + errand.at_s / TIMES)
                    if self._closing.is_set():
                        return
                    customers.create_task(self._visit(errand), name=errand.order)
                await self._until(began + self._lunch_s)

    # Customers.

    async def _visit(self, errand: Errand) -> None:
        order, loses = errand.order, self._loses_one
        self._placed[order] = (errand, time.monotonic())
        self._loses_one = False
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
        began, asked = time.monotonic(), 0
        for after_s, step in _plans(errand):
            asked = await self._stand_by(errand, began + after_s / TIMES, asked)
            if self._is_over(order):
                break
            await self._take(step, errand)
        asked = await self._stand_by(errand, began + errand.fetches_s / TIMES, asked)
        while not self._is_over(order):
            if self._board.get(order, {}).get("state") == "staged":
                await self._fetch(errand)
            asked = await self._answer(errand, asked)
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

    async def _stand_by(self, errand: Errand, until: float, asked: int) -> int:
        """Until then, or closing time, answering what is asked."""
        while time.monotonic() < until and not self._closing.is_set() and not self._is_over(errand.order):
            asked = await self._answer(errand, asked)
            await asyncio.sleep(_LOOK_S / TIMES)
        return asked

    async def _answer(self, errand: Errand, asked: int) -> int:
        """Answer the order's question, if it has one and the customer is near a telephone."""
        if self._state(errand.order) != "awaiting_decision" or errand.answers_s is None:
            return asked
        question = self._desk.orders[errand.order].get("asked", {})
        candidates = question.get("candidates", [])
        take = errand.answer if candidates or errand.answer != "substitute" else "remove"
        if take == "substitute":
            self._consents[errand.order, question["line"]] = candidates[0]
        await self._desk.answer(errand.order, asked + 1, take, candidates[0] if candidates else "")
        return asked + 1

    def _state(self, order: str) -> str | None:
        row = self._desk.orders.get(order)
        return None if row is None else row["state"]

    def _is_over(self, order: str) -> bool:
        return self._state(order) in ("rejected", "cancelled", "handed_over", "closed") or order in self.ends

    # The counter.

    async def _fetch(self, errand: Errand) -> None:
        """The courier, or the customer with the code, asks for the bags."""
        shown = self._board[errand.order]
        body: dict[str, Any] = {"bags": len(shown["bags"])}
        body |= {"code": errand.code} if errand.pickup else {"courier": "courier-1"}
        said = await self._counter.post(f"/v1/orders/{errand.order}/hand_over", body)
        if said.ok and errand.order not in self.ends:
            self.totes.hand_over(errand.order)
            self.ends[errand.order] = "handed_over"

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

    def handed_twice(self) -> list[int]:
        return twice(self.totes.handed)

    def _wanted(self, order: str) -> Mapping[str, int]:
        """What the customer wanted at last, by SKU."""
        errand, _ = self._placed[order]
        wanted = {want.sku: want.qty for want in errand.lines}
        return wanted | ({errand.change.sku: errand.change.qty} if order in self._amended else {})

    def figures(self) -> RushFigures:
        """How it went."""
        short = substituted = 0
        for order, one in self._truth().items():
            if one.end == "handed_over":
                wanted, got = self._wanted(order), dict(one.got)
                short += sum(got.get(sku, 0) < qty for sku, qty in wanted.items())
                substituted += sum(sku not in wanted for sku in got)
        return RushFigures(
            Counter(one.end for one in self._truth().values()),
            short,
            substituted,
            [
                Served(order, TIMES * (at - self._placed[order][1]))
                for order, at in self._packed_at.items()
                if order in self._placed
            ],
            sum(picker.metres for picker in self._pickers),
        )
