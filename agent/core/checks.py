"""The invariants, looked at in every turn before it is written: a turn that breaks one is our mistake and not entered.

They are computed from the turn's postings alone, another way than the turn itself computed them.
"""

from collections.abc import Iterator

from agent.core.ledger import ImpossiblePostingError, Turn
from agent.core.places import COMMIT, GRANT, HOLD, MAY_GO_NEGATIVE, SELLABLE, is_claim, is_inside


def check(turn: Turn) -> None:
    """Raises ImpossiblePostingError with every invariant that the turn would break."""
    broken = [*_numbers_are_dense(turn), *_balances_are_the_postings(turn), *_claims_are_covered(turn)]
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
            if turn.case("negative_stock", f"{sku} at {account}"[:128]) is None:
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
        if excess > 0 and turn.case("breach", sku) is None:
            yield f"{excess} of {sku} are promised and not there, without a case"
