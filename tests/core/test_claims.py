"""Claims: nothing is promised twice, a claim resolves once, and the breach case covers exactly what cannot be kept."""

from agent.core import atp
from agent.core.asks import (
    Ask,
    Claimed,
    CommitHold,
    ConsumeHold,
    Grant,
    Granted,
    Refused,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Short,
    Tick,
    Want,
)
from agent.core.checks import check
from agent.core.claims import Hold
from agent.core.decisions import decide, let_time_pass
from agent.core.ledger import Books, Posting, Turn
from agent.core.orders import Order
from tests.core import shop


class Desk:
    """Enters asks one by one, and keeps every posting and every hold there ever was."""

    def __init__(self) -> None:
        self.books: Books = shop.books()
        self.books_ms = 0
        self.wall_ms, self.running_ms = 1000, 0
        self.postings: dict[str, Posting] = {}
        self.all_postings: list[Posting] = []
        self.holds: dict[str, Hold] = {}
        self.orders: dict[str, Order] = {}

    def enter(self, ask: Ask) -> object:
        turn = Turn(
            self.books, self.wall_ms, self.postings, {}, self.holds, self.books_ms, self.orders, self.running_ms
        )
        let_time_pass(turn)
        answer = decide(turn, ask)
        check(turn)
        self.books.remember(turn)
        self.postings |= {posting.source: posting for posting in turn.postings if posting.part == 0}
        self.all_postings += turn.postings
        self.holds |= turn.holds
        self.orders |= turn.orders
        return answer

    def stock(self, sku: str, units: int) -> None:
        code = shop.gtin_14({"MILK": shop.MILK, "EGGS": shop.EGGS}[sku])
        for _ in range(units):
            self.enter(Scan("dock", "receive", code, None))

    def hold(
        self, name: str, *wants: tuple[str, int], ttl_s: int = 900, due_ms: int = 0, channel: str = "web"
    ) -> object:
        lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
        return self.enter(Reserve(name, channel, lines, ttl_s, due_ms=due_ms))

    def atp(self, sku: str, channel: str = "web") -> int:
        return atp.terms(self.books, self.books.conditions, sku, channel).atp


def test_two_left_and_three_asked_is_two_held() -> None:
    desk = Desk()
    desk.stock("MILK", 2)
    answers = [desk.hold(f"H{n}", ("MILK", 1)) for n in range(3)]
    assert [type(answer) for answer in answers] == [Claimed, Claimed, Short]
    assert desk.atp("MILK") == 0


def test_a_group_is_held_whole_or_not_at_all() -> None:
    desk = Desk()
    desk.stock("MILK", 4)
    desk.stock("EGGS", 1)
    short = desk.hold("H1", ("EGGS", 1), ("MILK", 5))
    assert isinstance(short, Short)
    assert [(line.sku, line.wanted, line.available) for line in short.lacking] == [("MILK", 5, 4)]
    assert (desk.atp("MILK"), desk.atp("EGGS")) == (4, 1)


def test_two_lines_of_one_sku_are_added_up_before_they_are_compared() -> None:
    desk = Desk()
    desk.stock("MILK", 3)
    assert isinstance(desk.hold("H1", ("MILK", 2), ("MILK", 2)), Short)
    assert isinstance(desk.hold("H2", ("MILK", 2), ("MILK", 1)), Claimed)


def test_a_claim_resolves_at_most_once() -> None:
    desk = Desk()
    desk.stock("MILK", 5)
    desk.hold("H1", ("MILK", 3))
    assert isinstance(desk.enter(CommitHold("H1", "O1")), Claimed)
    assert isinstance(desk.enter(CommitHold("H1", "O1")), Claimed)  # asked again: nothing new
    other = desk.enter(CommitHold("H1", "O2"))
    assert isinstance(other, Refused)
    assert other.conflict
    consumed = desk.enter(ConsumeHold("H1", ((1, 2),)))
    assert isinstance(consumed, Claimed)
    assert (consumed.state, consumed.lines[0].consumed, desk.books.promised("MILK")) == ("consumed", 2, 0)
    head = desk.books.head
    assert isinstance(desk.enter(ConsumeHold("H1", ((1, 2),))), Claimed)
    assert isinstance(desk.enter(ConsumeHold("H1", ((1, 1),))), Refused)
    assert isinstance(desk.enter(ReleaseHold("H1")), Claimed)  # it stays consumed
    assert desk.holds["H1"].state == "consumed"
    assert desk.books.head == head


