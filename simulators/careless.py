"""What careless people do at a lunch rush, each at an order of its own: the verdict must name every one. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from simulators.customers import Errand, Want
from simulators.goods import Product

#: phantom: a picker says a unit is in the tote, and takes none. wrong goods: scans the right one and takes another.
#: one too many: takes two and says one. light: says more grams than are on the scale. as ordered: says that the
#: customer gets something else, and gives what was ordered. wrong bags: two customers get each other's bags.
#: kept: of an order that nobody fetches says that it is back on its shelf, and leaves it where it is.
Act = Literal["phantom", "wrong goods", "one too many", "light", "as ordered", "wrong bags", "kept"]
ACTS: Final[tuple[Act, ...]] = get_args(Act)


def errands(seed: str, untagged: Sequence[Product], weighed: Sequence[Product]) -> dict[Act, list[Errand]]:
    """An order for each act, and two for the bags. The goods are plenty; everybody pays, waits and fetches."""
    orders: dict[Act, list[Errand]] = {}
    for nth, act in enumerate(ACTS):
        goods = weighed[0] if act == "light" else untagged[nth]
        names = ("this", "that") if act == "wrong bags" else ("order",)
        orders[act] = [
            _patient(f"{seed}-{act.replace(' ', '-')}-{name}", Want(goods.sku, 200 if act == "light" else 1 + at))
            for at, name in enumerate(names)
        ]
    orders["kept"] = [replace(one, pickup=True, code="0000", comes=False) for one in orders["kept"]]
    return orders


def _patient(order: str, want: Want) -> Errand:
    return Errand(
        order=order,
        at_s=0.0,
        lines=(want,),
        promise_min=60,
        pickup=False,
        code="",
        pays_s=0.0,
        cancels_s=None,
        amends_s=None,
        change=want,
        wish="remove",
        answers_s=None,
        answer="remove",
        fetches_s=60.0,
    )
