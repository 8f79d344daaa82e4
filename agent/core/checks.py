"""The invariants, looked at in every turn before it is written: a turn that breaks one is our mistake and not entered.

They are computed from the turn's postings alone, another way than the turn itself computed them: backwards, from what
the turn leaves to what was there before. Every turn pays for it, so there is one pass over the postings (`_Undone`);
an invariant looks at what that found, or at things that are few (`python -m tests.benchmarks books`: below 5 %).
"""

from collections.abc import Callable, Iterator
from itertools import repeat
from operator import itemgetter
from typing import Final

from agent.core import life
from agent.core.atp import Conditions, stopped
from agent.core.cases import KINDS, LONGEST_ABOUT, OTHERS
from agent.core.claims import Hold
from agent.core.ledger import ImpossiblePostingError, Posting, Turn
from agent.core.places import (
    BACKROOM,
    CUSTOMER,
    FLOOR,
    FOUND,
    FREE,
    MAY_GO_NEGATIVE,
    OUTSIDE,
    PLACES,
    UNATTRIBUTED_OUT,
    UNPULLED,
    is_inside,
)

#: What an invariant wants of each posting, taken out by C code: of 512 postings that is most of what it costs.
_number_of = itemgetter(Posting._fields.index("seq"))
_source_of = itemgetter(Posting._fields.index("source"))
_name_of = itemgetter(*map(Posting._fields.index, ("source", "part")))
_move_of = itemgetter(*map(Posting._fields.index, ("sku", "origin", "target", "qty")))
_epc_of = itemgetter(Posting._fields.index("epc"))
#: What units and claims come from: the other accounts of a SKU are measured against these.
_BOTTOMLESS: Final = OUTSIDE | {FREE}


class _Undone:
    """A turn's postings taken back."""

    def __init__(self, turn: Turn) -> None:
        #: What each account had before, if the postings are right.
        self.balances = dict(turn.balances)
        #: How many more units of each SKU are claimed and not pulled now.
        self.claimed: dict[str, int] = {}
        #: SKUs of which something was moved, pulled or given up, or whose breach is another: there may be less of them.
        self.moved = dict.fromkeys(change.case.about for change in turn.cases if change.case.kind == "breach")
        #: Does a posting change what the turn says it leaves alone?
        self.astray = False
        self._take_back(turn)

    def _take_back(self, turn: Turn) -> None:
        balances, claimed, moved = self.balances, self.claimed, self.moved
        for sku, origin, target, qty in map(_move_of, turn.postings):
            try:
                balances[sku, origin] += qty
                balances[sku, target] -= qty
            except KeyError:
                self.astray = True
            if origin in PLACES:
                moved[sku] = None
            elif target.startswith(UNPULLED):
                if origin == FREE or not origin.startswith(UNPULLED):
                    claimed[sku] = claimed.get(sku, 0) + qty
            elif origin.startswith(UNPULLED):
                claimed[sku] = claimed.get(sku, 0) - qty
            else:
                moved[sku] = None


def check(turn: Turn) -> None:
    """Raises ImpossiblePostingError with every invariant that the turn would break."""
    undone = _Undone(turn)
    broken = [problem for invariant in _INVARIANTS for problem in invariant(turn, undone)]
    if broken:
        raise ImpossiblePostingError("; ".join(broken))


def _numbers_are_dense(turn: Turn, undone: _Undone) -> Iterator[str]:
    numbers = list(map(_number_of, turn.postings))
    numbers += [change.seq for change in turn.cases if change.seq is not None]
    numbers += [change.seq for change in turn.order_changes]
    numbers += [*turn.tellings.rows, *turn.tellings.days]
    numbers.sort()
    if numbers != list(range(turn.books.head + 1, turn.head + 1)):
        yield f"numbers {numbers[:3]} … do not follow {turn.books.head} up to {turn.head}"


def _one_source_posts_once(turn: Turn, undone: _Undone) -> Iterator[str]:
    if len(set(map(_source_of, turn.postings))) == len(turn.postings):
        return
    if len(set(map(_name_of, turn.postings))) != len(turn.postings):
        yield "one source makes one posting twice"


def _balances_are_the_postings(turn: Turn, undone: _Undone) -> Iterator[str]:
    """Taking the postings back leads to what was there before."""
    before = map(turn.books.balances.get, undone.balances, repeat(0))
    if undone.astray or list(undone.balances.values()) != list(before):
        yield "balances are not what the postings make of them"


def _only_floor_and_backroom_are_negative(turn: Turn, undone: _Undone) -> Iterator[str]:
    below = [(key, qty) for key, qty in turn.balances.items() if qty < 0 and key[1] not in _BOTTOMLESS]
    for (sku, account), qty in below:
        if account not in MAY_GO_NEGATIVE:
            yield f"{qty} of {sku} at {account}"
        elif not _is_said(turn, "negative_stock", f"{sku} at {account}"[:LONGEST_ABOUT]):
            yield f"{qty} of {sku} at {account} without a case"


def _promises_are_the_claims(turn: Turn, undone: _Undone) -> Iterator[str]:
    """What is spoken for changed as much as the holds' accounts did."""
    promised = turn.newly_promised()
    if promised != undone.claimed:
        for sku in promised.keys() | undone.claimed.keys():
            if promised.get(sku, 0) != undone.claimed.get(sku, 0):
                yield f"{turn.promised(sku)} of {sku} are promised, which its claims do not say"


