"""The eleven invariants, in their order, each over random histories. What they say: `agent/core/invariants.py`."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from agent.core.asks import MoveOrder, Ordered, Sale, SaleLine, Scan, Work
from agent.core.count_asks import Count, Counted, CountLine
from agent.core.life import OrderEvent
from tests.core.test_work import CODES
from tests.invariants import judging
from tests.invariants.crashing import CrashingShop
from tests.invariants.history import History
from tests.invariants.plain import SLOTS, TOTES
from tests.invariants.shop import Shop
from tests.torture.bit_flips import flip_one
from tests.torture.power_cuts import a_folder

HISTORIES = int(os.environ.get("NEARSHELF_HISTORIES", "20"))
#: Looking for the shortest history that fails takes minutes: only who asked for many histories waits for that.
PHASES = [phase for phase in Phase if phase is not Phase.shrink or "NEARSHELF_HISTORIES" in os.environ]
LONG = settings(max_examples=HISTORIES, stateful_step_count=20, phases=PHASES, suppress_health_check=list(HealthCheck))
ENDING: tuple[OrderEvent, ...] = ("cancel", "settle", "waste", "close")


def over_random_histories(judge: Callable[[History], None], history: type[History] = History) -> None:
    """Judge after each step of each history."""

    class Judged(history):  # type: ignore[valid-type,misc]
        @invariant()
        def judge(self) -> None:
            judge(self)

    run_state_machine_as_test(Judged, settings=LONG)


def test_1_postings_of_a_sku_sum_to_0_over_all_places_and_balances_equal_replay_from_zero() -> None:
    over_random_histories(judging.sums_and_balances)


def test_2_open_claims_are_at_most_sellable_or_an_open_breach_case_covers_exactly_the_excess() -> None:
    over_random_histories(judging.claims_are_covered)


def test_3_a_claim_resolves_at_most_once_and_one_source_event_makes_one_set_of_postings() -> None:
    over_random_histories(judging.once)


def test_4_one_open_claim_per_epc_and_an_epc_is_in_one_place() -> None:
    over_random_histories(judging.units_are_in_one_place)


def test_5_negative_only_on_floor_or_backroom_and_only_with_an_open_case() -> None:
    over_random_histories(judging.negative_has_a_case)


moves = st.lists(st.sampled_from(("receive", "shelve", "sell")), max_size=5)


@given(before=moves, after=moves, off=st.integers(-3, 3))
@settings(max_examples=HISTORIES, phases=PHASES)
def test_6_count_posting_commutes_with_sales_any_interleaving_gives_the_same_balance(
    before: list[str], after: list[str], off: int
) -> None:
    """However many of the moves come before the count is entered."""
    found = set()
    for entered in range(len(after) + 1):
        with a_folder() as folder:
            shop = Shop(Path(folder) / "books.db")
            move(shop, before, "before")
            at, had = shop.books.head, shop.books.balance("MILK", "FLOOR")
            move(shop, after[:entered], "first")
            lines = (CountLine(1, "sku", "MILK", max(0, had + off), at, at),)
            (answer,) = shop.ask(Count("C", shop.books.epoch, "FLOOR", "badge-1", lines, approved_by="badge-2"))
            assert isinstance(answer, Counted)
            move(shop, after[entered:], "then")
            found.add((shop.books.balance("MILK", "FLOOR"), shop.books.balance("MILK", "BACKROOM")))
            shop.close()
    since = after.count("shelve") - after.count("sell")
    assert {floor for floor, _ in found} == {max(0, had + off) + since}
    assert len(found) == 1


def move(shop: Shop, what: list[str], name: str) -> None:
    for nth, one in enumerate(what):
        if one == "sell":
            shop.ask(Sale(f"{name} {nth}", (SaleLine(1, "sku", "MILK", 1),)))
        else:
            shop.ask(Scan(one, "receive" if one == "receive" else "shelve", CODES["MILK"], None))


def test_7_only_the_owner_of_rights_gives_them_away_and_no_order_is_accepted_on_a_stale_lease() -> None:
    over_random_histories(judging.rights_are_their_owners)


def test_8_announcement_numbers_are_dense_per_store_and_epoch_and_hq_at_n_equals_the_store_at_n() -> None:
    over_random_histories(judging.hq_is_told_everything)


class ToItsEnd(History):
    """In the end every order is brought to its end."""

    def teardown(self) -> None:
        try:
            for name in list(self.shop.books.orders):
                for nth, event in enumerate(ENDING * 2):
                    (answer,) = self.shop.ask(MoveOrder(name, f"end {nth}", event))
                    if isinstance(answer, Ordered) and answer.state in judging.ENDED:
                        break
                    self.put_back(f"order:{name}")
            assert not self.shop.books.orders
            assert not any(name.startswith("order:") for name in self.shop.books.holds)
        finally:
            super().teardown()

    def put_back(self, hold: str) -> None:
        """Whatever was pulled for an order that is not wanted any more."""
        self.shop.ask(Work("end", hold, "cancelled_after_pull"))
        for tote in TOTES:
            self.shop.ask(Work(f"end-{tote}", hold, "put_back", tote=tote))
        for slot in SLOTS:
            self.shop.ask(Work(f"end-{slot}", hold, "put_back", slot=slot))


def test_9_every_order_ends_every_case_has_an_owner_and_a_due_time_every_second_belongs_to_one_step() -> None:
    over_random_histories(judging.nobody_waits_in_silence, ToItsEnd)


class Crashing(History):
    """A disk that can lose its power; in the end it has done so at some points of the history, in several ways."""

    def opened(self) -> Shop:
        return CrashingShop(self.folder / "books.db")

    def restart(self) -> None:
        """Not in these histories: the cuts are."""

    def teardown(self) -> None:
        shop = self.shop
        super().teardown()
        assert isinstance(shop, CrashingShop)
        assert shop.complaints_after_cuts(self.chance, cuts=8) == []


def test_10_what_was_acknowledged_survives_any_crash_or_power_cut() -> None:
    over_random_histories(lambda history: None, Crashing)


class BitFlips(History):
    """In the end single bits of the ledger's rows are changed, one at a time."""

    def teardown(self) -> None:
        path = self.folder / "books.db"
        has_postings = bool(self.shop.rows("SELECT 1 FROM posting LIMIT 1"))
        self.shop.close()
        missed = [flip_one(path, self.folder / "copy.db", self.chance) for _ in range(6 if has_postings else 0)]
        super().teardown()
        assert missed == [""] * len(missed)


def test_11_the_ledger_rows_form_a_hash_chain_and_any_single_changed_bit_is_found() -> None:
    over_random_histories(judging.rows_form_a_chain, BitFlips)
