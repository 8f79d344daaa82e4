"""The judge is judged: what differs is found, and only that."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.people import KINDS
from simulators.verdict import Difference, StoreVerdict, conclusion, differences, percentile, stock_of

PLACES = st.dictionaries(
    st.sampled_from(["FLOOR", "BACKROOM", "CUSTOMER"]), st.integers(-3, 3).filter(bool), min_size=1
)
STOCK = st.dictionaries(st.sampled_from(["A", "B", "C"]), PLACES)


@given(STOCK, st.integers(0, 2), st.sampled_from("ABC"), PLACES)
def test_a_difference_in_any_of_the_three_is_found(
    stock: dict[str, dict[str, int]], who: int, sku: str, places: dict[str, int]
) -> None:
    assert differences(stock, dict(stock), dict(stock)) == ()
    three = [stock, dict(stock), dict(stock)]
    three[who] = {**stock, sku: places}
    found = [difference.sku for difference in differences(*three)]
    assert found == ([] if stock.get(sku) == places else [sku])


def test_a_sku_only_one_knows_is_a_difference() -> None:
    assert differences({}, {}, {"A": {"FLOOR": 1}}) == (Difference("A", {}, {}, {"FLOOR": 1}),)


def test_a_verdict_needs_every_kind_of_event() -> None:
    everything = dict.fromkeys(KINDS, 1)
    assert StoreVerdict("S", 1, (), everything).good
    assert not StoreVerdict("S", 0, (), everything).good
    for kind in KINDS:
        found = StoreVerdict("S", 1, (), {**everything, kind: 0})
        assert not found.good
        assert found.missing == [kind]


def test_too_little_is_not_called_a_failure_and_a_difference_is() -> None:
    everything = dict.fromkeys(KINDS, 1)
    good = StoreVerdict("SH-0002", 40, (), everything)
    short = StoreVerdict("SH-0001", 40, (), {**everything, "sale with tag": 0})
    wrong = StoreVerdict("SH-0003", 40, (Difference("A", {}, {}, {"FLOOR": 1}),), everything)
    empty = StoreVerdict("SH-0004", 0, (), everything)
    assert conclusion([good]) == "all agree (1 of 1 stores)"
    assert conclusion([short, good]) == "too short to say: no sale with tag at SH-0001; SECONDS=10 or more"
    idle = StoreVerdict("SH-0005", 40, (), {**everything, "sale with tag": 0, "blank tag": 0})
    assert conclusion([short, idle]) == (
        "too short to say: no sale with tag at SH-0001, SH-0005; no blank tag at SH-0005; SECONDS=10 or more"
    )
    assert conclusion([short, good, wrong]) == "FAILED (1 of 3 stores)"
    assert conclusion([good, empty]) == "FAILED (1 of 2 stores)"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 50) is None
    assert percentile([7], 99) == 7
    assert percentile(range(1, 101), 50) == 50
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3, 1, 2], 50) == 2


def test_skus_that_are_nowhere_are_left_out() -> None:
    assert stock_of({"skus": [{"sku": "A", "places": {}}, {"sku": "B", "places": {"FLOOR": 1}}]}) == {"B": {"FLOOR": 1}}
