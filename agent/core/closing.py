"""A day that is over is told to HQ, each once."""

from agent.core.asks import Noted
from agent.core.days import CloseDay
from agent.core.ledger import Turn


def close(turn: Turn, ask: CloseDay) -> Noted:
    """Number a row for HQ about the day, if it was not told of it before."""
    told = turn.tellings
    if ask.day.day not in {*turn.books.untold.days, *(day.day for day in told.days.values())}:
        turn.head += 1
        told.days[turn.head] = ask.day
    return Noted()
