"""Decides about a command of HQ: whether it is done, was done, or must not be."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import astuple, replace

from agent.core.asks import Answer, Ask, MoveOrder, Ordered, Refused, Short
from agent.core.commands import Again, FromHq, Obeyed, Outcome
from agent.core.ledger import Turn
from agent.core.order_asks import AmendOrder, AnswerQuestion, CourierCame, PayOrder

#: The longest reason that is told.
_LONGEST_WHY: Final = 256
_OF_AN_ORDER: Final = (PayOrder, AmendOrder, CourierCame, AnswerQuestion, MoveOrder)


def obey(turn: Turn, command: FromHq, decide: Callable[[Turn, Ask], Answer]) -> Obeyed:
    """Do it, or say again what was said; `decide` is what does an ask."""
    earlier = turn.commands.known.get(command.id)
    if earlier is not None:
        return Again(*astuple(replace(earlier, counter=command.counter)))
    if turn.commands.is_taken(command.counter):
        newest = turn.commands.newest
        why = f"counter {command.counter} is not new; {newest} was the newest"
        return replace(_answer(turn, command, "stale", why), newest=newest)
    stale = turn.why_lease_refused(command.lease)
    if stale:
        return _answer(turn, command, "stale", stale)
    if isinstance(command.ask, _OF_AN_ORDER) and turn.order(command.ask.order) is None:
        return _answer(turn, command, "stale", "order unknown yet")  # its placing may be on its way
    why = command.problem if command.ask is None else _why_not(decide(turn, command.ask))
    said = _answer(turn, command, "refused" if why else "done", why)
    turn.commands.note(said)
    return said


def _answer(turn: Turn, command: FromHq, outcome: Outcome, why: str) -> Obeyed:
    return Obeyed(command.id, command.counter, outcome, why[:_LONGEST_WHY], turn.books.epoch, turn.head, turn.at)


def _why_not(answer: Answer) -> str:
    """Why it was not done; empty when it was."""
    match answer:
        case Refused():
            return "; ".join(f"{mistake.path}: {mistake.problem}" for mistake in answer.mistakes)
        case Short():
            return "; ".join(f"{line.sku}: {line.why}, {line.available} of {line.wanted}" for line in answer.lacking)
        case Ordered(state="rejected"):
            missing = "; ".join(f"{line.sku}: {line.why}" for line in answer.missing)
            return ": ".join(text for text in (answer.why, missing) if text) or "rejected"
        case _:
            return ""
