"""A store as HQ sees it: rows made by a plain model, and an end of the line that sends them as the contract says."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Literal

from msgspec import UNSET
from msgspec.structs import replace

from hq_bridge.store import Has
from wire import digest
from wire.codec import batch_of, decode_heard, encode, encode_row
from wire.messages import CaseRow, Heard, Hello, StockRow, StoreState
from wire.mqtt import Link, MqttVersion, parse_broker
from wire.tls import Credentials
from wire.topics import StoreTopics, hq_state

OUTSIDE = ("SUPPLIER", "CUSTOMER", "SHRINK")
PLACES = ("FLOOR", "BACKROOM", *OUTSIDE)


class Shop:
    """Books that are right because they are simple: a list of rows, and sums. What is held is as chance has it.

    An `old` store does not tell it.
    """

    def __init__(
        self, store: str = "SH-0001", epoch: int = 7, seed: int = 1, skus: int = 5, *, old: bool = False
    ) -> None:
        self.topics = StoreTopics("demo", store)
        self.epoch = epoch
        self.rows: list[StockRow | CaseRow] = []
        self.balances: Counter[tuple[str, str]] = Counter()
        self.open_cases: set[tuple[str, str]] = set()
        #: Of each SKU: held, and ATP.
        self.opened: dict[str, tuple[int, int] | tuple[None, None]] = {}
        self.old = old
        self._chance = random.Random(seed)
        self._skus = [f"SKU-{n}" for n in range(skus)]

    @property
    def head(self) -> int:
        return len(self.rows)

    def trade(self, count: int, at: int = 1_763_760_000_000) -> None:
        """Make `count` rows: mostly goods that move, now and then a case."""
        for _ in range(count):
            seq = len(self.rows) + 1
            if self._chance.random() < 0.1:
                self.rows.append(self._case(seq, at))
            else:
                self.rows.append(self._move(seq, at))

    def _move(self, seq: int, at: int) -> StockRow:
        sku = self._chance.choice(self._skus)
        origin, target = self._chance.sample(PLACES, 2)
        qty = self._chance.randint(1, 5)
        self.balances[sku, origin] -= qty
        self.balances[sku, target] += qty
        from_now, to_now = self.balances[sku, origin], self.balances[sku, target]
        row = StockRow(
            seq, f"p{seq}", at, sku, origin, target, qty, "move", "test", from_now, to_now, self.on_hand(sku)
        )
        if self.old:
            self.opened[sku] = None, None
            return row
        held, atp = self._chance.randint(0, 3), self._chance.randint(0, 9)
        self.opened[sku] = held, atp
        return replace(row, held=held, atp=atp)

    def _case(self, seq: int, at: int) -> CaseRow:
        case = ("alien_tag", f"tag-{self._chance.randint(1, 3)}")
        opens = case not in self.open_cases
        (self.open_cases.add if opens else self.open_cases.discard)(case)
        return CaseRow(seq, f"c{seq}", at, *case, "open" if opens else "resolved", "floor", at + 1000)

    def on_hand(self, sku: str) -> int:
        return sum(qty for (each, place), qty in self.balances.items() if each == sku and place not in OUTSIDE)

    def stock(self) -> dict[str, dict[str, int]]:
        """Non-zero balances by SKU and place."""
        stock: dict[str, dict[str, int]] = {}
        for (sku, place), qty in self.balances.items():
            if qty:
                stock.setdefault(sku, {})[place] = qty
        return stock

    def has(self) -> list[Has]:
        """What HQ must say of it."""
        stock = self.stock()
        return [
            Has(self.topics.store, sku, self.on_hand(sku), held, atp, stock.get(sku, {}))
            for sku, (held, atp) in sorted(self.opened.items())
        ]

    def digest(self) -> str:
        return digest.to_text(digest.of_books((sku, place, qty) for (sku, place), qty in self.balances.items()))

    def batch(self, first: int, count: int) -> bytes:
        """Rows `first …` as a payload."""
        rows = self.rows[first - 1 : first - 1 + count]
        return batch_of(self.epoch, first, [encode_row(row) for row in rows])

    def hello(self, oldest: int = 1, told: str | None = None) -> bytes:
        schemas = {"stock": 1 if self.old else 2, "case": 1}
        return encode(Hello(self.epoch, oldest, self.head, told or self.digest(), self.head, "test", "boot", schemas))

    def state(self, state: str = "here", lease: int | None = None) -> bytes:
        said: Literal["here", "away"] = "here" if state == "here" else "away"
        return encode(StoreState(said, self.epoch, self.head, 0, "test", UNSET if lease is None else lease))


def balances(found: Iterable[Has]) -> list[tuple[str, str, int]]:
    """What a digest is made of: (SKU, place, units)."""
    return [(each.sku, place, qty) for each in found for place, qty in each.places.items()]


class ShopLine:
    """The store's end of the line: hello on connect, then rows from the cursor on; goes back when HQ says so."""

    def __init__(
        self,
        shop: Shop,
        address: str,
        version: MqttVersion = "5",
        rows_per_batch: int = 10,
        credentials: Credentials | None = None,
    ) -> None:
        self.shop = shop
        self.upto = 0
        self.heard: list[Heard] = []
        self.heard_at: dict[int, float] = {}  # by row, on the event loop's clock
        self._rows_per_batch = rows_per_batch
        self._mute = False
        self._said_hello = False
        topics = shop.topics
        self.link = Link(
            parse_broker(address),
            f"store-{topics.store}",
            version=version,
            credentials=credentials,
            will=(topics.up("state"), shop.state("away")),
            topics=[topics.down("heard"), hq_state(topics.chain)],
            on_message=self._on_message,
            on_up=self.say_hello,
            now_ms=lambda: 0,
        )

    def send(self) -> None:
        """Everything HQ has not heard."""
        for first in range(self.upto + 1, self.shop.head + 1, self._rows_per_batch):
            self.link.publish(self.shop.topics.up("log"), self.shop.batch(first, self._rows_per_batch))

    def send_more(self) -> bool:
        """One batch HQ may or may not have; False when the line is down."""
        if self.link.state != "here":
            return False
        self.link.publish(
            self.shop.topics.up("log"), self.shop.batch(1 + self.upto % self.shop.head, self._rows_per_batch)
        )
        return True

    def vanish(self) -> None:
        """As a cut cable or a kill -9 would; the link then comes back by itself, without a word."""
        self._mute = True
        assert self.link._session is not None
        self.link._session._sock.shutdown(socket.SHUT_RDWR)

    def say_hello(self) -> None:
        if self._mute:
            return
        self._said_hello = True
        self.link.publish(self.shop.topics.up("state"), self.shop.state(), retain=True)
        self.link.publish(self.shop.topics.up("hello"), self.shop.hello())

    def _on_message(self, topic: str, payload: bytes) -> None:
        if topic != self.shop.topics.down("heard"):
            if b'"here"' in payload:
                self.say_hello()
            return
        heard = decode_heard(payload)
        self.heard.append(heard)
        if heard.epoch == self.shop.epoch:
            now = asyncio.get_running_loop().time()
            self.heard_at |= dict.fromkeys(range(self.upto + 1, heard.upto + 1), now)
            self.upto = heard.upto
            if heard.want is not None or self._said_hello:
                self._said_hello = False
                self.send()


@asynccontextmanager
async def on_the_line(line: ShopLine) -> AsyncIterator[ShopLine]:
    task = asyncio.create_task(line.link.run())
    try:
        yield line
    finally:
        task.cancel()
        await asyncio.wait({task})
