"""Why ATP is what it is: what the catalogue decides is in the terms, and retired goods are promised to nobody."""

from dataclasses import replace

from agent.core import places
from agent.core.catalogue import Catalogue, Traits
from agent.core.explain import ANY_OTHER, Explanation, explain, policy_of
from agent.core.ledger import Books
from tests.core import shop

MILK = shop.CATALOGUE.skus["MILK"]


def explained(traits: Traits, *, retired: bool = False) -> Explanation:
    """What is said of ten units of milk with these traits."""
    catalogue = Catalogue([replace(MILK, traits=traits, retired=retired)])
    books = Books("SH-1", 7, catalogue)
    books.conditions.policy_of = policy_of(catalogue, {})
    turn = shop.turn(books)
    turn.post("MILK", places.SUPPLIER, places.FLOOR, 10, "receive", "d", "test")
    books.remember(turn)
    found = explain(shop.turn(books), "MILK")
    assert found is not None
    return found


def test_safety_of_a_channel_goes_before_that_of_the_sku() -> None:
    found = explained(Traits(safety=2, safety_of=(("delivery", 4), ("web", 0))))
    assert {terms.channel: (terms.safety, terms.atp) for terms in found.channels} == {
        "delivery": (4, 6),
        "web": (0, 10),
        ANY_OTHER: (2, 8),
    }


def test_what_may_not_be_promised_says_why() -> None:
    for traits, retired, why in (
        (Traits(eligibility="display_only"), False, "the SKU is display only"),
        (Traits(eligibility="order_in"), False, "the SKU is order in"),
        (Traits(), True, "the SKU is retired"),
    ):
        (terms,) = explained(traits, retired=retired).channels
        assert (terms.stopped, terms.atp, terms.sellable) == (why, 0, 10)
    (prepared,) = explained(Traits(eligibility="prepare")).channels
    assert (prepared.stopped, prepared.atp) == ("", 10)


def test_what_is_in_no_catalogue_is_promised_to_nobody_and_not_explained() -> None:
    assert policy_of(shop.CATALOGUE, {})("CAR", "web").retired
    assert explain(shop.turn(shop.books()), "CAR") is None
