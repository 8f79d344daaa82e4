"""Invariant 7: only the owner of rights gives them away, and no order is accepted on a stale lease."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agent.core.asks import (
    Claimed,
    CommitHold,
    Grant,
    Granted,
    MoveOrder,
    Ordered,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    Short,
    Tick,
    Want,
)
from agent.core.lease import Leases
from agent.core.places import GRANT
from agent.core.promises import HQ
from tests.core.test_claims import Desk

LEASE_MS = 90_000


def wants(sku: str, qty: int) -> tuple[Want, ...]:
    return (Want(1, sku, qty),)


class Fence(RuleBasedStateMachine):
    """Heartbeats, orders, clocks and starts in any order, against true time, which only the model knows."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.true_ms = 0
        self.start = 1
        self.desk.books.leases = Leases(self.start)
        self.issued: dict[int, tuple[int, int]] = {}  # lease: the start that issued it, and when it truly was
        self.newest = 0
        self.orders = 0

    @rule()
    def heartbeat(self) -> None:
        lease = self.desk.books.leases.issue(self.desk.running_ms)
        assert self.newest < lease < 2**53
        self.newest, self.issued[lease] = lease, (self.start, self.true_ms)

    @rule(ms=st.sampled_from([1, 10_000, LEASE_MS - 1, LEASE_MS]) | st.integers(1, 2 * LEASE_MS))
    def time_passes(self, ms: int) -> None:
        self.true_ms += ms
        self.desk.running_ms += ms
        self.desk.books_ms += ms

    @rule(ms=st.integers(-(2**41), 2**41))
    def somebody_sets_the_wall_clock(self, ms: int) -> None:
        self.desk.wall_ms += ms

    @rule(reboot=st.booleans(), restored=st.booleans())
    def the_agent_starts_anew(self, reboot: bool, restored: bool) -> None:
        self.start += 1 + 2**16 * restored
        self.desk.books.leases = Leases(self.start)
        if reboot:
            self.desk.running_ms = 0

    @precondition(lambda self: self.issued)
    @rule(data=st.data())
    def order_on_a_lease(self, data: st.DataObject) -> None:
        self.order(data.draw(st.sampled_from(sorted(self.issued))))

    @rule(lease=st.integers(1, 2**53 - 1))
    def order_on_a_lease_nobody_issued(self, lease: int) -> None:
        self.order(lease)

    def order(self, lease: int) -> None:
        """Ask for a unit that is there, and commit it: each is accepted exactly on a lease that truly is young."""
        self.orders += 1
        name = f"H{self.orders}"
        self.desk.stock("MILK", 1)
        start, at_ms = self.issued.get(lease, (0, 0))
        young = start == self.start and self.true_ms - at_ms < LEASE_MS
        held = self.desk.enter(Reserve(name, "web", wants("MILK", 1), 24 * 3600, lease=lease))
        assert isinstance(held, Claimed if young else Refused), held
        if isinstance(held, Refused):
            assert [mistake.path for mistake in held.mistakes] == ["lease"]
            assert f"lease {lease} " in held.mistakes[0].problem
            assert name not in self.desk.books.holds
            self.desk.hold(name, ("MILK", 1), ttl_s=24 * 3600)
        bound = self.desk.enter(CommitHold(name, f"O-{name}", lease))
        assert isinstance(bound, Claimed if young else Refused), bound
        if young:  # asked again much later it is not accepted anew: it says what was accepted
            self.desk.books.leases, kept = Leases(self.start + 1), self.desk.books.leases
            assert self.desk.enter(CommitHold(name, f"O-{name}", lease)) == bound
            self.desk.books.leases = kept
        self.desk.enter(ReleaseHold(name))
        self.place(f"P{self.orders}", lease, young=young)

    def place(self, name: str, lease: int, *, young: bool) -> None:
        """The same of an order that is held and bound in one."""
        placed = PlaceOrder(name, "web", wants("MILK", 1), lease=lease)
        answer = self.desk.enter(placed)
        assert isinstance(answer, Ordered if young else Refused), answer
        assert (name in self.desk.books.orders) is young
        if young:
            assert self.desk.enter(MoveOrder(name, "M", "cancel")) != answer


