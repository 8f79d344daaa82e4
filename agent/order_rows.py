"""What HQ is told of an order: how it stands, whose turn it is, and what became of its lines."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import structs

from agent.core.claims import Hold, units_in
from agent.core.ledger import Books, Turn
from agent.core.orders import Order, OrderChange, OrderLine, as_told
from wire.messages import Asked, OrderRow, OrderRowLine

#: A row tells of so many lines at most: with one of them in it a batch must still fit its payload.
MOST_LINES: Final = 200
#: The longest reason that is told.
_LONGEST_WHY: Final = 256


def row_of(turn: Turn, change: OrderChange, stream: str) -> OrderRow:
    """The row of a change; its lines are as the turn leaves them."""
    order = change.order
    return _row(order, turn.hold(order.hold), change.seq, f"{stream}/{change.seq}", turn.at, turn.books_ms)


def row_now(books: Books, order: Order, at: int, now_ms: int) -> OrderRow:
    """An open order as it stands at the books' head, told at `at`, which is `now_ms` in the books' time."""
    return _row(order, books.holds.get(order.hold), books.head, f"{books.epoch}/{books.head}", at, now_ms)


def _row(order: Order, hold: Hold | None, seq: int, name: str, at: int, now_ms: int) -> OrderRow:
    order = as_told(order)
    missing = "; ".join(f"{one.sku}: {one.why}, {one.available} of {one.wanted}" for one in order.missing)
    why = ": ".join(text for text in (order.why, missing) if text)
    row = OrderRow(
        seq=seq,
        id=name,
        at=at,
        order=order.id,
        channel=order.channel,
        fulfil=order.fulfil,
        state=order.state,
        event=order.steps[-1].event,
        owner=order.owner,
        due=at + order.deadline_ms - now_ms if order.is_open else 0,
        promised=order.due_at,
        lines=tuple(_lines(order.lines, hold))[:MOST_LINES],
        why=why[:_LONGEST_WHY],
    )
    if order.question is not None:
        row = structs.replace(row, asked=Asked(order.question.line, order.question.candidates))
    if order.courier_at_ms is not None:
        row = structs.replace(row, courier_at=at + order.courier_at_ms - now_ms)
    return row


def _lines(lines: Sequence[OrderLine], hold: Hold | None) -> Iterator[OrderRowLine]:
    """Every line there is, those put in for others too; of one that is not held any more only what was wanted."""
    found = {line.line: line for line in hold.lines} if hold is not None else {}
    for line in lines:
        if line.line not in found:
            yield OrderRowLine(line.line, line.sku, line.qty, 0, "todo", 0)
    for of in found.values():
        yield OrderRowLine(of.line, of.sku, of.qty, units_in(of.pulled) + of.consumed, of.state, of.instead_of)
