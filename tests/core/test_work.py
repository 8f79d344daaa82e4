"""Each row of the table through `decide`: units, claim, ATP and case as it says; repetitions, contradictions, order."""

from collections import Counter
from dataclasses import dataclass
from typing import Final, get_args

import pytest
from msgspec.structs import replace

from agent.core.asks import (
    Ask,
    CommitHold,
    ConsumeHold,
    Grant,
    MoveOrder,
    Ordered,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Want,
    Work,
    Worked,
    WorkName,
)
from agent.core.catalogue import Catalogue, Sku, Traits
from agent.core.life import PICK_LINE, OrderEvent
from agent.core.outcomes import OUTCOMES, AtpEffect, OutcomeName
from agent.core.places import is_claim
from tests.core import shop
from tests.core.test_claims import Desk

HAM: Final = 614141_00004
#: EGGS may go for MILK; HAM is weighed.
GOODS = Catalogue(
    [*shop.CATALOGUE.skus.values(), Sku("HAM", (shop.gtin_14(HAM),), "Ham", "火腿", traits=Traits("gram"))]
)
#: HAM one gram at a time.
CODES = {
    "MILK": shop.gtin_14(shop.MILK),
    "EGGS": shop.gtin_14(shop.EGGS),
    "HAM": f"01{shop.gtin_14(HAM)}3103000001",
}


class Floor(Desk):
    """A desk with goods on the sales floor and an order `O1` on hold `H`."""

    def __init__(self, **units: int) -> None:
        super().__init__()
        self.books.catalogue = GOODS
        for sku, qty in units.items():
            self.shelve(sku, qty)

    def shelve(self, sku: str, qty: int) -> None:
        for _ in range(qty):
            self.enter(Scan("dock", "receive", CODES[sku], None))
            self.enter(Scan("shelf", "shelve", CODES[sku], None))

    def order(self, name: str, *wants: tuple[str, int], due_ms: int = 0) -> None:
        self.hold(name, *wants, due_ms=due_ms)
        self.enter(CommitHold(name, f"O-{name}"))

    def work(self, name: str, outcome: WorkName, line: int = 1, hold: str = "H", **more: object) -> Worked | Refused:
        answer = self.enter(replace(Work(name, hold, outcome, line), **more))
        assert isinstance(answer, Worked | Refused)
        return answer

    def units(self) -> Counter[tuple[str, str]]:
        """Where the units are: (SKU, place)."""
        return Counter({key: qty for key, qty in self.books.balances.items() if not is_claim(key[1])})

    def claims(self) -> Counter[tuple[str, str]]:
        return Counter({key: qty for key, qty in self.books.balances.items() if is_claim(key[1])})

    def state(self, order: str) -> str:
        """Which step an order is in, one that is over too."""
        return self.orders[order].state

    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.books.cases}


@dataclass(frozen=True, slots=True)
class Row:
    """How a row comes about: what goes before, what is asked, and what it changes of (SKU, account)."""

    ask: Ask
    units: dict[str, int]
    claims: dict[str, int]
    before: tuple[Work, ...] = ()
    then: Work | None = None
    of: str = "MILK"
    on_floor: int = 10


