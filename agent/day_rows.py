"""What HQ is told of days that are over."""

from collections.abc import Iterator

from agent.core.ledger import Turn
from wire.messages import DayRow


def of(turn: Turn, stream: str) -> Iterator[DayRow]:
    """The rows of a turn's days."""
    for seq, day in turn.tellings.days.items():
        sums = dict(day.sums)
        yield DayRow(
            seq=seq, id=f"{stream}/{seq}", at=turn.at, day=day.day, since=day.since, until=day.until, sums=sums
        )
