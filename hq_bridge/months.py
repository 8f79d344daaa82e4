"""Months of landing, by which history is kept and let go. In UTC, in unix milliseconds."""

from datetime import UTC, datetime
from typing import NamedTuple, Self

from sqlalchemy import Table

from hq_bridge.tables import history_named

_TABLE = "history_{:04}_{:02}"


class Month(NamedTuple):
    """A month of the calendar."""

    year: int
    month: int

    @classmethod
    def of(cls, at: int) -> Self:
        """The month in which `at` lies."""
        then = datetime.fromtimestamp(at / 1000, UTC)
        return cls(then.year, then.month)

    @classmethod
    def of_table(cls, name: str) -> Self:
        """The month whose rows stand in this table."""
        _, year, month = name.split("_")
        return cls(int(year), int(month))

    @property
    def begins(self) -> int:
        return _unix_ms(self.year, self.month)

    @property
    def ends(self) -> int:
        """When the next one begins."""
        return _unix_ms(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def table(self) -> Table:
        return history_named(_TABLE.format(*self))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def _unix_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
