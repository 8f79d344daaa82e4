"""What HQ is told of days that are over."""

from collections.abc import Iterator

from agent.core.days import Day
from agent.core.ledger import Turn
from wire.messages import DayRow


def of(turn: Turn, stream: str) -> Iterator[DayRow]:
    """The rows of a turn's days."""
    for seq, day in turn.tellings.days.items():
        yield row_of(day, seq, f"{stream}/{seq}", turn.at)


def row_of(day: Day, seq: int, name: str, at: int) -> DayRow:
    """A day as row `seq` tells it, at `at`."""
    return DayRow(seq=seq, id=name, at=at, day=day.day, since=day.since, until=day.until, sums=dict(day.sums))
