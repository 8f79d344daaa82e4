"""What always holds of the books: eleven sentences, the test of each, and where each is checked while the agent runs.

The tests are in tests/invariants; that all are there, and the table in docs/books.md, follow from this list.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Invariant:
    """`says` it, `test` is the name of its property test, and `watched` says where it is checked while running."""

    says: str
    test: str
    watched: str


_TURN: Final = "each turn before it is written (`agent/core/checks.py`)"
_VERIFY: Final = "in each day's copy, which is verified whole (`agent/store/verify.py`)"

INVARIANTS: Final = (
    Invariant(
        "Postings of a SKU sum to 0 over all places; balances equal replay from zero.",
        "test_1_postings_of_a_sku_sum_to_0_over_all_places_and_balances_equal_replay_from_zero",
        f"{_TURN}; sums at each start (`agent/store/opening.py`); replay {_VERIFY}",
    ),
    Invariant(
        "Open claims ≤ sellable, or an open breach case covers exactly the excess.",
        "test_2_open_claims_are_at_most_sellable_or_an_open_breach_case_covers_exactly_the_excess",
        _TURN,
    ),
    Invariant(
        "A claim resolves at most once; one source event makes one set of postings.",
        "test_3_a_claim_resolves_at_most_once_and_one_source_event_makes_one_set_of_postings",
        f"{_TURN}; by a unique index over source and part in every transaction",
    ),
    Invariant(
        "One open claim per EPC; an EPC is in one place.",
        "test_4_one_open_claim_per_epc_and_an_epc_is_in_one_place",
        _TURN,
    ),
    Invariant(
        "Negative only on FLOOR/BACKROOM and only with an open case.",
        "test_5_negative_only_on_floor_or_backroom_and_only_with_an_open_case",
        _TURN,
    ),
    Invariant(
        "Count posting commutes with sales: any interleaving gives the same balance.",
        "test_6_count_posting_commutes_with_sales_any_interleaving_gives_the_same_balance",
        f"by how a count is posted: from the balance at its own number, read from the ledger; its posting {_TURN}",
    ),
    Invariant(
        "Only the owner of rights gives them away; no order is accepted on a stale lease.",
        "test_7_only_the_owner_of_rights_gives_them_away_and_no_order_is_accepted_on_a_stale_lease",
        f"no grant below zero, nothing promised while stopped: {_TURN}; the lease of each ask (`agent/core/lease.py`)",
    ),
    Invariant(
        "Announcement numbers are dense per (store, epoch); HQ's state at n equals the store's at n (hash compared).",
        "test_8_announcement_numbers_are_dense_per_store_and_epoch_and_hq_at_n_equals_the_store_at_n",
        f"numbers {_TURN} and at each start; hashes at each hello (`hq_bridge/books.py`)",
    ),
    Invariant(
        "Every order ends in closed, cancelled or rejected; every case has an owner and a due time; every second of an "
        "order belongs to one step.",
        "test_9_every_order_ends_every_case_has_an_owner_and_a_due_time_every_second_belongs_to_one_step",
        f"{_TURN}; the clock takes on what waits too long (`agent/core/fulfilment.py`)",
    ),
    Invariant(
        "What was acknowledged to a human, a till or HQ survives any crash or power cut.",
        "test_10_what_was_acknowledged_survives_any_crash_or_power_cut",
        "SQLite's settings are read back at each start (`agent/store/connection.py`); a failed write stops the agent",
    ),
    Invariant(
        "The ledger rows form a hash chain; any single changed bit is found.",
        "test_11_the_ledger_rows_form_a_hash_chain_and_any_single_changed_bit_is_found",
        f"the end of the chain at each start (`agent/store/opening.py`), all of it {_VERIFY}",
    ),
)
