"""How far the orders of a day got, and why the others fell out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import life, orders
from agent.core.claims import HoldLine
from agent.core.funnel import Why, funnel, sums_of_funnel, why_out
from agent.core.life import OrderEvent, PickLineState
from agent.core.orders import MissingUnits, Order, OrderLine
from agent.core.promises import NOT_ENOUGH


def _order(*events: tuple[OrderEvent, str]) -> Order:
    """An order to which this happened, each because of a source."""
    order = orders.received("A1", "web", (OrderLine(1, "MILK", 2),), due_at=0, now_at=0, now_ms=0)
    for event, source in events:
        order = orders.advanced(order, event, source, 1000)
    return order


_REJECTED = _order(("reject", "order:A1"))
_PICKING: tuple[tuple[OrderEvent, str], ...] = (("accept", "order:A1"), ("start", "1"))


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (replace(_REJECTED, missing=(MissingUnits("MILK", 2, 1, NOT_ENOUGH),)), "not_enough"),
        (replace(_REJECTED, missing=(MissingUnits("MILK", 2, 0, "the store is paused"),)), "stopped"),
        (replace(_REJECTED, why="unpaid"), "unpaid"),
        (replace(_REJECTED, why="hold_expired"), "hold_expired"),
        (_order(*_PICKING, ("cancel", "move:A1:hq c-7")), "customer"),
        (_order(*_PICKING, ("ask", "2"), ("cancel", "answer:A1:x")), "customer"),
        (_order(*_PICKING, ("ask", "2"), ("cancel", "clock:A1:4")), "unanswered"),
        (replace(_order(*_PICKING, ("cancel", "work:x:cancel")), why="sold_out"), "not_found"),
        (replace(_order(*_PICKING, ("cancel", "breach:order:A1")), why="breached"), "breach"),
        (_order(*_PICKING, ("finish", "3"), ("cancel", "move:A1:not-collected")), "not_collected"),
        (_order(*_PICKING), None),
    ],
)
def test_why_an_order_fell_out(order: Order, why: Why | None) -> None:
    assert why_out(order) == why


@st.composite
def _lives(draw: st.DrawFn) -> tuple[Order, list[HoldLine]]:
    order = _order()
    while order.is_open and draw(st.integers(0, 9)):
        event = draw(st.sampled_from(life.ORDER.possible(order.state)))
        order = orders.advanced(order, event, f"move:A1:{event}", 1000)
    state: PickLineState = draw(st.sampled_from(("picked", "short", "substituted")))
    return order, [HoldLine(1, "MILK", 2, 0, state=state)]


@given(st.lists(_lives(), max_size=8))
def test_who_got_to_a_step_got_further_waits_there_or_fell_out(lives: list[tuple[Order, list[HoldLine]]]) -> None:
    rows = funnel(lives)
    assert [row.step for row in rows] == ["asked", "accepted", "picked", "handed_over"]
    assert rows[0].orders == len(lives)
    for row, following in zip(rows, [*(each.orders for each in rows[1:]), 0], strict=True):
        further = row.orders if row.step == "handed_over" else following
        assert row.orders == further + row.waiting + sum(row.out.values())
    assert rows[2].complete is not None
    assert rows[2].complete <= rows[2].orders
    assert sums_of_funnel(rows).get("asked_handed_over", 0) == rows[3].orders
