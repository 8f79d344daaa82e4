"""What HQ commands is done once, on a lease that is still good, and answered the same ever after."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import asdict, replace

from agent.core.asks import Grant, Pause, PlaceOrder, Scan, Want
from agent.core.commands import WINDOW, Again, FromHq, Obeyed
from agent.core.decisions import decide, decide_any
from agent.core.lease import Leases
from agent.core.ledger import Books, Turn
from tests.core import shop

LEASE_MS = 90_000


@dataclass
class Desk:
    """Enters commands one by one, as the clerk does: what was answered for good is looked up."""

    books: Books = field(default_factory=shop.books)
    answered: dict[int, Obeyed] = field(default_factory=dict)
    now_ms: int = 0

    def __post_init__(self) -> None:
        self.books.leases = Leases(1, LEASE_MS // 1000)

    def command(self, command: FromHq) -> Obeyed:
        turn = Turn(self.books, 1000, {}, {}, running_ms=self.now_ms)
        turn.commands.recall(
            one for one in self.answered.values() if one.id == command.id or one.counter == command.counter
        )
        said = decide_any(turn, command)
        assert isinstance(said, Obeyed)
        self.books.remember(turn)
        self.answered |= {one.counter: one for one in turn.commands.now}
        oldest = self.books.newest_command - WINDOW
        self.answered = {counter: one for counter, one in self.answered.items() if counter > oldest}
        return said

    def stock(self, units: int) -> None:
        for _ in range(units):
            turn = Turn(self.books, 1000, {}, {})
            decide(turn, Scan("dock", "receive", shop.gtin_14(shop.MILK), None))
            self.books.remember(turn)

    def granted(self) -> int:
        return self.books.granted("MILK")


def grant(number: int, counter: int, lease: int, qty: int = 1) -> FromHq:
    return FromHq(f"c{number}", counter, lease, Grant(f"c{number}", "meituan", "MILK", qty))


def again(said: Obeyed) -> Again:
    """The same answer, told once more."""
    return Again(**asdict(said))


def test_a_command_that_comes_again_is_answered_the_same_and_done_once() -> None:
    desk = Desk()
    desk.stock(5)
    lease = desk.books.leases.issue(0)
    first = desk.command(grant(1, 1, lease, 2))
    assert (first.outcome, first.why, desk.granted()) == ("done", "", 2)
    desk.now_ms = 10 * LEASE_MS  # however late: it was done, and that is what is said
    assert desk.command(grant(1, 1, lease, 2)) == again(first)
    assert desk.granted() == 2


def test_a_refusal_is_for_good_and_says_why() -> None:
    desk = Desk()
    lease = desk.books.leases.issue(0)
    refused = desk.command(grant(1, 1, lease))
    assert refused.outcome == "refused"
    assert "0 are free" in refused.why
    desk.stock(5)
    assert desk.command(grant(1, 1, lease)) == again(refused)


def test_on_a_stale_lease_nothing_is_decided_and_a_newer_one_may_do() -> None:
    desk = Desk()
    desk.stock(5)
    lease = desk.books.leases.issue(0)
    desk.now_ms = LEASE_MS
    assert desk.command(grant(1, 1, lease)).outcome == "stale"
    assert desk.command(grant(1, 1, 0)).outcome == "stale"
    assert desk.granted() == 0
    assert desk.command(grant(1, 1, desk.books.leases.issue(LEASE_MS))).outcome == "done"


def test_a_counter_is_one_commands_alone_and_an_old_one_nobodys() -> None:
    desk = Desk()
    desk.stock(5)
    lease = desk.books.leases.issue(0)
    assert desk.command(grant(1, WINDOW + 1, lease)).outcome == "done"
    for taken in (grant(2, WINDOW + 1, lease), grant(3, 1, lease)):
        said = desk.command(taken)
        assert (said.outcome, said.counter, said.newest) == ("stale", taken.counter, WINDOW + 1)
    assert desk.command(grant(4, 2, lease)).outcome == "done"  # out of order, within the window
    assert desk.granted() == 2
    assert desk.command(grant(2, WINDOW + 2, lease)).outcome == "done"  # beyond the newest it is as good as any


def test_a_command_is_known_by_its_id_under_whatever_counter() -> None:
    desk = Desk()
    desk.stock(5)
    lease = desk.books.leases.issue(0)
    first = desk.command(grant(1, 5, lease, 2))
    for counter in (5, 4, 6, 5 + 10 * WINDOW):
        said = desk.command(grant(1, counter, lease, 2))
        assert said == again(replace(first, counter=counter))
    assert (desk.granted(), desk.books.newest_command) == (2, 5)


def test_an_order_is_done_or_refused_with_what_is_short() -> None:
    desk = Desk()
    desk.stock(2)
    lease = desk.books.leases.issue(0)
    for counter, outcome in ((1, "done"), (2, "refused")):
        order = PlaceOrder(f"O{counter}", "web", (Want(1, "MILK", 2),))
        said = desk.command(FromHq(f"c{counter}", counter, lease, order))
        assert said.outcome == outcome
    assert "MILK" in said.why


def test_what_cannot_be_read_is_refused_and_a_pause_is_one() -> None:
    desk = Desk()
    lease = desk.books.leases.issue(0)
    assert desk.command(FromHq("c1", 1, lease, None, "dance is not known")).why == "dance is not known"
    assert desk.command(FromHq("c2", 2, lease, Pause(True, "stocktaking", "hq"))).outcome == "done"
    assert desk.books.conditions.paused


class Line(RuleBasedStateMachine):
    """HQ repeats, the line doubles and disorders, time passes: against the plainest model there is."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.stock(10_000)
        self.sent: list[FromHq] = []
        self.leases: list[tuple[int, int]] = []
        self.done: dict[str, int] = {}
        self.names = self.counter = 0

    @rule()
    def lease(self) -> None:
        self.leases.append((self.desk.books.leases.issue(self.desk.now_ms), self.desk.now_ms))

    @rule(ms=st.integers(1, LEASE_MS))
    def time(self, ms: int) -> None:
        self.desk.now_ms += ms

    @rule(data=st.data(), qty=st.integers(1, 5))
    def ask(self, data: st.DataObject, qty: int) -> None:
        lease = data.draw(st.sampled_from(self.leases))[0] if self.leases else 7
        self.sent.append(self._new(lease, qty))
        self.counter += 1
        self._arrives(self.sent[-1])

    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        if self.sent:
            command = data.draw(st.sampled_from(self.sent))
            lease = data.draw(st.sampled_from([command.lease, *(number for number, _ in self.leases)]))
            self._arrives(FromHq(command.id, command.counter, lease, command.ask))

    @rule(back=st.integers(0, 40), qty=st.integers(1, 5), known=st.booleans(), nth=st.integers(0, 40))
    def hq_is_restored(self, back: int, qty: int, *, known: bool, nth: int) -> None:
        """It counts again from an old number, and follows what the store says of the newest."""
        self.counter = max(0, self.counter - back)
        lease = self.desk.books.leases.issue(self.desk.now_ms)
        self.leases.append((lease, self.desk.now_ms))
        asked = self.sent[nth % len(self.sent)] if known and self.sent else self._new(lease, qty)
        command = replace(asked, lease=lease, counter=self.counter + 1)
        said = self.desk.command(command)
        if said.newest:
            assert said.outcome == "stale"
            command = replace(command, counter=said.newest + 1)
        self.counter = max(self.counter, command.counter)
        self.sent.append(command)
        self._arrives(command)

    def _new(self, lease: int, qty: int) -> FromHq:
        self.names += 1
        return grant(self.names, self.counter + 1, lease, qty)

    def _arrives(self, command: FromHq) -> None:
        said = self.desk.command(command)
        issued = dict(self.leases).get(command.lease)
        good = issued is not None and self.desk.now_ms - issued < LEASE_MS
        assert isinstance(command.ask, Grant)
        if said.newest:  # another's counter: HQ was restored since
            assert (said.outcome, command.id in self.done) == ("stale", False)
            return
        if command.id in self.done:
            assert said.outcome == "done"
        elif good:
            assert said.outcome == "done"
            self.done[command.id] = command.ask.qty
        else:
            assert said.outcome == "stale"

    @invariant()
    def each_was_done_once(self) -> None:
        assert self.desk.granted() == sum(self.done.values())


TestLine = Line.TestCase
TestLine.settings = settings(max_examples=60, stateful_step_count=30)