PICKED = Work("w1", "H", "picked", 1, tote="7")
STAGED = Work("w2", "H", "staged", 1, tote="7", slot="A")
#: Two of ten units are claimed for order O-H; of ham 5 g of ten.
ROWS: dict[OutcomeName, Row] = {
    "picked": Row(PICKED, {"FLOOR": -2, "TOTE:7": 2}, {"COMMIT:O-H/1": -2, "PULLED:O-H/1": 2}),
    "short": Row(Work("w", "H", "short", 1), {"FLOOR": -10, "SUSPECT": 10}, {"COMMIT:O-H/1": -2, "FREE": 2}),
    "damaged": Row(Work("w", "H", "damaged", 1, 1), {"FLOOR": -1, "QUARANTINE": 1}, {}),
    "substituted": Row(
        Work("w", "H", "substituted", 1, tote="7", substitute="EGGS"),
        {"FLOOR": -10, "SUSPECT": 10},
        {"COMMIT:O-H/1": -2, "FREE": 2},
    ),
    "weighed": Row(
        Work("w", "H", "weighed", 1, 3, tote="7"),
        {"FLOOR": -3, "TOTE:7": 3},
        {"COMMIT:O-H/1": -5, "PULLED:O-H/1": 3, "FREE": 2},
        of="HAM",
    ),
    "cancelled_before_pull": Row(Work("w", "H", "cancelled_before_pull", 1), {}, {"COMMIT:O-H/1": -2, "FREE": 2}),
    "cancelled_after_pull": Row(
        Work("w", "H", "cancelled_after_pull", 1),
        {},
        {"PULLED:O-H/1": -2, "FREE": 2},
        (PICKED,),
        Work("b", "H", "put_back", 1, tote="7"),
    ),
    "staged": Row(STAGED, {"TOTE:7": -2, "STAGED:A": 2}, {}, (PICKED,)),
    "handed_over": Row(
        Work("w", "H", "handed_over", 1, slot="A"),
        {"STAGED:A": -2, "CUSTOMER": 2},
        {"PULLED:O-H/1": -2, "CONSUMED": 2},
        (PICKED, STAGED),
    ),
    "not_collected": Row(
        Work("w", "H", "not_collected", 1, slot="A"),
        {},
        {"PULLED:O-H/1": -2, "FREE": 2},
        (PICKED, STAGED),
        Work("b", "H", "put_back", 1, slot="A"),
    ),
    "sold_though_claimed": Row(
        Sale("R", (SaleLine(1, "sku", "MILK", 1),)), {"FLOOR": -1, "CUSTOMER": 1}, {}, on_floor=2
    ),
    "impossible_sale": Row(Sale("R", (SaleLine(1, "sku", "MILK", 1),)), {"FLOOR": -1, "CUSTOMER": 1}, {}, on_floor=0),
}


@pytest.mark.parametrize("name", get_args(OutcomeName))
def test_each_row_is_entered_as_the_table_says(name: OutcomeName) -> None:
    row, outcome = ROWS[name], OUTCOMES[name]
    floor = Floor(**{row.of: row.on_floor}, EGGS=10)
    floor.order("H", (row.of, 5 if row.of == "HAM" else 2))
    for ask in row.before:
        assert isinstance(floor.enter(ask), Worked)
    units, claims, atp, eggs = floor.units(), floor.claims(), floor.atp(row.of), floor.atp("EGGS")

    assert not isinstance(floor.enter(row.ask), Refused)
    assert gained(floor.units(), units, row.of) == row.units
    assert gained(floor.claims(), claims, row.of) == row.claims
    assert floor.kinds() == set(outcome.cases)
    now = floor.atp(row.of) - atp
    if row.then is not None:
        assert isinstance(floor.enter(row.then), Worked)
        assert gained(floor.units(), units, row.of) == {"FLOOR": 2, (row.then.tote and "TOTE:7") or "STAGED:A": -2}
        assert not floor.books.cases
    later = floor.atp(row.of) - atp - now
    follows: dict[AtpEffect, bool] = {
        "same": (now, later) == (0, 0),
        "falls": later == 0 and (now < 0 or floor.atp(row.of) == 0),
        "rises": now > 0 and later == 0,
        "rises_later": now == 0 and later > 0,
        "both": now < 0 and floor.atp("EGGS") < eggs,
        "zero": floor.atp(row.of) == 0,
    }
    assert follows[outcome.atp], (now, later)


def gained(now: Counter[tuple[str, str]], before: Counter[tuple[str, str]], sku: str) -> dict[str, int]:
    places = {place for of, place in now.keys() | before.keys() if of == sku}
    by = {place: now[sku, place] - before[sku, place] for place in places}
    return {place: qty for place, qty in by.items() if qty}


