"""What asks name is looked up: no kind of ask that names something is forgotten."""

from typing import get_args

from agent.core import naming
from agent.core.asks import Ask, CommitHold, Delivery, DeliveryLine, MoveOrder, Sale, SaleLine, Tick
from agent.core.count_asks import CancelCount
from agent.core.orders import hold_of


def test_every_ask_about_a_hold_or_an_order_names_it() -> None:
    for kind in get_args(Ask):
        fields = kind.__struct_fields__
        assert ("hold" in fields or "order" in fields) == (kind in naming._HOLD), kind
        assert ("order" in fields and "hold" not in fields) == (kind in naming._ORDER), kind


def test_what_a_turn_s_asks_name_is_gathered_in_their_order() -> None:
    asks: list[Ask] = [
        Sale("T1-1", (SaleLine(1, "sku", "MILK", 1, b"a"), SaleLine(2, "sku", "MILK", 1))),
        CommitHold("H1", "O1"),
        Tick(),
        MoveOrder("O2", "m1", "accept"),
        Delivery("D1", (DeliveryLine(1, "sku", "MILK", (b"b", b"c")),)),
        CancelCount("C1", "badge-1"),
    ]
    assert naming.holds(asks) == ["H1", hold_of("O2"), hold_of("O2", again=True)]
    assert naming.orders(asks) == ["O2"]
    assert naming.epcs(asks) == [b"a", b"b", b"c"]
    assert naming.counts(asks) == asks[-1:]
