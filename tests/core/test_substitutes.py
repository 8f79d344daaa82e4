"""Substitutes: what may be offered at all, and what first."""

from dataclasses import replace

import pytest

from agent.core.catalogue import Likeness, Sku, Traits
from agent.core.channels import Confidence
from agent.core.picking.substitutes import Candidate, Offer, Wanted, rank

MILK = Sku("MILK", (), "Milk", "牛奶", Traits(temperature="chilled"), likeness=Likeness("milk", "Alp", "1 l", 1290))


def offer(name: str, available: int = 9, confidence: Confidence = "fair", **like: str | int) -> Offer:
    likeness = replace(MILK.likeness, **like)  # type: ignore[arg-type]  # the test's own words
    return Offer(replace(MILK, sku=name, likeness=likeness), available, confidence)


def names(line: Wanted, *offers: Offer) -> list[str]:
    return [candidate.sku for candidate in rank(line, offers)]


def test_wishes_come_first_then_brand_then_size_then_what_is_surely_there() -> None:
    found = names(
        Wanted(MILK, 1, ("GOAT", "SOY")),
        offer("OTHER BRAND, SURE", brand="Berg", confidence="sure"),
        offer("OTHER BRAND", brand="Berg"),
        offer("SMALL", size="250 ml"),
        offer("SAME", price_fen=1200),
        offer("SOY", category="soy", price_fen=1990),
        offer("GOAT", category="goat"),
    )
    assert found == ["GOAT", "SOY", "SAME", "SMALL", "OTHER BRAND, SURE", "OTHER BRAND"]


def test_what_speaks_for_it_is_said() -> None:
    (found,) = rank(Wanted(MILK, 1), [offer("SAME", size="900 ml", confidence="sure")])
    assert found == Candidate("SAME", ("category", "brand", "size", "price", "sure"))


def test_nothing_dearer_or_of_another_kind_is_offered_unless_the_customer_named_it() -> None:
    others = (offer("DEAR", price_fen=1291), offer("?", price_fen=0), offer("BREAD", category="bread"))
    assert names(Wanted(MILK, 1), *others) == []
    assert names(Wanted(MILK, 1, ("DEAR", "BREAD")), *others) == ["DEAR", "BREAD"]
    unknown = replace(MILK, likeness=Likeness())
    assert names(Wanted(unknown, 1), offer("SAME")) == []


@pytest.mark.parametrize(
    "traits",
    [
        Traits(temperature="frozen"),
        Traits("gram", temperature="chilled"),
        Traits(temperature="chilled", min_age=18),
        Traits(temperature="chilled", eligibility="display_only"),
    ],
)
def test_goods_that_may_not_take_its_place_are_never_offered_even_when_named(traits: Traits) -> None:
    other = Offer(replace(MILK, sku="OTHER", traits=traits), 9)
    assert names(Wanted(MILK, 1, ("OTHER",)), other) == []


def test_what_is_retired_too_few_or_the_very_same_is_no_substitute() -> None:
    gone = Offer(replace(MILK, sku="GONE", retired=True), 9)
    assert names(Wanted(MILK, 2), gone, offer("FEW", available=1), offer("MILK")) == []


@pytest.mark.parametrize(
    ("size", "alike"),
    [
        ("1000 ml", True),
        ("2x500ml", True),
        ("0.9 l", True),
        ("1 kg", False),
        ("", False),
        ("0 l", False),
        ("2 l", False),
    ],
)
def test_sizes_are_compared_by_what_they_contain(size: str, alike: bool) -> None:
    (found,) = rank(Wanted(MILK, 1), [offer("OTHER", size=size)])
    assert ("size" in found.why) == alike
