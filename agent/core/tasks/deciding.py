"""One function for each thing that the store's people ask or report."""

from agent.core.asks import Refused
from agent.core.ledger import Turn
from agent.core.tasks import claiming, handing_over, reporting
from agent.core.tasks.asks import AskCustomer, ClaimTask, HandOver, LeaveTask, Pack, Reports, TaskAnswer, TaskAsk


def decide(turn: Turn, ask: TaskAsk) -> TaskAnswer | Refused:
    """Enter the ask in the turn; what to answer once the turn is on disk."""
    match ask:
        case ClaimTask():
            return claiming.claim(turn, ask)
        case LeaveTask():
            return claiming.leave(turn, ask)
        case Reports():
            return reporting.report(turn, ask)
        case Pack():
            return handing_over.pack(turn, ask)
        case AskCustomer():
            return handing_over.ask_customer(turn, ask)
        case HandOver():
            return handing_over.hand_over(turn, ask)
