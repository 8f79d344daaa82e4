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

GOT = st.dictionaries(st.tuples(st.integers(1, 2), st.sampled_from("ABC")), st.integers(0, 3))
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
        {"O-2": fate("handed_over", {(1, "A"): 1})},
        {"O-2": fate("closed", {(1, "A"): 2, (2, "B"): 0})},
        {"O-2": fate("handed_over", {(1, "A"): 2})},
    )
    assert str(short) == "order O-2: truth handed_over: 1 A; store handed_over: 2 A; HQ handed_over: 2 A"


def test_the_same_goods_for_another_line_are_another_fate() -> None:
    one, other = (fate("handed_over", {(line, "A"): 250}) for line in (1, 2))
    assert [found.order for found in contradictions({"O-1": one}, {"O-1": other}, {"O-1": one})] == ["O-1"]


def test_nobody_has_anything_of_an_order_that_was_not_handed_over() -> None:
    rows = [(1, "A", 2, 0), (2, "B", 0, 0), (3, "A", 1, 2)]
    lines = [{"line": line, "sku": sku, "picked": qty, "instead_of": of} for line, sku, qty, of in rows]
    assert told({"state": "cancelled", "lines": lines}) == Fate("cancelled")
    assert told({"state": "closed", "lines": lines}) == Fate("handed_over", ((1, "A", 2), (2, "A", 1)))


def test_what_the_store_s_disk_says_of_its_orders(tmp_path: Path) -> None:
    disk = sqlite3.connect(tmp_path / "books.db")
    disk.execute("CREATE TABLE customer_order (id TEXT, state TEXT)")
    disk.execute("CREATE TABLE hold (customer_order TEXT, lines TEXT)")
    disk.executemany("INSERT INTO customer_order VALUES (?, ?)", [("O-1", "handed_over"), ("O-2", "cancelled")])
    lines = [[1, "A", 2, 0, 2], [2, "B", 1, 0, 0, [], [], 0, "short"], [3, "C", 1, 0, 1, [], [], 0, "picked", 2]]
    disk.executemany("INSERT INTO hold VALUES (?, ?)", [("O-1", json.dumps(lines)), ("", "[]")])
    disk.commit()
    disk.close()
    said = fates_on_disk(tmp_path / "books.db")
    assert said == {"O-1": Fate("handed_over", ((1, "A", 2), (2, "C", 1))), "O-2": Fate("cancelled")}


def test_a_unit_goes_from_its_shelf_to_one_customer_and_is_counted_once() -> None:
    shop = Shop(range_of_goods(), first_serial=1)
    tea = shop.untagged[0]
    shop.move(tea, SUPPLIER, FLOOR, 2)
    totes = Totes(shop)
    assert shop.reach(tea, FLOOR)
    assert shop.reach(tea, FLOOR)
    assert not shop.reach(tea, FLOOR)  # both are in somebody's hands
    totes.fill("O-1", 1, tea, FLOOR, "1")
    totes.fill("O-2", 1, tea, FLOOR, "2")
    totes.stage("O-1", "1", "S-1")
    totes.stage("O-2", "2", "S-2")
    totes.hand_over("O-1")
    totes.hand_over("O-1")
    assert totes.got == {"O-1": {(1, tea.sku): 1}}
    assert totes.pieces("O-2", 2, "STAGED:S-2") == []
    (piece,) = totes.pieces("O-2", 1, "STAGED:S-2")
    totes.take_back("O-2", piece, FLOOR)
    assert (shop.count(tea, FLOOR), shop.count(tea, CUSTOMER)) == (1, 1)
    assert shop.reach(tea, FLOOR)
    assert twice(totes.handed) == []
    assert twice([*totes.handed, ("O-3", totes.handed[0][1])]) == [totes.handed[0][1]]


def test_ham_goes_by_the_gram_and_bags_may_go_to_the_wrong_customer() -> None:
    shop = Shop(range_of_goods(), first_serial=1)
    (ham,) = shop.weighed
    shop.move(ham, SUPPLIER, FLOOR, 500)
    totes = Totes(shop)
    assert shop.reach(ham, FLOOR, 300)
    assert not shop.reach(ham, FLOOR, 201)
    totes.fill("O-1", 2, ham, FLOOR, "1", qty=300)
    totes.stage("O-1", "1", "S-1")
    totes.hand_over("O-1", "O-2")
    assert totes.got == {"O-2": {(2, ham.sku): 300}}
    assert (shop.count(ham, FLOOR), shop.count(ham, CUSTOMER)) == (200, 300)


def test_what_was_put_down_elsewhere_is_there_and_nobody_reaches_it_until_it_is_found() -> None:
    shop = Shop(range_of_goods(), first_serial=1)
    tea, milk = shop.untagged[:2]
    shop.move(tea, SUPPLIER, FLOOR)
    shop.mislay(tea)
    shop.mislay(milk)  # there is none
    assert (shop.count(tea, FLOOR), shop.lying(tea, FLOOR)) == (1, 0)
    assert not shop.reach(tea, FLOOR)
    assert not shop.find(milk)
    assert shop.find(tea)
    assert shop.reach(tea, FLOOR)
    shop.let_go(tea, FLOOR)
    shop.mislay(tea)
    shop.find_all()
    assert shop.lying(tea, FLOOR) == 1


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
    assert not StoreVerdict("S", 1, (), {}, left_open=("recount GR-021",)).agrees
    assert not StoreVerdict("S", 1, (), {}, handed_twice=(7,)).agrees
    assert conclusion([named]) == "FAILED (0 of 1 stores)"


def test_figures_say_how_the_rush_went() -> None:
    orders = [
        Served("O-1", "handed_over", 3, 1, 0, 200.0, 300.0),
        Served("O-2", "handed_over", 2, 0, 2, 700.0, 600.0),
        Served("O-3", "rejected", 1, 0, 0, None, 300.0),
        Served("O-4", "cancelled", 1, 0, 0, 310.0, 900.0),
    ]
    one, other = RushFigures(orders[:3], 90.0), RushFigures(orders[3:], 30.0)
    both = together([one, other])
    assert str(both) == (
        "lunch rush: 4 orders; packed: 33 % within 5, 67 % within 10, 100 % within 15 minutes; 40 m walked per order"
    )
    assert both.counts() == {
        "ordered": 4,
        "accepted": 3,
        "picked": 3,
        "late": 1,
        "handed over": 2,
        "cancelled": 1,
        "lines": 7,
        "short": 1,
        "substituted": 2,
    }
    assert together([]).within(5) is None