def test_more_than_is_claimed_cannot_be_consumed() -> None:
    desk = Desk()
    desk.stock("MILK", 5)
    desk.hold("H1", ("MILK", 2))
    assert isinstance(desk.enter(ConsumeHold("H1", ((1, 1),))), Refused)  # not committed
    desk.enter(CommitHold("H1", "O1"))
    assert isinstance(desk.enter(ConsumeHold("H1", ((1, 3),))), Refused)
    assert isinstance(desk.enter(ConsumeHold("H1", ((2, 1),))), Refused)
    assert desk.books.promised("MILK") == 2


def test_a_hold_expires_by_the_books_time_and_a_committed_one_does_not() -> None:
    desk = Desk()
    desk.stock("MILK", 5)
    desk.hold("H1", ("MILK", 2), ttl_s=60)
    desk.hold("H2", ("MILK", 2), ttl_s=60)
    desk.enter(CommitHold("H2", "O2"))
    desk.books_ms = 59_999
    desk.enter(Tick())
    assert desk.atp("MILK") == 1
    assert desk.books.next_alarm_ms() == 60_000
    desk.books_ms = 60_000
    desk.enter(Tick())
    assert (desk.holds["H1"].state, desk.holds["H2"].state) == ("expired", "committed")
    assert desk.atp("MILK") == 3
    late = desk.enter(CommitHold("H1", "O1"))
    assert isinstance(late, Refused)


def test_asking_again_under_the_same_name_holds_once_and_with_other_lines_is_a_conflict() -> None:
    desk = Desk()
    desk.stock("MILK", 5)
    first, again = desk.hold("H1", ("MILK", 2)), desk.hold("H1", ("MILK", 2))
    assert first == again
    conflict = desk.hold("H1", ("MILK", 3))
    assert isinstance(conflict, Refused)
    assert conflict.conflict
    assert desk.atp("MILK") == 3


def test_a_grant_is_only_its_holders_and_only_the_owner_gives_it() -> None:
    desk = Desk()
    desk.stock("MILK", 5)
    assert desk.enter(Grant("G1", "app", "MILK", 3)) == Granted("app", "MILK", 3)
    assert desk.enter(Grant("G1", "app", "MILK", 3)) == Granted("app", "MILK", 3)
    assert isinstance(desk.enter(Grant("G2", "app", "MILK", 3)), Refused)  # only 2 are free
    assert desk.atp("MILK") == 2
    assert isinstance(desk.hold("H1", ("MILK", 3)), Short)
    taken = desk.enter(Reserve("H2", "app", (Want(1, "MILK", 3),), 900, grant="app"))
    assert isinstance(taken, Claimed)
    assert isinstance(desk.enter(Reserve("H3", "app", (Want(1, "MILK", 1),), 900, grant="app")), Short)
    assert (desk.atp("MILK"), desk.books.granted("MILK")) == (2, 0)
    assert isinstance(desk.enter(Grant("G3", "app", "MILK", -1)), Refused)  # nothing unused to take back