@pytest.mark.parametrize("name", [name for name in get_args(OutcomeName) if isinstance(ROWS[name].ask, Work)])
def test_a_repeated_outcome_is_nothing_new_and_a_contradicting_one_is_refused(name: OutcomeName) -> None:
    row = ROWS[name]
    floor = Floor(**{row.of: row.on_floor}, EGGS=10)
    floor.order("H", (row.of, 5 if row.of == "HAM" else 2))
    for ask in row.before:
        floor.enter(ask)
    first = floor.enter(row.ask)
    head = floor.books.head
    assert floor.enter(row.ask) == first
    assert isinstance(row.ask, Work)
    other = floor.enter(replace(row.ask, qty=row.ask.qty + 1))
    assert isinstance(other, Refused)
    assert other.conflict
    assert "before with other content" in other.mistakes[0].problem
    assert floor.books.head == head


def test_a_pulled_unit_is_subtracted_once() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 3))
    assert floor.atp("MILK") == 2
    floor.work("w1", "picked", qty=2, tote="7")
    assert (floor.atp("MILK"), floor.books.promised("MILK")) == (2, 1)
    floor.enter(Sale("R", (SaleLine(1, "sku", "MILK", 3),)))  # one that is claimed and not pulled
    assert floor.books.cases["breach", "MILK"].detail == "1 promised and not there; first to give way: H 1"


def test_the_claim_due_last_that_is_not_pulled_gives_way_first() -> None:
    floor = Floor(MILK=4)
    floor.order("soon", ("MILK", 2), due_ms=100)
    floor.order("late", ("MILK", 2), due_ms=900)
    floor.work("w1", "picked", hold="late", tote="7")
    floor.enter(Sale("R", (SaleLine(1, "sku", "MILK", 1),)))
    assert floor.books.cases["breach", "MILK"].detail == "1 promised and not there; first to give way: soon 1"


def test_what_is_short_puts_the_rest_there_in_doubt_and_others_claims_in_breach() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 3))
    floor.order("other", ("MILK", 2), due_ms=9)
    floor.work("w1", "picked", qty=1, tote="7")
    floor.work("w2", "short")
    assert floor.units()["MILK", "SUSPECT"] == 4
    assert floor.kinds() == {"recount", "breach"}
    assert floor.books.cases["breach", "MILK"].detail == "2 promised and not there; first to give way: other 2"
    assert floor.holds["H"].lines[0].state == "short"
    assert floor.holds["H"].state == "committed"  # its one unit is in the tote


def test_a_damaged_unit_that_no_other_can_stand_for_waits_for_a_decision() -> None:
    floor = Floor(MILK=2, EGGS=1)
    floor.order("H", ("MILK", 2))
    floor.work("w1", "damaged", qty=1)
    floor.work("w2", "picked", tote="7")
    line = floor.holds["H"].lines[0]
    assert (line.state, line.lost, line.open) == ("damaged", 1, 0)
    refused = floor.work("w3", "picked", tote="7")
    assert isinstance(refused, Refused)
    assert "possible: short, substituted, cancelled_after_pull, staged" in refused.mistakes[0].problem
    floor.work("w4", "substituted", tote="7", substitute="EGGS")
    lines = floor.holds["H"].lines
    assert [(line.sku, line.state, line.instead_of) for line in lines] == [
        ("MILK", "substituted", 0),
        ("EGGS", "picked", 1),
    ]
    assert floor.kinds() == {"waste_or_markdown", "price_rule"}
    floor.work("w5", "staged", 0, tote="7", slot="A")
    floor.work("w6", "handed_over", 0, slot="A")
    assert floor.holds["H"].state == "consumed"
    assert floor.units()["EGGS", "CUSTOMER"] == floor.units()["MILK", "CUSTOMER"] == 1
    assert floor.kinds() == {"waste_or_markdown"}


