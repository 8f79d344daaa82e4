"""What tags do to the books: no unit is counted twice, by whichever of reader, till and picker it is told first."""

import pytest

from agent.core import tag_moves
from agent.core.asks import (
    Answer,
    Ask,
    Delivery,
    DeliveryLine,
    Refused,
    Sale,
    SaleLine,
    Scan,
    Scanned,
    TagsHeard,
    TagsSilent,
)
from agent.core.checks import check
from agent.core.decisions import decide
from agent.core.ledger import Books, Posting
from agent.core.life import ImpossibleMoveError
from agent.core.places import BACKROOM, CUSTOMER, EXIT, FLOOR, QUARANTINE, SHRINK, SUPPLIER, UNATTRIBUTED_OUT, is_inside
from agent.core.tags import Stranger
from tests.core import shop

EPCS = tuple(shop.epc_of(shop.SHIRT, serial) for serial in range(1, 6))
A, B = EPCS[:2]
SOCK = shop.epc_of(shop.SOCKS, 1)
TOTE_1, TOTE_2 = "TOTE:1", "TOTE:2"


class Store:
    """Books in memory, entered as the clerk would; every turn is held to the invariants."""

    def __init__(self, *at_floor: bytes, sku: str = "SHIRT") -> None:
        self.books: Books = shop.books(shop.WITH_SOCKS)
        self.postings: list[Posting] = []
        if at_floor:
            self.enter(Delivery("D1", (DeliveryLine(1, "sku", sku, at_floor),)), heard(*at_floor))

    def enter(self, *asks: Ask) -> Answer:
        """Each in a turn of its own; what the last was answered."""
        for ask in asks:
            turn = shop.turn(self.books)
            answer = decide(turn, ask)
            check(turn)
            self.books.remember(turn)
            self.postings += turn.postings
        return answer

    def stock(self) -> dict[str, int]:
        """Where there is something, inside and outside."""
        return {place: qty for (_, place), qty in self.books.balances.items() if qty}

    def state(self, epc: bytes) -> tuple[str, str | None]:
        return self.books.tags[epc].state, self.books.tags[epc].place

    def counts_once(self, sku: str = "SHIRT") -> bool:
        """Is the quantity of a fully tagged SKU its tags in stock less what was sold unread?"""
        inside = sum(tag.sku == sku and is_inside(tag.place or "") for tag in self.books.tags.values())
        return self.books.on_hand.get(sku, 0) == inside - self.books.balance(sku, UNATTRIBUTED_OUT)


def heard(*epcs: bytes, at: str = FLOOR) -> TagsHeard:
    return TagsHeard(tuple((epc, at) for epc in epcs), ())


def gone(*epcs: bytes) -> tuple[Ask, Ask]:
    return TagsSilent(epcs, ()), TagsSilent((), epcs)


def sale(receipt: str, qty: int = 1, epc: bytes | None = None, sku: str = "SHIRT") -> Sale:
    return Sale(receipt, (SaleLine(1, "sku", sku, qty, epc),))


def test_a_sale_without_a_tag_of_a_tagged_item_leaves_open_which_unit_it_was() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1", 2))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 3, UNATTRIBUTED_OUT: 2}
    assert [(one.origin, one.target, one.qty, one.code) for one in store.postings[5:]] == [
        (FLOOR, UNATTRIBUTED_OUT, 2, "sale")
    ]
    assert store.counts_once()


def test_barcode_sale_of_a_tagged_item_then_missing_tag_is_matched_and_shrink_is_0() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1"), *gone(A))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 4, CUSTOMER: 1}
    assert store.state(A) == ("sold", UNATTRIBUTED_OUT)
    assert not store.books.cases
    assert store.counts_once()


def test_what_is_missing_beyond_the_unread_sales_is_shrink_and_a_case() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1"), *gone(A), *gone(B))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 1, SHRINK: 1}
    assert store.state(B) == ("missing", SHRINK)
    assert list(store.books.cases) == [("missing_tag", B.hex().upper())]
    assert store.counts_once()


