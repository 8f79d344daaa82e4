"""Rows for HQ that tell what may be promised of a SKU of which nothing was posted.

Goods that nobody sees grow doubtful, goods that somebody sees are believed again, a catalogue changes what is sold:
HQ promises by what it was told, so it is told again. The first and the last come for many SKUs at once, and are told
a portion at a time.
"""

from itertools import islice
from operator import itemgetter
from typing import Final

from agent.core.atp import WEEK_MS, doubted, open_to_all
from agent.core.ledger import Books, Posting, Turn

#: How often the books look for what has grown doubtful: doubt grows by the week.
LOOK_EVERY_MS: Final = 3600 * 1000
#: SKUs that one turn tells of: below what a rush enters in one.
MOST_IN_TURN: Final = 256

_sku_of = itemgetter(Posting._fields.index("sku"))


def next_ms(books: Books) -> int:
    """When, in books time, there is something to tell, or to look for."""
    return books.books_ms if books.untold.skus else books.untold.aged_ms + LOOK_EVERY_MS


def tell(turn: Turn) -> None:
    """Number a row for each SKU whose ATP is another without a posting, when nothing else comes in this turn."""
    books, told = turn.books, turn.tellings
    if turn.evidence or books.untold.skus:
        posted = {posting.sku for posting in turn.postings}
        portion = dict.fromkeys(islice(books.untold.skus, MOST_IN_TURN))
        told.settled += portion
        for sku in turn.evidence:
            if sku not in posted and open_to_all(turn, books.catalogue, sku) != open_to_all(
                books, books.catalogue, sku
            ):
                portion[sku] = None
        for sku in portion:
            if sku not in posted:
                turn.head += 1
                told.rows[turn.head] = sku
    if turn.books_ms - books.untold.aged_ms >= LOOK_EVERY_MS:
        told.aged_ms = turn.books_ms
        told.noted += _grown_doubtful(books, turn.books_ms)


def open_stock(turn: Turn) -> None:
    """Say of each SKU that HQ is told of what is open to all of it, when everything in the turn is decided.

    All rows of a SKU say what is held of it and its ATP when the turn is over: nothing else is ever true for others.
    """
    books = turn.books
    skus = {*map(_sku_of, turn.postings), *turn.tellings.rows.values()}
    turn.opened = {sku: open_to_all(turn, books.catalogue, sku) for sku in skus}
    is_stopped = turn.conditions.paused or turn.conditions.lease_stale
    turn.free_stock = books.free_stock.change(turn.opened, turn.books_ms, is_stopped=is_stopped)


def _grown_doubtful(books: Books, now_ms: int) -> list[str]:
    """SKUs of which more is doubted now than at the last look, if nobody has seen them since."""
    then_ms, found = books.untold.aged_ms, []
    for sku, seen_ms in books.evidence.items():
        age_ms, age_then_ms = now_ms - seen_ms, then_ms - seen_ms
        if age_ms // WEEK_MS != age_then_ms // WEEK_MS:  # few have: the others cost nothing more
            sellable = books.sellable(sku)
            if doubted(sellable, 0, age_ms) != doubted(sellable, 0, age_then_ms):
                found.append(sku)
    return found