def test_work_on_what_was_granted_gives_the_rest_back_to_its_holder() -> None:
    """Void, damaged, weighed, put back: the right is the holder's; a substitute's is not."""
    floor = Floor(MILK=6, EGGS=2)
    floor.enter(Grant("G", "app", "MILK", 5))
    floor.enter(Reserve("H", "app", (Want(1, "MILK", 4),), 900, grant="app"))
    floor.enter(CommitHold("H", "O-H"))

    def rights() -> tuple[int, int, int]:
        return floor.books.balance("MILK", "GRANT:app"), floor.atp("MILK"), floor.atp("EGGS")

    assert rights() == (1, 1, 2)
    floor.work("damaged", "damaged", qty=1)  # the other one is taken from the grant too
    assert rights() == (1, 0, 2)
    floor.work("swap", "substituted", qty=1, tote="7", substitute="EGGS")
    assert rights() == (2, 0, 1)
    floor.work("pick", "picked", qty=2, tote="7")
    floor.work("rest", "cancelled_before_pull")
    assert rights() == (3, 0, 1)
    floor.work("back", "cancelled_after_pull", line=0)
    assert (floor.books.balance("MILK", "GRANT:app"), floor.books.balance("EGGS", "GRANT:app")) == (5, 0)
    floor.work("shelf", "put_back", line=0, tote="7")
    assert rights() == (5, 0, 2)


def test_a_substitute_is_never_taken_from_others() -> None:
    floor = Floor(MILK=1, EGGS=1)
    floor.order("H", ("MILK", 1))
    floor.order("other", ("EGGS", 1))
    head = floor.books.head
    for substitute in ("EGGS", "MILK", "NONE", "HAM"):
        assert isinstance(floor.work("w", "substituted", tote="7", substitute=substitute), Refused)
    assert floor.books.head == head


def test_more_than_was_ordered_is_not_taken_from_the_scale() -> None:
    floor = Floor(HAM=20)
    floor.order("H", ("HAM", 5))
    over = floor.work("w1", "weighed", qty=6, tote="7")
    assert isinstance(over, Worked)
    assert over.lines[0].state == "weight_out_of_range"
    assert (floor.kinds(), floor.units()["HAM", "TOTE:7"]) == ({"price_difference"}, 0)
    right = floor.work("w2", "weighed", qty=5, tote="7")
    assert isinstance(right, Worked)
    assert right.lines[0].state == "picked"
    assert not floor.books.cases


def test_pieces_are_not_weighed() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 2))
    refused = floor.work("w1", "weighed", qty=2, tote="7")
    assert isinstance(refused, Refused)
    assert "possible: picked, short, damaged, substituted, cancelled_before_pull" in refused.mistakes[0].problem


def test_chilled_goods_past_their_limit_are_wasted_and_never_promised_again() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 2))
    floor.work("w1", "picked", tote="7")
    floor.work("w2", "cancelled_after_pull")
    assert floor.books.cases["put_back", "H"].detail == "2 of MILK from TOTE:7"
    assert (floor.holds["H"].state, floor.atp("MILK")) == ("released", 3)
    floor.work("w3", "put_back", qty=1, tote="7")
    assert floor.books.cases["put_back", "H"].detail == "1 of MILK from TOTE:7"
    floor.work("w4", "put_back", tote="7", spoiled=True)
    assert (floor.atp("MILK"), floor.units()["MILK", "WASTE"], floor.kinds()) == (4, 1, set())


