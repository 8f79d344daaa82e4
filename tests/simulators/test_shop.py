"""The simulated world must be beyond doubt, since everything else is judged by it."""

import csv
import io
from collections import Counter
from random import Random

from epcpy.epc_schemes.sgtin import SGTIN
from epcpy.utils.parsers import hex_to_tag_encodable
from hypothesis import given
from hypothesis import strategies as st

from simulators.goods import catalogue_csv, check_digit, range_of_goods, sgtin_96
from simulators.shop import BACKROOM, CUSTOMER, FLOOR, SUPPLIER, Shop

GOODS = range_of_goods()


def test_check_digits_are_those_of_the_gs1_examples() -> None:
    for gtin in ("6291041500213", "4006381333931", "96385074", "10614141000415"):
        assert check_digit(gtin[:-1]) == gtin[-1]


def test_products_differ_and_half_of_them_or_so_are_tagged() -> None:
    assert len({product.sku for product in GOODS}) == len({product.gtin for product in GOODS}) == len(GOODS) == 44
    assert sum(product.tagged for product in GOODS) == 20
    assert all(check_digit(product.gtin[:-1]) == product.gtin[-1] for product in GOODS)


@given(st.sampled_from(range(6, 13)), st.text("0123456789", min_size=12, max_size=12), st.integers(0, (1 << 38) - 1))
def test_an_epc_says_the_gtin_it_was_made_of(company_digits: int, digits: str, serial: int) -> None:
    """Judged by another's decoder."""
    gtin = digits + check_digit(digits)
    decoded = hex_to_tag_encodable(sgtin_96(gtin, company_digits, serial).hex())
    assert isinstance(decoded, SGTIN)
    assert decoded.gs1_key() == "0" + gtin
    assert decoded.epc_uri.rpartition(".")[2] == str(serial)


def test_the_catalogue_is_a_csv_file_with_every_product() -> None:
    rows = list(csv.DictReader(io.StringIO(catalogue_csv(GOODS))))
    assert [row["gtin"] for row in rows] == [product.gtin for product in GOODS]
    assert Counter(row["tagged"] for row in rows) == {"yes": 20, "no": 24}


@given(st.randoms(use_true_random=False), st.integers(0, 300))
def test_units_are_neither_made_nor_lost(rng: Random, happenings: int) -> None:
    shop = Shop(GOODS, first_serial=1)
    in_hand = []
    for now in range(happenings):
        match rng.randrange(5):
            case 0:
                shop.put(shop.make(rng.choice(shop.tagged)), SUPPLIER, rng.choice((BACKROOM, FLOOR)), now)
            case 1 if units := shop.rested(BACKROOM, now):
                shop.put(rng.choice(units), BACKROOM, FLOOR, now)
            case 2 if units := shop.rested(FLOOR, now):
                in_hand.append(units[0])
                shop.take(units[0])
            case 3 if in_hand:
                shop.move(in_hand.pop().product, FLOOR, CUSTOMER)
            case _:
                shop.move(rng.choice(shop.untagged), SUPPLIER, BACKROOM, rng.randrange(1, 4))
    truth = shop.truth()
    assert all(sum(places.values()) == 0 for places in truth.values())
    for place in (BACKROOM, FLOOR):
        lying = Counter(unit.product.sku for unit in shop.rested(place, happenings))
        held = Counter(unit.product.sku for unit in in_hand if place == FLOOR)
        assert lying + held == {p.sku: n for p in shop.tagged if (n := shop.count(p, place))}