def test_no_order_is_accepted_on_a_stale_lease() -> None:
    run_state_machine_as_test(Fence, settings=settings(max_examples=60, stateful_step_count=40))


class Rights(RuleBasedStateMachine):
    """Grants, and everybody trying to hold out of everybody's, against sums kept by hand."""

    HOLDERS = ("app", "web", HQ)

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.stock("MILK", 30)
        self.rights: Counter[str] = Counter()
        self.out_of: dict[str, tuple[str, int]] = {}  # pending holds: whose rights, how many
        self.names = 0

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    @rule(holder=st.sampled_from(HOLDERS), qty=st.integers(-4, 6).filter(bool))
    def grant(self, holder: str, qty: int) -> None:
        if isinstance(self.desk.enter(Grant(self.name(), holder, "MILK", qty)), Granted):
            self.rights[holder] += qty

    @rule(channel=st.sampled_from(("app", "web", "shop")), holder=st.sampled_from(HOLDERS), from_hq=st.booleans())
    def hold(self, channel: str, holder: str, from_hq: bool) -> None:
        name = self.name()
        lease = self.desk.books.leases.issue(self.desk.running_ms) if from_hq else None
        answer = self.desk.enter(Reserve(name, channel, wants("MILK", 2), 60, grant=holder, lease=lease))
        if holder == channel or (holder == HQ and from_hq):
            assert isinstance(answer, Claimed if self.rights[holder] >= 2 else Short)
        else:
            assert isinstance(answer, Refused)
            assert answer.mistakes[0].path == "grant"
        if isinstance(answer, Claimed):
            self.rights[holder] -= 2
            self.out_of[name] = holder, 2

    @rule(qty=st.integers(1, 5))
    def others_take_what_is_free(self, qty: int) -> None:
        free = self.desk.atp("MILK")
        answer = self.desk.hold(self.name(), ("MILK", qty), ttl_s=60)
        assert isinstance(answer, Claimed if qty <= free else Short)

    @rule()
    def holds_expire(self) -> None:
        self.desk.books_ms += 60_000
        self.desk.enter(Tick())
        for holder, qty in self.out_of.values():
            self.rights[holder] += qty
        self.out_of.clear()

    @invariant()
    def nobody_has_other_rights_than_were_given_and_not_used(self) -> None:
        for holder in self.HOLDERS:
            assert self.desk.books.balance("MILK", GRANT + holder) == self.rights[holder] >= 0
        assert self.desk.books.granted("MILK") == self.rights.total()
        assert self.desk.atp("MILK") == 30 - self.desk.books.promised("MILK") - self.rights.total()


def test_only_the_owner_of_rights_gives_them_away() -> None:
    run_state_machine_as_test(Rights, settings=settings(max_examples=60, stateful_step_count=40))


def test_a_lease_says_why_it_is_refused() -> None:
    leases = Leases(3)
    first = leases.issue(1_000)
    assert leases.why_refused(first, 1_000 + LEASE_MS - 1) == ""
    assert leases.why_refused(first, 1_000 + LEASE_MS) == f"lease {first} was issued more than 90 s ago"
    second = leases.issue(1_000 + LEASE_MS)
    assert leases.why_refused(first, 1_000 + LEASE_MS).endswith("more than 90 s ago")
    assert leases.why_refused(second + 1, 1_000 + LEASE_MS).endswith("was never issued")
    assert Leases(4).why_refused(second, 0).endswith("is of another start of this store")


def test_a_start_that_has_used_up_its_numbers_issues_no_foreign_one() -> None:
    leases = Leases(1)
    leases._count = 2**24 - 2
    last = leases.issue(0)
    assert leases.issue(LEASE_MS - 1) == last < Leases(2).issue(0)
    assert leases.why_refused(last, LEASE_MS) != ""