def test_releasing_a_hold_whose_units_are_pulled_is_a_put_back() -> None:
    floor = Floor(MILK=5, EGGS=5)
    floor.order("H", ("MILK", 2), ("EGGS", 2))
    floor.work("w1", "picked", qty=1, tote="7")
    floor.work("w2", "picked", 2, tote="8")
    refused = floor.enter(ConsumeHold("H", ((1, 1),)))
    assert isinstance(refused, Refused)
    assert "was picked in part" in refused.mistakes[0].problem
    floor.enter(ReleaseHold("H"))
    assert floor.books.cases["put_back", "H"].detail == "1 of MILK from TOTE:7; 2 of EGGS from TOTE:8"
    assert (floor.atp("MILK"), floor.atp("EGGS")) == (4, 3)
    assert not any(qty for (_, account), qty in floor.claims().items() if account.startswith(("PULLED", "COMMIT")))
    floor.work("w3", "put_back", 0, tote="7")
    floor.work("w4", "put_back", 0, tote="8")
    assert (floor.atp("MILK"), floor.atp("EGGS"), floor.kinds()) == (5, 5, set())


IMPOSSIBLE: list[tuple[Work, str]] = [
    (
        Work("w", "H", "handed_over", 1, slot="A"),
        "possible: picked, short, damaged, substituted, cancelled_before_pull",
    ),
    (Work("w", "H", "staged", 1, tote="7", slot="A"), "possible: picked, short"),
    (Work("w", "H", "put_back", 1, tote="7"), "possible: picked, short"),
    (Work("w", "H", "cancelled_after_pull", 0), "for any line of a committed hold now; possible: picked, short"),
    (Work("w", "H", "not_collected", 0, slot="A"), "possible: picked, short"),
    (Work("w", "H", "picked", 9, tote="7"), "the hold has no line 9"),
    (Work("w", "H", "picked", 1, 3, tote="7"), "line 1 has 2, not 3"),
    (Work("w", "H", "picked", 1), "must be named"),
    (Work("w", "H", "short", 1, 1), "must be left out"),
    (Work("w", "H", "picked", 1, -1, tote="7"), "must be left out"),
    (Work("a/b", "H", "picked", 1, tote="7"), "characters without / or space"),
    (Work("w", "H2", "picked", 1, tote="7"), "no hold 'H2'"),
    (Work("w", "P", "picked", 1, tote="7"), "of a pending hold now; possible: commit it first"),
    (Work("w", "H", "put_back", 1), "either a tote or a slot"),
]


@pytest.mark.parametrize(("ask", "why"), IMPOSSIBLE, ids=lambda value: value.outcome if isinstance(value, Work) else "")
def test_what_cannot_happen_now_is_refused_with_what_can(ask: Work, why: str) -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 2))
    floor.enter(Reserve("P", "web", (Want(1, "MILK", 1),), 900))
    head, holds = floor.books.head, dict(floor.books.holds)
    refused = floor.enter(ask)
    assert isinstance(refused, Refused)
    assert why in "; ".join(mistake.problem for mistake in refused.mistakes)
    assert (floor.books.head, floor.books.holds) == (head, holds)


def test_nothing_can_be_done_to_what_is_over() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 2))
    floor.work("w1", "short")
    assert floor.holds["H"].state == "released"
    for outcome in get_args(WorkName):
        refused = floor.work(
            "w2", outcome, qty=int(outcome == "weighed"), tote="7", slot="" if outcome == "put_back" else "A"
        )
        assert isinstance(refused, Refused)
        assert "possible: nothing is left to do" in refused.mistakes[0].problem


def test_what_the_customer_got_is_not_forgotten_by_consuming_the_rest() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 3))
    floor.work("w1", "picked", qty=2, tote="7")
    floor.work("w2", "staged", tote="7", slot="A")
    floor.work("w3", "handed_over", slot="A")
    refused = floor.enter(ConsumeHold("H", ((1, 1),)))
    assert isinstance(refused, Refused)
    assert refused.conflict
    floor.work("w4", "cancelled_before_pull")
    assert (floor.holds["H"].state, floor.holds["H"].lines[0].consumed) == ("consumed", 2)
    assert floor.claims()["MILK", "CONSUMED"] == 2


