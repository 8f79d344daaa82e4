"""The numbers a store is judged by."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.core import kpis, life, orders
from agent.core.claims import HoldLine
from agent.core.costs import NO_COSTS, Costs
from agent.core.kpis import Fate, seconds_in
from agent.core.life import OrderEvent
from agent.core.orders import Order, OrderLine
from wire.figures import Figure, figures

_NOW = 10_000_000


def _order(*events: tuple[OrderEvent, int], due_s: int = 0, promise_min: int = 0) -> Order:
    """An order that came at 0 s, with what happened to it and after how many seconds."""
    order = orders.received("A1", "web", (OrderLine(1, "MILK", 2),), due_at=due_s * 1000, now_at=0, now_ms=0)
    order = replace(order, promise_min=promise_min)
    for number, (event, second) in enumerate(events):
        order = orders.advanced(order, event, f"test:{number}", second * 1000)
    return order


_SERVED: list[tuple[OrderEvent, int]] = [
    ("accept", 1), ("start", 61), ("finish", 121), ("pack", 151), ("stage", 160), ("hand_over", 400), ("close", 500),
]  # fmt: skip


def _milk(**other: object) -> HoldLine:
    return HoldLine(1, "MILK", 2, 0, consumed=2, state="picked", **other)  # type: ignore[arg-type]


def _figures(fates: list[Fate], now_ms: int = _NOW, costs: Costs = NO_COSTS, **more: int) -> list[Figure]:
    return [*figures(kpis.sums(fates, now_ms, costs) | more), *kpis.percentiles(fates, now_ms)]


def _named(fates: list[Fate], costs: Costs = NO_COSTS, **more: int) -> dict[str, float]:
    return {one.name: one.value for one in _figures(fates, costs=costs, **more)}


def test_every_state_an_order_can_wait_in_belongs_to_one_step() -> None:
    assert kpis.STEPS.keys() == {*orders.DUTIES, "rejected"}  # which a late payment ends


@given(st.data())
def test_every_second_of_an_order_belongs_to_one_step(data: st.DataObject) -> None:
    order, now_ms = _order(), 0
    while order.is_open and data.draw(st.integers(0, 9)):
        now_ms += data.draw(st.integers(0, 500_000))
        event = data.draw(st.sampled_from(life.ORDER.possible(order.state)))
        order = orders.advanced(order, event, f"at {now_ms}", now_ms)
    until_ms = now_ms + data.draw(st.integers(0, 500_000))
    end_ms = until_ms if order.is_open else order.steps[-1].since_ms
    assert sum(seconds_in(order, until_ms).values()) == end_ms // 1000
    for one in _figures([Fate(order)], until_ms):
        assert one.of > 0 or one.unit == "orders"
        assert one.value >= 0
        assert one.unit != "share" or one.value <= 1


def test_of_an_order_served_at_once_and_whole() -> None:
    found = _named(
        [Fate(_order(*_SERVED, due_s=1800, promise_min=30), (_milk(),), worked_ms=95_000, walked_dm=800)], Costs(36)
    )
    assert (found["accept_p50_s"], found["wait_p50_s"], found["pick_p50_s"]) == (1, 60, 60)
    assert (found["pack_p90_s"], found["counter_p90_s"], found["after_p90_s"]) == (30, 249, 100)
    assert (found["in_store_s"], found["within_5_of_30"]) == (150, 1)
    assert (found["perfect_rate"], found["on_time_rate"], found["severely_late_rate"]) == (1, 1, 0)
    assert (found["first_time_pick_rate"], found["within_pick_standard"]) == (1, 1)
    assert (found["pick_s_per_line"], found["lines_per_hour"], found["units_per_hour"]) == (60, 60, 120)
    assert (found["walking_m"], found["labour_s"], found["labour_cost"]) == (80, 95, 0.95)


def test_a_line_that_was_broken_first_is_found_and_not_at_first() -> None:
    works = (("1", json.dumps(["damaged", 1, 1, "", "", "", False])), ("2", json.dumps(["picked", 1, 0])))
    found = _named([Fate(_order(*_SERVED), (_milk(),), works)])
    assert (found["first_time_pick_rate"], found["not_found_rate"], found["perfect_rate"]) == (0, 0, 1)
    other_line = (("1", json.dumps(["damaged", 11, 1, "", "", "", False])),)
    assert _named([Fate(_order(*_SERVED), (_milk(),), other_line)])["first_time_pick_rate"] == 1


def test_what_was_not_found_or_replaced_is_counted_and_not_perfect() -> None:
    short = HoldLine(2, "EGGS", 1, 0, state="short")
    swapped = HoldLine(3, "TEA", 1, 0, state="substituted")
    kept = HoldLine(4, "GREEN-TEA", 1, 0, consumed=1, state="picked", instead_of=3)
    found = _named([Fate(_order(*_SERVED), (_milk(), short, swapped, kept))])
    assert found["not_found_rate"] == found["substitution_rate"] == found["first_time_pick_rate"] == 1 / 3
    assert found["substitution_kept_rate"] == 1
    assert found["perfect_rate"] == 0


def test_late_and_severely_late_are_told_apart() -> None:
    fates = [Fate(_order(*_SERVED, due_s=due), (_milk(),)) for due in (400, 399, 1)]
    assert _named(fates)["on_time_rate"] == 1 / 3
    much_later: list[tuple[OrderEvent, int]] = [*_SERVED[:5], ("hand_over", 1802), ("close", 1900)]
    found = _named([Fate(_order(*much_later, due_s=2), (_milk(),)), Fate(_order(*much_later, due_s=1), (_milk(),))])
    assert found["severely_late_rate"] == 1 / 2


def test_what_was_cancelled_rejected_or_oversold_is_a_share_of_those_it_could_happen_to() -> None:
    rejected, cancelled = _order(("reject", 1)), _order(("accept", 1), ("cancel", 2), ("settle", 3))
    fates = [Fate(rejected), Fate(cancelled), *[Fate(_order(*_SERVED), (_milk(),))] * 3]
    found = _named(fates, breaches=1)
    assert (found["rejected_rate"], found["cancelled_rate"], found["oversell_rate"]) == (0.2, 0.25, 0.25)
    assert (found["orders"], found["accepted"], found["handed_over"]) == (5, 4, 3)


def test_of_nothing_there_is_no_figure() -> None:
    assert [one.name for one in _figures([])] == ["orders", "accepted", "handed_over"]


def test_the_pick_standard_grows_from_the_ninth_sku_on() -> None:
    assert [kpis.standard_pick_s(skus) for skus in (1, 8, 9, 12)] == [72, 72, 87, 132]


def test_a_return_is_not_perfect() -> None:
    back: list[tuple[OrderEvent, int]] = [*_SERVED[:6], ("take_back", 450), ("restock", 460), ("close", 460)]
    fate = Fate(_order(*back), (_milk(),))
    assert not fate.is_perfect
    assert seconds_in(fate.order, _NOW)["undo"] == 10
    assert replace(fate, order=_order(*_SERVED)).is_perfect
