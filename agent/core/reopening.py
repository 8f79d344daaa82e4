"""Books that begin anew: the postings that lead from nothing to given balances, and the cases these ask for."""

from collections.abc import Iterator, Mapping

from agent.core.ledger import Posting, Turn
from agent.core.places import is_claim, is_inside


def opening_postings(balances: Mapping[tuple[str, str], int], first: int, at: int, name: str) -> list[Posting]:
    """As few postings per SKU and family as there are places less one, numbered from `first`; `name` is their source.

    What is below zero gives, what is above takes. The balances of a family must sum to 0 per SKU.
    """
    families: dict[tuple[str, bool], list[tuple[str, int]]] = {}
    for (sku, place), qty in sorted(balances.items()):
        if qty:
            families.setdefault((sku, is_claim(place)), []).append((place, qty))
    made: list[Posting] = []
    on_hand: dict[str, int] = {}
    for (sku, _), accounts in families.items():
        now: dict[str, int] = {}
        for part, (origin, target, qty) in enumerate(_transfers(accounts)):
            now[origin] = now.get(origin, 0) - qty
            now[target] = now.get(target, 0) + qty
            on_hand[sku] = on_hand.get(sku, 0) + qty * (is_inside(target) - is_inside(origin))
            seq = first + len(made)
            source = f"{name}:{sku}:{'claims' if is_claim(origin) else 'stock'}"
            left, come = now[origin], now[target]
            by = "restore"
            made.append(
                Posting(seq, sku, origin, target, qty, "opening", at, source, part, by, None, left, come, on_hand[sku])
            )
    return made


def _transfers(accounts: list[tuple[str, int]]) -> Iterator[tuple[str, str, int]]:
    if sum(qty for _, qty in accounts):
        raise ValueError(f"balances that do not sum to 0: {accounts}")
    givers = [(place, -qty) for place, qty in accounts if qty < 0]
    takers = [(place, qty) for place, qty in accounts if qty > 0]
    while givers:
        (origin, left), (target, wanted) = givers.pop(), takers.pop()
        qty = min(left, wanted)
        yield origin, target, qty
        if left > qty:
            givers.append((origin, left - qty))
        if wanted > qty:
            takers.append((target, wanted - qty))


def ask_for_cases(turn: Turn) -> None:
    """Open each case that what is true now asks for and that is not open: what was lost may have been one."""
    for (sku, place), qty in turn.books.balances.items():
        if qty < 0 and is_inside(place) and turn.case("negative_stock", f"{sku} at {place}") is None:
            turn.open_case("negative_stock", f"{sku} at {place}", f"{qty} when the books were restored")
    for sku in turn.books.spoken_for.of_sku:
        turn.weigh_claims(sku)