def test_a_suspect_changes_no_quantity_and_is_in_stock_again_when_heard() -> None:
    store = Store(*EPCS)
    store.enter(TagsSilent((A,), ()))
    assert store.state(A) == ("suspect", FLOOR)
    assert store.stock() == {SUPPLIER: -5, FLOOR: 5}
    store.enter(heard(A), TagsSilent((), (A,)))
    assert store.state(A) == ("in_stock", FLOOR)
    assert store.stock() == {SUPPLIER: -5, FLOOR: 5}


def test_a_missing_tag_that_is_heard_again_is_back_and_its_case_is_closed() -> None:
    store = Store(*EPCS)
    store.enter(*gone(A), heard(A, at=BACKROOM))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 4, BACKROOM: 1}
    assert store.state(A) == ("in_stock", BACKROOM)
    assert not store.books.cases
    assert store.counts_once()


def test_a_tag_taken_for_sold_that_is_heard_again_was_another_and_no_quantity_changes() -> None:
    for place in (FLOOR, BACKROOM):
        store = Store(*EPCS)
        store.enter(sale("R1"), *gone(A))
        on_hand = store.books.on_hand["SHIRT"]
        store.enter(TagsHeard((), (Stranger(A, "sold_tag_seen", "", place),)))
        assert store.state(A) == ("in_stock", place)
        assert store.books.on_hand["SHIRT"] == on_hand
        assert store.books.balance("SHIRT", UNATTRIBUTED_OUT) == 1
        assert store.counts_once()
        store.enter(*gone(B))
        assert store.stock().get(SHRINK) is None
        assert not store.books.cases


def test_a_tag_that_a_till_read_and_that_is_heard_again_is_a_case_and_changes_nothing() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1", epc=A))
    before = store.stock()
    store.enter(TagsHeard(((A, FLOOR),), (Stranger(A, "sold_tag_seen", "", FLOOR),)))
    assert store.stock() == before == {SUPPLIER: -5, FLOOR: 4, CUSTOMER: 1}
    assert list(store.books.cases) == [("sold_tag_seen", A.hex().upper())]


def test_a_tag_sold_unread_from_the_backroom_is_taken_from_there() -> None:
    store = Store(A)
    store.enter(Delivery("D2", (DeliveryLine(1, "sku", "SHIRT", (B,)),)), heard(B, at=BACKROOM))
    store.enter(sale("R1"), *gone(B))
    assert store.stock() == {SUPPLIER: -2, FLOOR: 1, CUSTOMER: 1}


def test_a_late_receipt_with_its_tag_takes_back_what_was_written_off_or_taken_for_sold() -> None:
    for before, left in ((), {SUPPLIER: -5, FLOOR: 4, CUSTOMER: 1}), ((sale("R0"),), {FLOOR: 3, UNATTRIBUTED_OUT: 1}):
        store = Store(*EPCS)
        store.enter(*before, *gone(A), sale("R1", epc=A))
        assert store.stock() == {SUPPLIER: -5, CUSTOMER: 1} | left
        assert store.state(A) == ("sold", None)
        assert not store.books.cases
        assert store.counts_once()


def test_a_sale_with_a_tag_is_one_unit() -> None:
    store = Store(*EPCS)
    refused = store.enter(sale("R1", 2, A))
    assert isinstance(refused, Refused)
    assert [(one.path, one.problem) for one in refused.mistakes] == [
        ("lines[0].qty", "a line with an epc is one unit, not 2")
    ]
    assert store.stock() == {SUPPLIER: -5, FLOOR: 5}