def _claims_are_covered(turn: Turn, undone: _Undone) -> Iterator[str]:
    """An excess has its case. What nothing was taken from and no more was promised of is as it was."""
    promised, units = turn.books.spoken_for.of_sku.get, turn.books.balances.get
    more, now = turn.newly_promised().get, turn.balances.get
    uncovered = []
    for sku in undone.moved:
        claims = promised(sku, 0) + more(sku, 0)
        if claims > 0:
            floor, backroom = (sku, FLOOR), (sku, BACKROOM)
            if claims > now(floor, units(floor, 0)) + now(backroom, units(backroom, 0)):
                uncovered.append(sku)
    for sku, newly in undone.claimed.items():
        if newly <= 0 or sku in undone.moved:
            continue
        if promised(sku, 0) + newly > units((sku, FLOOR), 0) + units((sku, BACKROOM), 0):  # they are where they were
            uncovered.append(sku)
    for sku in uncovered:
        if not _is_said(turn, "breach", sku):
            yield f"{turn.promised(sku)} of {sku} are promised and not there, without a case"


def _is_said(turn: Turn, kind: str, about: str) -> bool:
    """Is there a case, be it the one that gathers what goes beyond the most of its kind?"""
    return turn.case(kind, about) is not None or turn.case(kind, OTHERS) is not None


def _claims_resolve_once(turn: Turn, undone: _Undone) -> Iterator[str]:
    """A hold that was resolved stays what it was; none is new while its channel is stopped."""
    for name in turn.holds.keys() & turn.known_holds.keys():  # open ones are in the books
        before, hold = turn.known_holds[name], turn.holds[name]
        if before.state in life.HOLD.ends and hold.state != before.state:
            yield f"hold {name} was {before.state} and is {hold.state}"
    if turn.books.conditions.paused or turn.books.conditions.lease_stale:
        for name, hold in turn.holds.items():
            if turn.hold_before(name) is None and all(
                _stops(hold, now) for now in (turn.books.conditions, turn.conditions)
            ):
                yield f"hold {name} was given while its channel is stopped"


def _stops(hold: Hold, conditions: Conditions) -> bool:
    """May nothing be promised to the hold's channel?"""
    return any(stopped(conditions, conditions.policy_of(line.sku, hold.channel)) for line in hold.lines)


def _units_are_in_one_place(turn: Turn, undone: _Undone) -> Iterator[str]:
    """A tagged unit leaves the place where it is, and is then where it came to."""
    now: dict[bytes, str | None] = {}
    for posting in filter(_epc_of, turn.postings):
        epc = posting.epc
        assert epc is not None
        if {posting.origin, posting.target} == {UNATTRIBUTED_OUT, CUSTOMER}:
            now[epc] = None  # a unit that left unread is taken to be this one, or no longer
            continue
        known = turn.books.tags.get(epc)
        at = now.get(epc, known.place if known is not None and is_inside(known.place or "") else None)
        if at is not None and posting.origin not in (at, FOUND):
            yield f"the unit {epc.hex()} is at {at} and leaves {posting.origin}"
        now[epc] = posting.target if is_inside(posting.target) else None
    for epc, place in now.items():
        tag = turn.tag(epc)
        if place is not None and (tag is None or tag.place != place):
            yield f"the unit {epc.hex()} came to {place}, and its tag is elsewhere"


def _a_tag_is_one_claims(turn: Turn, undone: _Undone) -> Iterator[str]:
    """A tag is bound to one line, and to another one only after it was let go of."""
    worked = [hold for hold in turn.holds.values() if hold.works]
    before = (turn.hold_before(hold.id) for hold in worked)
    had = {tag for hold in before if hold is not None for line in hold.lines for tag in line.tags}
    now = [tag for hold in worked for line in hold.lines for tag in line.tags]
    if len(set(now)) != len(now):
        yield f"one of the tags {', '.join(sorted(now))} is bound twice"
    for tag in now:
        known = turn.books.tags.get(bytes.fromhex(tag)) if tag not in had else None
        if known is not None and known.state == "picked":
            yield f"the tag {tag} is bound to another claim already"


def _nobody_waits_in_silence(turn: Turn, undone: _Undone) -> Iterator[str]:
    """Whatever is open has somebody to act and a time; an order went its steps one after another, by its table."""
    for change in turn.cases:
        case = change.case
        if change.state == "open" and not (KINDS[case.kind].owner and case.due_at > case.opened_at):
            yield f"nobody looks after the case {case.kind} of {case.about}"
    for order in turn.orders.values():
        if order.is_open and not (order.owner and (not order.late or _is_said(turn, "late_order", order.id))):
            yield f"nobody looks after order {order.id}"
        at, since_ms = order.steps[0].state, order.steps[0].since_ms
        for step in order.steps[1:]:
            if step.event == "":  # an order that is over may begin anew, when it is paid too late
                follows = at == "rejected" and step.state in life.ORDER.begins
            else:
                follows = life.ORDER.moves.get((at, step.event)) == step.state
            if not follows or step.since_ms < since_ms:
                yield f"order {order.id} went from {at} to {step.state} by {step.event}"
            at, since_ms = step.state, step.since_ms


_INVARIANTS: Final[tuple[Callable[[Turn, _Undone], Iterator[str]], ...]] = (
    _numbers_are_dense,
    _one_source_posts_once,
    _balances_are_the_postings,
    _only_floor_and_backroom_are_negative,
    _promises_are_the_claims,
    _claims_are_covered,
    _claims_resolve_once,
    _units_are_in_one_place,
    _a_tag_is_one_claims,
    _nobody_waits_in_silence,
)
