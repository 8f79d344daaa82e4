"""What HQ is told of a case: who has it until when, and of a breach which orders lose their goods, and why."""

from collections.abc import Iterator

from msgspec import structs

from agent.core.cases import CaseChange
from agent.core.claims import giving_way
from agent.core.ledger import Turn
from agent.core.places import is_claim
from wire.messages import MAX_TEXT, CaseRow

#: More orders than this are not named: whoever re-routes so many looks at all of the SKU's.
MOST_ORDERS = 50


def of(turn: Turn, stream: str) -> Iterator[CaseRow]:
    """A row of each change that is announced."""
    for change in turn.cases:
        if change.seq is not None:
            yield _row(turn, change, change.seq, stream)


def _row(turn: Turn, change: CaseChange, seq: int, stream: str) -> CaseRow:
    case = change.case
    row = CaseRow(
        seq=seq,
        id=f"{stream}/{case.id}",
        at=turn.at,
        case=case.kind,
        about=case.about,
        state=change.state,
        owner=case.owner,
        due=case.due_at,
    )
    return _of_breach(turn, row, case.about) if (case.kind, change.state) == ("breach", "open") else row


def _of_breach(turn: Turn, row: CaseRow, sku: str) -> CaseRow:
    """With the orders that give way as the turn leaves it, and with what took their goods, if that was in this turn."""
    holds = turn.books.holds | turn.holds
    excess = turn.promised(sku) - max(0, turn.sellable(sku))
    losing = [holds[name].order or name for name, _ in giving_way(holds.values(), sku, excess)]
    moved = (one for one in reversed(turn.postings) if one.sku == sku and not is_claim(one.origin))
    because = next((f", since {one.code} {one.source}" for one in moved), "")
    why = f"{max(0, excess)} of {sku} promised and not there{because}"
    return structs.replace(row, orders=tuple(dict.fromkeys(losing))[:MOST_ORDERS], why=why[:MAX_TEXT])
