"""Many rows by few statements.

`executemany` steps the statement once for each row, and lets go of the interpreter's lock and takes it again each
time; a statement with a row of marks for each of `AT_ONCE` rows costs about half as much a row.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

AT_ONCE: Final = 32


class Insert:
    """`INSERT INTO <into> VALUES` of rows of so many columns; `then` follows (ON CONFLICT …)."""

    def __init__(self, into: str, columns: int, then: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        self._one, self._some = (
            f"INSERT INTO {into} VALUES {', '.join([row] * many)}{then}"  # noqa: S608 - the program's own words
            for many in (1, AT_ONCE)
        )

    def rows(self, tx: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Enter these rows, in their order."""
        whole = len(rows) - len(rows) % AT_ONCE
        for at in range(0, whole, AT_ONCE):
            tx.execute(self._some, list(chain.from_iterable(rows[at : at + AT_ONCE])))
        if whole < len(rows):
            tx.executemany(self._one, rows[whole:])