def test_an_unannounced_tag_that_is_sold_was_counted_by_nobody_and_takes_no_other_unit_with_it() -> None:
    store = Store(*EPCS[:4])
    store.enter(sale("R1", epc=EPCS[4]))
    assert store.books.on_hand["SHIRT"] == 4
    assert list(store.books.cases) == [("alien_tag", EPCS[4].hex().upper())]
    store.enter(Delivery("D2", (DeliveryLine(1, "sku", "SHIRT", (EPCS[4],)),)), heard(EPCS[4]))
    assert store.books.on_hand["SHIRT"] == 4
    assert store.counts_once()


def test_a_tag_sold_twice_leaves_open_which_unit_went() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1", epc=A), sale("R2", epc=A))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 1, UNATTRIBUTED_OUT: 1}
    assert list(store.books.cases) == [("sold_tag_seen", A.hex().upper())]
    assert store.counts_once()


def test_absence_never_lowers_the_quantity_of_what_is_partly_tagged() -> None:
    store = Store(SOCK, sku="SOCKS")
    store.enter(*gone(SOCK))
    assert store.state(SOCK) == ("missing", FLOOR)
    assert store.stock() == {SUPPLIER: -1, FLOOR: 1}
    assert not store.books.cases
    store.enter(heard(SOCK, at=BACKROOM))
    assert store.stock() == {SUPPLIER: -1, BACKROOM: 1}
    store.enter(sale("R1", sku="SOCKS"))
    assert store.stock() == {SUPPLIER: -1, BACKROOM: 1, FLOOR: -1, CUSTOMER: 1}


def test_an_unannounced_tag_of_what_is_partly_tagged_was_counted_by_scanning() -> None:
    store = Store()
    store.enter(*[Scan("dock", one, shop.gtin_14(shop.SOCKS), None) for one in ("receive", "shelve")])
    store.enter(sale("R1", epc=SOCK, sku="SOCKS"))
    assert store.stock() == {SUPPLIER: -1, CUSTOMER: 1}


def test_what_is_fully_tagged_is_not_counted_by_its_barcode_too() -> None:
    store = Store(*EPCS)
    answer = store.enter(Scan("dock", "receive", shop.gtin_14(shop.SHIRT), None))
    assert isinstance(answer, Scanned)
    assert not answer.accepted
    assert "its tags are read" in answer.message
    assert store.stock() == {SUPPLIER: -5, FLOOR: 5}


def test_tags_of_what_has_none_in_the_catalogue_are_refused() -> None:
    store = Store()
    refused = store.enter(Delivery("D1", (DeliveryLine(1, "sku", "MILK", (shop.epc_of(shop.MILK, 1),)),)))
    assert isinstance(refused, Refused)
    assert [one.path for one in refused.mistakes] == ["lines[0].epcs"]


def test_a_picked_tag_at_the_exit_is_no_theft() -> None:
    store = Store(*EPCS)
    pick(store, A, TOTE_1)
    store.enter(heard(A, at=EXIT), heard(A, at=BACKROOM))
    assert not store.books.cases
    assert store.state(A) == ("picked", TOTE_1)


def test_an_unpaid_tag_at_the_exit_is_a_case_until_its_sale_is_told() -> None:
    store = Store(*EPCS)
    store.enter(heard(A, at=EXIT))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 5}
    assert list(store.books.cases) == [("unpaid_at_exit", A.hex().upper())]
    store.enter(sale("R1", epc=A))
    assert not store.books.cases


def test_a_tag_at_the_exit_after_an_unread_sale_is_the_one_that_was_sold() -> None:
    store = Store(*EPCS)
    store.enter(sale("R1"), heard(A, at=EXIT), heard(B, at=EXIT))
    assert store.state(A) == ("sold", UNATTRIBUTED_OUT)
    assert store.stock() == {SUPPLIER: -5, FLOOR: 4, CUSTOMER: 1}
    assert list(store.books.cases) == [("unpaid_at_exit", B.hex().upper())]


