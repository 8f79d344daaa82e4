"""What each ask enters, and that a refused one enters nothing."""

from agent.core.asks import (
    Delivery,
    DeliveryLine,
    Expected,
    Mistake,
    Refused,
    Sale,
    SaleLine,
    Scan,
    Scanned,
    Sold,
    TagsEntered,
    TagsHeard,
)
from agent.core.catalogue import Catalogue
from agent.core.decisions import decide
from agent.core.ledger import Books, Turn
from agent.core.places import BACKROOM, FLOOR
from agent.core.tags import Stranger
from tests.core import shop

EPC = shop.epc_of(shop.SHIRT, 1)
NOTE = Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (EPC,)),))


def entered(books: Books, *asks: object) -> list[object]:
    answers: list[object] = []
    for ask in asks:
        turn = shop.turn(books)
        answers.append(decide(turn, ask))  # type: ignore[arg-type]  # each is an Ask
        books.remember(turn)
    return answers


def stock(books: Books) -> dict[tuple[str, str], int]:
    return {key: qty for key, qty in books.balances.items() if qty and key[1] in (FLOOR, BACKROOM)}


def test_a_delivered_tag_is_received_where_it_settles_then_moved_then_sold() -> None:
    books = shop.books()
    (expected,) = entered(books, NOTE)
    assert isinstance(expected, Expected)
    assert stock(books) == {}
    assert entered(books, TagsHeard(((EPC, BACKROOM),), ())) == [TagsEntered(1)]
    assert stock(books) == {("SHIRT", BACKROOM): 1}
    assert entered(books, TagsHeard(((EPC, FLOOR),), ())) == [TagsEntered(1)]
    assert entered(books, TagsHeard(((EPC, FLOOR),), ())) == [TagsEntered(0)]
    assert stock(books) == {("SHIRT", FLOOR): 1}
    (sold,) = entered(books, Sale("R1", (SaleLine(1, "sku", "SHIRT", 1, EPC),)))
    assert isinstance(sold, Sold)
    assert stock(books) == {}
    assert entered(books, TagsHeard(((EPC, FLOOR),), ())) == [TagsEntered(0)]
    assert stock(books) == {}
    assert not books.cases


def test_a_till_that_reads_a_tag_proves_where_it_was() -> None:
    for before in ([NOTE], [NOTE, TagsHeard(((EPC, BACKROOM),), ())]):
        books = shop.books()
        entered(books, *before, Sale("R1", (SaleLine(1, "sku", "SHIRT", 1, EPC),)))
        assert stock(books) == {}
        assert books.balances["SHIRT", "CUSTOMER"] == 1
        assert not books.cases


def test_a_tag_sold_twice_is_a_case() -> None:
    books = shop.books()
    entered(books, NOTE, *(Sale(receipt, (SaleLine(1, "sku", "SHIRT", 1, EPC),)) for receipt in ("R1", "R2")))
    assert ("sold_tag_seen", EPC.hex().upper()) in books.cases
    assert ("negative_stock", "SHIRT at FLOOR") in books.cases


def test_a_sale_with_an_unknown_item_enters_nothing_of_the_receipt_and_is_kept_as_a_case() -> None:
    books = shop.books()
    lines = (SaleLine(1, "sku", "MILK", 1), SaleLine(2, "gtin", "4006381333931", 1), SaleLine(3, "sku", "NONE", 1))
    (refused,) = entered(books, Sale("R1", lines))
    assert isinstance(refused, Refused)
    assert [mistake.path for mistake in refused.mistakes] == ["lines[1].gtin", "lines[2].sku"]
    assert stock(books) == {}
    assert list(books.cases) == [("refused_sale", "R1")]
    entered(books, Sale("R1", lines[:1]))
    assert ("refused_sale", "R1") not in books.cases
    assert stock(books) == {("MILK", FLOOR): -1}


def test_a_tag_of_another_item_is_refused() -> None:
    books = shop.books()
    (refused,) = entered(books, Sale("R1", (SaleLine(1, "sku", "MILK", 1, EPC),)))
    assert isinstance(refused, Refused)
    wrong = Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (shop.epc_of(shop.MILK, 1), bytes(12))),))
    (refused_note,) = entered(books, wrong)
    assert isinstance(refused_note, Refused)
    assert [mistake.path for mistake in refused_note.mistakes] == ["lines[0].epcs[0]", "lines[0].epcs[1]"]
    assert not books.tags


def test_scans_are_numbered_and_move_one_unit() -> None:
    books = shop.books()
    code = shop.gtin_14(shop.MILK)
    answers = entered(books, Scan("dock", "receive", code, None), Scan("shelf", "shelve", code[1:], "]E0"))
    assert answers == [Scanned(accepted=True, message="MILK"), Scanned(accepted=True, message="MILK")]
    assert stock(books) == {("MILK", FLOOR): 1}
    assert books.scans == {"dock": 1, "shelf": 1}


def test_an_unknown_barcode_is_refused_and_becomes_a_case() -> None:
    books = shop.books()
    answers = entered(books, *(Scan("dock", "receive", text, None) for text in ("4006381333931", "hello")))
    assert answers == [
        Scanned(accepted=False, message="GTIN 04006381333931 is not in the catalogue"),
        Scanned(accepted=False, message="holds no GTIN"),
    ]
    assert stock(books) == {}
    assert books.scans == {"dock": 2}
    assert {kind for kind, _ in books.cases} == {"unknown_barcode"}


def test_strangers_become_cases_and_change_no_stock() -> None:
    books = shop.books()
    entered(
        books,
        TagsHeard(
            (), (Stranger(EPC, "alien_tag", "GTIN", FLOOR), Stranger(bytes(12), "unencoded_tag", "blank", FLOOR))
        ),
    )
    assert stock(books) == {}
    assert {kind for kind, _ in books.cases} == {"alien_tag", "unencoded_tag"}
    entered(books, NOTE)  # the delivery note was late
    assert {kind for kind, _ in books.cases} == {"unencoded_tag"}


def test_a_crate_is_no_unit_of_anything() -> None:
    books, crate = shop.books(), bytes.fromhex("3376451FD40C0E400000162E")
    why = "crate 9521141123454/5678, no unit of SHIRT"
    assert entered(
        books,
        Delivery("D9", (DeliveryLine(1, "sku", "SHIRT", (crate,)),)),
        Sale("R9", (SaleLine(1, "sku", "SHIRT", 1, crate),)),
    ) == [
        Refused((Mistake("lines[0].epcs[0]", f"names {why}"),)),
        Refused((Mistake("lines[0].epc", f"the tag names {why}"),)),
    ]
    assert stock(books) == {}


def test_a_posted_receipt_stays_posted_when_its_item_leaves_the_catalogue() -> None:
    books = shop.books()
    sale = Sale("R1", (SaleLine(1, "sku", "MILK", 1),))
    turn = shop.turn(books)
    decide(turn, sale)
    books.remember(turn)
    later = Turn(Books(books.store, books.epoch, Catalogue([]), books.head), 2000, {"sale:R1/1": turn.postings[0]}, {})
    answer = decide(later, sale)
    assert isinstance(answer, Refused)
    assert answer.conflict
    assert later.is_empty()
