"""What platforms ask: from when on a pick may be complete, and what HQ may know of an order until then."""

from dataclasses import replace

from agent.core import orders
from agent.core.life import OrderEvent
from agent.core.orders import Order, OrderLine
from agent.core.picking.platforms import NO_RULES, PlatformRules, may_finish_at_ms


def test_a_channel_without_rules_waits_for_nothing() -> None:
    assert may_finish_at_ms(5, NO_RULES) == 5
    assert may_finish_at_ms(5, PlatformRules(finish_after_s=60)) == 60_005


def picked() -> Order:
    order = orders.received("O1", "web", (OrderLine(1, "MILK", 1),), due_at=0, now_at=0, now_ms=0)
    events: tuple[OrderEvent, ...] = ("accept", "start", "finish")
    for nth, event in enumerate(events):
        order = orders.advanced(order, event, event, nth * 1000)
    return replace(order, told_from_ms=60_000)


def test_until_then_an_order_is_being_picked_whatever_came_after() -> None:
    for order in (picked(), packed := orders.advanced(picked(), "pack", "p", 3000)):
        assert orders.as_told(order).state == "picking"
        assert order.rings_ms == 60_000
    assert not packed.is_news_after(picked())
    assert orders.as_told(replace(packed, told_from_ms=None)).state == "packed"


def test_nobody_is_told_of_a_pick_that_was_undone_or_cancelled_before() -> None:
    assert orders.advanced(picked(), "again", "u", 3000).told_from_ms is None
    assert orders.advanced(picked(), "cancel", "c", 3000).told_from_ms is None