def pick(store: Store, epc: bytes, tote: str) -> str:
    """What picking does: ask, bind, post."""
    turn = shop.turn(store.books)
    why_not = tag_moves.pick_problem(turn, epc, "SHIRT", tote)
    if not why_not and store.state(epc)[0] != "picked":
        tag_moves.pick(turn, epc, tote, "picker")
        turn.post("SHIRT", FLOOR, tote, 1, "move", f"pick:{epc.hex()}", "picker", epc=epc)
    check(turn)
    store.books.remember(turn)
    return why_not


def test_a_tag_is_bound_to_one_tote_at_most() -> None:
    store = Store(*EPCS)
    assert pick(store, A, TOTE_1) == ""
    assert pick(store, A, TOTE_1) == ""
    assert pick(store, A, TOTE_2) == "the tag is in TOTE:1 already"
    assert store.stock() == {SUPPLIER: -5, FLOOR: 4, TOTE_1: 1}
    store.enter(sale("R1", epc=B))
    assert pick(store, B, TOTE_1) == "the tag is sold"
    assert pick(store, shop.epc_of(shop.SHIRT, 99), TOTE_1) == "the tag is in no delivery"
    assert store.counts_once()


def test_a_picker_finds_the_unit_wherever_the_books_had_it() -> None:
    store = Store(*EPCS)
    store.enter(heard(A, at=BACKROOM), *gone(B))
    for epc in (A, B):
        assert pick(store, epc, TOTE_1) == ""
    assert store.stock() == {SUPPLIER: -5, FLOOR: 3, TOTE_1: 2}
    assert store.counts_once()


def test_a_picked_unit_is_carried_handed_over_or_put_back() -> None:
    store = Store(*EPCS)
    for epc in (A, B):
        pick(store, epc, TOTE_1)
    turn = shop.turn(store.books)
    tag_moves.carry(turn, A, "STAGED:7")
    turn.post("SHIRT", TOTE_1, "STAGED:7", 1, "move", "stage:1", "packer", epc=A)
    tag_moves.hand_over(turn, A)
    turn.post("SHIRT", "STAGED:7", CUSTOMER, 1, "move", "hand:1", "packer", epc=A)
    tag_moves.put_back(turn, B, FLOOR)
    turn.post("SHIRT", TOTE_1, FLOOR, 1, "move", "back:1", "packer", epc=B)
    with pytest.raises(ImpossibleMoveError):
        tag_moves.put_back(turn, B, FLOOR)
    check(turn)
    store.books.remember(turn)
    assert (store.state(A), store.state(B)) == (("sold", None), ("in_stock", FLOOR))
    assert store.counts_once()


def test_a_picked_unit_that_a_till_sells_leaves_its_tote() -> None:
    store = Store(*EPCS)
    pick(store, A, TOTE_1)
    store.enter(sale("R1", epc=A))
    assert store.stock() == {SUPPLIER: -5, FLOOR: 4, CUSTOMER: 1}


def test_a_unit_that_was_taken_unread_from_where_its_tag_was_moves_all_the_same() -> None:
    store = Store(*EPCS[:1])
    store.enter(heard(A, at=QUARANTINE))
    turn = shop.turn(store.books)
    turn.post("SHIRT", QUARANTINE, "WASTE", 1, "move", "waste:1", "lead")
    store.books.remember(turn)
    store.enter(heard(A, at=FLOOR))
    assert store.stock()[FLOOR] == 1


def test_every_posting_says_what_became_of_its_tag() -> None:
    """Salvaged postings rebuild the tags: whatever happened, the last posting of a tag is its state and place."""
    store = Store(*EPCS)
    store.enter(sale("R1"), *gone(A), *gone(B), sale("R2", epc=EPCS[2]), heard(EPCS[3], at=BACKROOM))
    store.enter(TagsHeard((), (Stranger(A, "sold_tag_seen", "", FLOOR),)))
    store.enter(sale("R3", epc=EPCS[2]))
    told = {one.epc: tag_moves.after(one) for one in store.postings if one.epc}
    assert told == {epc: store.state(epc) for epc in EPCS}
