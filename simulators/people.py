"""What people do in a simulated store: deliver, carry, scan, buy, and bring things that do not belong there.

Each person is an endless task with a generator of their own; together they make about five events a second. A person
finishes what they began: after closing time nothing is half done.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from random import Random

from simulators.branch import IN_DOUBT, Branch, now_ms
from simulators.goods import Product, check_digit, piece_of
from simulators.serial_scanner import NoAnswer, SerialScanner
from simulators.shop import BACKROOM, CUSTOMER, FLOOR, PLACE_OF_ANTENNA, SUPPLIER, Unit
from simulators.till import Refused

#: Everything that can happen, and must have happened at least once before a verdict is worth something.
KINDS = (
    "delivery",
    "tag received",
    "tag moved",
    "scan received",
    "scan shelved",
    "sale with tag",
    "sale without tag",
    "unknown barcode",
    "unknown sale",
    "alien tag",
    "blank tag",
)

#: No more tags than this in the reader's field: then the goods-in door stays shut.
_FIELD_FULL = 250

#: Barcodes that begin like this are in no catalogue.
UNKNOWN_PREFIX = "9528888"

#: How many different things of each sort turn up that do not belong here: the same ones again and again.
_STRANGERS = 5

#: Grams of a piece of goods by weight.
PIECE_G = 4000
_LAST = 2

_BLANK = bytes.fromhex("e2801160")

_BACKROOM_ANTENNA, _FLOOR_ANTENNA = 1, 2


@dataclass(frozen=True, slots=True)
class Pace:
    """Mean seconds between two doings of one person.

    `opening_units` tagged units are there from the beginning; each lies `rest_s` before anyone touches it again.
    Of a product without tags, no more than `enough` are brought to a place.
    """

    delivery_s: float = 8.0
    carry_s: float = 1.2
    receive_s: float = 0.9
    shelve_s: float = 0.9
    shop_s: float = 0.9
    oddity_s: float = 8.0
    opening_units: int = 60
    rest_s: float = 3.0
    enough: int = 12
    #: Untagged units of each product that are on the shelves when the shop opens, and mean seconds between two shoppers
    #: who take something in their hands and pay it long after.
    opening_shelf: int = 0
    linger_s: float = 5.0
    #: Of so many products there are never more than two in a place; of goods by weight so many pieces when it opens.
    scarce: int = 0
    opening_pieces: int = 0


class People:
    """The people of one store, from opening to closing time."""

    def __init__(self, branch: Branch, seed: int, pace: Pace) -> None:
        self._branch = branch
        self._shop = branch.shop
        self._pace = pace
        self._closing = asyncio.Event()
        #: Set when the shelves are filled.
        self.opened = asyncio.Event()
        self._seed = f"{seed}/{branch.store}"
        #: A scanner is in one pair of hands.
        self._hands: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        #: How often each scanner was answered: what the store's page shows as booked.
        self.answered: Counter[str] = Counter()
        self._aliens = [self._shop.make(product).epc for product in self._shop.tagged[:_STRANGERS]]

    def close(self) -> None:
        """Closing time: everyone finishes what they are doing and goes home."""
        self._closing.set()

    async def work(self) -> None:
        """Open, work, and return when the last one has gone home after `close`."""
        await self._deliver(Random(f"{self._seed}/opening"), self._pace.opening_units)
        await self._fill_shelves()
        self.opened.set()
        pace = self._pace
        people: tuple[tuple[str, float, Callable[[Random], Coroutine[None, None, None]]], ...] = (
            ("driver", pace.delivery_s, self._bring_some),
            ("porter", pace.carry_s, self._carry),
            ("receiver", pace.receive_s, self._receive),
            ("shelver", pace.shelve_s, self._shelve),
            ("shopper", pace.shop_s, self._buy),
            ("lingerer", pace.linger_s, self._linger),
            ("child", pace.oddity_s, self._play),
        )
        async with asyncio.TaskGroup() as group:
            for name, every_s, does in people:
                group.create_task(self._day_of(name, every_s, does), name=f"{self._branch.store} {name}")

    async def _day_of(self, name: str, every_s: float, does: Callable[[Random], Coroutine[None, None, None]]) -> None:
        rng = Random(f"{self._seed}/{name}")
        while not self._closing.is_set():
            await does(rng)
            await self._pause(rng.expovariate(1 / every_s))

    async def _pause(self, seconds: float) -> None:
        """Cut short by closing time."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    # Goods with tags.

    async def _bring_some(self, rng: Random) -> None:
        if len(self._branch.reader.field) < _FIELD_FULL:
            await self._deliver(rng, rng.randint(4, 9))

    async def _deliver(self, rng: Random, count: int) -> None:
        """Announce a delivery, then put its units down: some go straight to the sales floor."""
        units = [self._shop.make(rng.choice(self._shop.tagged)) for _ in range(count)]
        by_product: dict[Product, list[Unit]] = {}
        for unit in units:
            by_product.setdefault(unit.product, []).append(unit)
        at = now_ms()
        paper = f"D-{self._branch.till.next_paper()}"
        lines = [
            {"line": number, "gtin": product.gtin, "epcs": [unit.epc.hex() for unit in its_units]}
            for number, (product, its_units) in enumerate(by_product.items(), start=1)
        ]
        await self._branch.till.announce(paper, lines)
        self._branch.note("delivery", at)
        for unit in units:
            self._put(unit, SUPPLIER, rng.choice((_BACKROOM_ANTENNA, _BACKROOM_ANTENNA, _FLOOR_ANTENNA)))

    def _put(self, unit: Unit, origin: str, antenna: int) -> None:
        self._branch.put_down(unit, origin, PLACE_OF_ANTENNA[antenna])
        self._branch.note("tag received" if origin == SUPPLIER else "tag moved", now_ms())

    def _rested(self, place: str) -> list[Unit]:
        return self._shop.rested(place, self._branch.clock.now() - self._pace.rest_s)

    async def _carry(self, rng: Random) -> None:
        """Carry a tagged unit from the back room to the sales floor; now and then one goes back."""
        origin, antenna = (BACKROOM, _FLOOR_ANTENNA) if rng.random() < 0.9 else (FLOOR, _BACKROOM_ANTENNA)
        if units := self._rested(origin):
            self._put(rng.choice(units), origin, antenna)

    # Goods without tags.

    async def _receive(self, rng: Random) -> None:
        """Scan some units of one product in at the dock."""
        if products := self._scarce(BACKROOM, self._shop.untagged):
            product = rng.choice(products)
            for _ in range(rng.choice((1, 1, 2, 3))):
                await self._scan(self._branch.dock, product)

    def _scarce(self, place: str, products: Iterable[Product]) -> list[Product]:
        return [product for product in products if self._shop.count(product, place) < self._enough(product)]

    def _enough(self, product: Product) -> int:
        scarce = product in self._shop.untagged[: self._pace.scarce]
        return min(_LAST, self._pace.enough) if scarce else self._pace.enough

    async def _shelve(self, rng: Random) -> None:
        """Take a unit out of the back room and scan it onto its shelf."""
        if products := self._scarce(FLOOR, self._shop.in_stock(BACKROOM)):
            product = rng.choice(products)
            self._shop.reach(product, BACKROOM)
            await self._scan(self._branch.shelf, product)
            self._shop.let_go(product, BACKROOM)

    async def _fill_shelves(self) -> None:
        """Before the shop opens: one receives, another shelves what was received."""
        received: asyncio.Queue[tuple[Product, int]] = asyncio.Queue()
        shop, shelf = self._shop, self._pace.opening_shelf
        goods = [(one, 1) for one in shop.untagged for _ in range(min(shelf, self._enough(one)))]
        goods += [(one, PIECE_G) for one in shop.weighed for _ in range(self._pace.opening_pieces)]

        async def receive() -> None:
            for product, qty in goods:
                await self._scan(self._branch.dock, product, qty)
                received.put_nowait((product, qty))

        async def shelve() -> None:
            for _ in goods:
                await self._scan(self._branch.shelf, *await received.get())

        async with asyncio.TaskGroup() as group:
            group.create_task(receive(), name=f"{self._branch.store} receiver before opening")
            group.create_task(shelve(), name=f"{self._branch.store} shelver before opening")

    async def _scan(self, scanner: SerialScanner, product: Product, qty: int = 1) -> None:
        """A unit, or a piece of so many grams."""
        name = scanner.path.name
        code = product.gtin if product.unit == "each" else piece_of(product, qty)
        async with self._hands[name]:
            at = now_ms()
            if not await self._answer(scanner, code, accepted=True):
                raise AssertionError(f"{name} was refused {product.gtin} ({product.sku})")
            source = f"scan:{name}:{self.answered[name]}"
        if scanner is self._branch.dock:
            self._shop.move(product, SUPPLIER, BACKROOM, qty)
            self._branch.note("scan received", at, source, product.sku, qty)
        else:
            self._shop.move(product, BACKROOM, FLOOR, qty)
            self._branch.note("scan shelved", at, source, product.sku, qty)

    async def _answer(self, scanner: SerialScanner, text: str, *, accepted: bool) -> bool:
        """Scan until it is certain whether the scan was booked. `accepted` is what it was if the page says so."""
        name = scanner.path.name
        while True:
            try:
                answer = await scanner.scan(text)
            except NoAnswer:
                self._branch.happened[IN_DOUBT] += 1
                if await self._booked(name) == self.answered[name]:
                    continue
                answer = accepted
            self.answered[name] += 1
            return answer

    async def _booked(self, device: str) -> int:
        """What the store's page says of a scanner, once it works again."""
        while True:
            health = await self._branch.till.look("/v1/health")
            for found in health["devices"]:
                if found["name"] == device and found["state"] == "up":
                    booked: int = found["scans_booked"]
                    return booked
            await asyncio.sleep(0.05)

    # Shoppers.

    async def _buy(self, rng: Random) -> None:
        """Take up to three things from the sales floor and pay for them, tagged units by their tags."""
        lines: list[dict[str, object]] = []
        bought: list[Product] = []
        for _ in range(rng.randint(1, 3)):
            units, products = self._rested(FLOOR), self._shop.in_stock(FLOOR)
            # What sold less so far goes first, so that a short day sees both.
            tagged_first = self._branch.happened["sale with tag"] <= self._branch.happened["sale without tag"]
            if units and (tagged_first or not products):
                unit = rng.choice(units)
                self._take(unit)
                lines.append({"line": len(lines) + 1, "gtin": unit.product.gtin, "qty": 1, "epc": unit.epc.hex()})
                bought.append(unit.product)
            elif products:
                product = rng.choice(products)
                self._shop.reach(product, FLOOR)
                lines.append({"line": len(lines) + 1, "gtin": product.gtin, "qty": 1})
                bought.append(product)
        if not lines:
            return
        await self._pause(rng.uniform(0.2, 0.6))
        receipt, at = self._branch.till.next_paper(), now_ms()
        await self._branch.till.sell(receipt, at, lines)
        for line, product in zip(lines, bought, strict=True):
            self._sold(product, at, f"sale:{receipt}/{line['line']}")

    async def _linger(self, rng: Random) -> None:
        """Take something off its shelf, the last of it if there is such, carry it about, and pay it minutes later."""
        products = self._shop.in_stock(FLOOR)
        if products:
            product = min(products, key=lambda one: (self._shop.count(one, FLOOR), rng.random()))
            self._shop.reach(product, FLOOR)
            await self._pause(rng.uniform(2.0, 5.0))
            receipt, at = self._branch.till.next_paper(), now_ms()
            await self._branch.till.sell(receipt, at, [{"line": 1, "gtin": product.gtin, "qty": 1}])
            self._sold(product, at, f"sale:{receipt}/1")

    def _sold(self, product: Product, at: int, source: str) -> None:
        self._shop.move(product, FLOOR, CUSTOMER)
        if not product.tagged:
            self._shop.let_go(product, FLOOR)
        self._branch.note("sale with tag" if product.tagged else "sale without tag", at, source, product.sku, 1)

    def _take(self, unit: Unit) -> None:
        self._shop.take(unit)
        self._branch.reader.take(unit.epc)

    # What must change nothing.

    async def _play(self, rng: Random) -> None:
        """All pranks once, in any order."""
        pranks = [self._scan_nonsense, self._sell_nonsense, self._bring_alien, self._bring_blank]
        rng.shuffle(pranks)
        for prank in pranks:
            await prank(rng)

    async def _scan_nonsense(self, rng: Random) -> None:
        digits = f"{UNKNOWN_PREFIX}{rng.randrange(_STRANGERS):05}"
        scanner = self._branch.shelf
        async with self._hands[scanner.path.name]:
            at = now_ms()
            if await self._answer(scanner, digits + check_digit(digits), accepted=False):
                raise AssertionError(f"the barcode {digits} is in no catalogue and was accepted")
        self._branch.note("unknown barcode", at)

    async def _sell_nonsense(self, rng: Random) -> None:
        """A receipt with a SKU that no one has; then the same receipt, corrected."""
        at, receipt = now_ms(), self._branch.till.next_paper()
        products = self._shop.in_stock(FLOOR)
        lines: list[dict[str, object]] = [{"line": 9, "sku": "NO-SUCH-THING", "qty": 1}]
        if products:
            product = rng.choice(products)
            self._shop.reach(product, FLOOR)
            lines.append({"line": 1, "sku": product.sku, "qty": 1})
        try:
            await self._branch.till.sell(receipt, at, lines)
        except Refused as refused:
            if refused.status != 422:
                raise
        else:
            raise AssertionError("a sale of a SKU that no one has was posted")
        self._branch.note("unknown sale", at)
        if products:
            await self._branch.till.sell(receipt, at, lines[1:])
            self._sold(product, at, f"sale:{receipt}/1")

    async def _bring_alien(self, rng: Random) -> None:
        """A customer walks past in clothes bought elsewhere."""
        await self._walk_past(rng.choice(self._aliens), rng)
        self._branch.note("alien tag", now_ms())

    async def _bring_blank(self, rng: Random) -> None:
        """A tag that nobody has written, as the chip's maker delivers it."""
        await self._walk_past(_BLANK + rng.randrange(_STRANGERS).to_bytes(8, "big"), rng)
        self._branch.note("blank tag", now_ms())

    async def _walk_past(self, epc: bytes, rng: Random) -> None:
        self._branch.reader.place(epc, rng.choice((_BACKROOM_ANTENNA, _FLOOR_ANTENNA)))
        await self._pause(rng.uniform(0.5, 2.0))
        self._branch.reader.take(epc)
