"""Rows as history keeps them."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hq_bridge.books import Draft, StoreBooks
from hq_bridge.stretches import STRETCH_ROWS, Stretch
from tests.hq_bridge.shop import Shop
from wire.codec import decode_batch, encode_row
from wire.messages import UnknownRow

_busy = Shop()
_busy.trade(6 * 700)


def test_a_stretch_says_all_its_rows_in_order_an_unknown_one_as_it_came() -> None:
    shop = Shop()
    shop.trade(3)
    strange = UnknownRow(4, "weather", msgspec.Raw(b'{"seq":4, "kind":"weather","sun":true}'))
    stretch = Stretch(7, 1)
    stretch.add(shop.rows[:2])
    stretch.add([shop.rows[2], strange])
    said = stretch.json()
    assert json.loads(said) == [json.loads(encode_row(row)) for row in (*shop.rows, strange)]
    assert bytes(strange.body) in said
    assert (stretch.first, stretch.last, stretch.row_count) == (1, 4, 4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_however_rows_come_stretches_are_dense_and_none_is_too_long(sizes: list[int]) -> None:
    draft = Draft(StoreBooks(_busy.topics.store, whole=True))
    first = 1
    for size in sizes:
        draft.batch(decode_batch(_busy.batch(first, size)))
        first += size
    kept = [(each.first, each.last, json.loads(each.json())) for each in draft.stretches]
    assert all(last - begins < STRETCH_ROWS for begins, last, _ in kept)
    assert [row["seq"] for *_, rows in kept for row in rows] == list(range(1, first))
    assert all((rows[0]["seq"], rows[-1]["seq"]) == (begins, last) for begins, last, rows in kept)
    assert draft.row_count == first - 1
