"""The API of paper, for when handhelds are down: what is to be picked, and labels for bags, as PDF."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.tasks.task import Task, Tote
from agent.web import answers, paper, showing_tasks
from agent.web.paper import BagLabel, Language, PickRow
from agent.web.picking import looked_at

#: More are no list that anybody walks.
MOST_ORDERS: Final = 30
_TO_PICK: Final = ("accepted", "picking", "awaiting_decision")
_AGAIN: Final = "Name open orders as in ?order=A-17&order=A-18, or none for all that are to be picked."


def routes(clerk: Clerk, clock: Clock) -> list[Route]:
    """A list in walking order, and labels."""

    async def pick_list(request: Request) -> Response:
        turn = looked_at(clerk, clock)
        found = _asked(request, turn)
        if isinstance(found, Response):
            return found
        language = _language(request)
        whose = [(order.called, _due(turn, order)) for name in found if (order := turn.order(name)) is not None]
        printed = paper.pick_list(whose, _rows(turn, found, language), language, _hour(turn.at))
        return _pdf(printed, "pick-list")

    async def bags(request: Request) -> Response:
        turn = looked_at(clerk, clock)
        found = _asked(request, turn)
        if isinstance(found, Response):
            return found
        labels = [label for name in found for label in _labels(turn, name)]
        return _pdf(paper.bag_labels(labels, _language(request)), "bags")

    return [Route("/v1/paper/pick-list.pdf", pick_list), Route("/v1/paper/bags.pdf", bags)]


def _asked(request: Request, turn: Turn) -> Sequence[str] | Response:
    """The orders that are named; of none all that are to be picked, what is due first in front."""
    named = list(dict.fromkeys(request.query_params.getlist("order")))
    if not named:
        waiting = [order for order in turn.books.orders.values() if order.state in _TO_PICK]
        return [order.id for order in sorted(waiting, key=lambda order: (order.deadline_ms, order.id))][:MOST_ORDERS]
    if len(named) > MOST_ORDERS:
        return answers.problem(422, f"more than {MOST_ORDERS} orders", _AGAIN)
    absent = [name for name in named if name not in turn.books.orders]
    if absent:
        return answers.problem(404, f"{absent[0][:64]!r} is no open order", _AGAIN)
    return named


def _rows(turn: Turn, orders: Sequence[str], language: Language) -> list[PickRow]:
    """What is left to pick, in walking order; people know their totes by the order's short name."""
    whole = Task("paper", "pick", tuple(Tote("", name) for name in orders), "", 0, "offered", "", 0, 0)
    return [
        PickRow(
            stop["spot"],
            stop["short"],
            f"{stop['qty'] - stop['done']} g" if stop["unit"] == "gram" else str(stop["qty"] - stop["done"]),
            stop["name_zh"] if language == "zh" else stop["name_en"],
            next(iter(stop["gtins"]), stop["sku"]),
        )
        for stop in showing_tasks.task(turn, whole)["stops"]
        if stop["done"] < stop["qty"] and stop["state"] in ("todo", "damaged", "wrong_place", "weight_out_of_range")
    ]


def _labels(turn: Turn, name: str) -> list[BagLabel]:
    """One for each bag that was packed; one for an order of which none was."""
    order = turn.order(name)
    if order is None:
        return []
    short, due, bags = order.called, _due(turn, order), turn.tasks.parcel(name).bags
    if not bags:
        return [BagLabel(name, short, 1, 1, due=due)]
    return [BagLabel(name, short, bag.k, bag.n, bag.temperature, due) for bag in bags]


def _due(turn: Turn, order: Order) -> str:
    """When the customer is to have it; if nobody was told, when it is to have got on."""
    if order.due_at or not order.deadline_ms:
        return _hour(order.due_at) if order.due_at else ""
    return _hour(turn.at + order.deadline_ms - turn.books_ms)


def _hour(at: int) -> str:
    """The time of the day here (unix ms)."""
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%H:%M")


def _language(request: Request) -> Language:
    return "en" if request.query_params.get("lang") == "en" else "zh"


def _pdf(content: bytes, name: str) -> Response:
    return Response(
        content, media_type="application/pdf", headers={"content-disposition": f'inline; filename="{name}.pdf"'}
    )