def test_what_a_hold_on_a_grant_does_not_use_stays_its_holders() -> None:
    desk = Desk()
    desk.stock("MILK", 6)
    desk.enter(Grant("G1", "app", "MILK", 4))

    def rights() -> tuple[int, int]:
        return desk.books.balance("MILK", "GRANT:app"), desk.atp("MILK")

    ends: list[Ask] = [ReleaseHold("H0"), Tick(), ConsumeHold("H2", ((1, 0),)), ReleaseHold("H3")]
    for nth, end in enumerate(ends):
        assert isinstance(desk.enter(Reserve(f"H{nth}", "app", (Want(1, "MILK", 3),), 60, grant="app")), Claimed)
        assert rights() == (1, 2)
        if isinstance(end, Tick):
            desk.books_ms += 60_000
        elif nth:
            desk.enter(CommitHold(f"H{nth}", f"O{nth}"))
        desk.enter(end)
        assert rights() == (4, 2), end
    desk.enter(Reserve("H9", "app", (Want(1, "MILK", 3),), 60, grant="app"))
    desk.enter(CommitHold("H9", "O9"))
    desk.enter(ConsumeHold("H9", ((1, 1),)))
    assert rights() == (3, 3)  # the unit itself leaves with its sale
    assert desk.enter(Grant("G2", "app", "MILK", -3)) == Granted("app", "MILK", 0)
    assert rights() == (0, 6)


def test_a_till_that_sells_a_claimed_unit_breaches_the_claim_due_last() -> None:
    desk = Desk()
    desk.stock("MILK", 3)
    desk.hold("soon", ("MILK", 1), due_ms=100)
    desk.hold("late", ("MILK", 1), due_ms=900)
    assert not desk.books.cases
    for receipt in ("R1", "R2"):
        desk.enter(Sale(receipt, (SaleLine(1, "sku", "MILK", 1),)))
    case = desk.books.cases["breach", "MILK"]
    assert case.detail == "1 promised and not there; first to give way: late 1"
    assert case.owner == "store_lead"
    desk.enter(ReleaseHold("late"))
    assert ("breach", "MILK") not in desk.books.cases


def test_resolved_holds_leave_nothing_in_memory() -> None:
    desk = Desk()
    desk.stock("MILK", 1)
    accounts = len(desk.books.balances)
    for n in range(50):
        assert isinstance(desk.hold(f"H{n}", ("MILK", 1)), Claimed)
        if n % 2:
            desk.enter(CommitHold(f"H{n}", f"O{n}"))
        desk.enter(ReleaseHold(f"H{n}"))
    assert len(desk.books.balances) <= accounts + 1  # FREE
    assert not desk.books.holds


def test_uncertainty_grows_with_the_time_nobody_looked() -> None:
    week_ms = 7 * 24 * 3600 * 1000
    assert atp.doubted(100, 0, 0) == 0
    assert atp.doubted(100, 0, week_ms) == 2
    assert atp.doubted(1, 0, week_ms) == 1
    assert atp.doubted(10, 3, 0) == 3
    assert atp.doubted(10, 30, 0) == 10
    assert atp.doubted(0, 3, week_ms) == atp.doubted(-2, 3, week_ms) == 0


def test_every_term_of_atp_counts() -> None:
    desk = Desk()
    desk.stock("MILK", 10)
    desk.hold("H1", ("MILK", 2), channel="app")
    policies = {"app": atp.Policy(safety=1, quota=4), "shop": atp.Policy(eligibility="display_only")}
    desk.books.conditions.policy_of = lambda sku, channel: policies.get(channel, atp.Policy())
    found = {
        channel: atp.terms(desk.books, desk.books.conditions, "MILK", channel) for channel in ("web", "app", "shop")
    }
    assert (found["web"].atp, found["app"].atp, found["shop"].atp) == (8, 2, 0)
    assert (found["app"].quota_left, found["app"].safety, found["shop"].stopped) == (2, 1, "the SKU is display only")
    desk.books.conditions.paused = True
    assert desk.atp("MILK") == 0
    desk.books.conditions.paused, desk.books.conditions.lease_stale = False, True
    assert atp.terms(desk.books, desk.books.conditions, "MILK", "web").stopped == "HQ has not been heard for too long"
