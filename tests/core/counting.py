"""Books that keep every posting, as the disk does, for tests of counts."""

from typing import Any, Final

from hypothesis import strategies as st

from agent.core import counts, places
from agent.core.asks import Refused
from agent.core.count_asks import Count, CountAsk, Counted
from agent.core.count_sessions import CountRules, CountSession, Tolerance
from agent.core.ledger import Books, Posting, Turn
from tests.core import shop

MOVES: Final = [
    (places.SUPPLIER, places.FLOOR),
    (places.BACKROOM, places.FLOOR),
    (places.FLOOR, places.BACKROOM),
    (places.FLOOR, places.CUSTOMER),
]
Movements = list[tuple[str, tuple[str, str], int]]
movements: Final = st.lists(
    st.tuples(st.sampled_from(["MILK", "EGGS"]), st.sampled_from(MOVES), st.integers(1, 9)), max_size=12
)
ANY: Final = Tolerance(units=10**9)


class Ledger:
    """Takes moves and asks about counts, each in a turn of its own."""

    def __init__(self, rules: CountRules | None = None) -> None:
        self.books: Books = shop.books()
        self.books.count_rules = rules or CountRules()
        self.postings: list[Posting] = []
        self.over: dict[str, CountSession] = {}
        self.at = 1000

    def move(self, moves: Movements) -> None:
        """Units go from place to place."""
        for sku, (origin, target), qty in moves:
            turn = shop.turn(self.books, self.at)
            turn.post(sku, origin, target, qty, "move", f"move {self.books.head}", "test")
            self.remember(turn)

    def ask(self, ask: CountAsk) -> Any:
        """Whatever the ask's answer is."""
        turn = shop.turn(self.books, self.at)
        skus = {posting.sku for posting in self.postings}
        turn.moved = {sku: [one for one in self.postings if one.sku == sku] for sku in skus}
        turn.moved_after = 0
        turn._known.update((posting.source, posting) for posting in self.postings if posting.part == 0)
        turn.known_counts = self.over
        answer = counts.decide(turn, ask)
        self.remember(turn)
        return answer

    def count(self, ask: Count, tolerance: Tolerance = ANY) -> Counted | Refused:
        """A count that is sent as a whole."""
        self.books.count_rules = CountRules(tolerance)
        answer: Counted | Refused = self.ask(ask)
        return answer

    def remember(self, turn: Turn) -> None:
        counts.follow_cases(turn)
        self.over |= turn.counts
        self.books.remember(turn)
        self.postings += turn.postings

    def on_floor(self, sku: str = "MILK") -> int:
        return self.books.balance(sku, places.FLOOR)