def test_a_line_ends_in_an_end_of_its_life() -> None:
    floor = Floor(MILK=5)
    floor.order("H", ("MILK", 3))
    states = []
    for name, qty in (("w1", 1), ("w2", 2)):
        floor.work(name, "picked", qty=qty, tote="7")
        states.append(floor.holds["H"].lines[0].state)
    assert states == ["todo", "picked"]
    assert states[-1] in PICK_LINE.ends


def moved(floor: Floor, *events: OrderEvent) -> str:
    """The order's state after these events, or why the last was refused."""
    answer: object = None
    for event in events:
        answer = floor.enter(MoveOrder("O1", event, event))
    assert isinstance(answer, Ordered | Refused)
    return answer.state if isinstance(answer, Ordered) else answer.mistakes[0].problem


def test_an_order_is_handed_over_from_its_slots_and_the_rest_is_free() -> None:
    floor = Floor(MILK=6, EGGS=2)
    floor.enter(PlaceOrder("O1", "web", (Want(1, "MILK", 3), Want(2, "EGGS", 1))))
    moved(floor, "start")
    floor.work("w1", "picked", 1, "order:O1", qty=2, tote="7")
    floor.work("w2", "picked", 2, "order:O1", tote="8")
    moved(floor, "finish", "pack")
    floor.work("w3", "staged", 0, "order:O1", tote="7", slot="A")
    assert moved(floor, "stage", "hand_over") == "'O1' cannot be handed over: 1 units are in totes, stage them first"
    floor.work("w4", "staged", 0, "order:O1", tote="8", slot="B")
    assert moved(floor, "hand_over") == "handed_over"
    assert floor.holds["order:O1"].state == "consumed"
    assert (floor.units()["MILK", "CUSTOMER"], floor.units()["EGGS", "CUSTOMER"]) == (2, 1)
    assert (floor.atp("MILK"), floor.atp("EGGS")) == (4, 1)


def test_a_cancelled_order_is_settled_when_its_goods_are_back() -> None:
    floor = Floor(MILK=6)
    floor.enter(PlaceOrder("O1", "web", (Want(1, "MILK", 3),)))
    moved(floor, "start")
    floor.work("w1", "picked", 1, "order:O1", qty=2, tote="7")
    assert moved(floor, "cancel") == "cancel_requested"
    why = "'O1' cannot be settled: 2 units are in totes and slots, put them back first"
    assert moved(floor, "settle") == why
    floor.work("w2", "cancelled_after_pull", 1, "order:O1")
    assert moved(floor, "settle") == why
    floor.work("w3", "put_back", 1, "order:O1", tote="7")
    assert floor.state("O1") == "cancelled"
    assert (floor.atp("MILK"), floor.kinds(), floor.books.holds) == (6, set(), {})


def test_what_is_picked_or_missed_in_the_backroom_leaves_the_floor_alone() -> None:
    floor = Floor()
    for _ in range(6):
        floor.enter(Scan("dock", "receive", CODES["MILK"], None))
    floor.order("H", ("MILK", 4))
    assert isinstance(floor.work("w1", "staged", tote="7", slot="A", place="BACKROOM"), Refused)
    assert isinstance(floor.work("w1", "picked", qty=1, tote="7", place="TOTE:7"), Refused)
    floor.work("w1", "picked", qty=1, tote="7", place="BACKROOM")
    floor.work("w2", "damaged", qty=1, place="BACKROOM")
    floor.work("w3", "short", place="BACKROOM")
    assert {place: qty for (_, place), qty in floor.units().items() if qty} == {
        "SUPPLIER": -6,
        "TOTE:7": 1,
        "QUARANTINE": 1,
        "SUSPECT": 4,
    }
    assert ("recount", "MILK at BACKROOM") in floor.books.cases
    floor.work("w4", "cancelled_after_pull")
    floor.work("w5", "put_back", tote="7", place="BACKROOM")
    assert floor.units()["MILK", "BACKROOM"] == 1
    assert ("negative_stock", "MILK at FLOOR") not in floor.books.cases
