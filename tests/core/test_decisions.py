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
from agent.core.catalogue import Catalogue, Sku, Traits
from agent.core.decisions import decide
from agent.core.gtin import check_digit
from agent.core.instore import InStore
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


def weighed(code: str, aim: str | None = None) -> tuple[Books, list[object]]:
    """A shop that sells ham and cheese by the gram and chickens by the piece, and what one scan does in it."""
    gram = Traits(unit="gram")
    names = {
        "HAM": ("02388060100006", gram),
        "CHEESE": ("00614141123452", gram),
        "CHICKEN": ("90012345678908", Traits()),
    }
    books = shop.books(Catalogue([Sku(sku, (code,), sku, sku, traits) for sku, (code, traits) in names.items()]))
    books.instore = InStore("se")
    return books, entered(books, Scan("dock", "receive", code, aim))


def test_goods_by_the_gram_are_received_by_the_weight_in_the_code() -> None:
    books, answers = weighed("2388060112344")
    assert answers == [Scanned(accepted=True, message="HAM")]
    assert stock(books) == {("HAM", BACKROOM): 1234}


def test_a_piece_that_says_its_weight_is_one_piece() -> None:
    books, answers = weighed("01900123456789083103001750", "]e0")
    assert answers == [Scanned(accepted=True, message="CHICKEN")]
    assert stock(books) == {("CHICKEN", BACKROOM): 1}


def test_a_code_that_counts_its_pieces_brings_so_many() -> None:
    books, _ = weighed("01900123456789083012", "]C1")
    assert stock(books) == {("CHICKEN", BACKROOM): 12}


def test_goods_by_the_gram_without_a_weight_are_refused_and_never_one_gram() -> None:
    books, answers = weighed("614141123452")
    why = "CHEESE is counted in grams and the code says no weight: weigh it, and count what is there"
    assert answers == [Scanned(accepted=False, message=why)]
    assert stock(books) == {}
    books, answers = weighed("2388060100006")
    assert answers == [Scanned(accepted=False, message="its weight is 0, which cannot be")]
    assert stock(books) == {}


def test_a_lost_separator_is_told_to_whoever_scans() -> None:
    books, answers = weighed("019001234567890810ABC12317271231", "]C1")
    told = "CHICKEN (from its (10) on it runs together: have the scanner send GS for FNC1)"
    assert answers == [Scanned(accepted=True, message=told)]
    assert stock(books) == {("CHICKEN", BACKROOM): 1}


def test_a_code_of_ours_that_nothing_explains_says_so() -> None:
    books, answers = weighed("2988060112341"[:-1] + str(check_digit("298806011234")))
    (refused,) = answers
    assert isinstance(refused, Scanned)
    assert refused.message.endswith("it is a store's own code, and [instore] does not say what it holds")
    assert {kind for kind, _ in books.cases} == {"unknown_barcode"}


def test_digits_that_are_two_articles_are_refused_until_the_scanner_says_which() -> None:
    names = {"SHORT": "00000001234565", "LONG": "00012345000065"}
    books = shop.books(Catalogue([Sku(sku, (code,), sku, sku) for sku, code in names.items()]))
    answers = entered(books, Scan("dock", "receive", "01234565", None), Scan("dock", "receive", "01234565", "]E0"))
    assert answers == [
        Scanned(accepted=False, message="may be SHORT (EAN-8) or LONG (UPC-E): have the scanner send AIM identifiers"),
        Scanned(accepted=True, message="LONG"),
    ]
    alone = shop.books(Catalogue([Sku("LONG", ("00012345000065",), "", "")]))
    assert entered(alone, Scan("dock", "receive", "01234565", None)) == [Scanned(accepted=True, message="LONG")]


def test_what_cannot_be_printed_is_shown_in_its_case() -> None:
    books = shop.books()
    entered(books, Scan("dock", "receive", "\x1b[31m\x1d1", None))
    assert list(books.cases) == [("unknown_barcode", "\\x1b[31m␝1")]


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
