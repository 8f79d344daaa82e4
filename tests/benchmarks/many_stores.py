"""Batches of many stores, made quickly: goods that come in, go to the floor and are sold."""

import random
from collections.abc import Iterator

from wire.codec import batch_of, encode_row
from wire.messages import StockRow
from wire.topics import StoreTopics

SKUS = 300  # of a store, out of …
CATALOGUE = 10_000
_AT = 1_763_760_000_000
#: Where goods go, how often, and by what name.
_WAYS = (
    (("SUPPLIER", "BACKROOM"), 12, "receive", "dock-scanner"),
    (("BACKROOM", "FLOOR"), 1, "move", "portal"),
    (("FLOOR", "CUSTOMER"), 1, "sale", "till-2"),
)
_INSIDE = {"BACKROOM", "FLOOR"}


def batches(stores: int, each: int, rows: int = 100) -> list[tuple[str, bytes]]:
    """(topic, payload) of `each` batches of `rows` rows from every store, by turns."""
    shops = [_shop(f"SH-{n:05}", n, rows) for n in range(stores)]
    return [next(shop) for _ in range(each) for shop in shops]


def _shop(store: str, seed: int, rows: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(seed)
    topic = StoreTopics("demo", store).up("log")
    balances: dict[tuple[int, str], int] = {}
    names = [str(60_000_000 + article) for article in chance.sample(range(CATALOGUE), SKUS)]
    on_hand = [0] * SKUS
    first = 1
    while True:
        made = []
        for seq in range(first, first + rows):
            sku = int(SKUS * chance.random() ** 2)  # some sell better
            (origin, target), qty, code, source = _WAYS[int(3 * chance.random())]
            from_now = balances[sku, origin] = balances.get((sku, origin), 0) - qty
            to_now = balances[sku, target] = balances.get((sku, target), 0) + qty
            on_hand[sku] += qty * ((target in _INSIDE) - (origin in _INSIDE))
            made.append(
                encode_row(
                    StockRow(
                        seq, f"{store}-{88_000_000 + seq}", _AT + seq * 731, names[sku], origin, target,
                        qty, code, source, from_now, to_now, on_hand[sku], 0, max(0, on_hand[sku]),
                    )
                )
            )  # fmt: skip
        yield topic, batch_of(7, first, made)
        first += rows
