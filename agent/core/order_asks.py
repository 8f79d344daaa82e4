"""What a customer wants of an order's lines, and what can be asked of an order after it was placed."""

import json
from typing import Literal

from msgspec import Struct

from agent.core.orders import Unavailable


class Want(Struct, frozen=True, gc=False):
    """`qty` units of a SKU, as line `line` of a hold."""

    line: int
    sku: str
    qty: int


class OrderWant(Want, frozen=True, gc=False):
    """The same as line `line` of an order, with what the customer says of it; see `orders.OrderLine`."""

    unavailable: Unavailable = "ask"
    substitutes: tuple[str, ...] = ()
    tolerance_pct: int = 10
    member: str = ""


class PayOrder(Struct, frozen=True, gc=False):
    """The customer has paid: the frozen goods are the order's. After its time was up they are held anew, or it stays
    rejected. `by` is the worker who says so, where it was paid in the store.
    """

    order: str
    by: str = ""

    def sources(self) -> list[str]:
        return [f"paid:{self.order}"]


class AmendOrder(Struct, frozen=True, gc=False):
    """The customer wants other quantities: of each line named so many (0: none), a line with a new number as well.

    `amend` names the change among the order's. All of it is done, or nothing.
    """

    order: str
    amend: str
    wants: tuple[Want, ...]

    def sources(self) -> list[str]:
        return [f"amend:{self.order}:{self.amend}"]

    def said(self) -> str:
        """What it changes, so that a repetition is told from a contradiction."""
        return json.dumps([(want.line, want.sku, want.qty) for want in self.wants])


class CourierCame(Struct, frozen=True, gc=False):
    """The courier is at the door."""

    order: str

    def sources(self) -> list[str]:
        return [f"courier:{self.order}"]


class AnswerQuestion(Struct, frozen=True, gc=False):
    """The customer answers: take `sku` for the line, remove what is not picked of it, or cancel the order.

    `answer` names it among the order's answers; `line` 0 is the one that was asked about.
    """

    order: str
    answer: str
    take: Literal["substitute", "remove", "cancel"]
    line: int = 0
    sku: str = ""

    def sources(self) -> list[str]:
        return [f"answer:{self.order}:{self.answer}"]


#: What is asked of an order that was placed before.
AfterPlacing = PayOrder | AmendOrder | CourierCame | AnswerQuestion
