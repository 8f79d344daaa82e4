"""Rows of a store's stream as history keeps them: many in one line of the table, as one JSON array."""

from collections.abc import Sequence

import msgspec

from wire.messages import Row, UnknownRow

#: The longest stretch; a longer one is cut.
STRETCH_ROWS = 1000

_encoder = msgspec.json.Encoder()


class Stretch:
    """Rows `first …` of one epoch, without a hole. Keeps what they say and not them: they are many."""

    __slots__ = ("_pieces", "epoch", "first", "row_count")

    def __init__(self, epoch: int, first: int) -> None:
        self.epoch = epoch
        self.first = first
        self.row_count = 0
        self._pieces: list[bytes] = []

    @property
    def last(self) -> int:
        return self.first + self.row_count - 1

    @property
    def room(self) -> int:
        """How many rows more it may take."""
        return STRETCH_ROWS - self.row_count

    def add(self, rows: Sequence[Row]) -> None:
        """The rows that come next: at least one."""
        bodies = [row.body if type(row) is UnknownRow else row for row in rows]
        self._pieces.append(_encoder.encode(bodies)[1:-1])
        self.row_count += len(rows)

    def json(self) -> bytes:
        """An array of its rows, an unknown one as it came."""
        return b"[%b]" % b",".join(self._pieces)
