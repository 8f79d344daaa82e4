"""The judge of the rush is judged: whatever one of the three says otherwise is found, and only that."""

import json
import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from simulators.fates import Contradiction, Fate, RushFigures, Served, contradictions, fate, together, told, twice
from simulators.goods import range_of_goods
from simulators.shop import CUSTOMER, FLOOR, SUPPLIER, Shop
from simulators.store_disk import fates_on_disk
from simulators.totes import Totes
from simulators.verdict import Difference, StoreVerdict, conclusion, differences

GOT = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 3))
FATES = st.builds(fate, st.sampled_from(["rejected", "cancelled", "handed_over", "closed"]), GOT)
OPEN = st.sampled_from([Fate("placed"), Fate("picking"), None])
ORDERS = st.dictionaries(st.sampled_from(["O-1", "O-2", "O-3"]), FATES)


@given(ORDERS, st.integers(0, 2), st.sampled_from(["O-1", "O-2", "O-3"]), FATES)
def test_an_order_of_which_one_says_otherwise_is_named(
    orders: dict[str, Fate], who: int, order: str, other: Fate
) -> None:
    assert contradictions(orders, dict(orders), dict(orders)) == ()
    three = [orders, dict(orders), dict(orders)]
    three[who] = {**orders, order: other}
    found = [one.order for one in contradictions(*three)]
    assert found == ([] if orders.get(order) == other else [order])


@given(OPEN)
def test_an_order_that_ends_open_is_named_though_all_agree(still: Fate | None) -> None:
    said = {} if still is None else {"O-1": still}
    assert [one.order for one in contradictions(said, said, said)] == list(said)


def test_a_lost_order_is_named_with_who_knows_nothing_of_it() -> None:
    (lost,) = contradictions({"O-1": Fate("accepted")}, {}, {})
    assert str(lost) == "order O-1: truth accepted; store knows nothing of it; HQ knows nothing of it"
    (short,) = contradictions(
        {"O-2": fate("handed_over", {"A": 1})},
        {"O-2": fate("closed", {"A": 2, "B": 0})},
        {"O-2": fate("handed_over", {"A": 2})},
    )
    assert str(short) == "order O-2: truth handed_over: 1 A; store handed_over: 2 A; HQ handed_over: 2 A"


def test_nobody_has_anything_of_an_order_that_was_not_handed_over() -> None:
    lines = [{"sku": "A", "picked": 2}, {"sku": "B", "picked": 0}, {"sku": "A", "picked": 1}]
    assert told({"state": "cancelled", "lines": lines}) == Fate("cancelled")
    assert told({"state": "closed", "lines": lines}) == Fate("handed_over", (("A", 3),))


def test_what_the_store_s_disk_says_of_its_orders(tmp_path: Path) -> None:
    disk = sqlite3.connect(tmp_path / "books.db")
    disk.execute("CREATE TABLE customer_order (id TEXT, state TEXT)")
    disk.execute("CREATE TABLE hold (customer_order TEXT, lines TEXT)")
    disk.executemany("INSERT INTO customer_order VALUES (?, ?)", [("O-1", "handed_over"), ("O-2", "cancelled")])
    lines = [[1, "A", 2, 0, 2], [2, "B", 1, 0, 0, [], [], 0, "short"]]
    disk.executemany("INSERT INTO hold VALUES (?, ?)", [("O-1", json.dumps(lines)), ("", "[]")])
    disk.commit()
    disk.close()
    said = fates_on_disk(tmp_path / "books.db")
    assert said == {"O-1": Fate("handed_over", (("A", 2),)), "O-2": Fate("cancelled")}


def test_a_unit_goes_from_its_shelf_to_one_customer_and_is_counted_once() -> None:
    shop = Shop(range_of_goods(), first_serial=1)
    tea, rice = shop.untagged[:2]
    shop.move(tea, SUPPLIER, FLOOR, 2)
    totes = Totes(shop)
    assert shop.reach(tea, FLOOR)
    assert shop.reach(tea, FLOOR)
    assert not shop.reach(tea, FLOOR)  # both are in somebody's hands
    totes.fill("O-1", tea, FLOOR, "1")
    totes.fill("O-2", tea, FLOOR, "2")
    totes.stage("O-1", "1", "S-1")
    totes.stage("O-2", "2", "S-2")
    totes.hand_over("O-1")
    totes.hand_over("O-1")
    assert totes.got == {"O-1": {tea.sku: 1}}
    assert not totes.take_back("O-2", rice.sku, "STAGED:S-2", FLOOR)
    assert totes.take_back("O-2", tea.sku, "STAGED:S-2", FLOOR)
    assert (shop.count(tea, FLOOR), shop.count(tea, CUSTOMER)) == (1, 1)
    assert shop.reach(tea, FLOOR)
    assert twice(totes.handed) == []
    assert twice([*totes.handed, ("O-3", totes.handed[0][1])]) == [totes.handed[0][1]]


def test_what_a_picker_did_not_find_is_in_the_store_all_the_same() -> None:
    truth = {"A": {"FLOOR": 2, "BACKROOM": 1, "CUSTOMER": 4}}
    books = {"A": {"BACKROOM": 1, "SUSPECT": 2, "CUSTOMER": 4}}
    assert differences(truth, books, books) == ()
    gone = {"A": {"FLOOR": 1, "BACKROOM": 1, "CUSTOMER": 4, "SHRINK": 1}}
    assert [one.sku for one in differences(gone, books, books)] == ["A"]
    assert differences(truth, truth, books) == ()
    moved = {"A": {"FLOOR": 1, "BACKROOM": 2, "CUSTOMER": 4}}
    assert differences(truth, moved, truth) == (Difference("A", truth["A"], moved["A"], truth["A"]),)


def test_a_verdict_with_an_order_that_differs_or_a_unit_handed_over_twice_is_bad() -> None:
    good = StoreVerdict("S", 1, (), {})
    assert good.agrees
    named = StoreVerdict("S", 1, (), {}, contradictions=(Contradiction("O-1", None, None, None),))
    assert not named.agrees
    assert not StoreVerdict("S", 1, (), {}, handed_twice=(7,)).agrees
    assert conclusion([named]) == "FAILED (0 of 1 stores)"


def test_figures_say_how_the_rush_went() -> None:
    one = RushFigures({"handed_over": 2, "rejected": 1}, 1, 0, [Served("O-1", 200.0), Served("O-2", 700.0)], 90.0)
    other = RushFigures({"handed_over": 1, "cancelled": 1}, 0, 2, [Served("O-3", 310.0), Served("O-4", 100.0)], 30.0)
    assert str(together([one, other])) == (
        "lunch rush: 5 orders, 3 handed over, 1 cancelled, 1 rejected; 1 lines short, 2 substituted; "
        "packed: 50 % within 5, 75 % within 10, 100 % within 15 minutes; 30 m walked per order"
    )
    assert together([]).within(5) is None
