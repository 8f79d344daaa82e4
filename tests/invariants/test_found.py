"""What random histories have found, each as a history of its own."""

from pathlib import Path

from agent.core.asks import (
    CommitHold,
    Delivery,
    DeliveryLine,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    TagsHeard,
    Want,
    Work,
)
from tests.invariants.asking import EPCS
from tests.invariants.plain import FLOOR
from tests.invariants.shop import Shop


def test_a_unit_that_a_till_sells_out_of_a_tote_is_not_to_be_put_back_any_more(tmp_path: Path) -> None:
    """The hold was over, and only the disk knew of the unit in its tote: it was to be put back for ever."""
    shop, tag = Shop(tmp_path / "books.db"), EPCS[0]
    shop.ask(Delivery("D", (DeliveryLine(1, "sku", "SHIRT", (tag,)),)))
    shop.ask(TagsHeard(((tag, FLOOR),), ()))
    shop.ask(Reserve("H", "web", (Want(1, "SHIRT", 1),), 900))
    shop.ask(CommitHold("H", "O"))
    shop.ask(Work("w", "H", "picked", 1, tote="7", epcs=(tag,)))
    shop.ask(ReleaseHold("H"))
    assert ("put_back", "H") in shop.books.cases
    shop.restart()
    shop.ask(Sale("R", (SaleLine(1, "sku", "SHIRT", 1, tag),)))
    assert not shop.books.cases
    assert shop.books.balance("SHIRT", "TOTE:7") == 0
    assert shop.rows("SELECT json_extract(lines, '$[0][6]'), json_extract(lines, '$[0][10]') FROM hold") == [
        ("[]", "[]")
    ]
    shop.close()
