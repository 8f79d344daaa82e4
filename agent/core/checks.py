"""The invariants, looked at in every turn before it is written: a turn that breaks one is our mistake and not entered.

They are computed from the turn's postings alone, another way than the turn itself computed them.
"""

from collections.abc import Iterator

from agent.core import life
from agent.core.cases import KINDS, OTHERS
from agent.core.ledger import ImpossiblePostingError, Turn
from agent.core.places import COMMIT, GRANT, HOLD, MAY_GO_NEGATIVE, SELLABLE, is_claim, is_inside


def check(turn: Turn) -> None:
    """Raises ImpossiblePostingError with every invariant that the turn would break."""
    broken = [*_numbers_are_dense(turn), *_balances_are_the_postings(turn), *_claims_are_covered(turn)]
    broken += [*_claims_resolve_once(turn), *_units_are_in_one_place(turn), *_nobody_waits_in_silence(turn)]
    if broken:
        raise ImpossiblePostingError("; ".join(broken))


def _numbers_are_dense(turn: Turn) -> Iterator[str]:
    numbers = [posting.seq for posting in turn.postings]
    numbers += [change.seq for change in turn.cases if change.seq is not None]
    numbers.sort()
    if numbers != list(range(turn.books.head + 1, turn.head + 1)):
        yield f"numbers {numbers[:3]} … do not follow {turn.books.head} up to {turn.head}"


def _balances_are_the_postings(turn: Turn) -> Iterator[str]:
    """Each balance is what it was and what the turn's postings did; each source and part stands once."""
    before = turn.books.balances
    now: dict[tuple[str, str], int] = {}
    names: set[tuple[str, int]] = set()
    for _, sku, origin, target, qty, _, _, source, part, *_ in turn.postings:
        one, other = (sku, origin), (sku, target)
        now[one] = now.get(one, before.get(one, 0)) - qty
        now[other] = now.get(other, before.get(other, 0)) + qty
        names.add((source, part))
    if now != turn.balances:
        yield "balances are not what the postings make of them"
    if len(names) != len(turn.postings):
        yield "one source makes one posting twice"
    for (sku, account), qty in now.items():
        if qty >= 0:
            continue
        if account in MAY_GO_NEGATIVE:
            if not _is_said(turn, "negative_stock", f"{sku} at {account}"[:128]):
                yield f"{qty} of {sku} at {account} without a case"
        elif is_inside(account) or account.startswith((HOLD, COMMIT, GRANT)):
            yield f"{qty} of {sku} at {account}"


def _claims_are_covered(turn: Turn) -> Iterator[str]:
    """What is spoken for changed as much as the holds' accounts did, and an excess has its case."""
    claimed: dict[str, int] = {}
    for _, sku, origin, target, qty, *_ in turn.postings:
        if is_claim(origin):
            opened = target.startswith((HOLD, COMMIT)) - origin.startswith((HOLD, COMMIT))
            claimed[sku] = claimed.get(sku, 0) + opened * qty
        elif turn.promised(sku):
            claimed.setdefault(sku, 0)
    for sku, change in claimed.items():
        promised = turn.promised(sku)
        if promised != turn.books.promised(sku) + change:
            yield f"{promised} of {sku} are promised, which its claims do not say"
        excess = promised - max(0, sum(turn.balance(sku, place) for place in SELLABLE))
        if excess > 0 and not _is_said(turn, "breach", sku):
            yield f"{excess} of {sku} are promised and not there, without a case"


def _is_said(turn: Turn, kind: str, about: str) -> bool:
    """Is there a case, be it the one that gathers what goes beyond the most of its kind?"""
    return turn.case(kind, about) is not None or turn.case(kind, OTHERS) is not None


def _claims_resolve_once(turn: Turn) -> Iterator[str]:
    """A hold that was resolved stays what it was, and what is promised on a stale lease is a mistake."""
    for name, hold in turn.holds.items():
        before = turn.hold_before(name)
        if before is None:
            if turn.books.conditions.lease_stale:
                yield f"hold {name} was given on a stale lease"
        elif before.state in life.HOLD.ends and hold.state != before.state:
            yield f"hold {name} was {before.state} and is {hold.state}"


def _units_are_in_one_place(turn: Turn) -> Iterator[str]:
    """A tagged unit leaves the place where it is, and is then where it came to."""
    now: dict[bytes, str | None] = {}
    for posting in turn.postings:
        epc = posting.epc
        if epc is None:
            continue
        known = turn.books.tags.get(epc)
        at = now.get(epc, known.place if known is not None and known.state == "in_stock" else None)
        if at is not None and at != posting.origin:
            yield f"the unit {epc.hex()} is at {at} and leaves {posting.origin}"
        now[epc] = posting.target if is_inside(posting.target) else None
    for epc, place in now.items():
        tag = turn.tag(epc)
        if place is not None and (tag is None or tag.place != place):
            yield f"the unit {epc.hex()} came to {place}, and its tag is elsewhere"


def _nobody_waits_in_silence(turn: Turn) -> Iterator[str]:
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
            if step.event == "" or life.ORDER.moves.get((at, step.event)) != step.state or step.since_ms < since_ms:
                yield f"order {order.id} went from {at} to {step.state} by {step.event}"
            at, since_ms = step.state, step.since_ms
